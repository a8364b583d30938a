package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"parley/shared/speech/report"
	"parley/shared/speech/score"
)

// terminal is the part of a poll body that the report shows. Its fields are those of the API.
type terminal struct {
	ID               string  `json:"id"`
	ExternalID       *string `json:"externalId"`
	Status           string  `json:"status"`
	ProcessingTimeMs *int64  `json:"processingTimeMs"`
	ErasedAt         *string `json:"erasedAt"`
	ScoringVersion   *string `json:"scoringVersion"`
	Audio            struct {
		DurationMs        int64   `json:"durationMs"`
		DurationFormatted string  `json:"durationFormatted"`
		LanguageCode      *string `json:"languageCode"`
		SpeakerCount      *int    `json:"speakerCount"`
		Format            string  `json:"format"`
		Channels          *struct {
			Count int     `json:"count"`
			Used  string  `json:"used"`
			Note  *string `json:"note"`
		} `json:"channels"`
		Quality *struct {
			SNRDb          *float64 `json:"snrDb"`
			ClippedPercent *float64 `json:"clippedPercent"`
			SpeechPercent  *float64 `json:"speechPercent"`
			Cautions       []string `json:"cautions"`
		} `json:"quality"`
	} `json:"audio"`
	Detection *struct {
		SpeakerLabel string `json:"speakerLabel"`
		Confidence   string `json:"confidence"`
		Reason       string `json:"reason"`
		WordCount    int    `json:"wordCount"`
	} `json:"candidateDetection"`
	Scores     map[string]any `json:"scores"`
	Confidence map[score.Dimension]*struct {
		Level    string      `json:"level"`
		Interval *[2]float64 `json:"interval"`
	} `json:"confidence"`
	Explainability map[score.Dimension]*string `json:"explainability"`
	Analysis       map[score.Dimension]*struct {
		Measures []measure `json:"measures"`
	} `json:"analysis"`
	HR         *string `json:"hrRecommendation"`
	Feedback   *string `json:"candidateFeedback"`
	Transcript *struct {
		Segments []struct {
			Speaker string `json:"speaker"`
			StartMs int64  `json:"startMs"`
			EndMs   int64  `json:"endMs"`
			Text    string `json:"text"`
		} `json:"segments"`
		Speakers []struct {
			Speaker      string `json:"speaker"`
			SpeakerLabel string `json:"speakerLabel"`
			SpeakingMs   int64  `json:"speakingMs"`
			WordCount    int    `json:"wordCount"`
		} `json:"speakers"`
	} `json:"transcript"`
	Credits *struct {
		Deducted         int64 `json:"deducted"`
		RemainingBalance int64 `json:"remainingBalance"`
	} `json:"credits"`
	Error *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

type measure struct {
	Name  string   `json:"name"`
	Label string   `json:"label"`
	Value *float64 `json:"value"`
	Unit  string   `json:"unit"`
	Norm  *struct {
		Low  float64 `json:"low"`
		High float64 `json:"high"`
	} `json:"norm"`
	Weight float64 `json:"weight"`
	Reason string  `json:"reason"`
}

var (
	bold = lipgloss.NewStyle().Bold(true)
	dim  = lipgloss.NewStyle().Faint(true)
	mark = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("6"))
	bad  = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("1"))
)

// reportWidth is the width of bars, strips and text, in columns.
const reportWidth = 60

// printReport prints the poll body of an ended run for a person.
func printReport(w io.Writer, body []byte) error {
	var t terminal
	if err := json.Unmarshal(body, &t); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	p := &page{w: w}
	p.head(t)
	if t.Error != nil {
		p.line("")
		p.line("%s  %s", paint(bad, "%s", t.Error.Code), t.Error.Message)
	}
	p.strip(t)
	p.scores(t)
	for _, row := range score.Table {
		p.dimension(t, row)
	}
	p.text("For the hiring team", t.HR)
	p.text("For the candidate", t.Feedback)
	p.transcript(t)
	if t.Credits != nil {
		p.line("")
		p.line("%s %d deducted, %d left", label("credits"), t.Credits.Deducted, t.Credits.RemainingBalance)
	}
	return p.err
}

// page keeps the first write error, so that the layout code need not check for errors.
type page struct {
	w   io.Writer
	err error
}

func (p *page) line(format string, args ...any) {
	if p.err == nil {
		p.err = say(p.w, format+"\n", args...)
	}
}

// Write lets a table be laid out on the page.
func (p *page) Write(b []byte) (int, error) {
	if p.err == nil {
		_, p.err = p.w.Write(b)
	}
	return len(b), p.err
}

func label(s string) styled { return paint(dim, "%-11s", s) }

func (p *page) head(t terminal) {
	p.line("%s  %s  %s", paint(bold, "Parley report"), t.ID, status(t.Status))
	if t.ExternalID != nil && *t.ExternalID != "" {
		p.line("%s %s", label("reference"), *t.ExternalID)
	}
	facts := []string{t.Audio.DurationFormatted, t.Audio.Format}
	if t.Audio.LanguageCode != nil {
		facts = append(facts, "language "+*t.Audio.LanguageCode)
	}
	if t.Audio.SpeakerCount != nil {
		facts = append(facts, plural(*t.Audio.SpeakerCount, "speaker"))
	}
	if q := t.Audio.Quality; q != nil && q.SNRDb != nil && q.SpeechPercent != nil {
		facts = append(facts, fmt.Sprintf("%.0f dB over the noise", *q.SNRDb), fmt.Sprintf("%.0f %% speech", *q.SpeechPercent))
	}
	p.line("%s %s", label("recording"), strings.Join(facts, ", "))
	if c := t.Audio.Channels; c != nil && c.Note != nil {
		p.wrap(strings.Repeat(" ", 12), *c.Note)
	}
	if q := t.Audio.Quality; q != nil {
		for _, caution := range q.Cautions {
			p.wrap(strings.Repeat(" ", 12), caution)
		}
	}
	if d := t.Detection; d != nil {
		p.line("%s %s (confidence %s, %s)", label("candidate"), d.SpeakerLabel, d.Confidence, plural(d.WordCount, "word"))
		p.wrap(strings.Repeat(" ", 12), d.Reason)
	}
	if t.ErasedAt != nil {
		p.line("%s %s: recording, transcript and scores are gone", label("erased"), *t.ErasedAt)
	}
	if t.ProcessingTimeMs != nil && t.ErasedAt == nil {
		p.line("%s %.1f s, scoring version %s", label("measured in"), float64(*t.ProcessingTimeMs)/1000, orDash(t.ScoringVersion))
	}
}

func status(s string) styled {
	if s == "failed" {
		return paint(bad, "%s", s)
	}
	return paint(mark, "%s", s)
}

func orDash(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// strip shows who spoke when: one row per speaker and one column per slice of the recording, darker
// the more of it they speak.
func (p *page) strip(t terminal) {
	if t.Transcript == nil || t.Audio.DurationMs <= 0 || len(t.Transcript.Speakers) == 0 {
		return
	}
	p.line("")
	p.line("%s %s", paint(bold, "Who spoke when"), paint(dim, "a column is %.1f s", float64(t.Audio.DurationMs)/reportWidth/1000))
	for _, s := range t.Transcript.Speakers {
		share := make([]float64, reportWidth)
		slice := float64(t.Audio.DurationMs) / reportWidth
		for _, g := range t.Transcript.Segments {
			if g.Speaker != s.Speaker {
				continue
			}
			for i := range share {
				from, to := float64(i)*slice, float64(i+1)*slice
				share[i] += math.Max(0, math.Min(to, float64(g.EndMs))-math.Max(from, float64(g.StartMs))) / slice
			}
		}
		row := make([]rune, reportWidth)
		for i, v := range share {
			row[i] = []rune(" ░▒▓█")[min(4, int(math.Ceil(v*4-0.05)))]
		}
		p.line("%s %s %s", label(s.SpeakerLabel), string(row), paint(dim, "%s, %s", clockOf(s.SpeakingMs), plural(s.WordCount, "word")))
	}
	end := clockOf(t.Audio.DurationMs)
	p.line("%s %s", label(""), paint(dim, "0:00%*s", reportWidth-4, end))
}

func clockOf(ms int64) string { return fmt.Sprintf("%d:%02d", ms/60000, ms/1000%60) }

// scores shows each score as a point on the scale of 0 to 5, with its interval.
func (p *page) scores(t terminal) {
	if t.Scores == nil {
		return
	}
	p.line("")
	p.line("%s %s", paint(bold, "%-27s", "Scores"), paint(dim, "%s", scaleRule()))
	for _, d := range score.Names() {
		p.score(t, d)
	}
	p.line("%s %s", label(""), paint(dim, "● the score, ─ its 90 %% interval, then how sure it is"))
}

func (p *page) score(t terminal, d score.Dimension) {
	points, cefr, percent := report.Members(d)
	v, ok := t.Scores[points].(float64)
	if !ok {
		p.line("%s %s", label(string(d)), paint(dim, "not measured"))
		return
	}
	lo, hi, sure := v, v, ""
	if c := t.Confidence[d]; c != nil {
		sure = c.Level
		if c.Interval != nil {
			lo, hi = c.Interval[0], c.Interval[1]
		}
	}
	p.line("%s %s  %-2v  %3v %%  %s %s", label(string(d)), paint(mark, "%.1f", v), t.Scores[cefr], t.Scores[percent], bar(v, lo, hi), paint(dim, "%s", sure))
}

// barWidth is the width of a score's bar: 8 columns a point.
const barWidth = 41

func scaleRule() string {
	var b strings.Builder
	for i := range 6 {
		b.WriteString(fmt.Sprintf("%-8d", i))
	}
	return strings.TrimRight(b.String(), " ")
}

func bar(v, lo, hi float64) string {
	at := func(x float64) int { return max(0, min(barWidth-1, int(math.Round(x*8)))) }
	row := []rune(strings.Repeat("·", barWidth))
	for i := at(lo); i <= at(hi); i++ {
		row[i] = '─'
	}
	row[at(v)] = '●'
	return string(row)
}

func (p *page) dimension(t terminal, row score.Row) {
	text, a := t.Explainability[row.Name], t.Analysis[row.Name]
	if text == nil && (a == nil || len(a.Measures) == 0) {
		return
	}
	p.line("")
	p.line("%s", paint(bold, "%s", row.Title))
	if text != nil {
		p.wrap("  ", *text)
	}
	if a == nil {
		return
	}
	w := newTable(p)
	for _, m := range a.Measures {
		name := m.Label
		if name == "" {
			name = m.Name
		}
		value, norm := "not measured", m.Reason
		if m.Value != nil {
			value = fmt.Sprintf("%s %s", number(*m.Value), m.Unit)
		}
		if m.Value != nil && m.Norm != nil {
			norm = fmt.Sprintf("norm %s to %s", number(m.Norm.Low), number(m.Norm.High))
		}
		w.printf("  %s\t%s\t%s", name, value, norm)
		if m.Weight > 0 {
			w.printf("\tweight %.0f %%", 100*m.Weight)
		}
		w.printf("\n")
	}
	_ = w.end() // the page keeps the error
}

// number formats v with three significant digits, but at most two decimals.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func (p *page) text(title string, s *string) {
	if s == nil || *s == "" {
		return
	}
	p.line("")
	p.line("%s", paint(bold, "%s", title))
	p.wrap("  ", *s)
}

func (p *page) transcript(t terminal) {
	if t.Transcript == nil || len(t.Transcript.Segments) == 0 {
		return
	}
	names := map[string]string{}
	for _, s := range t.Transcript.Speakers {
		names[s.Speaker] = s.SpeakerLabel
	}
	p.line("")
	p.line("%s", paint(bold, "What was said"))
	for _, g := range t.Transcript.Segments {
		p.line("  %s %s", paint(dim, "%6s", clockOf(g.StartMs)), names[g.Speaker])
		p.wrap(strings.Repeat(" ", 9), g.Text)
	}
}

// wrap writes s in indented lines of at most reportWidth + 12 columns.
func (p *page) wrap(indent, s string) {
	line := indent
	for word := range strings.FieldsSeq(s) {
		if len([]rune(line))+len([]rune(word))+1 > reportWidth+12+len(indent) && line != indent {
			p.line("%s", line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	if line != indent {
		p.line("%s", line)
	}
}
