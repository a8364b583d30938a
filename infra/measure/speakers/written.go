package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"parley/shared/speech/audio"
	"parley/shared/speech/conversation"
	"parley/shared/speech/diarization"
	"parley/shared/speech/transcript"
)

// Written conversations tell what the words are worth, apart from how well voices are told apart:
// every voice is known, and words come at a steady rate.
const (
	wordMs      = 400
	turnPauseMs = 600
)

// turnLine is a turn of a script (speak.py tells its form).
var turnLine = regexp.MustCompile(`^(\S+?)(?: \[(pause|cutting|during) [\d.]+\])?: (.+)$`)

// script reads a script as a reference.
func script(r io.Reader) (ref conversation.Reference, err error) {
	voices := map[string]bool{}
	at := 0.0
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if rest, ok := strings.CutPrefix(line, "voice "); ok {
			voices[strings.Fields(rest)[0]] = true
			continue
		}
		turn := turnLine.FindStringSubmatch(line)
		if turn == nil || strings.HasPrefix(line, "#") {
			continue
		}
		if !voices[turn[1]] {
			return ref, fmt.Errorf("%q has no voice", turn[1])
		}
		at += turnPauseMs / 1000.0
		to := at + float64(len(strings.Fields(turn[3]))*wordMs)/1000
		role := turn[1]
		if i := strings.LastIndex(role, "-"); i > 0 {
			role = role[:i]
		}
		ref.Segments = append(ref.Segments, conversation.Segment{Start: at, End: to, Speaker: role, Voice: turn[1], Text: turn[3]})
		at = to
	}
	ref.Duration = at
	return ref, lines.Err()
}

// scripts are the written conversations of a folder, by name.
func scripts(folder string) (all []recording, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		r := recording{name: strings.TrimSuffix(filepath.Base(file), ".txt")}
		r.ref, err = script(f)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// sign is one kind of evidence for the candidate.
type sign struct {
	name, weight, source string
	of                   func(v conversation.Evidence) float64
}

var signs = []sign{
	{"share of the speaking time", "ln(share)", "counted, no weight", func(v conversation.Evidence) float64 { return v.Share }},
	{"own turns that end by asking, from the third on", "-3.0 x share of the turns", "set by hand", func(v conversation.Evidence) float64 { return v.Asks }},
	{"questions of others that are answered, from the third on", "+1.5 x share of the questions", "set by hand", func(v conversation.Evidence) float64 { return v.Answers }},
	{"words of oneself less words to the other, at most 5 %", "+20 x share of the words", "set by hand, the four shared interviews of read sentences in view", func(v conversation.Evidence) float64 { return v.Self }},
	{"opens the conversation", "-1.0", "set by hand, the same in view", func(v conversation.Evidence) float64 { return v.Opens }},
}

// choice is what the words alone make of a written conversation.
type choice struct {
	figure
	name string
	// leads are the sum and, by sign, the parts of the candidate's lead over the best of the
	// others, in nats: below 0 they speak for another.
	lead  float64
	leads []float64
	// without tells by sign whether the candidate would be chosen without it, alone by it alone.
	without, alone []bool
}

// swallowed are the ways in which another's voice can be taken for the candidate's, each as a
// recording: what a fair listener would hesitate at.
func swallowed(r recording) (out []recording) {
	mine := ""
	others := map[string]bool{}
	for _, s := range r.ref.Segments {
		if s.Speaker == conversation.RoleCandidate {
			mine = s.Who()
		} else {
			others[s.Who()] = true
		}
	}
	for _, other := range slices.Sorted(maps.Keys(others)) {
		c := recording{name: r.name + ", " + other + " in the candidate's voice", ref: r.ref}
		c.ref.Segments = slices.Clone(r.ref.Segments)
		for i, s := range c.ref.Segments {
			if s.Who() == other {
				c.ref.Segments[i].Voice = mine
			}
		}
		out = append(out, c)
	}
	return out
}

// choose lets the words decide where every voice is known.
func choose(r recording) (out choice, err error) {
	r.words = nil
	one := []recording{r}
	recite(one)
	r = one[0]
	number := map[string]int{}
	d := diarization.Diarization{}
	for _, s := range r.ref.Segments {
		if _, ok := number[s.Who()]; !ok {
			number[s.Who()] = len(number)
		}
		d.Turns = append(d.Turns, diarization.Turn{Speaker: number[s.Who()], Span: audio.Span{StartMs: int64(1000 * s.Start), EndMs: int64(1000 * s.End)}})
	}
	d.Speakers = len(number)
	whole := transcript.Chunk{Span: audio.Span{EndMs: int64(1000 * r.ref.Duration)}, Words: r.words, Heard: english, HeardP: 1, RequestedP: 1}
	for _, t := range d.Turns {
		whole.Speech = append(whole.Speech, t.Span)
	}
	c, err := conversation.Join([]transcript.Chunk{whole}, d, audio.Intake{}, english, "")
	if err != nil {
		return out, fmt.Errorf("%s: %w", r.name, err)
	}
	out = choice{figure: figureOf(r, c, d), name: r.name}
	candidate := -1
	for _, s := range r.ref.Segments {
		if s.Speaker == conversation.RoleCandidate {
			candidate = number[s.Who()]
		}
	}
	if len(c.Speakers) < 2 || candidate < 0 || candidate >= len(c.Speakers) {
		return out, nil
	}
	all := conversation.Weigh(c)
	rival := -1
	for i, v := range all {
		if i != candidate && !c.Speakers[i].Outside && (rival < 0 || v.Sum() > all[rival].Sum()) {
			rival = i
		}
	}
	wins := func(of func(v conversation.Evidence) float64) bool {
		for i, v := range all {
			if i != candidate && !c.Speakers[i].Outside && of(v) >= of(all[candidate]) {
				return false
			}
		}
		return true
	}
	out.lead = all[candidate].Sum() - all[rival].Sum()
	for _, s := range signs {
		out.leads = append(out.leads, s.of(all[candidate])-s.of(all[rival]))
		out.without = append(out.without, wins(func(v conversation.Evidence) float64 { return v.Sum() - s.of(v) }))
		out.alone = append(out.alone, wins(s.of))
	}
	return out, nil
}

// writeWritten writes what decides for the candidate.
func (p page) writeWritten(say sayer) {
	say("%s\n", writtenHead)
	say("| sign | weight, nats | from | mean lead that it gives the candidate | least, most | right person without it | right person by it alone |\n|---|---|---|---|---|---|---|\n")
	var all figures
	two := 0
	for _, c := range p.written {
		all = append(all, c.figure)
		if len(c.leads) > 0 {
			two++
		}
	}
	for i, s := range signs {
		sum, least, most := 0.0, math.Inf(1), math.Inf(-1)
		without, alone := 0, 0
		for _, c := range p.written {
			if len(c.leads) == 0 {
				continue
			}
			sum, least, most = sum+c.leads[i], min(least, c.leads[i]), max(most, c.leads[i])
			if c.without[i] {
				without++
			}
			if c.alone[i] {
				alone++
			}
		}
		say("| %s | %s | %s | %+.2f | %+.2f, %+.2f | %d of %d | %d of %d |\n", s.name, s.weight, s.source, sum/max(1, float64(two)), least, most, without, two, alone, two)
	}
	right := all.count(func(f figure) bool { return f.Right })
	say("\nAll signs together: the right person in %d of %d; %s.\n\n", right, len(all), levels(all))
	byKind(say, all)
	say("\nWith the voice of one of the others taken for the candidate's, which is what a failure to tell voices apart looks like, in %d ways: %s. The bounds of the doubts were set on the four shared ones; their form, and the rule for an announcement that no pause follows, were found with all of these in view.\n", len(p.swallowed), levels(p.swallowed))
}
