package main

import "testing"

func TestWordErrorsAreCountedPerSpeaker(t *testing.T) {
	ref := append(tokens("Do you like it here?", "interviewer"), tokens("Yes, I've been here 6 years.", "candidate")...)
	cases := []struct {
		name, heard            string
		interviewer, candidate int
	}{
		{"the same, written another way", "do you like it here yes i’ve been here six years", 0, 0},
		{"a word replaced", "do you hike it here yes i've been here six years", 1, 0},
		{"a word left out", "do you like it here yes i've been six years", 0, 1},
		{"a word put in", "do you like it here yes i've been here for six years", 0, 1},
		{"nothing heard", "", 5, 6},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			errors, words := wordErrors(ref, tokens(tc.heard, ""))
			if words["interviewer"] != 5 || words["candidate"] != 6 {
				t.Fatalf("words %v", words)
			}
			if errors["interviewer"] != tc.interviewer || errors["candidate"] != tc.candidate {
				t.Errorf("errors %v, want %d and %d", errors, tc.interviewer, tc.candidate)
			}
		})
	}
	if errors, words := wordErrors(nil, ref); len(errors) != 0 || len(words) != 0 {
		t.Errorf("against nothing: %v %v", errors, words)
	}
}

func TestStrayWordsAreThoseOfTheOtherSpeaker(t *testing.T) {
	said := func(interviewer, candidate string) []token {
		return append(tokens(interviewer, "interviewer"), tokens(candidate, "candidate")...)
	}
	ref := said("Do you like it here?", "Yes, I've been here six years.")
	for name, tc := range map[string]struct {
		heard     []token
		stray, of int
	}{
		"none":                         {ref, 0, 11},
		"the last word of a question":  {said("Do you like it", "here? Yes, I've been here six years."), 1, 11},
		"the first words of an answer": {said("Do you like it here? Yes, I've", "been here six years."), 2, 11},
		"a misheard word":              {said("Do you like it", "hear? Yes, I've been here six years."), 1, 11},
		"a word put in is nobody's":    {said("Do you like it here? Well", "Yes, I've been here six years."), 0, 11},
		"nothing":                      {nil, 0, 0},
	} {
		if stray, of := strayWords(ref, tc.heard); stray != tc.stray || of != tc.of {
			t.Errorf("%s: %d of %d, want %d of %d", name, stray, of, tc.stray, tc.of)
		}
	}
}
