package batch

import (
	"context"
	"fmt"
	"strings"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/transcript"
)

// words puts the row's words into the turns: those of its text, or what the recogniser hears in the
// speech. Stretches of speech are joined into windows, because the recogniser hears half a minute
// at a time, at the cost of half a minute.
func (e Engine) words(ctx context.Context, row Row, m *score.Material, speech timing.Speech) error {
	if row.Text != "" {
		if len(m.Conversation.Turns) == 0 {
			m.Conversation.Turns = []transcript.Turn{{}}
		}
		given(strings.Fields(row.Text), m.Conversation.Turns)
		m.Conversation.Candidate.WordCount = len(strings.Fields(row.Text))
		return nil
	}
	turns := m.Conversation.Turns
	which := make([]int, len(speech.Parts))
	for i := range which {
		which[i] = i
	}
	var p, weight float64
	for _, w := range speech.Join(which) {
		chunk, err := e.Recogniser.Transcribe(ctx, w.PCM, 0, e.Language)
		if err != nil {
			return fmt.Errorf("recognise: %w", err)
		}
		for _, word := range chunk.Words {
			piece := w.At(int((word.StartMs + word.EndMs) / 2 * 16))
			word.StartMs += piece.OffsetMs
			word.EndMs += piece.OffsetMs
			t := &turns[speech.Parts[piece.Part].Turn]
			t.Words = append(t.Words, word)
			m.Conversation.Candidate.WordCount++
		}
		m.Conversation.Voice = append(m.Conversation.Voice, voice(w, chunk.Speech)...)
		if chunk.Heard != "" {
			length := float64(len(w.PCM))
			p += chunk.RequestedP * length
			weight += length
		}
	}
	if weight > 0 {
		m.Conversation.LanguageP = p / weight
	}
	return nil
}

// voice is where in the recordings the speech lies that was found in a window: what crosses the
// silence between two pieces is cut there.
func voice(w timing.Window, speech []audio.Span) []audio.Span {
	var out []audio.Span
	for _, p := range w.Pieces {
		from, end := ms(p.From), ms(p.End)
		for _, s := range speech {
			if s = (audio.Span{StartMs: max(s.StartMs, from), EndMs: min(s.EndMs, end)}); s.Len() > 0 {
				out = append(out, audio.Span{StartMs: s.StartMs + p.OffsetMs, EndMs: s.EndMs + p.OffsetMs})
			}
		}
	}
	return out
}

// given spreads the words of a text evenly over the turns, with probability 1.
func given(words []string, turns []transcript.Turn) {
	var total int64
	for _, t := range turns {
		total += t.EndMs - t.StartMs
	}
	per := total / int64(max(len(words), 1))
	k := 0
	for i := range turns {
		for at := turns[i].StartMs; k < len(words) && (i == len(turns)-1 || at+per/2 < turns[i].EndMs); at += per {
			turns[i].Words = append(turns[i].Words, transcript.Word{Text: words[k], StartMs: at, EndMs: at + per, P: 1})
			k++
		}
	}
}

// unheard returns the material without probabilities of words, because the words were given.
func unheard(m score.Material) score.Material {
	turns := make([]transcript.Turn, len(m.Conversation.Turns))
	for i, t := range m.Conversation.Turns {
		t.Words = append([]transcript.Word(nil), t.Words...)
		for k := range t.Words {
			t.Words[k].P = 0
		}
		turns[i] = t
	}
	m.Conversation.Turns = turns
	return m
}
