package channels_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"parley/shared/speech/audio/channels"
)

const rate = channels.SampleRate

// voice is somebody, as far as a machine tells: harmonics of a gliding fundamental under two
// gliding formants, syllables at 4 Hz.
type voice struct{ pitch, first, second float64 }

var interviewer, candidate = voice{210, 850, 2100}, voice{110, 500, 1300}

// say writes speech over [from, to) seconds.
func (v voice) say(x []float64, from, to float64) {
	phase := 0.0
	for i := int(from * rate); i < min(len(x), int(to*rate)); i++ {
		t := float64(i)/rate - from
		pitch := v.pitch * (1 + 0.06*math.Sin(2*math.Pi*2.3*t))
		phase += 2 * math.Pi * pitch / rate
		one, two := v.first*(1+0.4*math.Sin(2*math.Pi*3.1*t)), v.second*(1+0.35*math.Sin(2*math.Pi*2.2*t+1))
		s := 0.0
		for h := 1.0; h*pitch < 4500; h++ {
			f := h * pitch
			s += (0.02 + math.Exp(-(f-one)*(f-one)/220/220) + 0.5*math.Exp(-(f-two)*(f-two)/300/300)) * math.Sin(h*phase)
		}
		x[i] += 0.06 * s * (0.02 + math.Pow(math.Sin(math.Pi*4*t), 2))
	}
}

const seconds = 76

// interview is a minute of questions and answers: who asks, who answers, and both.
func interview() (asks, answers, both []float64) {
	all := spoken()
	return all[0], all[1], all[2]
}

var spoken = sync.OnceValue(func() [3][]float64 {
	asks, answers, both := make([]float64, seconds*rate), make([]float64, seconds*rate), make([]float64, seconds*rate)
	for at := 0.5; at < seconds; at += 15 {
		interviewer.say(asks, at, at+3.5)
		for _, from := range []float64{4.2, 8, 11.3} {
			candidate.say(answers, at+from, at+from+2.8)
		}
	}
	for i := range both {
		both[i] = asks[i] + answers[i]
	}
	return [3][]float64{asks, answers, both}
})

func noise(seed uint64, db float64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float64, seconds*rate)
	for i := range x {
		x[i] = r.NormFloat64() * math.Pow(10, db/20)
	}
	return x
}

func sine(hz, db float64, on func(t float64) bool) []float64 {
	x := make([]float64, seconds*rate)
	for i := range x {
		if t := float64(i) / rate; on == nil || on(t) {
			x[i] = math.Sqrt2 * math.Pow(10, db/20) * math.Sin(2*math.Pi*hz*t)
		}
	}
	return x
}

func hum(db float64) []float64 {
	return sum(sine(50, db, nil), sine(150, db-4, nil), sine(250, db-6, nil), sine(750, db-12, nil))
}

func sum(parts ...[]float64) []float64 {
	out := make([]float64, len(parts[0]))
	for _, p := range parts {
		for i, v := range p {
			out[i] += v
		}
	}
	return out
}

// times is x multiplied by a gain that may change along it.
func times(x []float64, gain func(t float64) float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v * gain(float64(i)/rate)
	}
	return out
}

func by(db float64) func(float64) float64 {
	return func(float64) float64 { return math.Pow(10, db/20) }
}

func late(x []float64, ms int) []float64 {
	return append(make([]float64, ms*rate/1000), x...)[:len(x)]
}

func until(t, before, after float64) func(float64) float64 {
	return func(at float64) float64 {
		if at < t {
			return before
		}
		return after
	}
}

// stereo interleaves two channels.
func stereo(left, right []float64) []int16 {
	b := make([]int16, 2*len(left))
	for i := range left {
		for c, v := range []float64{left[i], right[i]} {
			b[2*i+c] = int16(math.Round(32767 * min(max(v, -1), 1)))
		}
	}
	return b
}

func decide(t *testing.T, pcm []int16, ask channels.Choice) channels.Decision {
	t.Helper()
	d, err := channels.Decide(pcm, ask)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestHowChannelsAreUsed(t *testing.T) {
	asks, answers, both := interview()
	quiet, other := noise(1, -72), noise(2, -72)
	sound := sum(both, quiet)
	inverted := times(sound, by(0))
	for i := range inverted {
		inverted[i] = -inverted[i]
	}
	busy := sum(sine(425, -25, func(t float64) bool { return math.Mod(t, 1) < 0.5 }), other)
	for _, tt := range []struct {
		name        string
		left, right []float64
		want        channels.Used
		note        string // a part of it
		stretches   int    // 0: not said
	}{
		{"the same sound twice is mixed", sound, sound, channels.Mixed, "", 1},
		{"the same sound in two noises is mixed", sum(both, quiet), sum(both, other), channels.Mixed, "", 1},
		{"of opposite channels one is used", sound, inverted, channels.Left, "the channels have opposite polarity", 1},
		{"opposite channels with a voice nearer to each are turned", sum(asks, times(answers, by(-4)), quiet), sum(times(asks, func(float64) float64 { return -0.63 }), times(answers, func(float64) float64 { return -1 }), other), channels.Mixed, "the right one was turned", 1},
		{"one voice of opposite polarity leaves one channel", sound, sum(asks, times(answers, func(float64) float64 { return -1 }), quiet), channels.Left, "in places the channels cancel each other", 1},
		{"polarity that turns midway leaves one channel", times(sound, until(40, 1, -1)), sound, channels.Left, "in places the channels cancel each other", 1},
		{"a silent channel is left out", sound, make([]float64, len(sound)), channels.Left, "the right one is silent", 1},
		{"a silent left channel is left out", make([]float64, len(sound)), sound, channels.Right, "the left one is silent", 1},
		{"a humming channel is left out", sound, hum(-25), channels.Left, "hum or noise", 1},
		{"speech in hum gives way to speech without", sum(sound, hum(-28)), sound, channels.Right, "weaker or noisier", 1},
		{"hum below the voice is heard too", sound, sine(50, -20, nil), channels.Left, "hum or noise", 1},
		{"a held tone is left out", sound, sine(1000, -25, nil), channels.Left, "hum or noise", 1},
		{"a busy tone is left out", sound, busy, channels.Left, "tones, music or noises", 1},
		{"noise is left out", sound, noise(3, -30), channels.Left, "hum or noise", 1},
		{"a device changed midway", times(sound, until(40, 1, 0)), times(sound, until(40, 0, 1)), channels.Mixed, "from 0:00 the left channel alone, from 0:40 the right channel alone", 2},
		{"a device changed midway, and hum after it", sum(times(sound, until(40, 1, 0)), times(hum(-30), until(40, 0, 1))), times(sound, until(40, 0, 1)), channels.Mixed, "from 0:00 the left channel alone", 2},
		{"a channel per speaker", sum(answers, quiet), sum(asks, other), channels.Separate, "its own speaker", 0},
		{"a channel per speaker with digital silence between", asks, answers, channels.Separate, "its own speaker", 0},
		{"a channel per speaker with a leak", sum(asks, quiet), sum(answers, times(late(asks, 180), by(-15)), other), channels.Separate, "15 dB weaker, 176 ms later", 0},
		{"a channel per speaker with hum in one", sum(asks, quiet), sum(answers, hum(-50)), channels.Separate, "its own speaker", 0},
		{"one room by two microphones is mixed", sum(asks, times(answers, by(-4)), quiet), sum(times(asks, by(-4)), answers, other), channels.Mixed, "", 1},
		{"one voice in one channel and both in the other leave the other", sum(answers, quiet), sum(both, other), channels.Right, "weaker or noisier", 1},
		{"nothing in either is mixed", make([]float64, len(sound)), make([]float64, len(sound)), channels.Mixed, "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, stereo(tt.left, tt.right), channels.Auto)
			if d.Used != tt.want || !strings.Contains(d.Note, tt.note) || d.Plain() != (d.Note == "") || tt.stretches > 0 && len(d.Stretches) != tt.stretches {
				t.Errorf("%s %v: %s", d.Used, d.Stretches, d.Note)
			}
		})
	}
}

func TestWhatIsAskedFor(t *testing.T) {
	asks, answers, both := interview()
	apart, same := stereo(sum(asks, noise(1, -72)), sum(answers, noise(2, -72))), stereo(both, both)
	for _, tt := range []struct {
		name string
		pcm  []int16
		ask  channels.Choice
		want channels.Used
		note string
	}{
		{"nothing asked is auto", apart, "", channels.Separate, "its own speaker"},
		{"mixed keeps two speakers together", apart, channels.AskMixed, channels.Mixed, ""},
		{"separate as asked", apart, channels.AskApart, channels.Separate, "as asked"},
		{"the same sound twice is not two speakers, whatever is asked", same, channels.AskApart, channels.Mixed, "asked for separately, but they hold the same sound"},
		{"a silent channel is no speaker", stereo(both, make([]float64, len(both))), channels.AskApart, channels.Left, "asked for separately, but only one of them holds speech"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := decide(t, tt.pcm, tt.ask); d.Used != tt.want || !strings.Contains(d.Note, tt.note) {
				t.Errorf("%s: %s", d.Used, d.Note)
			}
		})
	}
}

func rms(x []int16, from, to float64) float64 {
	sum, n := 0.0, 0
	for _, v := range x[int(from*rate):int(to*rate)] {
		sum += float64(v) * float64(v)
		n++
	}
	return math.Sqrt(sum / float64(n))
}

// Ensure that a leak is quiet where only it is, and that a channel is untouched where its own
// speaker is.
func TestATrackIsWithoutItsLeak(t *testing.T) {
	asks, answers, _ := interview()
	leak := times(late(asks, 180), by(-14))
	pcm := stereo(sum(asks, noise(1, -75)), sum(answers, leak, noise(2, -75)))
	d := decide(t, pcm, channels.Auto)
	track, err := d.Track(pcm, 1)
	if err != nil || len(track) != seconds*rate {
		t.Fatal(len(track), err)
	}
	raw := make([]int16, seconds*rate)
	for i := range raw {
		raw[i] = pcm[2*i+1]
	}
	for at := 0.5; at+15 < seconds; at += 15 {
		if before, after := rms(raw, at+0.5, at+3), rms(track, at+0.5, at+3); after > before/30 {
			t.Errorf("at %.1f the leak has %.1f of %.1f", at, after, before)
		}
		if before, after := rms(raw, at+4.3, at+6.9), rms(track, at+4.3, at+6.9); before != after {
			t.Errorf("at %.1f the speaker has %.1f of %.1f", at, after, before)
		}
	}
	left, err := d.Track(pcm, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range left {
		if v != pcm[2*i] {
			t.Fatalf("sample %d of the channel without a leak changed", i)
		}
	}
	if _, err := d.Track(pcm, 2); err == nil {
		t.Error("a third channel")
	}
	if _, err := d.Render(pcm); err == nil {
		t.Error("one sound of separate channels")
	}
}

func TestOneSoundIsMadeOfTwo(t *testing.T) {
	pcm := stereo([]float64{0.5, 0.5, 0.5}, []float64{-0.5, 0.5, 0.1})
	for _, tt := range []struct {
		stretch channels.Stretch
		want    []int16
	}{
		{channels.Stretch{Left: 0.5, Right: 0.5}, []int16{0, 16384, 9830}},
		{channels.Stretch{Left: 0.5, Right: -0.5}, []int16{16384, 0, 6554}},
		{channels.Stretch{Left: 1}, []int16{16384, 16384, 16384}},
		{channels.Stretch{Right: 1}, []int16{-16384, 16384, 3277}},
	} {
		got, err := channels.Decision{Used: channels.Mixed, Stretches: []channels.Stretch{tt.stretch}}.Render(pcm)
		for i := range tt.want {
			if err != nil || len(got) != 3 || got[i]-tt.want[i] > 1 || tt.want[i]-got[i] > 1 {
				t.Fatalf("%v: %v, %v", tt.stretch, got, err)
			}
		}
	}
	level := func(db float64) []float64 {
		x := make([]float64, rate)
		for i := range x {
			x[i] = db
		}
		return x
	}
	d := channels.Decision{Used: channels.Mixed, Stretches: []channels.Stretch{{Left: 1}, {FromMs: 500, Right: 1}}}
	got, err := d.Render(stereo(level(0.5), level(0.25)))
	if err != nil || got[0] != 16384 || got[rate/2-200] != 16384 || got[rate/2+200] != 8192 || got[rate/2] < 8192 || got[rate/2] > 16384 {
		t.Errorf("across a change: %v %v", got[rate/2-200:rate/2+201], err)
	}
	for i := 1; i < len(got); i++ {
		if got[i]-got[i-1] > 100 || got[i-1]-got[i] > 100 {
			t.Fatalf("a step at sample %d", i)
		}
	}
}

func TestShortAndLongInput(t *testing.T) {
	for _, n := range []int{0, 1, 2, 511, 1024, 1025, 2500} {
		if d := decide(t, make([]int16, n), channels.Auto); d.Used != channels.Mixed || len(d.Stretches) == 0 {
			t.Errorf("%d samples: %+v", n, d)
		}
	}
	if _, err := channels.Decide(make([]int16, 2*rate*(50*60+1)), channels.Auto); err == nil {
		t.Error("more than 50 minutes are taken")
	}
}

func FuzzDecide(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5})
	f.Add(bytes.Repeat([]byte{0xff, 0x7f, 0, 0x80}, 3000))
	f.Fuzz(func(t *testing.T, b []byte) {
		pcm := make([]int16, len(b)/2)
		for i := range pcm {
			pcm[i] = int16(b[2*i]) | int16(b[2*i+1])<<8
		}
		for _, ask := range channels.Choices {
			d := decide(t, pcm, ask)
			for c := range 2 {
				if _, err := d.Track(pcm, c); (err == nil) != (d.Used == channels.Separate) {
					t.Fatal(d.Used, err)
				}
			}
			if _, err := d.Render(pcm); (err == nil) != (d.Used != channels.Separate) {
				t.Fatal(d.Used, err)
			}
		}
	})
}
