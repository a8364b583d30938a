package main

import (
	"math"
	"strings"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/conversation"
	"parley/shared/speech/transcript"
)

// interview is a recording of segments of seconds, the interviewer's given as negative, half a
// second apart; each segment holds a tone and one word.
func interview(name string, seconds ...float64) recording {
	r := recording{name: name}
	at := 0.5
	r.pcm = make([]int16, audio.SampleRate/2)
	for _, s := range seconds {
		role, level := conversation.RoleCandidate, 2000.0
		if s < 0 {
			role, level, s = conversation.RoleInterviewer, 8000, -s
		}
		r.ref.Segments = append(r.ref.Segments, conversation.Segment{Start: at, End: at + s, Speaker: role, Text: role + " speaks"})
		r.words = append(r.words, transcript.Word{Text: role, StartMs: int64(1000 * at), EndMs: int64(1000*at) + 400, P: 0.9})
		for i := range int(s * audio.SampleRate) {
			r.pcm = append(r.pcm, int16(level*math.Sin(float64(i)/5)))
		}
		r.pcm = append(r.pcm, make([]int16, audio.SampleRate/2)...)
		at += s + 0.5
	}
	r.ref.Duration = at
	return r
}

// spoken are the seconds of each role, and the order of the roles by their first letters.
func spoken(r recording) (seconds map[string]float64, order string) {
	seconds = map[string]float64{}
	for _, s := range r.ref.Segments {
		seconds[s.Speaker] += s.End - s.Start
		order += s.Speaker[:1]
	}
	return seconds, order
}

func TestConditions(t *testing.T) {
	all := []recording{
		interview("a_b_one_x", -4, 6, 6, -3, 8, 5, -5, 7),
		interview("a_b_one_y", -4, 6),
		interview("a_b_two_z", -2, 6, -3, 5),
	}
	for _, c := range conditions {
		t.Run(c.name, func(t *testing.T) {
			r := c.make(all, 0)
			seconds, order := spoken(r)
			own, others := seconds[conversation.RoleCandidate], seconds[conversation.RoleInterviewer]
			switch c.name {
			case "short answers":
				for _, s := range r.ref.Segments {
					if s.Speaker == conversation.RoleCandidate && s.End-s.Start > shortMs/1000.0+1e-3 {
						t.Errorf("an answer of %.2f s", s.End-s.Start)
					}
				}
			case "candidate first":
				if order != "cciccic" {
					t.Error(order)
				}
			case "talkative interviewer":
				if share := others / (own + others); math.Abs(share-talkative) > 0.02 || order != "icicic" {
					t.Errorf("%s, the interviewer has %.2f", order, share)
				}
			case "three speakers":
				if order != "iccsccic" || len(seconds) != 3 {
					t.Error(order)
				}
			case "one speaker":
				if order != "ccccc" {
					t.Error(order)
				}
			default:
				if order != "icciccic" || len(r.pcm) != len(all[0].pcm) {
					t.Errorf("%s, %d samples of %d", order, len(r.pcm), len(all[0].pcm))
				}
			}
			words := ""
			for i, w := range r.words {
				words += w.Text[:1]
				s := r.ref.Segments[i]
				if middle := float64(w.StartMs+w.EndMs) / 2000; middle < s.Start-0.01 || middle > s.End+0.01 {
					t.Errorf("word %d at %.2f s lies outside its segment, %.2f to %.2f s", i, middle, s.Start, s.End)
				}
			}
			if want := strings.ReplaceAll(order, "s", "i"); words != want {
				t.Errorf("words of %s, segments of %s", words, want)
			}
			// The sound is where the truth says; another device is weaker.
			for i, s := range r.ref.Segments {
				if level := rms(part(r.pcm, int64(1000*s.Start)+50, int64(1000*s.End)-50)); level < 400 {
					t.Errorf("segment %d is silent: %.0f", i, level)
				}
			}
			again := c.make(all, 0)
			if len(again.pcm) != len(r.pcm) || rms(again.pcm) != rms(r.pcm) {
				t.Error("it is another one the second time")
			}
		})
	}
}

func TestEqualLoudnessIsEqual(t *testing.T) {
	r := interview("a", -4, 6).equal()
	a, b := r.ref.Segments[0], r.ref.Segments[1]
	x, y := rms(part(r.pcm, int64(1000*a.Start), int64(1000*a.End))), rms(part(r.pcm, int64(1000*b.Start), int64(1000*b.End)))
	if math.Abs(x-y) > 0.02*x {
		t.Errorf("%.0f and %.0f", x, y)
	}
}

func TestNoiseLies15DbBelowTheSpeech(t *testing.T) {
	r := interview("a", 6, 6)
	pcm := noisy(r)
	for i := range pcm {
		pcm[i] -= r.pcm[i]
	}
	s := r.ref.Segments[0]
	if db := 20 * math.Log10(rms(part(r.pcm, int64(1000*s.Start), int64(1000*s.End)))/rms(pcm)); math.Abs(db-noiseDb) > 0.5 {
		t.Errorf("%.1f dB", db)
	}
}

func TestTelephoneLeavesItsBand(t *testing.T) {
	for hz, kept := range map[float64]bool{100: false, 1000: true, 3000: true, 5000: false} {
		r := recording{pcm: make([]int16, audio.SampleRate)}
		for i := range r.pcm {
			r.pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/audio.SampleRate))
		}
		before := rms(r.pcm)
		if share := rms(telephone(r)) / before; (share > 0.9) != kept || !kept && share > 0.1 {
			t.Errorf("%.0f Hz: %.2f of it is left", hz, share)
		}
	}
}

func TestComposedConversationsHaveTheirShare(t *testing.T) {
	var people []person
	for _, id := range []string{"1", "2", "3"} {
		p := person{id: id, group: "f adult"}
		for range 5 {
			x := make([]int16, 3*audio.SampleRate)
			for i := range x {
				x[i] = int16(4000 * math.Sin(float64(i)/8))
			}
			p.utterances = append(p.utterances, x)
		}
		people = append(people, p)
	}
	for n := range shares {
		c := compose(people, n)
		seconds, order := spoken(c.recording)
		share := seconds[conversation.RoleCandidate] / (seconds[conversation.RoleCandidate] + seconds[conversation.RoleInterviewer])
		if math.Abs(share-c.share) > 0.07 || order[0] != 'i' || len(c.recording.pcm) < composedSeconds*audio.SampleRate {
			t.Errorf("share %.2f, want %.2f, %s", share, c.share, order)
		}
	}
}
