package conversation

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"parley/shared/errcode"
	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/transcript"
)

// said is one line of a script: who says what, from when, at two words a second.
type said struct {
	speaker int
	at      int64 // ms
	text    string
}

const wordMs = 500

// script makes the recogniser's and the diarization's view of a conversation, both exact.
func script(lines []said) ([]transcript.Chunk, diarization.Diarization) {
	var d diarization.Diarization
	var words []transcript.Word
	end := int64(0)
	for _, l := range lines {
		at := l.at
		for w := range strings.FieldsSeq(l.text) {
			words = append(words, transcript.Word{Text: w, StartMs: at, EndMs: at + wordMs - 50, P: 0.9})
			at += wordMs
		}
		d.Turns = append(d.Turns, diarization.Turn{Speaker: l.speaker, Span: audio.Span{StartMs: l.at, EndMs: max(at, l.at+wordMs)}})
		d.Speakers = max(d.Speakers, l.speaker+1)
		end = max(end, at)
	}
	return []transcript.Chunk{chunk(0, end, words...)}, d
}

func chunk(start, end int64, words ...transcript.Word) transcript.Chunk {
	s := audio.Span{StartMs: start, EndMs: end}
	return transcript.Chunk{Span: s, Words: words, Speech: []audio.Span{s}, Heard: "en", HeardP: 0.98, RequestedP: 0.98}
}

// following lays lines one after the other with a pause between them.
func following(lines []said, pause int64) []said {
	at := int64(500)
	for i := range lines {
		lines[i].at = at
		at += int64(len(strings.Fields(lines[i].text)))*wordMs + pause
	}
	return lines
}

func texts(t transcript.Turn) string {
	var s []string
	for _, w := range t.Words {
		s = append(s, w.Text)
	}
	return strings.Join(s, " ")
}

var interview = []said{
	{0, 0, "Hello and welcome. Could you tell me about your last job?"},
	{1, 0, "Yes. I worked in a factory for three years and I was responsible for the machines of the night shift."},
	{0, 0, "What was hard about it?"},
	{1, 0, "The hours were long, and we had not enough people, so I had to learn everything by myself."},
}

func TestWordsGoToTheSpeakerWhoseTurnItIs(t *testing.T) {
	chunks, d := script(following(append([]said(nil), interview...), 400))
	conv, err := Join(chunks, d, audio.Intake{}, "en", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(conv.Turns) != len(interview) {
		t.Fatalf("%d turns, want %d", len(conv.Turns), len(interview))
	}
	for i, l := range interview {
		if got := texts(conv.Turns[i]); got != l.text || conv.Turns[i].Speaker != l.speaker {
			t.Errorf("turn %d: speaker %d says %q, want speaker %d, %q", i, conv.Turns[i].Speaker, got, l.speaker, l.text)
		}
	}
	if conv.Language != "en" || conv.Heard != "en" || conv.LanguageP < 0.97 || conv.LanguageP > 0.99 {
		t.Errorf("language %q %.2f", conv.Language, conv.LanguageP)
	}
	if c := conv.Candidate; c.Speaker != 1 || c.WordCount != 38 || c.Confidence != High {
		t.Errorf("candidate %+v", c)
	}
	if s := conv.Speakers; len(s) != 2 || s[0].WordCount != 16 || s[1].SpeakingMs != 38*wordMs {
		t.Errorf("speakers %+v", s)
	}
}

func TestTwoAtOnceAreTheTurnsOfBoth(t *testing.T) {
	chunks, d := script(following(append([]said(nil), interview...), 400))
	end, begin := d.Turns[0].EndMs, d.Turns[1].StartMs
	at := func(turns []transcript.Turn) (out []int) {
		for i, t := range turns {
			if len(t.Crossed) > 0 {
				out = append(out, i)
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		both     audio.Span
		speakers int
		want     []int
	}{
		"over the change":                 {audio.Span{StartMs: end - 500, EndMs: begin + 500}, 2, []int{0, 1}},
		"in one turn, up to its end":      {audio.Span{StartMs: end - 500, EndMs: end}, 2, []int{0}},
		"in one turn, near the next":      {audio.Span{StartMs: end - 500, EndMs: begin - transcript.CrossedMs}, 2, []int{0, 1}},
		"in one turn, far from the next":  {audio.Span{StartMs: end - 500, EndMs: begin - transcript.CrossedMs - 1}, 2, []int{0}},
		"in the middle of a turn":         {audio.Span{StartMs: begin + 2000, EndMs: begin + 3000}, 2, []int{1}},
		"where only one voice is counted": {audio.Span{StartMs: begin + 2000, EndMs: begin + 3000}, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := d
			d.Both = []audio.Span{c.both}
			if c.speakers == 1 {
				d.Speakers, d.Turns = 1, []diarization.Turn{{Span: audio.Span{StartMs: 0, EndMs: d.Turns[3].EndMs}}}
			}
			conv, err := Join(chunks, d, audio.Intake{}, "en", "")
			if err != nil {
				t.Fatal(err)
			}
			if got := at(conv.Turns); !slices.Equal(got, c.want) {
				t.Errorf("turns %v, want %v", got, c.want)
			}
		})
	}
}

// Ensure that words which the recogniser put up to 250 ms too early or too late still land with
// their sentence.
func TestLooseWordTimesAreSnappedToSentences(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		chunks, d := script(following(append([]said(nil), interview...), 300))
		shift := int64(0)
		for i := range chunks[0].Words {
			if i%5 == 0 {
				shift = r.Int64N(501) - 250
			}
			w := &chunks[0].Words[i]
			w.StartMs = max(0, w.StartMs+shift)
			w.EndMs = w.StartMs + 450
		}
		conv, err := Join(chunks, d, audio.Intake{}, "en", "")
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range interview {
			if got := texts(conv.Turns[i]); got != l.text {
				t.Errorf("seed %d, turn %d: %q, want %q", seed, i, got, l.text)
			}
		}
	}
}

// Ensure that a word which the recogniser stretched over the pause, deep into the other's turn,
// stays with its sentence; and that the times alone decide where nothing is punctuated.
func TestAStretchedWordStaysWithItsSentence(t *testing.T) {
	bare := func(text string) string {
		return strings.ToLower(strings.NewReplacer(".", "", "?", "", ",", "").Replace(text))
	}
	for _, tc := range []struct {
		name string
		// ms: of the last word of a turn into the next, of the first word of a turn into the one
		// before
		stretch, early int64
		change         func(string) string
	}{
		{"the last word ends 1.2 s into the answer", 1200, 0, nil},
		{"the first word begins 1.2 s before the answer", 0, 1200, nil},
		{"without punctuation, times that are right", 0, 0, bare},
		{"without punctuation, 200 ms late", 200, 0, bare},
	} {
		lines := following(append([]said(nil), interview...), 700)
		// a sentence of one word may stand on either side
		lines[1].text = strings.TrimPrefix(lines[1].text, "Yes. ")
		for i := range lines {
			if tc.change != nil {
				lines[i].text = tc.change(lines[i].text)
			}
		}
		chunks, d := script(lines)
		at := 0
		for i, l := range lines[:len(lines)-1] {
			at += len(strings.Fields(l.text))
			last, first := &chunks[0].Words[at-1], &chunks[0].Words[at]
			if tc.stretch > 0 {
				last.EndMs = d.Turns[i+1].StartMs + tc.stretch
				first.StartMs = last.EndMs
				first.EndMs = max(first.EndMs, first.StartMs)
			}
			if tc.early > 0 {
				first.StartMs = d.Turns[i].EndMs - tc.early
				last.EndMs = first.StartMs
				last.StartMs = min(last.StartMs, last.EndMs)
			}
		}
		conv, err := Join(chunks, d, audio.Intake{}, "en", "")
		if err != nil {
			t.Fatal(tc.name, err)
		}
		for i, l := range lines {
			if got := texts(conv.Turns[i]); got != l.text {
				t.Errorf("%s, turn %d: %q, want %q", tc.name, i, got, l.text)
			}
		}
	}
}

func TestJoinTakesWhatIsOutOfTheOrdinary(t *testing.T) {
	long := strings.Repeat("word ", 30)
	type check func(t *testing.T, c transcript.Conversation)
	words := func(turn, n int) check {
		return func(t *testing.T, c transcript.Conversation) {
			t.Helper()
			if turn >= len(c.Turns) || len(c.Turns[turn].Words) != n {
				t.Errorf("turns %+v: want %d words in turn %d", c.Turns, n, turn)
			}
		}
	}
	base := []said{{0, 1000, long + "end."}, {1, 20000, "Yes. Of course."}}
	outside := transcript.Word{Text: "late.", StartMs: 60000, EndMs: 60500, P: 0.9}
	early := transcript.Word{Text: "Early.", StartMs: 0, EndMs: 200, P: 0.9}
	cases := []struct {
		name   string
		lines  []said
		change func(c []transcript.Chunk, d *diarization.Diarization) []transcript.Chunk
		check  check
	}{
		{"a word after all turns goes to the last one", base, func(c []transcript.Chunk, _ *diarization.Diarization) []transcript.Chunk {
			return append(c, chunk(59000, 61000, outside))
		}, words(1, 4)},
		{"a word before all turns goes to the first one", base, func(c []transcript.Chunk, _ *diarization.Diarization) []transcript.Chunk {
			c[0].Words = append([]transcript.Word{early}, c[0].Words...)
			return c
		}, words(0, 32)},
		{"chunks may come in any order", base, func(c []transcript.Chunk, _ *diarization.Diarization) []transcript.Chunk {
			w := c[0].Words
			return []transcript.Chunk{chunk(20000, 22000, w[31:]...), chunk(0, 17000, w[:31]...)}
		}, words(1, 3)},
		{"of overlapping chunks the earlier one's words stay", base, func(c []transcript.Chunk, _ *diarization.Diarization) []transcript.Chunk {
			w := c[0].Words
			return []transcript.Chunk{chunk(0, 17000, w[:31]...), chunk(10000, 22000, w[20:]...)}
		}, words(0, 31)},
		{"a chunk without words is no harm", base, func(c []transcript.Chunk, _ *diarization.Diarization) []transcript.Chunk {
			return append(c, transcript.Chunk{Span: audio.Span{StartMs: 30000, EndMs: 40000}})
		}, words(0, 31)},
		{"a turn without words stays, empty", []said{{0, 1000, long + "end."}, {1, 20000, ""}}, nil, words(1, 0)},
		{"turns of the same speaker in a row are one", []said{{0, 1000, long + "end."}, {0, 20000, "And more."}}, nil, words(0, 33)},
		{"without turns there is one speaker", base, func(c []transcript.Chunk, d *diarization.Diarization) []transcript.Chunk {
			*d = diarization.Diarization{}
			return c
		}, func(t *testing.T, c transcript.Conversation) {
			if len(c.Speakers) != 1 || c.Speakers[0].WordCount != 34 || c.Speakers[0].SpeakingMs == 0 || len(c.Turns) != 1 {
				t.Errorf("got %+v", c)
			}
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			chunks, d := script(tc.lines)
			if tc.change != nil {
				chunks = tc.change(chunks, &d)
			}
			conv, err := Join(chunks, d, audio.Intake{}, "en", "")
			if err != nil {
				t.Fatal(err)
			}
			tc.check(t, conv)
		})
	}
}

func TestTheRulesThatEndARun(t *testing.T) {
	with := func(words int, speechMs int64, p float64, heard string, heardP, requestedP float64) []transcript.Chunk {
		c := chunk(0, speechMs)
		for i := range words {
			c.Words = append(c.Words, transcript.Word{Text: "word", StartMs: int64(i) * 300, EndMs: int64(i)*300 + 200, P: p})
		}
		c.Heard, c.HeardP, c.RequestedP = heard, heardP, requestedP
		return []transcript.Chunk{c}
	}
	cases := []struct {
		name   string
		chunks []transcript.Chunk
		want   errcode.Code
	}{
		{"nothing at all", nil, errcode.TranscriptionFailed},
		{"speech without words", with(0, 60000, 0.9, "en", 0.9, 0.9), errcode.TranscriptionFailed},
		{"one word too few", with(MinWords-1, 60000, 0.9, "en", 0.9, 0.9), errcode.TranscriptionFailed},
		{"just enough words", with(MinWords, 60000, 0.9, "en", 0.9, 0.9), ""},
		{"speech a little too short", with(50, MinSpeechMs-1, 0.9, "en", 0.9, 0.9), errcode.TranscriptionFailed},
		{"just enough speech", with(50, MinSpeechMs, 0.9, "en", 0.9, 0.9), ""},
		{"another language", with(50, 60000, 0.9, "zh", 0.9, MinLanguageP-0.01), errcode.TranscriptionLowConfidence},
		{"another language, of which no word is written", with(0, 60000, 0, "es", minOtherP, 0.01), errcode.TranscriptionLowConfidence},
		{"no word, and no language that is sure", with(0, 60000, 0, "pl", minOtherP-0.01, 0.01), errcode.TranscriptionFailed},
		{"another language is likelier, but the requested one is likely too", with(50, 60000, 0.9, "zh", 0.5, MinLanguageP), ""},
		{"the requested language is unlikely, but the likeliest", with(50, 60000, 0.9, "en", 0.3, 0.3), ""},
		{"a recogniser that does not tell the language", with(50, 60000, 0.9, "", 0, 0), ""},
		{"words that are hardly certain", with(50, 60000, MinWordP-0.01, "en", 0.9, 0.9), errcode.TranscriptionLowConfidence},
		{"words that are just certain enough", with(50, 60000, MinWordP+1e-9, "en", 0.9, 0.9), ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Join(tc.chunks, diarization.Diarization{}, audio.Intake{}, "en", "")
			var e *errcode.Error
			switch {
			case tc.want == "" && err != nil:
				t.Fatal(err)
			case tc.want != "" && (!errors.As(err, &e) || e.Code != tc.want || e.Message == ""):
				t.Fatalf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// Ensure that one quiet chunk of another language does not outvote the rest.
func TestLanguageIsWeighedBySpeech(t *testing.T) {
	a, b := chunk(0, 55000), chunk(55000, 60000)
	for i := range 40 {
		a.Words = append(a.Words, transcript.Word{Text: "word", StartMs: int64(i) * 1000, EndMs: int64(i)*1000 + 500, P: 0.9})
	}
	b.Words = []transcript.Word{{Text: "word", StartMs: 59_000, EndMs: 60_000, P: 0.9}}
	b.Heard, b.HeardP, b.RequestedP = "cy", 0.99, 0
	conv, err := Join([]transcript.Chunk{b, a}, diarization.Diarization{}, audio.Intake{}, "en", "")
	if err != nil {
		t.Fatal(err)
	}
	if conv.Heard != "en" || conv.LanguageP < 0.89 || conv.LanguageP > 0.91 {
		t.Errorf("language %q, requested with %.3f; want en, 0.898", conv.Heard, conv.LanguageP)
	}
}

// Ensure that English words with so strong an accent that the speech is taken for another language
// stay English words: the scorers ask for the language of the words.
func TestTheLanguageOfTheWordsIsTheRequestedOne(t *testing.T) {
	a := chunk(0, 55000)
	for i := range 40 {
		a.Words = append(a.Words, transcript.Word{Text: "word", StartMs: int64(i) * 1000, EndMs: int64(i)*1000 + 500, P: 0.9})
	}
	a.Heard, a.HeardP, a.RequestedP = "zh", 0.6, 0.3
	conv, err := Join([]transcript.Chunk{a}, diarization.Diarization{}, audio.Intake{}, "en", "")
	if err != nil {
		t.Fatal(err)
	}
	if conv.Language != "en" || conv.Heard != "zh" || conv.LanguageP != 0.3 {
		t.Errorf("words of %q, heard %q, requested with %.2f; want en, zh, 0.3", conv.Language, conv.Heard, conv.LanguageP)
	}
}

func TestTheCandidateIsFound(t *testing.T) {
	answer := "I have worked with many teams and I like to solve problems together with other people because it is more fun."
	speech := "Our company was founded ten years ago and we make machines for hospitals all over the world and we are very proud of them."
	repeat := func(n int, lines ...said) []said {
		var out []said
		for range n {
			out = append(out, lines...)
		}
		return out
	}
	cases := []struct {
		name      string
		lines     []said
		candidate int
		levels    string
	}{
		{"an ordinary interview", repeat(4, said{0, 0, "What did you do there?"}, said{1, 0, answer}), 1, "high"},
		{"an interviewer who talks more than the candidate", repeat(4, said{0, 0, speech + " And how do you work?"}, said{1, 0, answer}), 1, "high medium"},
		{"a candidate who speaks first", append([]said{{0, 0, "Hello, I am Anna, good to meet you."}}, repeat(4, said{1, 0, "Tell me about your work."}, said{0, 0, answer})...), 0, "high"},
		{"a candidate with short answers", repeat(6, said{0, 0, "Do you like your work and the town that you live in?"}, said{1, 0, "Yes, I like it very much."}), 1, "high medium"},
		{"questions without marks", repeat(4, said{0, 0, "Okay, describe your last project."}, said{1, 0, answer}), 1, "high"},
		{"a candidate who tells of questions", repeat(4, said{0, 0, "Okay, that is good to hear from you."}, said{1, 0, "I asked him why do you not work with us? What do you want? And then he told me that he likes his old machine more than the new one."}), 1, "high"},
		{"an afterthought behind the question", repeat(4, said{0, 0, speech + " Why did you leave? Please take your time."}, said{1, 0, answer}), 1, "high medium"},
		{"a candidate who asks at the end", append(repeat(4, said{0, 0, "What did you do there?"}, said{1, 0, answer}), said{1, 0, "How many people work here?"}, said{0, 0, "About two hundred."}), 1, "high"},
		{"nobody asks, one speaks for much longer", repeat(4, said{0, 0, "The sun is bright today."}, said{1, 0, answer}), 1, "high"},
		{"nobody asks, and both speak alike", repeat(4, said{0, 0, answer}, said{1, 0, answer}), 1, "low"},
		{"two interviewers", repeat(3, said{0, 0, "What did you do there?"}, said{1, 0, answer}, said{2, 0, "Why did you leave?"}, said{1, 0, answer}), 1, "high"},
		{"another language, by the marks alone", repeat(4, said{0, 0, "¿Dónde trabajaste antes?"}, said{1, 0, answer}), 1, "high"},
		{"nobody asks, and the one who opens speaks most but of others", repeat(4, said{0, 0, speech}, said{1, 0, "I liked my work there, and I learnt my trade."}), 1, "low medium"},
		{"nobody asks, and the candidate opens and speaks of himself", repeat(4, said{0, 0, answer}, said{1, 0, "You see how we make your machines, and what you would do for us all day here."}), 0, "low medium"},
		{"one speaker", repeat(3, said{0, 0, answer}), 0, "medium"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			chunks, d := script(following(tc.lines, 400))
			conv, err := Join(chunks, d, audio.Intake{}, "en", "")
			if err != nil {
				t.Fatal(err)
			}
			c := conv.Candidate
			if c.Speaker != tc.candidate || !strings.Contains(tc.levels, c.Confidence) {
				t.Errorf("got %+v (%+v), want speaker %d, %s", c, weigh(conv), tc.candidate, tc.levels)
			}
			if !strings.HasSuffix(c.Reason, ".") || c.WordCount != conv.Speakers[c.Speaker].WordCount {
				t.Errorf("detection %+v", c)
			}
		})
	}
}

func TestTheDetectionSaysWhy(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  evidence
		other  evidence
		more   int // speakers beside these two, who are silent
		ofSelf float64
		level  string
		want   string
	}{
		{"all signs agree", evidence{share: 0.849, answers: 0.6}, evidence{share: 0.151, asked: 5, opens: true}, 0, leadMedium, High,
			"This speaker was taken as the candidate because they speak the most (85 % of the speech), mostly answer questions, talk more about themselves and did not open the conversation."},
		{"words of oneself that weigh too little are no reason", evidence{share: 0.849, answers: 0.6}, evidence{share: 0.151, asked: 5, opens: true}, 0, leadMedium - 0.01, High,
			"This speaker was taken as the candidate because they speak the most (85 % of the speech), mostly answer questions and did not open the conversation."},
		{"speaking less is no reason, and is said", evidence{share: 0.4, answers: 0.6}, evidence{share: 0.6, asked: 5, opens: true}, 0, 0, Medium,
			"This speaker was taken as the candidate because they mostly answer questions and did not open the conversation. They speak for 40 % of the time."},
		{"who answers nothing may still ask less", evidence{share: 0.6, opens: true, asked: 1}, evidence{share: 0.4, asked: 2}, 0, 0, Low,
			"This speaker was taken as the candidate because they speak the most (60 % of the speech) and ask fewer questions. The other speaker may be the candidate instead: check the transcript."},
		{"who asks as much as the others does not mostly answer", evidence{share: 0.6, opens: true, asked: 2, answers: 0.5}, evidence{share: 0.4, asked: 2}, 0, 0, Medium,
			"This speaker was taken as the candidate because they speak the most (60 % of the speech)."},
		{"of three, another may be it", evidence{share: 0.5, opens: true}, evidence{share: 0.3}, 1, 0, Low,
			"This speaker was taken as the candidate because they speak the most (50 % of the speech). Another speaker may be the candidate instead: check the transcript."},
		{"no sign stands out", evidence{share: 0.5, opens: true}, evidence{share: 0.5}, 0, 0, Low,
			"This speaker was taken as the candidate because the signs taken together point to them. They speak for 50 % of the time. The other speaker may be the candidate instead: check the transcript."},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := append([]evidence{c.other, c.first}, make([]evidence, c.more)...)
			if got := reason(e, 1, c.ofSelf, c.level); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAttributionCountsWhatWentToTheWrongSpeaker(t *testing.T) {
	ref, err := ReadReference(strings.NewReader(`{"duration": 40, "segments": [
		{"start": 0, "end": 10, "speaker": "interviewer", "text": "a"},
		{"start": 10, "end": 30, "speaker": "candidate", "text": "b"},
		{"start": 32, "end": 40, "speaker": "interviewer", "text": "c"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	at := func(cut int64) (transcript.Conversation, diarization.Diarization) {
		d := diarization.Diarization{Speakers: 2}
		var c transcript.Conversation
		for i, s := range []audio.Span{{StartMs: 0, EndMs: cut}, {StartMs: cut, EndMs: 30000}, {StartMs: 32000, EndMs: 40000}} {
			d.Turns = append(d.Turns, diarization.Turn{Speaker: i % 2, Span: s})
			c.Turns = append(c.Turns, transcript.Turn{Speaker: i % 2, StartMs: s.StartMs, EndMs: s.EndMs})
		}
		c.Candidate.Speaker = 1
		return c, d
	}
	c, d := at(10000)
	if e := Attribution(ref, c, d); e != (Errors{Right: true}) {
		t.Errorf("a perfect one has errors: %+v", e)
	}
	c, d = at(11000)
	e := Attribution(ref, c, d)
	if e.Attribution != 5 || !e.Right {
		t.Errorf("1 s of 20 in the wrong place: %+v, want 5 %%", e)
	}
	if want := 100 * 0.75 / 36.5; e.Confusion < want-0.1 || e.Confusion > want+0.1 || e.DER != e.Confusion {
		t.Errorf("%+v, want a confusion of %.2f and nothing else", e, want)
	}
	if e.Strict < 100*1.0/38-0.1 || e.Strict > 100*1.0/38+0.1 {
		t.Errorf("without a collar %.2f, want the whole second of 38", e.Strict)
	}
	c.Candidate.Speaker = 0
	if e := Attribution(ref, c, d); e.Right {
		t.Errorf("the interviewer passed as the candidate: %+v", e)
	}
}

func TestSpeakersAreMatchedForTheMostTimeInCommon(t *testing.T) {
	// The greatest time in common, a with 1, is no part of the best match: b has nobody else.
	rows := []map[int]int{{1: 10, 2: 9}, {1: 8}, {3: 1}}
	if got := matched(rows, map[int]bool{}); got != 18 {
		t.Errorf("%d, want a with 2, b with 1, c with 3: 18", got)
	}
}

func TestTheJoinIsBounded(t *testing.T) {
	words := func(n int) []transcript.Chunk {
		c := chunk(0, int64(n)*100)
		for i := range n {
			c.Words = append(c.Words, transcript.Word{Text: []string{"word", "word", "word", "word", "word."}[i%5], StartMs: int64(i) * 100, EndMs: int64(i)*100 + 90, P: 0.9})
		}
		return []transcript.Chunk{c}
	}
	turns := func(n int) diarization.Diarization {
		d := diarization.Diarization{Speakers: 2}
		for i := range n {
			d.Turns = append(d.Turns, diarization.Turn{Speaker: i % 2, Span: audio.Span{StartMs: int64(i) * 500, EndMs: int64(i)*500 + 500}})
		}
		return d
	}
	conv, err := Join(words(maxWords), turns(maxTurns), audio.Intake{}, "en", "")
	if err != nil {
		t.Fatal(err)
	}
	for i, turn := range conv.Turns {
		if len(turn.Words) != 5 {
			t.Fatalf("turn %d has %d words, want 5", i, len(turn.Words))
		}
	}
	if _, err := Join(words(maxWords+1), turns(2), audio.Intake{}, "en", ""); err == nil {
		t.Error("one word too many passes")
	}
	if _, err := Join(words(100), turns(maxTurns+1), audio.Intake{}, "en", ""); err == nil {
		t.Error("one turn too many passes")
	}
}

// inOne is a conversation that the diarization heard as one voice; the second way of cutting it, if
// any, is doubted.
func inOne(lines []said, doubted bool) ([]transcript.Chunk, diarization.Diarization) {
	chunks, d := script(following(lines, 400))
	one := diarization.Diarization{Speakers: 1}
	for _, t := range d.Turns {
		one.Turns = append(one.Turns, diarization.Turn{Span: t.Span})
	}
	if doubted {
		one.Doubted = d.Turns
	}
	return chunks, one
}

// Ensure that one voice is one voice only if the words agree.
func TestWordsCheckTheVoices(t *testing.T) {
	repeat := func(n int, lines ...said) (out []said) {
		for range n {
			out = append(out, lines...)
		}
		return out
	}
	question, answer := said{0, 0, "What did you do there?"}, said{1, 0, "I worked with the machines. They were old. We liked them."}
	story := "I worked with the machines for many years. They were old. We liked them. My boss was a good man."
	for name, c := range map[string]struct {
		lines    []said
		doubted  bool
		speakers int
		level    string
		says     string
	}{
		"a dialogue that was heard as one voice is cut anew": {repeat(5, question, answer), true, 2, Medium, "told apart with the help"},
		"without another cut it is doubted":                  {repeat(5, question, answer), false, 1, Low, "reads as questions and answers"},
		"a cut that the words do not bear out is not taken":  {repeat(4, said{0, 0, "I liked it. What did you do there?" + " " + answer.text}, said{1, 0, "How was it? It was good. Where was that? It was here."}), true, 1, Low, "reads as questions and answers"},
		"a monologue stays one voice":                        {repeat(5, said{0, 0, story}, said{1, 0, story}), true, 1, Medium, "Only one voice"},
		"three questions are told, four are asked: three":    {append(repeat(3, question, answer), said{0, 0, story}), true, 1, Medium, "Only one voice"},
		"three questions are told, four are asked: four":     {append(repeat(4, question, answer), said{0, 0, story}), true, 2, Medium, "told apart"},
		"a question among many sentences":                    {append(repeat(4, question), repeat(20, said{1, 0, story})...), true, 1, Medium, "Only one voice"},
	} {
		t.Run(name, func(t *testing.T) {
			chunks, d := inOne(c.lines, c.doubted)
			conv, err := Join(chunks, d, audio.Intake{}, "en", "")
			if err != nil {
				t.Fatal(err)
			}
			if got := conv.Candidate; len(conv.Speakers) != c.speakers || got.Confidence != c.level || !strings.Contains(got.Reason, c.says) {
				t.Errorf("%d speakers, %+v", len(conv.Speakers), got)
			}
		})
	}
	t.Run("a candidate who answers himself is doubted", func(t *testing.T) {
		both := said{1, 0, "Why did you leave? " + answer.text}
		chunks, d := script(following(repeat(3, question, answer, said{0, 0, "Good."}, both), 400))
		conv, err := Join(chunks, d, audio.Intake{}, "en", "")
		if err != nil {
			t.Fatal(err)
		}
		if got := conv.Candidate; got.Speaker != 1 || got.Confidence != Low || !strings.Contains(got.Reason, "another voice") {
			t.Errorf("%+v", got)
		}
	})
	for _, c := range []struct{ name, first, later, level, says string }{
		{"a candidate with one question within a turn is not", "What is that? I asked. I learned it.", "I worked there.", High, ""},
		{"a candidate with two questions within turns is, a little", "What is that? I asked. I learned it.", "How? They told me. I saw it.", Medium, "questions stand within"},
		{"a candidate with three questions within turns is", "What is that? I asked. I learned it. Where is it? They told me. I saw it.", "How? They told me. I saw it.", Low, "reads as questions and answers"},
		{"a candidate who invites once is not", "I worked there.", "Tell me more about that.", High, ""},
		{"a candidate who invites twice is", "Describe a hard day.", "Tell me more about that.", Low, "an interviewer's voice"},
		{"a candidate who greets is not", "Hello, I am glad to be here. Nice to meet you.", "I worked there.", High, ""},
		{"a candidate who greets twice in a turn is, a little", "Hello, I am glad to be here. Hello, both of you.", "I worked there.", Medium, "another voice may be in it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := append([]said{question, {1, 0, c.first}, question, {1, 0, c.later}}, repeat(6, question, answer)...)
			chunks, d := script(following(lines, 400))
			conv, err := Join(chunks, d, audio.Intake{}, "en", "")
			if err != nil {
				t.Fatal(err)
			}
			if got := conv.Candidate; got.Speaker != 1 || got.Confidence != c.level || !strings.Contains(got.Reason, c.says) {
				t.Errorf("%+v", got)
			}
		})
	}
}
