package audio

import (
	"fmt"
	"strings"
	"time"
)

// How the times of packets are read. Calls send nothing while nobody speaks, browsers are paused,
// clocks are set.
const (
	// maxSilence is the longest gap that is silence that happened. Of a longer one, which is a
	// break, keptOfBreak is kept.
	maxSilence  = time.Minute
	keptOfBreak = time.Second
	// jitter is how far times may be off before they mean something.
	jitter = 100 * time.Millisecond
	// rounding is how far a packet's time may be before the end of the one before because of the
	// units in which it is told.
	rounding = 5 * time.Millisecond
	// longestPacket is the most that a packet of sound holds; where one claims more, the time to
	// the next was written as its length.
	longestPacket = 2 * time.Second
)

// clock adds up the length of a recording by the times of its packets: gaps are silence, breaks are
// shortened, and times that go back go on. The decoder's filter does the same to frames.
type clock struct {
	packets int
	length  time.Duration // up to the end of the last packet
	begin   time.Duration // the time of the first packet
	// by the times alone, from the first packet on: a header may promise as much
	end time.Duration
	// silence is the longest gap that was filled, pause the shortest that was shortened; 0: none.
	silence, pause time.Duration
	breaks         Breaks

	last    packet
	tail    time.Duration // what length counts for the last packet
	typical time.Duration // of the last packet that told a likely length
	ahead   time.Duration // how far the sound so far is ahead of the times
}

// packet is one packet's time and length. Without a time (ok false) it follows the one before.
type packet struct {
	at, length time.Duration
	ok         bool
}

// likely tells whether the packet's own length is to be believed.
func (p packet) likely() bool { return p.length > 0 && p.length <= longestPacket }

// add takes the next packet.
func (c *clock) add(p packet) {
	if c.packets++; c.packets > 1 {
		c.length -= c.tail // it is counted anew, by the time from the last packet to this one
		if !p.ok {
			p.at = c.last.at + c.tail
		}
		c.step(p.at - c.last.at)
	} else {
		c.begin = p.at
	}
	if p.likely() {
		c.typical = p.length
	}
	c.last, c.tail = p, c.typical
	c.length += c.tail
	c.end = max(c.end, p.at-c.begin+c.tail)
}

// step takes the time from the last packet to the next one.
func (c *clock) step(step time.Duration) {
	held := c.last.length
	if !c.last.likely() {
		if c.typical == 0 && step > 0 && step <= longestPacket {
			c.typical = step
		}
		held = c.typical
	}
	switch over := step - held; {
	case step < -jitter:
		c.length += held
		c.ahead = 0
	case over < -rounding && step < held/4:
		// Packets that came late were given the time at which they came.
		c.length += held
		c.ahead -= over
	case over > 0:
		gap := max(over-c.ahead, 0)
		c.ahead -= min(over, c.ahead)
		c.length += held
		c.wait(gap)
	default:
		c.length += step
	}
}

// wait takes a gap.
func (c *clock) wait(gap time.Duration) {
	if gap <= maxSilence {
		c.length += gap
		c.silence = max(c.silence, gap)
		return
	}
	c.length += keptOfBreak
	c.breaks.Count++
	c.breaks.LeftOutMs += (gap - keptOfBreak).Milliseconds()
	if c.pause == 0 || gap < c.pause {
		c.pause = gap
	}
}

// limit is the gap from which on the decoder's filter takes one for a break: between what the
// packets say is silence and what is a break, because a frame's time may be off its packet's by the
// codec's delay. 0: there is no break.
func (c *clock) limit() time.Duration {
	if c.pause == 0 {
		return 0
	}
	return max(c.silence, maxSilence-time.Second)/2 + c.pause/2
}

// filter is ffmpeg's filter that gives the frames the times that the clock gave their packets, from
// origin on, so that the resampler fills the gaps. Where a packet was lost or damaged there is a
// gap as well. A variable holds where the sound so far ends (0), what is added to a frame's time
// (1), the time of the frame before (2), and that of this one (3).
func filter(origin, limit time.Duration) string {
	steps := []string{
		// The first frame sets what is added, and one that goes back sets it anew.
		fmt.Sprintf("if(eq(N,0), st(1,-(%.6f)/TB); st(0,min(PTS+ld(1),0)), if(lt(PTS,ld(2)-%g/TB), st(1,ld(0)-PTS)))", origin.Seconds(), jitter.Seconds()),
		"st(2,PTS)",
		"st(3,PTS+ld(1))",
	}
	if limit > 0 {
		steps = append(steps, fmt.Sprintf("if(gt(ld(3),ld(0)+%.6f/TB), st(3,ld(0)+%g/TB); st(1,ld(3)-PTS))", limit.Seconds(), keptOfBreak.Seconds()))
	}
	steps = append(steps,
		fmt.Sprintf("if(gt(ld(3),ld(0)+%g/TB), 0, st(3,ld(0)))", jitter.Seconds()),
		"st(0,ld(3)+S/SR/TB)",
		"ld(3)")
	return "asetpts='" + strings.NewReplacer(",", `\,`, " ", "").Replace(strings.Join(steps, ";")) + "'"
}
