package diarization

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"parley/shared/speech/audio"
)

var counting = flag.Bool("counting", false,
	"count the voices of 90 composed conversations (3 minutes of a processor)")

// TestCounting shows, with -counting, how often the voices of conversations of two minutes are
// counted right: 30 of one voice, 30 of two, 30 of three, mostly of one gender and age group, in
// the five conditions in turn. The constants of count.go were set on other conversations of the
// same speakers.
func TestCounting(t *testing.T) {
	if !*counting {
		t.Skip("only with -counting")
	}
	e := network(t)
	all := people(t, 0, 1)
	r := rand.New(rand.NewPCG(23, 9))
	conditions := []composition{{}, {snrDb: 15}, {phone: true}, {equal: true}, {phone: true, snrDb: 20, equal: true}}
	names := []string{"clean", "noise 15 dB", "telephone", "equal loudness", "telephone, noise 20 dB"}
	const each = 30
	type row struct{ right, fewer, more, unclean int }
	table := map[string]*row{}
	for i := range 3 * each {
		count, c := 1+i/each, conditions[i%len(conditions)]
		c.seconds, c.short = 120, i%4 == 3
		cast := []person{all[(i*5+3)%len(all)]}
		for len(cast) < count {
			next := all[r.IntN(len(all))]
			if next.id != cast[len(cast)-1].id && next.id != cast[0].id && (i%3 == 0 || next.group == cast[0].group) {
				cast = append(cast, next)
			}
		}
		pcm, truth := c.compose(r, cast)
		d, err := Diarize(t.Context(), pcm, audio.Analyse(pcm, audio.DefaultCut()).Speech, e)
		if err != nil {
			t.Fatal(err)
		}
		lost := least(truth, d.Turns, d.Speakers)
		for _, key := range []string{
			fmt.Sprintf("%d voices, all", count), fmt.Sprintf("%d voices, %s", count, names[i%len(names)]),
		} {
			if table[key] == nil {
				table[key] = &row{}
			}
			switch x := table[key]; {
			case d.Speakers < count:
				x.fewer++
			case d.Speakers > count:
				x.more++
			case lost > 5:
				x.unclean++
				fallthrough
			default:
				x.right++
			}
		}
		t.Logf("%d: %d voices, %s: heard %d, %.1f %% wrong, separation %.1f", i, count, names[i%len(names)], d.Speakers, lost, d.Separation)
	}
	for key, x := range table {
		t.Logf("%-45s right %3d (of them %d with more than 5 %% of the speech wrong), fewer %2d, more %2d", key, x.right, x.unclean, x.fewer, x.more)
	}
}

// least is the share of the true turns' time, in percent, that has another speaker, with the
// speakers found matched to the true ones as suits best.
func least(truth, got []Turn, speakers int) float64 {
	best := wrong(truth, got)
	as := make([]int, speakers)
	var try func(i int, used int)
	try = func(i, used int) {
		if i == speakers {
			turns := make([]Turn, len(got))
			for k, t := range got {
				turns[k] = Turn{as[t.Speaker], t.Span}
			}
			best = min(best, wrong(truth, turns))
			return
		}
		for as[i] = range speakers {
			if used>>as[i]&1 == 0 {
				try(i+1, used|1<<as[i])
			}
		}
	}
	try(0, 0)
	return best
}
