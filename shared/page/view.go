package page

import (
	"encoding/json"
	"html/template"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/shared/speech/score/norms"
)

// view is what the template shows. Empty parts are left out.
type view struct {
	Lang, Title, Policy string
	Style               template.CSS
	Script              template.JS
	Refused             string // the text of a refusal, and then nothing else

	Run     run
	File    bool
	Erased  bool
	Live    *liveView
	Failed  *failedView
	Partial bool
	Facts   []factView

	Overall  *scoreView
	Scores   []scoreView
	Cuts     []cutView
	Bands    []bandView
	BandText string

	Timeline   *timelineView
	Dimensions []dimensionView
	Vocabulary []wordsView
	Patterns   []patternView
	Practice   []practiceView
	Unclear    []unclearView
	ToPractise string // clarity below which a word is worth practising
	Segments   []segmentView
	Language   string // of what was said

	Lowers, Raises []string
	Made           []factView
	Sources        []string
	Docs           string
	Sound          Sound
	Kept           bool
	Scored         bool
}

type factView struct{ Name, Value string }

type liveView struct {
	Queued   bool
	Place    int
	Percent  int
	Stage    string
	Stages   []factView
	Refresh  int // seconds without JavaScript
	Look     int // seconds with it
	Watching bool
}

type failedView struct{ Code, Message, Do string }

// scoreView is one score. The positions are on a scale of 0 to 500.
type scoreView struct {
	Name, Title         string
	Measured            bool
	Points, CEFR        string
	Low, High, Sure     string
	At, From, Width     float64
	Why                 string
	All                 bool
	lowLevel, highLevel string
}

// cutView is where a level begins.
type cutView struct {
	Level string
	At    float64
	Class string
}

type bandView struct {
	Level, From, Can string
	Here, Maybe      bool
}

type speakerView struct {
	id                   speaker
	Name                 string
	Class                int
	Time, Share          string
	Turns, Words         int
	Rate                 string
	Questions            int
	Longest              string
	speaking, longestGap int64
}

type dimensionView struct {
	Title, Explain, Reason string
	Cautions               []string
	Counted, More          []measureView
}

type measureView struct {
	Name, Label, Value, Norm, Place, Share string
	At                                     float64 // 0 to 100: 20 is A2, 80 is C1
	HasNorm                                bool
}

type wordsView struct {
	Level  string
	Counts string
	Words  []wordView
}

type wordView struct {
	Text  string
	Count int
}

type patternView struct {
	Text, Level string
	Count       int
}

type practiceView struct {
	Text, Better, Said string
	T                  int64
}

type unclearView struct {
	Text, At, Clarity string
	T                 int64
	Width             float64
	Sounds            []soundView
}

type soundView struct {
	IPA, Clarity string
	Least        bool
}

type segmentView struct {
	N, Class   int
	T          int64
	At, Name   string
	Label      string
	Words      []heardView
	Deltas     string
	Undistinct string // the text of a segment without words
}

// heardView is a stretch of words that were heard equally surely.
type heardView struct{ Text, Class string }

// The confidences of a word from which it is sure and less sure.
const sureWord, mediumWord = 0.85, 0.6

func viewOf(r run, t texts, o Options) view {
	v := view{Run: r, File: o.File, Docs: o.Docs, Sound: o.Sound, Erased: r.ErasedAt != nil, Title: t.say("title")}
	if name := r.ExternalID; name != "" {
		v.Title = t.say("title.of", name)
	}
	v.Facts = facts(r, t)
	var id []factView // where there are scores, it stands at the end
	if r.ID != "" {
		id = append(id, factView{t.say("head.run"), r.ID})
	}
	switch {
	case v.Erased:
		v.Facts = append(v.Facts, id...)
		return v
	case r.CompletedAt == nil && (r.Status == "queued" || r.Status == "processing"):
		v.Live, v.Facts = liveOf(r, t, o), append(v.Facts, id...)
		return v
	case r.Error != nil:
		v.Failed = &failedView{r.Error.Code, r.Error.Message, t.or("failed."+r.Error.Code, t.say("failed.other"))}
	}
	v.Partial = r.Status == "partial"
	v.Language = r.Audio.LanguageCode
	if v.Language == "" {
		v.Language = r.Audio.RequestedLanguage
	}
	v.scores(r, t)
	who := speakersOf(r, t)
	v.Timeline = timelineOf(r, t, who)
	v.Segments = segmentsOf(r, t, who)
	for _, d := range dimensions(r) {
		v.Dimensions = append(v.Dimensions, dimensionOf(r, t, d))
	}
	v.vocabulary(r, t)
	v.Unclear = unclearOf(r.Analysis["accent"].Words)
	v.ToPractise = strconv.Itoa(int(math.Round(norms.ClarityToPractise())))
	v.confidence(r, t, who)
	v.made(r, t)
	v.Kept = o.Sound.kept() && len(v.Segments) > 0
	if v.Scored = v.Overall != nil || len(v.Scores) > 0; !v.Scored {
		v.Facts = append(v.Facts, id...)
	}
	return v
}

func moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") + " UTC" }

func facts(r run, t texts) []factView {
	var out []factView
	add := func(key, value string) {
		if value != "" {
			out = append(out, factView{t.say(key), value})
		}
	}
	if !r.CreatedAt.IsZero() {
		add("head.submitted", moment(r.CreatedAt))
	}
	if r.Audio.DurationFormatted != "" {
		length := r.Audio.DurationFormatted
		switch n := r.Audio.SpeakerCount; {
		case n == 1:
			length = t.say("head.minutes", length, t.say("head.speakers.1"))
		case n > 1:
			length = t.say("head.minutes", length, t.say("head.speakers", n))
		}
		add("head.recording", length)
	}
	add("head.language", t.or("language."+r.Audio.LanguageCode, r.Audio.LanguageCode))
	if d := r.Detection; d.Label == t.say("head.candidate") {
		add("head.candidate", t.say("head.candidate.found", t.or("sure."+d.Confidence, d.Confidence), d.WordCount))
	} else if d.Label != "" {
		add("head.candidate", t.say("head.candidate.sure", d.Label, t.or("sure."+d.Confidence, d.Confidence), d.WordCount))
	}
	add("head.tags", strings.Join(r.Tags, ", "))
	for _, k := range slices.Sorted(maps.Keys(r.Metadata)) {
		out = append(out, factView{k, r.Metadata[k]})
	}
	return out
}

func liveOf(r run, t texts, o Options) *liveView {
	l := &liveView{Queued: r.Status == "queued", Place: r.QueuePosition, Percent: max(0, min(100, r.Progress)), Stage: t.or("stage."+r.Stage, r.Stage),
		Refresh: refreshSeconds, Look: lookSeconds, Watching: !o.File}
	for _, k := range slices.Sorted(maps.Keys(t)) {
		if name, ok := strings.CutPrefix(k, "stage."); ok {
			l.Stages = append(l.Stages, factView{name, t[k]})
		}
	}
	return l
}

const overall = "overall"

// dimensions lists what the run has an analysis or a score of, in the order in which bodies have
// them, with others behind.
func dimensions(r run) []string {
	var out []string
	known := []string{"vocabulary", "fluency", "accent"}
	for _, d := range known {
		if _, ok := r.Analysis[d]; ok {
			out = append(out, d)
		}
	}
	for _, d := range slices.Sorted(maps.Keys(r.Analysis)) {
		if !slices.Contains(known, d) {
			out = append(out, d)
		}
	}
	return out
}

// number reads a member of the scores; ok is false where it is null or missing.
func (r run) number(name string) (v float64, ok bool) {
	var p *float64
	if err := json.Unmarshal(r.Scores[name], &p); err != nil || p == nil {
		return 0, false
	}
	return *p, true
}

func (r run) text(name string) string {
	var s string
	_ = json.Unmarshal(r.Scores[name], &s) // null and missing ones are empty
	return s
}

func (v *view) scores(r run, t texts) {
	if len(r.Scores) == 0 {
		return
	}
	for _, d := range dimensions(r) {
		v.Scores = append(v.Scores, scoreOf(r, t, d, d+"Cefr"))
	}
	all := scoreOf(r, t, overall, "cefrLevel")
	all.All = true
	v.Overall = &all
	levels := []string{"A1", "A2", "B1", "B2", "C1", "C2"}
	cuts := norms.CEFR()
	for i, l := range levels {
		end := 5.0
		if i+1 < len(levels) {
			end = cuts.Number(levels[i+1])
		}
		from := cuts.Number(l)
		v.Cuts = append(v.Cuts, cutView{Level: l, At: 100 * from, Class: "g" + strconv.Itoa(int(math.Round((end-from)*20)))})
		b := bandView{Level: l, From: plain(from), Can: t.say("cefr." + l)}
		if all.Measured {
			b.Here = all.CEFR == l
			b.Maybe = !b.Here && slices.Index(levels, all.lowLevel) <= i && i <= slices.Index(levels, all.highLevel)
		}
		v.Bands = append(v.Bands, b)
	}
	switch {
	case !all.Measured:
	case all.lowLevel == all.highLevel:
		v.BandText = t.say("cefr.intro.one", all.CEFR)
	default:
		v.BandText = t.say("cefr.intro", all.CEFR, all.lowLevel, all.highLevel)
	}
}

func scoreOf(r run, t texts, name, cefr string) scoreView {
	s := scoreView{Name: name, Title: t.or("score."+name, name), Why: r.Explainability[name]}
	points, ok := r.number(name)
	if !ok {
		if s.Why == "" {
			s.Why = r.Analysis[name].Reason
		}
		return s
	}
	s.Measured, s.Points, s.CEFR = true, plain(points), r.text(cefr)
	low, high := points, points
	if c := r.Confidence[name]; c != nil {
		low, high = c.Interval[0], c.Interval[1]
		s.Sure = t.or("sure."+c.Level, c.Level)
	}
	on := func(v float64) float64 { return tenths(100 * max(0, min(5, v))) }
	s.Low, s.High = plain(low), plain(high)
	s.At, s.From, s.Width = on(points), on(low), max(on(high)-on(low), 1)
	s.lowLevel, s.highLevel = levelOf(low), levelOf(high)
	return s
}

func levelOf(points float64) string {
	level := "A1"
	for _, l := range []string{"A2", "B1", "B2", "C1", "C2"} {
		if points >= norms.CEFR().Number(l)-1e-9 {
			level = l
		}
	}
	return level
}

// plain writes a score with its one decimal.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func tenths(v float64) float64 { return math.Round(v*10) / 10 }

// number writes a measure as people say it: three digits at most.
func number(v float64) string {
	decimals := 2
	switch a := math.Abs(v); {
	case a >= 99.5:
		decimals = 0
	case a >= 9.95:
		decimals = 1
	}
	if s := strconv.FormatFloat(v, 'f', decimals, 64); s != "0.00" && s != "-0.00" {
		return s
	}
	return "0"
}

func dimensionOf(r run, t texts, name string) dimensionView {
	a := r.Analysis[name]
	d := dimensionView{Title: t.or("score."+name, name), Explain: r.Explainability[name], Cautions: a.Cautions, Reason: a.Reason}
	if d.Explain != "" {
		d.Reason = "" // the sentences say it
	}
	for _, m := range a.Measures {
		one := measureOf(m, t)
		if m.Weight > 0 {
			d.Counted = append(d.Counted, one)
		} else {
			d.More = append(d.More, one)
		}
	}
	return d
}

func allOf(texts []string, is func(string) bool) bool {
	return !slices.ContainsFunc(texts, func(s string) bool { return !is(s) })
}

func measureOf(m measure, t texts) measureView {
	v := measureView{Name: t.or("measure."+m.Name, m.Label), Label: m.Label, Value: m.Reason}
	said := func(x float64) string {
		switch m.Unit {
		case "ratio", "probability":
			return number(100*x) + " %"
		case "log odds":
			return number(100/(1+math.Exp(-x))) + " %"
		}
		return number(x)
	}
	if m.Value != nil {
		v.Value = t.or("measure."+m.Name+".value", "{0} "+m.Unit)
		v.Value = strings.ReplaceAll(v.Value, "{0}", said(*m.Value))
	} else if v.Value == "" {
		v.Value = t.say("none")
	}
	if m.Weight > 0 {
		v.Share = strconv.Itoa(int(math.Round(100*m.Weight))) + " %"
	}
	n := m.Norm
	if n == nil || n.Low == n.High {
		return v
	}
	v.Norm = t.say("measures.norms", said(n.Low), said(n.High))
	if m.Value == nil {
		return v
	}
	v.HasNorm = true
	at := (*m.Value - n.Low) / (n.High - n.Low)
	v.At = tenths(20 + 60*max(-0.3, min(1.3, at)))
	v.Place = t.say("place." + place(at, said(*m.Value), said(n.Low), said(n.High)))
	return v
}

// place names where a value lies between the ends of its norm: 0 is A2, 1 is C1. A value that shows
// the same as an end is at that end.
func place(at float64, value, low, high string) string {
	switch {
	case value == low:
		return "atA2"
	case value == high:
		return "atC1"
	case at < 0:
		return "below"
	case at > 1:
		return "above"
	case math.Abs(at-0.5) < 0.02:
		return "half"
	case at < 0.5:
		return "nearA2"
	}
	return "nearC1"
}

func (v *view) vocabulary(r run, t texts) {
	a := r.Analysis["vocabulary"]
	for _, b := range a.Bands {
		if b.Said == 0 && len(b.Words) == 0 {
			continue
		}
		w := wordsView{Level: b.Level, Counts: t.say("vocabulary.counts", b.Different, b.Said)}
		switch {
		case b.Said == 1:
			w.Counts = t.say("vocabulary.counts.once")
		case b.Different == 1:
			w.Counts = t.say("vocabulary.counts.1", b.Said)
		}
		for _, one := range b.Words {
			w.Words = append(w.Words, wordView{one.Word, one.Count})
		}
		v.Vocabulary = append(v.Vocabulary, w)
	}
	for _, p := range a.Patterns {
		text := p.Form
		if text == "" && len(p.At) > 0 {
			text = p.At[0].Text
		}
		if text == "" {
			text = p.Name
		}
		v.Patterns = append(v.Patterns, patternView{text, p.Level, p.Count})
	}
	for _, p := range a.Practice {
		one := practiceView{Text: p.Text, T: p.At.StartMs}
		told := func(word string) bool { return strings.Contains(p.Text, word) }
		if len(p.Better) > 0 && !allOf(p.Better, told) {
			one.Better = t.say("vocabulary.better", strings.Join(p.Better, ", "))
		}
		if p.At.Text != "" {
			one.Said = t.say("vocabulary.said", p.At.Text, clock(p.At.StartMs))
		}
		v.Practice = append(v.Practice, one)
	}
}

// A page shows at most maxUnclear words to practise: those below norms.ClarityToPractise, and at
// least fewUnclear.
const maxUnclear, fewUnclear = 20, 5

// tellingSounds is how many sounds a word to practise has at least: the clarity of one or two
// sounds is mostly chance, and nobody practises "a".
const tellingSounds = 3

// lead is how long before a word its playing begins, in ms.
const lead = 300

// unclearOf lists the words to practise, each once, where it was least clear.
func unclearOf(raw json.RawMessage) []unclearView {
	var words []unclear
	if json.Unmarshal(raw, &words) != nil { // of a shape that this page does not know
		return nil
	}
	var out []unclearView
	seen := map[string]bool{}
	for _, w := range words {
		key := strings.ToLower(w.Text)
		if len(w.Sounds) < tellingSounds || seen[key] {
			continue
		}
		if n := len(out); n == maxUnclear || n >= fewUnclear && w.Clarity != nil && *w.Clarity >= norms.ClarityToPractise() {
			break
		}
		seen[key] = true
		one := unclearView{Text: w.Text, At: clock(w.StartMs), T: max(w.StartMs-lead, 0)}
		if w.Clarity != nil {
			one.Width = tenths(max(0, min(100, *w.Clarity)))
			one.Clarity = strconv.Itoa(int(math.Round(one.Width)))
		}
		least := math.Inf(1)
		for _, s := range w.Sounds {
			if s.Clarity != nil {
				least = min(least, *s.Clarity)
			}
		}
		for _, s := range w.Sounds {
			sound := soundView{IPA: s.IPA}
			if s.Clarity != nil {
				sound.Clarity = strconv.Itoa(int(math.Round(*s.Clarity)))
				sound.Least = *s.Clarity <= least
			}
			one.Sounds = append(one.Sounds, sound)
		}
		out = append(out, one)
	}
	return out
}

// speakerClasses is how many colours the speakers have.
const speakerClasses = 4

// speakersOf sums up the speakers, the candidate's colour first.
func speakersOf(r run, t texts) []speakerView {
	var out []speakerView
	total := int64(0)
	other := 1
	for _, s := range r.Transcript.Speakers {
		w := speakerView{id: s.Speaker, Name: s.Label, speaking: s.SpeakingMs, Words: s.WordCount}
		if s.Speaker != r.Transcript.Candidate {
			w.Class = min(other, speakerClasses-1)
			other++
		}
		total += s.SpeakingMs
		out = append(out, w)
	}
	for i := range out {
		w := &out[i]
		for _, s := range r.Transcript.Segments {
			if s.Speaker == w.id {
				w.Turns++
				w.count(s)
			}
		}
		w.Time, w.Share, w.Rate = clock(w.speaking), t.say("none"), t.say("none")
		w.Longest = t.say("timeline.s", plain(float64(w.longestGap)/1000))
		if total > 0 {
			w.Share = strconv.Itoa(int(math.Round(100*float64(w.speaking)/float64(total)))) + " %"
		}
		if w.speaking > 0 {
			w.Rate = strconv.Itoa(int(math.Round(float64(w.Words) / (float64(w.speaking) / 60_000))))
		}
	}
	return out
}

func (w *speakerView) count(s segment) {
	for i, word := range s.Words {
		if asks(word.Text) {
			w.Questions++
		}
		if i > 0 {
			w.longestGap = max(w.longestGap, word.StartMs-s.Words[i-1].EndMs)
		}
	}
}

func segmentsOf(r run, t texts, who []speakerView) []segmentView {
	names := map[speaker]speakerView{}
	for _, w := range who {
		names[w.id] = w
	}
	out := make([]segmentView, 0, len(r.Transcript.Segments))
	for i, s := range r.Transcript.Segments {
		w := names[s.Speaker]
		v := segmentView{N: i + 1, Class: w.Class, T: s.StartMs, At: clock(s.StartMs), Name: w.Name}
		v.Label = t.say("transcript.play", v.At, v.Name)
		if len(s.Words) == 0 {
			v.Undistinct = s.Text
		}
		v.words(s)
		out = append(out, v)
	}
	return out
}

// words writes a segment's words: their texts in stretches of one confidence, and their times as
// steps of 10 ms, since most of a long page is this.
func (v *segmentView) words(s segment) {
	var deltas strings.Builder
	at := s.StartMs / 10
	for i, w := range s.Words {
		step := w.StartMs/10 - at
		at += step
		if i > 0 {
			deltas.WriteByte(' ')
		}
		deltas.WriteString(strconv.FormatInt(step, 10))
		class := ""
		switch {
		case w.Confidence == nil: // not known: as it is
		case *w.Confidence < mediumWord:
			class = "l"
		case *w.Confidence < sureWord:
			class = "m"
		}
		// One word is one text without a space, as the script counts them.
		text := strings.Join(strings.Fields(w.Text), " ")
		if text == "" {
			text = "…"
		}
		if n := len(v.Words); n > 0 && v.Words[n-1].Class == class {
			v.Words[n-1].Text += " " + text
		} else {
			v.Words = append(v.Words, heardView{text, class})
		}
	}
	v.T, v.Deltas = s.StartMs/10*10, deltas.String()
}

// What makes scores sure, as package overall has it: words, and seconds of speech.
const (
	sureWords   = 300
	sureSeconds = 120
	// wide is the width of an interval from which it is worth a word.
	wide = 0.8
)

// confidence says what makes the scores less sure, and what would make them surer.
func (v *view) confidence(r run, t texts, who []speakerView) {
	if len(r.Scores) == 0 {
		return
	}
	seen := map[string]bool{}
	lower := func(text, raise string) {
		if text != "" && !seen[text] {
			seen[text] = true
			v.Lowers = append(v.Lowers, text)
		}
		if key := "raises." + raise; raise != "" && !seen[key] {
			seen[key] = true
			v.Raises = append(v.Raises, t.say(key))
		}
	}
	for _, c := range r.Audio.Quality.Cautions {
		lower(c, "recording")
	}
	if c := r.Detection.Confidence; c == "medium" || c == "low" {
		lower(t.say("lowers.detection", t.say("sure."+c)), "candidate")
	}
	if n := r.Detection.WordCount; n > 0 && n < sureWords {
		lower(t.say("lowers.words", n), "longer")
	}
	for _, w := range who {
		if w.id == r.Transcript.Candidate && w.speaking < sureSeconds*1000 {
			lower(t.say("lowers.time", w.Time), "longer")
		}
	}
	for _, d := range dimensions(r) {
		for _, c := range r.Analysis[d].Cautions {
			lower(c, "")
		}
		if r.Analysis[d].Reason != "" {
			lower(t.or("score."+d, d)+": "+r.Analysis[d].Reason, "longer")
		}
		if c := r.Confidence[d]; c != nil && c.Interval[1]-c.Interval[0] > wide+1e-9 {
			lower(t.say("lowers.interval", t.or("score."+d, d), plain(c.Interval[1]-c.Interval[0])), "longer")
		}
	}
	if len(v.Lowers) == 0 {
		v.Lowers = []string{t.say("confidence.nothing")}
	}
	lower("", "second")
}

func (v *view) made(r run, t texts) {
	add := func(key, value string) {
		if value != "" {
			v.Made = append(v.Made, factView{t.say(key), value})
		}
	}
	add("head.run", r.ID)
	add("made.version", r.Version)
	if r.Method != "" {
		add("made.method", t.or("made."+r.Method, r.Method))
	}
	if r.CompletedAt != nil {
		add("made.ended", moment(*r.CompletedAt))
	}
	var sound []string
	q := r.Audio.Quality
	for _, one := range []struct {
		key   string
		value *float64
	}{{"made.quality.snr", q.SNRDb}, {"made.quality.speech", q.SpeechPercent}, {"made.quality.band", q.BandwidthHz}} {
		if one.value != nil {
			sound = append(sound, t.say(one.key, strconv.Itoa(int(math.Round(*one.value)))))
		}
	}
	add("made.quality", strings.Join(sound, ", "))
	for _, d := range dimensions(r) {
		for _, m := range r.Analysis[d].Measures {
			if m.Norm != nil && m.Norm.Source != "" && m.Weight > 0 {
				text := t.or("measure."+m.Name, m.Label) + ": " + m.Norm.Source
				if !slices.Contains(v.Sources, text) {
					v.Sources = append(v.Sources, text)
				}
			}
		}
	}
}
