package main

import (
	"strings"
	"testing"

	"parley/shared/speech/conversation"
)

func TestAScriptIsRead(t *testing.T) {
	ref, err := readScript(strings.NewReader("# remark\n\nI 700 Good morning. How are you?\nC 450 Fine, thank you.\n"))
	want := []conversation.Segment{{Speaker: "interviewer", Text: "Good morning. How are you?"}, {Speaker: "candidate", Text: "Fine, thank you."}}
	if err != nil || len(ref.Segments) != len(want) || ref.Segments[0] != want[0] || ref.Segments[1] != want[1] {
		t.Errorf("got %+v, %v", ref, err)
	}
	for _, bad := range []string{"X 700 Who is it?", "I", "C 450"} {
		if _, err := readScript(strings.NewReader(bad)); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}
