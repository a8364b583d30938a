package diarization

import (
	"flag"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/audio/channels"
)

var overlapping = flag.Bool("overlap", false,
	"measure where two speak at once, on composed conversations, single voices, interviews and a telephone call (2 minutes of a processor)")

const lookMs = 10 // how often it is looked who speaks

// crossing lets two people take turns for so many seconds. Every fourth turn begins 0.5 to 3 s
// before the other's end, and into every fourth the listener says 0.5 to 1.5 s, at up to 6 dB less.
// speaking tells how many speak, every lookMs.
func crossing(r *rand.Rand, two [2]person, seconds int) (pcm []int16, speaking []int) {
	const rate = audio.SampleRate
	n := seconds * rate
	mix := make([]float64, n+30*rate)
	speaking = make([]int, len(mix)/(lookMs*perMs))
	next := [2]int{r.IntN(100), r.IntN(100)}
	take := func(who int) []int16 {
		u := two[who].utterances[next[who]%len(two[who].utterances)]
		next[who]++
		if s := spans(u); len(s) > 0 {
			return u[s[0].StartMs*perMs : min(int64(len(u)), s[len(s)-1].EndMs*perMs)]
		}
		return u[:min(len(u), rate/2)]
	}
	put := func(x []int16, at int, db float64) {
		gain := math.Pow(10, (db-loud(x))/20)
		for i, v := range x {
			mix[at+i] += float64(v) * gain
		}
		for _, s := range spans(x) { // without the 50 ms that it adds on either side
			for ms := s.StartMs + 50; ms < s.EndMs-60; ms += lookMs {
				speaking[(int64(at/perMs)+ms)/lookMs]++
			}
		}
	}
	at := rate / 2
	for who := r.IntN(2); at < n; who = 1 - who {
		begin := at
		for range 1 + r.IntN(3) {
			x := take(who)
			if at+len(x) > len(mix) {
				break
			}
			put(x, at, -22-4*r.Float64())
			at += len(x) + (50+r.IntN(300))*perMs
		}
		length := at - begin
		switch r.IntN(4) {
		case 0:
			at -= min(length*3/4, (500+r.IntN(2500))*perMs)
			continue
		case 1:
			x := take(1 - who)
			x = x[:min(len(x), (500+r.IntN(1000))*perMs)]
			if length > len(x)+rate {
				put(x, begin+rate/2+r.IntN(length-len(x)-rate/2), -22-6*r.Float64())
			}
		}
		at += (100 + r.IntN(600)) * perMs
	}
	pcm = make([]int16, n)
	for i := range pcm {
		pcm[i] = clip(mix[i] + 2*r.NormFloat64())
	}
	return pcm, speaking[:n/(lookMs*perMs)]
}

// agreement counts looks: overlap that is marked, marked where there is none, missed; and those
// with anybody speaking.
type agreement struct{ marked, false_, missed, speech int }

// add compares the stretches with who speaks.
func (a *agreement) add(both []audio.Span, speaking []int) {
	for i, n := range speaking {
		ms := int64(i)*lookMs + lookMs/2
		is := false
		for _, s := range both {
			is = is || s.StartMs <= ms && ms < s.EndMs
		}
		switch {
		case is && n > 1:
			a.marked++
		case is:
			a.false_++
		case n > 1:
			a.missed++
		}
		if n > 0 {
			a.speech++
		}
	}
}

// conditions of the sound, by name.
var overlapConditions = []struct {
	name string
	c    composition
}{
	{"clean", composition{}},
	{"noise 15 dB", composition{snrDb: 15}},
	{"telephone", composition{phone: true}},
	{"telephone, noise 20 dB", composition{phone: true, snrDb: 20}},
}

// TestOverlap measures, with -overlap, where two are heard at once. The bounds in listener.go were
// set on conversations that were composed in the same way of the 60 native readers, with none of
// these speakers.
func TestOverlap(t *testing.T) {
	if !*overlapping {
		t.Skip("only with -overlap")
	}
	v := network(t)
	all := people(t, 0, 2)
	heardIn := func(pcm []int16) []audio.Span {
		speech, err := spoken(t.Context(), pcm, audio.Analyse(pcm, audio.DefaultCut()).Speech)
		if err != nil {
			t.Fatal(err)
		}
		h, err := listen(t.Context(), pcm, speech, v)
		if err != nil {
			t.Fatal(err)
		}
		return h.crossings()
	}
	length := func(spans []audio.Span) (ms int64) {
		for _, s := range spans {
			ms += s.Len()
		}
		return ms
	}
	r := rand.New(rand.NewPCG(6, 11))
	for _, c := range overlapConditions {
		var a agreement
		for range 10 {
			one := r.IntN(len(all))
			two := (one + 1 + r.IntN(len(all)-1)) % len(all)
			pcm, speaking := crossing(r, [2]person{all[one], all[two]}, 60)
			c.c.degrade(r, pcm)
			a.add(heardIn(pcm), speaking)
		}
		t.Logf("two voices, %s: overlap %.1f %% of the speech, precision %.0f %%, recall %.0f %%", c.name,
			100*float64(a.marked+a.missed)/float64(a.speech), 100*float64(a.marked)/float64(a.marked+a.false_), 100*float64(a.marked)/float64(a.marked+a.missed))
		if a.marked < 2*a.false_ || a.marked < 2*a.missed {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
	for _, c := range overlapConditions {
		var marked, speech int64
		for range 10 {
			x := c.c
			x.seconds = 60
			pcm, _ := x.compose(r, all[r.IntN(len(all)):][:1])
			marked += length(heardIn(pcm))
			speech += length(audio.Analyse(pcm, audio.DefaultCut()).Speech)
		}
		t.Logf("one voice, %s: overlap marked in %.2f %% of the speech", c.name, 100*float64(marked)/float64(speech))
	}
	dir, decoder := data(t)
	files, err := filepath.Glob(filepath.Join(dir, "interviews", "*.flac"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		pcm, err := decoder.Decode(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		both := heardIn(pcm)
		t.Logf("%s, of joined sentences: %d stretches, %.2f %% of the recording", filepath.Base(f), len(both), 100*float64(length(both))*perMs/float64(len(pcm)))
	}
	rec, err := decoder.Record(t.Context(), filepath.Join(dir, "calls", "repair.flac"), channels.AskApart)
	if err != nil || len(rec.Tracks) != 2 {
		t.Fatal(len(rec.Tracks), err)
	}
	pcm := make([]int16, len(rec.Tracks[0]))
	speaking := make([]int, len(pcm)/(lookMs*perMs)+1)
	for _, track := range rec.Tracks {
		for i, v := range track {
			pcm[i] = clip(float64(pcm[i]) + float64(v))
		}
		for _, s := range spans(track) {
			for ms := s.StartMs + 50; ms < s.EndMs-60; ms += lookMs {
				speaking[ms/lookMs]++
			}
		}
	}
	var a agreement
	a.add(heardIn(pcm), speaking)
	ms := func(looks int) float64 { return float64(looks) * lookMs / 1000 }
	t.Logf("a telephone call, its channels added: %.1f s of overlap in %.0f s of speech, %.1f s marked, of them %.1f s rightly", ms(a.marked+a.missed), ms(a.speech), ms(a.marked+a.false_), ms(a.marked))
}
