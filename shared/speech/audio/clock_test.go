package audio

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// packets are some of 20 ms, so many of them, one after the other from a time on.
func packets(from time.Duration, n int) (out []packet) {
	for i := range n {
		out = append(out, packet{at: from + time.Duration(i)*20*time.Millisecond, length: 20 * time.Millisecond, ok: true})
	}
	return out
}

func TestTheClockAddsUpWhatPacketsHold(t *testing.T) {
	const ms = time.Millisecond
	second := packets(0, 50)
	gap := func(d time.Duration) []packet { return slices.Concat(second, packets(time.Second+d, 50)) }
	unknown := func(p []packet) []packet {
		p = slices.Clone(p)
		for i := range p {
			p[i].length = 0
		}
		return p
	}
	// The gap is written as the length of the packet before.
	stretched := func(d time.Duration) []packet {
		p := slices.Clone(gap(d))
		p[49].length += d
		return p
	}
	var timeless, rounded, late, drifting []packet
	for i, p := range second {
		timeless = append(timeless, packet{length: p.length, ok: i == 0})
		rounded = append(rounded, packet{at: (time.Duration(i) * 23220 * time.Microsecond).Truncate(ms), length: 23 * ms, ok: true})
		late = append(late, packet{at: p.at.Truncate(500 * ms), length: p.length, ok: true})
		drifting = append(drifting, packet{at: p.at + time.Duration(i)*ms/10, length: p.length, ok: true})
	}
	for name, c := range map[string]struct {
		packets []packet
		want    time.Duration
		breaks  Breaks
	}{
		"nothing":                                  {nil, 0, Breaks{}},
		"one packet":                               {packets(0, 1), 20 * ms, Breaks{}},
		"a second":                                 {second, time.Second, Breaks{}},
		"a second at noon":                         {packets(12*time.Hour, 50), time.Second, Breaks{}},
		"a second before 0":                        {packets(-time.Second, 50), time.Second, Breaks{}},
		"a second without times":                   {timeless, time.Second, Breaks{}},
		"a second of unknown lengths":              {unknown(second), time.Second, Breaks{}},
		"times rounded to ms":                      {rounded, 1160 * ms, Breaks{}},
		"packets that come in bursts":              {late, time.Second, Breaks{}},
		"a clock that runs slow":                   {drifting, time.Second + 49*ms/10, Breaks{}},
		"a lost packet":                            {slices.Concat(packets(0, 20), packets(420*ms, 29)), time.Second, Breaks{}},
		"a gap of half a minute":                   {gap(30 * time.Second), 32 * time.Second, Breaks{}},
		"a gap of a minute":                        {gap(time.Minute), 62 * time.Second, Breaks{}},
		"a gap of a minute and a millisecond":      {gap(time.Minute + ms), 3 * time.Second, Breaks{Count: 1, LeftOutMs: 59_001}},
		"a gap of a day":                           {gap(24 * time.Hour), 3 * time.Second, Breaks{Count: 1, LeftOutMs: 86_399_000}},
		"a gap among unknown lengths":              {unknown(gap(time.Minute + ms)), 3 * time.Second, Breaks{Count: 1, LeftOutMs: 59_001}},
		"a gap written as a packet's length":       {stretched(time.Minute), 62 * time.Second, Breaks{}},
		"a break written as a packet's length":     {stretched(time.Minute + ms), 3 * time.Second, Breaks{Count: 1, LeftOutMs: 59_001}},
		"a last packet that claims an hour":        {append(packets(0, 49), packet{at: 980 * ms, length: time.Hour, ok: true}), time.Second, Breaks{}},
		"two breaks":                               {slices.Concat(second, packets(90*time.Second, 50), packets(200*time.Second, 50)), 5 * time.Second, Breaks{Count: 2, LeftOutMs: 88_000 + 108_000}},
		"times that begin again":                   {slices.Concat(second, second), 2 * time.Second, Breaks{}},
		"times that go back a little":              {slices.Concat(second, packets(700*ms, 50)), 2 * time.Second, Breaks{}},
		"times that begin again, then a gap":       {slices.Concat(second, gap(5*time.Second)), 8 * time.Second, Breaks{}},
		"times that go back and forth for a break": {slices.Concat(second, packets(0, 50), packets(100*time.Second, 50)), 4 * time.Second, Breaks{Count: 1, LeftOutMs: 98_000}},
	} {
		var k clock
		for _, p := range c.packets {
			k.add(p)
		}
		if k.length != c.want || k.breaks != c.breaks || k.packets != len(c.packets) {
			t.Errorf("%s: %v with %+v, want %v with %+v", name, k.length, k.breaks, c.want, c.breaks)
		}
	}
}

func TestTheDecoderTellsSilenceFromABreakAsThePacketsDo(t *testing.T) {
	for _, gaps := range [][]time.Duration{{time.Minute, time.Minute + time.Second}, {time.Second, 61 * time.Second}, {61 * time.Second}, {59 * time.Second, 12 * time.Hour}} {
		var k clock
		at := time.Duration(0)
		for _, gap := range gaps {
			k.add(packet{at: at, length: time.Second, ok: true})
			at += time.Second + gap
		}
		k.add(packet{at: at, length: time.Second, ok: true})
		for _, gap := range gaps {
			if isBreak := gap > k.limit(); isBreak != (gap > maxSilence) {
				t.Errorf("%v: a gap of %v against %v", gaps, gap, k.limit())
			}
		}
	}
	if (&clock{silence: time.Minute}).limit() != 0 {
		t.Error("a limit without a break")
	}
	if f := filter(0, 0); strings.Contains(f, "ld(3)-PTS") {
		t.Errorf("breaks are shortened in %s", f)
	}
}
