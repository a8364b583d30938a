// Package transcript holds what was said: words with their times and probabilities, who said them,
// and the port through which a recogniser is asked.
package transcript

import (
	"context"
	"errors"
	"slices"

	"parley/shared/speech/audio"
)

// Word is one word as the recogniser heard it.
type Word struct {
	Text    string `json:"text"` // as written, with case and punctuation
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
	// P is the geometric mean of the probabilities of the word's tokens, punctuation left out, 0
	// to 1; 0: the recogniser gives none that ours could be compared with.
	P float64 `json:"p"`
	// Voice is the recogniser's own label of who speaks, within its piece; empty: it has none. It
	// is a hint: who says a word is decided by the sound.
	Voice string `json:"voice,omitempty"`
	// Others are words that may have been said in its place, the likeliest first. Empty: none is
	// known.
	Others []Other `json:"others,omitempty"`
}

// Other is a word that may have been said in the place of the one that was heard.
type Other struct {
	Text string  `json:"text"` // with case, without punctuation
	P    float64 `json:"p"`    // 0 to 1; what is left to 1 is the chance of the word that was heard
}

// Rated tells whether any of the words has a probability.
func Rated(words []Word) bool {
	return slices.ContainsFunc(words, func(w Word) bool { return w.P > 0 })
}

// Chunk is what the recogniser heard in one piece of a recording; times are those of the recording.
type Chunk struct {
	Span  audio.Span `json:"span"`
	Words []Word     `json:"words"`
	// Speech is where the recogniser's own voice activity detection found speech.
	Speech []audio.Span `json:"speech"`
	// Heard is the most probable language, ISO 639-1, with its probability; empty where there is no
	// speech. RequestedP is the probability of the language that was asked for.
	Heard      string  `json:"heard"`
	HeardP     float64 `json:"heardP"`
	RequestedP float64 `json:"requestedP"`
}

// Turn is a stretch of one speaker, between two of another's.
type Turn struct {
	Speaker int    `json:"speaker"` // from 0, in order of appearance
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
	Words   []Word `json:"words"`
	// Crossed is where somebody else speaks at the same time, in or beside the turn, in order. It
	// is known of one sound; turns of different channels run beside each other.
	Crossed []audio.Span `json:"crossed,omitempty"`
	// Aside is true where the turn is no part of the interview: an announcement before it, or talk
	// in another language. Nothing in it is scored.
	Aside bool `json:"aside,omitempty"`
}

// Detection is who the candidate is, and why.
type Detection struct {
	Speaker    int    `json:"speaker"`
	Confidence string `json:"confidence"` // high, medium or low
	Reason     string `json:"reason"`     // a sentence for people
	WordCount  int    `json:"wordCount"`  // words of the candidate
	// Channel is the one that the candidate is heard in, where the channels are used separately;
	// else empty.
	Channel Channel `json:"channel,omitempty"`
	// Hint is what the client said of who the candidate is; empty: nothing.
	Hint Hint `json:"hint,omitempty"`
}

// Hint is what a client knows of who the candidate is; empty: nothing.
type Hint string

// The hints.
const (
	HintFirst  Hint = "first"  // the first to speak
	HintSecond Hint = "second" // the second to speak
	HintLeft   Hint = "left"   // the left channel's speaker
	HintRight  Hint = "right"  // the right channel's speaker
	HintMost   Hint = "most"   // the one who speaks most
)

// Hints lists them.
var Hints = []Hint{HintFirst, HintSecond, HintLeft, HintRight, HintMost}

// Channel is the one that the hint names; empty: none.
func (h Hint) Channel() Channel {
	if c := Channel(h); c == Left || c == Right {
		return c
	}
	return ""
}

// Channel names one of two channels that are used separately; empty where there is one sound.
type Channel string

// The channels.
const (
	Left  Channel = "left"
	Right Channel = "right"
)

// Channels lists them in the order of their tracks.
var Channels = []Channel{Left, Right}

// Track is the number of the channel's sound, 0 where there is one only.
func (c Channel) Track() int {
	if c == Right {
		return 1
	}
	return 0
}

// SpeakerTotal is one speaker's share.
type SpeakerTotal struct {
	Speaker    int   `json:"speaker"`
	SpeakingMs int64 `json:"speakingMs"`
	WordCount  int   `json:"wordCount"`
	// Outside is true of who speaks only before the interview: neither candidate nor interviewer.
	Outside bool `json:"outside,omitempty"`
}

// Conversation is the joined result of transcription and diarization: the artefact that the scorers
// read.
type Conversation struct {
	Turns     []Turn         `json:"turns"` // by start
	Speakers  []SpeakerTotal `json:"speakers"`
	Candidate Detection      `json:"candidate"`
	Language  string         `json:"language"` // of the words: the requested one, ISO 639-1
	// Heard is the language that the speech was taken for. It may be another than that of the
	// words: a strong accent sounds like its origin.
	Heard string `json:"heard"`
	// LanguageP is the probability of the requested language, weighted by the candidate's speech in
	// the chunks.
	LanguageP float64 `json:"languageP"`
	// Voice is where the recogniser's voice activity detection heard speech in the candidate's
	// sound, of anybody, in order, not overlapping; nil: the recogniser does not tell.
	Voice []audio.Span `json:"voice,omitempty"`
	// Sample is some of the candidate's speech as our own recogniser heard it, in order, with its
	// probabilities, where another one's words have none; nil: the words of the turns have them.
	Sample []Word `json:"sample,omitempty"`
	// Unrated is true where the words of the turns have no probability.
	Unrated bool `json:"unrated,omitempty"`
}

// Judged are the turns with the words whose probabilities tell how surely the candidate is heard:
// those of Sample where the turns' own have none.
func (c Conversation) Judged() []Turn {
	turns := c.CandidateTurns()
	if !c.Unrated {
		return turns
	}
	k := 0
	for i := range turns {
		turns[i].Words = nil
		for ; k < len(c.Sample) && (c.Sample[k].StartMs < turns[i].EndMs || i == len(turns)-1); k++ {
			turns[i].Words = append(turns[i].Words, c.Sample[k])
		}
	}
	return turns
}

// Scored tells whether a turn is one of the candidate's in the interview.
func (c Conversation) Scored(t Turn) bool { return t.Speaker == c.Candidate.Speaker && !t.Aside }

// CandidateTurns are the candidate's turns in the interview, by start, as far as they are scored:
// see Turn.Clear.
func (c Conversation) CandidateTurns() []Turn {
	var out []Turn
	for _, t := range c.Turns {
		if !c.Scored(t) {
			continue
		}
		rest := t.Clear()
		if rest.Len() <= 0 && t.StartMs < t.EndMs {
			continue
		}
		if len(t.Crossed) > 0 {
			t.Words = slices.DeleteFunc(slices.Clone(t.Words), t.Doubtful)
			t.StartMs, t.EndMs = rest.StartMs, rest.EndMs
		}
		out = append(out, t)
	}
	return out
}

// CrossedMs is how near the end of a turn must be to a stretch in which two speak at once for the
// speaker to be one of the two: that is how closely the ends are known.
const CrossedMs = 200

// Clear is the turn without what two say at once at its beginning or its end: whose words and whose
// sound those are is in doubt. What another says into the middle of a turn stays in it, because the
// turn's speaker goes on. Nothing is left of a turn that lies in such a stretch.
func (t Turn) Clear() audio.Span {
	rest := audio.Span{StartMs: t.StartMs, EndMs: t.EndMs}
	for _, s := range t.Crossed {
		if s.StartMs <= rest.StartMs+CrossedMs {
			rest.StartMs = min(max(rest.StartMs, s.EndMs), rest.EndMs)
		}
	}
	for i := len(t.Crossed) - 1; i >= 0; i-- {
		if s := t.Crossed[i]; s.EndMs >= rest.EndMs-CrossedMs {
			rest.EndMs = max(rest.StartMs, min(rest.EndMs, s.StartMs))
		}
	}
	return rest
}

// Doubtful tells of a word of the turn whether its middle lies in what Clear leaves out.
func (t Turn) Doubtful(w Word) bool {
	rest, middle := t.Clear(), (w.StartMs+w.EndMs)/2
	return slices.ContainsFunc(t.Crossed, func(s audio.Span) bool {
		return (s.EndMs <= rest.StartMs || s.StartMs >= rest.EndMs) && s.StartMs <= middle && middle < s.EndMs
	})
}

// The recogniser's refusals.
var (
	// ErrDenied says that the provider refused our credentials or is not configured.
	ErrDenied = errors.New("transcript: the recogniser refused the credentials or is not configured")
	// ErrProvider says that the provider gave up on this piece.
	ErrProvider = errors.New("transcript: the recogniser gave up")
	// ErrPending says that the provider is at work on this piece, or will take it later.
	ErrPending = errors.New("transcript: the recogniser is not done")
)

// Job names a piece of a run for a recogniser that works elsewhere.
type Job struct {
	Name string // of this piece in this life of the run's attempt, and of nothing else
	// Sound and Answer are the keys of the run's objects that hold what is sent and what comes
	// back.
	Sound, Answer string
}

// Remote is a recogniser that works elsewhere, for longer than a function should wait. Its words
// have no probability, and it says nothing of the language: what measures take of these was
// calibrated to our own recogniser.
type Remote interface {
	// Transcribe begins the job of a piece, or returns what it heard. The rest is as in Recogniser.
	// ErrPending: to be called again when the job has ended. ErrDenied. An *errcode.Error says that
	// the job failed for good. Any other error is a failure on the way.
	Transcribe(ctx context.Context, job Job, pcm []int16, offsetMs int64, language string) (Chunk, error)
	// Forget deletes what the provider keeps of a job. An unknown one is not an error.
	Forget(ctx context.Context, name string) error
}

// Ear finds out about a sound what needs no words: where there is speech, and in which language.
type Ear interface {
	// Hear is Recogniser.Transcribe without the words.
	Hear(ctx context.Context, pcm []int16, offsetMs int64, language string) (Chunk, error)
}

// Recogniser turns speech into words while its caller waits. One that works elsewhere is a Remote.
type Recogniser interface {
	// Transcribe hears one piece: pcm is 16 kHz mono, offset its start in the recording in ms,
	// language ISO 639-1. Silence and noise give no words. The work stops with ctx. ErrDenied,
	// ErrProvider.
	Transcribe(ctx context.Context, pcm []int16, offsetMs int64, language string) (Chunk, error)
	// Version names the engine and its model: part of what a score depends on.
	Version() string
}
