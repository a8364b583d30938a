package page_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// sample makes a poll body of this many minutes: the recorded answer with a whole transcript, which
// the recorded one has shortened, and with every list that a body may have.
func sample(t testing.TB, minutes int) []byte {
	t.Helper()
	body := recorded(t, "success")
	script, err := os.ReadFile("../../infra/sample/interview.txt")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, uint64(minutes)))
	var segments []any
	at := int64(600)
	words := [2]int{}
	speaking := [2]int64{}
	for n := 0; at < int64(minutes)*60_000-20_000; n++ {
		for line := range strings.SplitSeq(string(script), "\n") {
			name, rest, _ := strings.Cut(line, " ")
			_, said, _ := strings.Cut(rest, " ") // the pause
			who := strings.Index("IC", name)
			if who < 0 || name == "" {
				continue
			}
			texts := strings.Fields(said)
			if len(texts) == 0 || at > int64(minutes)*60_000-20_000 {
				continue
			}
			from := at
			heard := []any{}
			for _, w := range texts {
				length := 120 + random.Int64N(330)
				p := 1 - random.ExpFloat64()/14
				heard = append(heard, map[string]any{"text": w, "startMs": at, "endMs": at + length, "confidence": max(p, 0.05)})
				at += length
				if random.IntN(9) == 0 {
					at += 250 + random.Int64N(1100)
				}
			}
			segments = append(segments, map[string]any{"speaker": fmt.Sprintf("speaker_%d", who+1), "startMs": from, "endMs": at, "text": strings.Join(texts, " "), "confidence": 0.9,
				"overlap": random.IntN(20) == 0, "words": heard})
			words[who] += len(texts)
			speaking[who] += at - from
			at += 300 + random.Int64N(900)
		}
	}
	body["audio"].(map[string]any)["durationMs"] = minutes * 60_000
	body["transcript"] = map[string]any{"segments": segments, "candidateText": "", "candidateSpeaker": "speaker_2", "speakers": []any{
		map[string]any{"speaker": "speaker_1", "speakerLabel": "Interviewer", "speakingMs": speaking[0], "wordCount": words[0]},
		map[string]any{"speaker": "speaker_2", "speakerLabel": "Candidate", "speakingMs": speaking[1], "wordCount": words[1]},
	}}
	analysis := body["analysis"].(map[string]any)
	var unclear, bands, practice, patterns []any
	for i := range 60 {
		unclear = append(unclear, map[string]any{"text": "warehouse", "startMs": 5000 + i*1000, "endMs": 5600 + i*1000, "clarity": i, "sounds": []any{
			map[string]any{"ipa": "w", "startMs": 5000, "endMs": 5100, "clarity": i}, map[string]any{"ipa": "ɛə", "startMs": 5100, "endMs": 5200, "clarity": i + 9},
			map[string]any{"ipa": "h", "startMs": 5200, "endMs": 5300, "clarity": i + 20}, map[string]any{"ipa": "aʊ", "startMs": 5300, "endMs": 5400, "clarity": 90}}})
	}
	at2 := map[string]any{"segment": 1, "word": 0, "words": 1, "startMs": 7400, "endMs": 7800, "text": "good", "confidence": 0.9}
	for i, level := range []string{"A1", "A2", "B1", "B2", "C1", "C2"} {
		var list []any
		for n := range 20 {
			list = append(list, map[string]any{"word": fmt.Sprintf("word%d", n), "part": "verb", "count": 21 - n, "at": at2})
		}
		bands = append(bands, map[string]any{"level": level, "different": 20, "said": 200 - 30*i, "words": list})
	}
	for i := range 20 {
		patterns = append(patterns, map[string]any{"name": fmt.Sprint("pattern", i), "form": "because", "kind": "clause", "level": "A2", "count": 3, "at": []any{at2}})
	}
	for range 3 {
		practice = append(practice, map[string]any{"measure": "steps", "text": "You say good six times.", "better": []any{"useful", "solid"}, "at": at2})
	}
	// The recorded answer has two measures of each; a whole one has these, too.
	for dimension, names := range map[string][]string{"fluency": {"phonationRatio", "peakRate", "wordProbability", "weakPhonesGop"}, "accent": {"weakPhonesGop", "phonationRatio", "languageOdds"}} {
		a := analysis[dimension].(map[string]any)
		for _, name := range names {
			a["measures"] = append(a["measures"].([]any), map[string]any{"name": name, "label": name, "value": 0.85, "unit": "ratio", "weight": 0.2, "contribution": 0.1,
				"norm": map[string]any{"low": 0.64, "high": 0.79, "source": "provisional: means of the speakers with a human accuracy of 5.5-6.5 and of 8.5-10"}})
		}
	}
	accent, vocabulary := analysis["accent"].(map[string]any), analysis["vocabulary"].(map[string]any)
	accent["words"], vocabulary["bands"], vocabulary["practice"], vocabulary["patterns"] = unclear, bands, practice, patterns
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// recorded reads an answer that was recorded from a running system.
func recorded(t testing.TB, name string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile("../api/examples/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatal(err)
	}
	return body
}
