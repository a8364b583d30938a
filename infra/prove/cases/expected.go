package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// expectation is what is expected of a row's recording.
type expectation struct {
	plain   string // the recording to compare it with
	unheard bool   // only the submit's answer is checked
	later   bool   // not as expected yet
	judge   func(o, plain outcome) []string
}

// expected holds the expectation of each row of the table, by id. The table's column of the same
// name says it in words.
var expected = map[string]expectation{
	"a01": {plain: "plain_m", judge: func(o, p outcome) []string {
		return faults(o.accepted(236_400, 50, 4), o.succeeded(), o.near(p, 0.2))
	}},
	"a02": {plain: "plain_m", judge: func(o, p outcome) []string {
		if o.failedFree() {
			return nil
		}
		return faults(o.accepted(236_400, 50, 4), o.succeeded(), o.near(p, 0.2), o.words(p, 0.1))
	}},
	"a03": {plain: "plain_m", judge: func(o, p outcome) []string {
		return faults(o.accepted(236_400, 50, 4), o.succeeded(), o.speakers(2), o.near(p, 0.3), o.words(p, 0.1), o.once())
	}},
	"a04": {plain: "plain_m", judge: func(o, p outcome) []string {
		if o.failedWith("ACCENT_SCORE_UNAVAILABLE") || o.unsure() {
			return o.accepted(236_400, 50, 4)
		}
		return faults(o.accepted(236_400, 50, 4), o.succeeded(), o.near(p, 0.3), o.snr(p, 6))
	}},
	"a06": {plain: "plain_n", judge: func(o, p outcome) []string {
		return faults(o.accepted(286_600, 200, 5), o.succeeded(), o.english(), o.near(p, 0.2), o.silentUntil(76_000))
	}},
	"a08": {plain: "plain_m", judge: func(o, p outcome) []string {
		return faults(o.accepted(237_400, 100, 4), o.succeeded(), o.near(p, 0.2), o.joined(0, 1))
	}},
	"a09a": {plain: "plain_f", judge: func(o, p outcome) []string {
		return faults(o.accepted(326_400, 150, 6), o.succeeded(), o.near(p, 0.2), o.joined(1, 0), o.heardUntil(300_000))
	}},
	"a10": {plain: "plain_f", judge: func(o, p outcome) []string {
		return faults(o.accepted(326_400, 150, 6), o.succeeded(), o.near(p, 0.2), o.joined(1, 0), o.heardUntil(300_000))
	}},
	"a14": {plain: "plain_n", judge: func(o, p outcome) []string {
		return faults(o.accepted(210_289, 1, 4), o.format("flac"), o.succeeded(), o.near(p, 0))
	}},
	"a15": {plain: "plain_n", judge: func(o, p outcome) []string {
		return faults(o.accepted(210_300, 100, 4), o.format("m4a"), o.succeeded(), o.near(p, 0.2))
	}},
	"a17": {unheard: true, judge: func(o, _ outcome) []string { return o.accepted(2_700_000, 1000, 45) }},
	"a18": {judge: func(o, _ outcome) []string {
		if o.failedWith("ACCENT_SCORE_UNAVAILABLE") {
			return nil
		}
		return faults(o.succeeded(), o.clipped(1))
	}},
	"a19": {plain: "plain_n", judge: func(o, p outcome) []string {
		return faults(o.accepted(255_200, 200, 5), o.succeeded(), o.english(), o.near(p, 0.3))
	}},
	"a21": {plain: "plain_m", later: true, judge: func(o, p outcome) []string {
		return faults(o.succeeded(), o.speakers(2), o.near(p, 0.3), o.words(p, 0.1), o.turns(p, 1.5))
	}},
	"a22": {plain: "plain_m", judge: func(o, p outcome) []string {
		return faults(o.succeeded(), o.fluencyAtMost(p, 0.3), o.noisy(20), o.noSurer(p))
	}},
	"a24": {judge: func(o, _ outcome) []string {
		if o.refused == "UNSUPPORTED_FORMAT" || o.refused == "AUDIO_DURATION_UNAVAILABLE" || o.failedFree() {
			return nil
		}
		return []string{"neither refused nor failed at no cost"}
	}},
	"p04": {}, "p05": {}, "p06": {},
}

func faults(of ...[]string) []string { return slices.Concat(of...) }

// unless returns the fault, or none if all is well.
func unless(well bool, format string, args ...any) []string {
	if well {
		return nil
	}
	return []string{fmt.Sprintf(format, args...)}
}

// accepted expects a 202 for a length in ms, within slack, and a hold.
func (o outcome) accepted(ms, slack, held int64) []string {
	if o.refused != "" {
		return []string{"refused"}
	}
	off := o.file.DurationMs - ms
	return faults(unless(max(off, -off) <= slack, "durationMs is not %d within %d", ms, slack), unless(o.held == held, "held is not %d", held))
}

func (o outcome) format(want string) []string {
	return unless(o.file.Format == want, "format is not %s", want)
}

// has reports whether the run succeeded. Without success, nothing else can be checked.
func (o outcome) has() bool { return o.run != nil && o.run.Status == "success" }

func (o outcome) succeeded() []string { return unless(o.has(), "did not succeed") }

// failedFree reports whether the run failed and cost nothing.
func (o outcome) failedFree() bool {
	return o.run != nil && o.run.Status == "failed" && o.run.Credits.Deducted == 0
}

func (o outcome) failedWith(code string) bool {
	return o.failedFree() && o.run.Error != nil && o.run.Error.Code == code
}

// unsure reports whether the run itself says that its scores are unreliable.
func (o outcome) unsure() bool {
	if !o.has() {
		return false
	}
	c := o.run.Confidence["overall"]
	return c != nil && c.Level == "low"
}

type score struct {
	name  string
	value *float64
}

func (f *finished) scores() []score {
	return []score{{"vocabulary", f.Scores.Vocabulary}, {"fluency", f.Scores.Fluency}, {"accent", f.Scores.Accent}, {"overall", f.Scores.Overall}}
}

// near expects every score to be within this distance of the plain recording's.
func (o outcome) near(p outcome, within float64) (out []string) {
	if !o.has() || !p.has() {
		return nil
	}
	of := p.run.scores()
	for i, s := range o.run.scores() {
		switch want := of[i].value; {
		case (s.value == nil) != (want == nil):
			out = append(out, s.name+" is measured in one only")
		case s.value != nil && math.Abs(*s.value-*want) > within+1e-9:
			out = append(out, fmt.Sprintf("%s %.1f is not within %.1f of %.1f", s.name, *s.value, within, *want))
		}
	}
	return out
}

// words expects as many words of the candidate as in the plain recording, within a share.
func (o outcome) words(p outcome, share float64) []string {
	if !o.has() || !p.has() {
		return nil
	}
	got, want := float64(o.run.Detection.WordCount), float64(p.run.Detection.WordCount)
	return unless(math.Abs(got-want) <= share*want, "%.0f words of the candidate for %.0f", got, want)
}

func (o outcome) speakers(n int) []string {
	return unless(!o.has() || o.run.Audio.SpeakerCount == n, "not %d speakers", n)
}

func (o outcome) english() []string {
	return unless(!o.has() || o.run.Audio.LanguageCode == "en", "the language is not en")
}

func (o outcome) joined(joins, breaks int) []string {
	return unless(!o.has() || o.run.Audio.Joins == joins && o.run.Audio.Breaks.Count == breaks, "not %d joins and %d breaks", joins, breaks)
}

// snr expects the plain recording's signal-to-noise ratio, within this many dB.
func (o outcome) snr(p outcome, within float64) []string {
	return unless(!o.has() || !p.has() || math.Abs(o.run.Audio.Quality.SNRDb-p.run.Audio.Quality.SNRDb) <= within, "snrDb is not that of the good channel")
}

func (o outcome) noisy(most float64) []string {
	return unless(!o.has() || o.run.Audio.Quality.SNRDb <= most, "snrDb is above %.0f", most)
}

// clipped expects more than this percentage of clipped samples, and no high confidence in the
// accent.
func (o outcome) clipped(percent float64) []string {
	if !o.has() {
		return nil
	}
	c := o.run.Confidence["accent"]
	return faults(unless(o.run.Audio.Quality.ClippedPercent > percent, "clippedPercent %.2f", o.run.Audio.Quality.ClippedPercent),
		unless(c == nil || c.Level != "high", "the accent's confidence is high"))
}

// fluencyAtMost expects a fluency at most this far above the plain recording's.
func (o outcome) fluencyAtMost(p outcome, above float64) []string {
	if !o.has() || !p.has() || o.run.Scores.Fluency == nil || p.run.Scores.Fluency == nil {
		return nil
	}
	return unless(*o.run.Scores.Fluency <= *p.run.Scores.Fluency+above+1e-9, "fluency is more than %.1f above", above)
}

// noSurer expects no interval narrower than the plain recording's.
func (o outcome) noSurer(p outcome) (out []string) {
	if !o.has() || !p.has() {
		return nil
	}
	for name, of := range p.run.Confidence {
		if c := o.run.Confidence[name]; c != nil && of != nil && c.Interval[1]-c.Interval[0] < of.Interval[1]-of.Interval[0]-1e-9 {
			out = append(out, "the interval of "+name+" is narrower")
		}
	}
	slices.Sort(out)
	return out
}

// heardUntil expects words after this many ms.
func (o outcome) heardUntil(ms int64) []string {
	if !o.has() {
		return nil
	}
	last := int64(0)
	for _, s := range o.run.Transcript.Segments {
		last = max(last, s.EndMs)
	}
	return unless(last > ms, "the last segment ends at %d", last)
}

// silentUntil expects no word of the candidate before this many ms.
func (o outcome) silentUntil(ms int64) []string {
	if !o.has() {
		return nil
	}
	for _, s := range o.run.Transcript.Segments {
		if s.Speaker == o.run.Transcript.Candidate && s.StartMs < ms {
			return []string{fmt.Sprintf("the candidate speaks at %d", s.StartMs)}
		}
	}
	return nil
}

// turns expects at most the plain recording's number of speaker changes, times a factor.
func (o outcome) turns(p outcome, factor float64) []string {
	if !o.has() || !p.has() {
		return nil
	}
	return unless(float64(o.run.turns()) <= factor*float64(p.run.turns()), "%d turns for %d", o.run.turns(), p.run.turns())
}

func (f *finished) turns() (n int) {
	last := ""
	for _, s := range f.Transcript.Segments {
		if who := s.Speaker; who != last {
			last = who
			n++
		}
	}
	return n
}

// echoMs is the maximum time between the starts of a sentence and its echo.
const echoMs = 3000

// once expects that no sentence of five words or more appears twice, with two speakers.
func (o outcome) once() (out []string) {
	if !o.has() {
		return nil
	}
	segments := o.run.Transcript.Segments
	for i, a := range segments {
		for _, b := range segments[i+1:] {
			if b.StartMs-a.StartMs > echoMs {
				break
			}
			if a.Speaker != b.Speaker && alike(a.Text, b.Text) {
				out = append(out, fmt.Sprintf("twice at %d: %s", a.StartMs, a.Text))
			}
		}
	}
	return out
}

// alike reports whether two texts of five words or more share most of them.
func alike(a, b string) bool {
	x, y := strings.Fields(strings.ToLower(a)), strings.Fields(strings.ToLower(b))
	if len(x) < 5 || len(y) < 5 {
		return false
	}
	shared := 0
	for _, word := range x {
		if i := slices.Index(y, word); i >= 0 {
			y = slices.Delete(y, i, i+1)
			shared++
		}
	}
	return 10*shared >= 7*max(len(x), shared+len(y))
}
