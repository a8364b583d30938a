// Package conversation joins what was said with who spoke when. It gives each word to a speaker,
// finds the candidate among them, and refuses a recording of which too little was understood.
package conversation

import (
	"fmt"
	"sort"
	"strings"
	"unicode"

	"parley/shared/errcode"
	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/transcript"
)

// The rules that end a run. A recording must pass all of them.
const (
	// MinWords is the fewest words that count as something intelligible: below it
	// TRANSCRIPTION_FAILED.
	MinWords = 20
	// MinSpeechMs is the least speech, in ms as the recogniser's voice activity detection finds it,
	// that counts as something to hear: below it TRANSCRIPTION_FAILED.
	MinSpeechMs = 10_000
	// MinLanguageP is the probability of the requested language, 0 to 1, mean over the chunks
	// weighted by their speech: below it, where another language is the most probable one,
	// TRANSCRIPTION_LOW_CONFIDENCE. Of the eight speakers of speechocean762's training split with
	// the lowest human totals (2.3 to 5.4 of 10, over a minute each) the recogniser took six for
	// speakers of Mandarin or Latin, English at 0.20 to 0.44; synthetic German, Spanish, Russian,
	// Italian and French had English at 0.002 to 0.04, synthetic Dutch, taken for no language
	// surely, at 0.20. The shared interviews have 0.86 and more.
	MinLanguageP = 0.1
	// minOtherP is the probability from which another language is heard at all, in place of nothing
	// that is intelligible.
	minOtherP = 0.5
	// MinWordP is the mean probability of the words, 0 to 1: below it TRANSCRIPTION_LOW_CONFIDENCE.
	// The same eight speakers have 0.50 to 0.78, the lowest of them with as many errors as words;
	// the shared interviews 0.80 to 0.87.
	MinWordP = 0.35
)

// maxWords and maxTurns bound the join: three times what 45 minutes of fast speech hold.
const (
	maxWords = 30_000
	maxTurns = 6_000
)

// Join makes the conversation of the recogniser's chunks (in any order), the diarization and the
// intake. language is the requested one, ISO 639-1; hint is what the client says of who the
// candidate is. Where the channels are used separately the chunks are those of the intake, in its
// order.
//
// A *errcode.Error TRANSCRIPTION_FAILED says that nothing intelligible was heard,
// TRANSCRIPTION_LOW_CONFIDENCE that another language was heard or that too little is certain. Any
// other error is a bound exceeded.
func Join(chunks []transcript.Chunk, d diarization.Diarization, intake audio.Intake, language string, hint transcript.Hint) (transcript.Conversation, error) {
	tracks := make([][]transcript.Chunk, max(1, len(intake.Tracks)))
	for i, c := range chunks {
		k := intake.TrackOf(i)
		tracks[k] = append(tracks[k], c)
	}
	said := make([][]transcript.Word, len(tracks))
	var words []transcript.Word
	for k := range tracks {
		said[k] = collect(tracks[k])
		words = append(words, said[k]...)
	}
	if len(words) > maxWords || len(d.Turns) > maxTurns {
		return transcript.Conversation{}, fmt.Errorf("conversation: join: %d words and %d turns are more than a recording holds", len(words), len(d.Turns))
	}
	heard, p, err := understood(chunks, words, language)
	if err != nil {
		return transcript.Conversation{}, err
	}
	conv := transcript.Conversation{Language: language, Heard: heard, LanguageP: p, Unrated: !transcript.Rated(words)}
	d, again := reheard(words, spoken(d, tracks), language)
	turns := merged(d, words, intake)
	if len(intake.Tracks) > 0 {
		conv.Turns = apart(said, turns, d.Tracks)
	} else {
		conv.Turns = assign(words, turns)
		cross(conv.Turns, d)
	}
	mixed := foreign(conv.Turns, chunks, language)
	conv.Speakers = totals(conv.Turns, d)
	leaveOut(&conv)
	conv.Candidate = choose(conv, d.Tracks, hint)
	conv.Candidate = labelled(conv, tracks, doubt(conv, again))
	if heard, p, ok := answered(conv, chunks, mixed); ok {
		conv.Heard, conv.LanguageP = heard, p
	}
	if s := conv.Candidate.Speaker; s < len(d.Tracks) {
		conv.Candidate.Channel = transcript.Channels[d.Tracks[s]]
	}
	if k := conv.Candidate.Channel.Track(); k < len(tracks) {
		conv.Voice = voice(tracks[k])
	}
	return conv, nil
}

// voice is where the recogniser's voice detection found speech in the chunks of one sound.
func voice(chunks []transcript.Chunk) []audio.Span {
	var all []audio.Span
	for _, c := range chunks {
		all = append(all, c.Speech...)
	}
	return audio.Union(all)
}

// apart gives the words of each channel to the turns of the speakers who are heard in it, so that
// who speaks at the same time as another keeps the words. track tells the channel of each speaker.
func apart(said [][]transcript.Word, turns []transcript.Turn, track []int) []transcript.Turn {
	of := make([][]transcript.Turn, len(said))
	for _, t := range turns {
		if t.Speaker < len(track) && track[t.Speaker] < len(of) {
			of[track[t.Speaker]] = append(of[track[t.Speaker]], t)
		}
	}
	out := make([]transcript.Turn, 0, len(turns))
	for k, words := range said {
		out = append(out, assign(words, of[k])...)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].StartMs < out[j].StartMs })
	return out
}

// cross notes where somebody else speaks at the same time as a turn's speaker. A stretch that ends
// where the turn begins, or the other way round, is the turn's too: two speak in it, and these are
// the nearest.
func cross(turns []transcript.Turn, d diarization.Diarization) {
	if d.Speakers < 2 {
		return
	}
	for i, t := range turns {
		for _, s := range d.Both {
			if s.StartMs <= t.EndMs+transcript.CrossedMs && s.EndMs >= t.StartMs-transcript.CrossedMs {
				turns[i].Crossed = append(turns[i].Crossed, s)
			}
		}
	}
}

// Voices is the conversation as far as the sound alone tells it: turns without words, and the
// candidate by speaking time.
func Voices(d diarization.Diarization) transcript.Conversation {
	c := transcript.Conversation{Turns: merged(d, nil, audio.Intake{})}
	c.Speakers = totals(c.Turns, d)
	c.Candidate = detect(c)
	return c
}

// collect puts the chunks' words in order: the chunks by time, the words in each as the recogniser
// gave them, because its order is surer than its times. Of a stretch that two chunks cover, the
// earlier one's words stay.
func collect(chunks []transcript.Chunk) []transcript.Word {
	chunks = append([]transcript.Chunk(nil), chunks...)
	sort.SliceStable(chunks, func(i, j int) bool { return chunks[i].Span.StartMs < chunks[j].Span.StartMs })
	var words []transcript.Word
	var covered int64
	for _, c := range chunks {
		for _, w := range c.Words {
			w.Text = strings.TrimSpace(w.Text)
			w.EndMs = max(w.EndMs, w.StartMs)
			if w.Text == "" || (w.StartMs+w.EndMs)/2 < covered {
				continue
			}
			words = append(words, w)
		}
		covered = max(covered, c.Span.EndMs)
	}
	return words
}

// understood applies the rules that end a run, and tells the language heard and the probability of
// the requested one.
func understood(chunks []transcript.Chunk, words []transcript.Word, language string) (heard string, requestedP float64, err error) {
	var speech int64
	votes := map[string]float64{}
	for _, c := range chunks {
		var ms int64
		for _, s := range c.Speech {
			ms += s.Len()
		}
		speech += ms
		requestedP += float64(ms) * c.RequestedP
		if c.Heard != "" {
			votes[c.Heard] += float64(ms) * c.HeardP
		}
	}
	spoken, sum := 0, 0.0
	for _, w := range words {
		if letters(w.Text) {
			spoken++
			sum += w.P
		}
	}
	if speech < MinSpeechMs {
		return "", 0, tooLittle(spoken, speech)
	}
	requestedP /= float64(speech)
	for l, v := range votes {
		if heard == "" || v > votes[heard] || v == votes[heard] && l < heard {
			heard = l
		}
	}
	heardP := votes[heard] / float64(speech)
	if heard == "" { // the recogniser does not tell
		heard, requestedP = language, 1
	}
	other := heard != language && requestedP < MinLanguageP
	// Of another language often no word is written at all.
	if spoken < MinWords && (!other || heardP < minOtherP) {
		return "", 0, tooLittle(spoken, speech)
	}
	if other {
		return "", 0, &errcode.Error{Code: errcode.TranscriptionLowConfidence,
			Message: fmt.Sprintf("The speech sounds like another language ('%s'), not like the requested one ('%s'). Resubmit the recording with the language that is spoken.", heard, language),
			Cause:   fmt.Errorf("conversation: heard %s, requested %s with probability %.2f", heard, language, requestedP)}
	}
	if transcript.Rated(words) {
		return heard, requestedP, certain(sum / float64(spoken))
	}
	return heard, requestedP, nil
}

// certain refuses a mean probability of words that is too low.
func certain(mean float64) error {
	if mean >= MinWordP {
		return nil
	}
	return &errcode.Error{Code: errcode.TranscriptionLowConfidence,
		Message: "Too little of what was said could be understood with certainty. Resubmit a clearer recording.",
		Cause:   fmt.Errorf("conversation: mean word probability %.2f", mean)}
}

// WithSample adds to a conversation whose words have no probability what our own recogniser heard
// of the candidate (transcript.Conversation.Sample). TRANSCRIPTION_LOW_CONFIDENCE where that is too
// uncertain.
func WithSample(c transcript.Conversation, sample []transcript.Word) (transcript.Conversation, error) {
	c.Sample = sample
	spoken, sum := 0, 0.0
	for _, w := range sample {
		if letters(w.Text) {
			spoken, sum = spoken+1, sum+w.P
		}
	}
	if spoken == 0 {
		return c, nil // the scores say that nothing was heard
	}
	return c, certain(sum / float64(spoken))
}

func tooLittle(words int, speechMs int64) error {
	return &errcode.Error{Code: errcode.TranscriptionFailed,
		Message: "Too little understandable speech was heard in the recording. Check that it holds the interview and is loud and clear enough, then resubmit it.",
		Cause:   fmt.Errorf("conversation: %d words in %d ms of speech", words, speechMs)}
}

// letters tells whether a word holds anything that is spoken.
func letters(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) >= 0
}

// totals sums up the speakers: the time by the diarization, the words by the join. Every speaker of
// either is there.
func totals(turns []transcript.Turn, d diarization.Diarization) []transcript.SpeakerTotal {
	n := max(d.Speakers, 1)
	for _, t := range turns {
		n = max(n, t.Speaker+1)
	}
	out := make([]transcript.SpeakerTotal, n)
	for i := range out {
		out[i].Speaker = i
	}
	for _, t := range d.Turns {
		if t.Speaker >= 0 && t.Speaker < n {
			out[t.Speaker].SpeakingMs += t.Len()
		}
	}
	for _, t := range turns {
		for _, w := range t.Words {
			if letters(w.Text) && !t.Aside {
				out[t.Speaker].WordCount++
			}
		}
		if len(d.Turns) == 0 {
			out[t.Speaker].SpeakingMs += t.EndMs - t.StartMs
		}
	}
	return out
}
