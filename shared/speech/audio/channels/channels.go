// Package channels finds out what the two channels of a recording are to each other and how to
// listen to them: mixed as they are, one of them alone, one turned back to the other's polarity, or
// each for itself because each holds its own speaker. It works on the sound alone, in one pass of
// bounded memory; the decision may change along the recording.
//
// Four ways of listening are compared: left, right, their mean, and half their difference. Each is
// as good as the speech in it stands out of its own noise, band by band, after the Speech
// Intelligibility Index (ANSI S3.5-1997). That one measure finds opposite phase (the mean loses its
// speech), a dead channel (nothing in it), hum and tones (they are the noise floor) and comb
// filtering.
package channels

import "fmt"

// Used says how the channels of a recording are used, in the API's words.
type Used string

// The ways of using channels.
const (
	Mono     Used = "mono"     // there is one channel
	Mixed    Used = "mixed"    // one sound is made of all
	Left     Used = "left"     // the left channel alone
	Right    Used = "right"    // the right channel alone
	Separate Used = "separate" // each channel holds a speaker, or some, of its own
)

// Choice is what the client asks for; empty: Auto.
type Choice string

// The choices.
const (
	Auto     Choice = "auto"     // by what is heard
	AskMixed Choice = "mixed"    // one sound, whatever the channels hold
	AskApart Choice = "separate" // a speaker to a channel
)

// Choices lists them, the default first.
var Choices = []Choice{Auto, AskMixed, AskApart}

// Stretch is how the channels make one sound from a moment on: left*Left + right*Right.
type Stretch struct {
	FromMs      int64
	Left, Right float64
}

// Span is a stretch of the recording in ms from its beginning, Start included, End not.
type Span struct{ StartMs, EndMs int64 }

// Decision is how the two channels are listened to.
type Decision struct {
	Used Used
	// Note says in a sentence what was decided and why; empty where the channels are mixed as they
	// are.
	Note string
	// Stretches make one sound; the first begins at 0. Empty where Used is Separate.
	Stretches []Stretch
	// gates are, where Used is Separate, what each channel is multiplied with, by frame.
	gates [2][]float32
	// own are the frames in which a channel's own speaker is heard.
	own [2][]bool
}

// Plain tells whether the channels are mixed evenly from beginning to end, as any decoder does it.
func (d Decision) Plain() bool {
	return d.Used == Mixed && len(d.Stretches) == 1 && d.Stretches[0].Left == 0.5 && d.Stretches[0].Right == 0.5
}

// Decide listens to interleaved samples of two channels at SampleRate, 50 minutes at most; the
// error says that there are more.
func Decide(pcm []int16, ask Choice) (Decision, error) {
	s, err := measure(pcm)
	if err != nil {
		return Decision{}, err
	}
	e := newEar(s)
	if ask != AskMixed {
		d, ok, why := e.apart(ask == AskApart)
		if ok {
			return d, nil
		}
		if ask == AskApart {
			d := e.together()
			d.Note = joined(fmt.Sprintf("The channels were asked for separately, but %s.", why), d.Note)
			return d, nil
		}
	}
	return e.together(), nil
}

func joined(a, b string) string {
	if b == "" {
		return a
	}
	return a + " " + b
}
