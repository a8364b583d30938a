package degrade

import (
	"math"
	"testing"

	"parley/shared/speech/audio"
)

func TestWhatIsDoneToSound(t *testing.T) {
	tone := func(hz float64) []int16 {
		x := make([]int16, audio.SampleRate)
		for i := range x {
			x[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/audio.SampleRate))
		}
		return x
	}
	level := func(x []int16) float64 {
		var s float64
		for _, v := range x {
			s += float64(v) * float64(v)
		}
		return 10 * math.Log10(s/float64(len(x))+1)
	}
	for _, c := range []struct {
		hz, low, high float64 // dB that are lost
	}{{1000, -0.5, 0.5}, {100, 20, 100}, {5000, 20, 100}} {
		if lost := level(tone(c.hz)) - level(Samples(Filter(tone(c.hz), Telephone(200)))); lost < c.low || lost > c.high {
			t.Errorf("a telephone takes %.1f dB from %g Hz", lost, c.hz)
		}
	}
	clean, mixed := tone(500), Mix(tone(500), White(audio.SampleRate), 15)
	noise := make([]int16, len(clean))
	for i := range noise {
		noise[i] = mixed[i] - clean[i]
	}
	if snr := level(clean) - level(noise); math.Abs(snr-15) > 0.2 {
		t.Errorf("noise at %.1f dB", snr)
	}
	dry := append(tone(500)[:1600], make([]int16, 8000)...)
	wet := Room(dry, 0.4, 6)
	if level(wet[1700:3200]) < level(wet[6000:7500])+10 {
		t.Error("a room's echoes die away")
	}
	room := Mix(append(tone(500), make([]int16, audio.SampleRate)...), White(2*audio.SampleRate), 20)
	for name, g := range map[string]Gain{"fast": Fast, "slow": Slow} {
		before, after := room[audio.SampleRate+8000:], g.Apply(room)[audio.SampleRate+8000:]
		if up := level(after) - level(before); up < 3 || up > g.MostDb+1 {
			t.Errorf("the %s gain raises the noise of a pause by %.1f dB", name, up)
		}
	}
	if gated := Gate(room, 10); level(gated[audio.SampleRate+8000:]) != 0 || level(gated[:8000]) < level(room[:8000])-1 {
		t.Error("a gate closes on noise, and on noise alone")
	}
	if got := level(Level(tone(500), 50)); math.Abs(got-(20*math.Log10(32767)-50-3)) > 0.2 {
		t.Errorf("a tone 50 dB below full scale has %.1f dB", got)
	}
}
