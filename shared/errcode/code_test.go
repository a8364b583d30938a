package errcode_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"parley/shared/errcode"
)

// Ensure the table holds each code of the client documentation, with the status of its section.
func TestTableHoldsTheDocumentedCodes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "spec", "error-codes.txt"))
	if err != nil {
		t.Skip("the client documentation is not beside this checkout:", err)
	}
	section := regexp.MustCompile(`^(\d{3}) — `)
	row := regexp.MustCompile(`^([A-Z][A-Z_]{3,}) \|`)
	status, seen := 0, 0
	for line := range strings.SplitSeq(string(text), "\n") {
		if m := section.FindStringSubmatch(line); m != nil {
			fmt.Sscan(m[1], &status)
		}
		if strings.HasPrefix(line, "Terminal failures") {
			status = -1
		}
		m := row.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		seen++
		e, ok := errcode.Lookup(errcode.Code(m[1]))
		switch {
		case !ok:
			t.Errorf("%s is documented and not in the table", m[1])
		case status == -1 && !e.Terminal:
			t.Errorf("%s is documented as terminal and is not", m[1])
		case status > 0 && e.Status != status:
			t.Errorf("%s answers %d, documented as %d", m[1], e.Status, status)
		}
	}
	if seen < 30 {
		t.Fatalf("read only %d codes", seen)
	}
}

func TestEveryRowCanBeShown(t *testing.T) {
	for _, e := range errcode.Table {
		if e.Message == "" || !strings.HasSuffix(e.Message, ".") {
			t.Errorf("%s: message %q is not a sentence", e.Code, e.Message)
		}
		if e.Status == 0 && !e.Terminal {
			t.Errorf("%s can neither be answered nor end a run", e.Code)
		}
		if len(e.By) == 0 || e.Terminal != e.Raised(errcode.Chain) {
			t.Errorf("%s is raised by %v; terminal is %v", e.Code, e.By, e.Terminal)
		}
	}
}

func TestOf(t *testing.T) {
	cause := errors.New("disk on fire")
	for name, tt := range map[string]struct {
		err  error
		want errcode.Code
	}{
		"an error without a code is internal": {cause, errcode.InternalError},
		"a code is found inside":              {fmt.Errorf("submit: %w", errcode.New(errcode.AudioTooShort)), errcode.AudioTooShort},
	} {
		t.Run(name, func(t *testing.T) {
			e := errcode.Of(tt.err)
			if e.Code != tt.want {
				t.Errorf("code %s, want %s", e.Code, tt.want)
			}
			if strings.Contains(e.Text(), "fire") {
				t.Errorf("the text %q shows the cause", e.Text())
			}
		})
	}
	if errcode.Of(nil) != nil {
		t.Error("no error has a code")
	}
}

func TestWithLeavesTheOriginalAlone(t *testing.T) {
	a := errcode.New(errcode.InsufficientCredits).With("cost", 4)
	b := a.With("available", 3)
	if len(a.Details) != 1 || len(b.Details) != 2 {
		t.Errorf("details %v and %v", a.Details, b.Details)
	}
}
