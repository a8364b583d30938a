package conversation

import (
	"strings"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/transcript"
)

const ivr = "Thank you for calling. This call may be recorded. Please hold, and somebody will be with you shortly."

// later moves lines to follow after others with a pause.
func later(lines []said, at int64) []said {
	out := following(append([]said(nil), lines...), 400)
	for i := range out {
		out[i].at += at
	}
	return out
}

// people shifts the speakers of lines.
func people(lines []said, by int) []said {
	out := append([]said(nil), lines...)
	for i := range out {
		out[i].speaker += by
	}
	return out
}

// long is an interview of a minute and more.
func long() []said {
	var out []said
	for range 3 {
		out = append(out, interview...)
	}
	return out
}

// Ensure that who speaks only before the interview is neither candidate nor interviewer, and that
// who is part of it stays.
func TestWhoIsNotInTheInterview(t *testing.T) {
	words := func(lines []said, speaker int) (n int) {
		for _, l := range lines {
			if l.speaker == speaker {
				n += len(strings.Fields(l.text))
			}
		}
		return n
	}
	for _, c := range []struct {
		name      string
		lines     []said
		outside   []int // speakers
		candidate int
		level     string
	}{
		{"an announcement of another voice", append(following([]said{{0, 0, ivr}}, 0), later(people(long(), 1), 40_000)...), []int{0}, 2, High},
		{"two who talk before and say nothing later", append(following([]said{{0, 0, "How was your trip?"}, {1, 0, "It was long."}, {0, 0, "Please sit down."}}, 300), later(people(long(), 2), 20_000)...), []int{0, 1}, 3, High},
		{"one who opens and comes back", append(later([]said{{0, 0, "Good morning, this is my colleague."}}, 0), append(later(people(long(), 1), 8000), said{0, 110_000, "Thank you, you will hear from us."})...), nil, 2, High},
		{"one who reads the questions to the only other", append(following([]said{{0, 0, "Please tell us about yourself and your work."}}, 0), said{1, 8000, strings.Repeat("I worked in a factory for three years. ", 20)}), nil, 1, High},
		{"who speaks first for long is no announcement", append(following([]said{{0, 0, strings.Repeat("I worked in a factory for three years. ", 20)}}, 0), later(people(long(), 1), 90_000)...), nil, -1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			chunks, d := script(c.lines)
			conv, err := Join(chunks, d, audio.Intake{}, "en", "")
			if err != nil {
				t.Fatal(err)
			}
			var outside []int
			for _, s := range conv.Speakers {
				if s.Outside {
					outside = append(outside, s.Speaker)
				}
			}
			if len(outside) != len(c.outside) {
				t.Fatalf("outside %v, want %v", outside, c.outside)
			}
			for i := range outside {
				if outside[i] != c.outside[i] {
					t.Errorf("outside %v, want %v", outside, c.outside)
				}
			}
			for _, x := range conv.Turns {
				if want := conv.Speakers[x.Speaker].Outside; x.Aside != want {
					t.Errorf("the turn at %d is aside: %v", x.StartMs, x.Aside)
				}
			}
			if c.candidate < 0 {
				return
			}
			if got := conv.Candidate; got.Speaker != c.candidate || got.Confidence != c.level || got.WordCount != words(c.lines, c.candidate) || (len(outside) > 0) != strings.Contains(got.Reason, "before the interview") {
				t.Errorf("%+v, %d words", got, words(c.lines, c.candidate))
			}
		})
	}
}

// Ensure that an announcement is left out though its voice is taken for the candidate's, and that
// what an interviewer says at the beginning is not.
func TestAnAnnouncementOfALikeVoice(t *testing.T) {
	rest := later(people(long(), 0), 40_000)
	for _, c := range []struct {
		name, text string
		gap        int64
		aside      bool
	}{
		{"an announcement, and long after it the interview", ivr, 40_000, true},
		{"the same without a pause, but another voice follows", ivr, 11_000, true},
		{"two of its phrases without a pause", "Thank you for calling, and please hold your questions until the end.", 8000, false},
		{"two of its phrases before a pause", "Thank you for calling, and please hold your questions until the end.", 40_000, true},
		{"one of its phrases", "Hello, please hold your questions until the end of this talk.", 40_000, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := append(later([]said{{1, 0, c.text}}, 0), rest...)
			for i := range lines[1:] {
				lines[i+1].at += c.gap - 40_000
			}
			chunks, d := script(lines)
			conv, err := Join(chunks, d, audio.Intake{}, "en", "")
			if err != nil {
				t.Fatal(err)
			}
			n := 3 * 38 // words of the candidate in the interview
			if !c.aside {
				n += len(strings.Fields(c.text))
			}
			own := 0 // the voice of the announcement speaks first
			if conv.Candidate.Speaker != own || conv.Candidate.WordCount != n || conv.Turns[0].Aside != c.aside {
				t.Errorf("%+v, want %d words; the first turn is aside: %v", conv.Candidate, n, conv.Turns[0].Aside)
			}
		})
	}
}

// Ensure that music is no voice, that a long tone is none of the candidate's, and that without
// marked speech everything stays.
func TestMusicIsNoVoice(t *testing.T) {
	for _, c := range []struct {
		name     string
		music    int // its voice
		marked   bool
		speakers int
		turns    int
	}{
		{"music that was taken for a voice", 2, true, 2, 4},
		{"a tone in the candidate's voice", 1, true, 2, 4},
		{"music, but the recogniser marks no speech", 2, false, 3, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			chunks, d := script(later(interview, 40_000))
			chunks[0].Span.StartMs = 0
			chunks[0].Speech = nil
			if c.marked {
				for _, x := range d.Turns {
					chunks[0].Speech = append(chunks[0].Speech, x.Span)
				}
			}
			d.Turns = append([]diarization.Turn{{Speaker: c.music, Span: audio.Span{StartMs: 5000, EndMs: 35_000}}}, d.Turns...)
			d.Speakers = max(2, c.music+1)
			got := spoken(d, [][]transcript.Chunk{chunks})
			if got.Speakers != c.speakers || len(got.Turns) != c.turns || c.marked && got.Turns[0].Speaker != 0 {
				t.Errorf("%d speakers, %+v", got.Speakers, got.Turns)
			}
		})
	}
}

// Ensure that small talk in another language is not the candidate's English, that the language is
// that of the answers, and that an accent is no other language.
func TestSmallTalkInAnotherLanguage(t *testing.T) {
	spanish := []said{{0, 0, "Claro que sí, también mi familia es del sur."}, {1, 0, "Así que en verano vamos casi todos los días."}}
	for _, c := range []struct {
		name       string
		heard      string
		heardP, p  float64 // of the first piece
		secondP    float64
		aside      int
		language   string
		candidates int // words
	}{
		{"two turns in Spanish, then English in the same piece", "es", 0.95, 0.02, 0.98, 2, "en", 4 * 38},
		{"heard as Spanish, but English is likely too", "es", 0.9, 0.06, 0.98, 0, "en", 9 + 4*38},
		{"hardly heard as Spanish", "es", 0.79, 0.02, 0.98, 0, "en", 9 + 4*38},
		{"the rest is not sure to be English either", "es", 0.95, 0.02, 0.45, 0, "en", 9 + 4*38},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, d := script(following(append(append([]said(nil), spanish...), interview...), 400))
			end := first[0].Span.EndMs
			second, e := script(later(long(), end))
			first[0].Heard, first[0].HeardP, first[0].RequestedP = c.heard, c.heardP, c.p
			second[0].RequestedP, second[0].HeardP, second[0].Heard = c.secondP, c.secondP, "en"
			second[0].Span.StartMs = end
			second[0].Speech = []audio.Span{{StartMs: end, EndMs: end + 120_000}}
			d.Turns = append(d.Turns, e.Turns...)
			conv, err := Join(append(first, second...), d, audio.Intake{}, "en", "")
			if err != nil {
				t.Fatal(err)
			}
			aside := 0
			for _, x := range conv.Turns {
				if x.Aside {
					aside++
				}
			}
			if aside != c.aside || conv.Heard != c.language || conv.Candidate.Speaker != 1 || conv.Candidate.WordCount != c.candidates {
				t.Errorf("%d turns aside, heard %s, %+v", aside, conv.Heard, conv.Candidate)
			}
		})
	}
}
