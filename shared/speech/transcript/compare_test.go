package transcript

import (
	"strings"
	"testing"
)

func TestNormal(t *testing.T) {
	for text, want := range map[string]string{"Hello, World!": "hello world", "I don’t - 'know' 26.": "i don't know 26", "": "", "well-known": "well known", "Être": "être", "...": ""} {
		if got := strings.Join(Normal(text), " "); got != want {
			t.Errorf("Normal(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		said, heard string
		want        Edits
	}{
		{"", "", Edits{}},
		{"a b c", "a b c", Edits{Said: 3}},
		{"a b c", "a x c", Edits{Substituted: 1, Said: 3}},
		{"a b c", "a c", Edits{Deleted: 1, Said: 3}},
		{"a b c", "a b b c", Edits{Inserted: 1, Said: 3}},
		{"a b c", "", Edits{Deleted: 3, Said: 3}},
		{"", "a b", Edits{Inserted: 2}},
		{"the cat sat on the mat", "cat sat at the mat mat", Edits{Substituted: 1, Deleted: 1, Inserted: 1, Said: 6}},
	} {
		if got := Compare(strings.Fields(c.said), strings.Fields(c.heard)); got != c.want {
			t.Errorf("Compare(%q, %q) = %+v, want %+v", c.said, c.heard, got, c.want)
		}
	}
	if got := Compare(strings.Fields("a b c d"), strings.Fields("a b")).WER(); got != 0.5 {
		t.Errorf("WER = %v", got)
	}
}
