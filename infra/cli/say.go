package main

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/lipgloss"

	"parley/shared/client"
)

// What is printed for people holds text that others chose: a client's reference, name or webhook
// address, what was said in a recording, a server's sentence. None of it may steer the terminal
// that it is shown on, forge a line or a column, or turn the direction of what stands beside it. So
// all of it goes through here; JSON for machines does not, which escapes by its own rules.

// styled is text with escape sequences of our own, made by paint: the only arguments that are
// printed as they are.
type styled string

// paint styles text.
func paint(style lipgloss.Style, format string, args ...any) styled {
	harmless(args)
	return styled(style.Render(fmt.Sprintf(format, args...)))
}

// say prints for a person. The error is the writer's.
func say(w io.Writer, format string, args ...any) error {
	harmless(args)
	_, err := fmt.Fprintf(w, format, args...)
	return err
}

// table lays out for a person what tabs part.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)} }

// printf adds to the table; end tells whether it could be written.
func (t table) printf(format string, args ...any) {
	harmless(args)
	fmt.Fprintf(t.w, format, args...)
}

func (t table) end() error { return t.w.Flush() }

// harmless makes each argument but numbers and styled text printable.
func harmless(args []any) {
	for i, a := range args {
		switch v := a.(type) {
		case nil, styled:
		case string:
			args[i] = printable(v)
		default:
			if k := reflect.TypeOf(a).Kind(); k < reflect.Bool || k > reflect.Complex128 {
				args[i] = printable(fmt.Sprint(a))
			}
		}
	}
}

// printable is s with what a terminal could take for a command, or would show as nothing or in
// another direction, as Go escapes it: control and format characters, line breaks, and bytes that
// are no UTF-8. The joiners of Persian, Hindi and emoji stay.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, rest[0])
		case hidden(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteString(rest[:n])
		}
		rest = rest[n:]
	}
	return b.String()
}

const zeroWidthNonJoiner, zeroWidthJoiner = '\u200c', '\u200d'

func hidden(r rune) bool {
	return !unicode.IsGraphic(r) && r != zeroWidthNonJoiner && r != zeroWidthJoiner
}

// complain prints an error for a person. Further lines of one of our own are indented, so that none
// passes for another; a server's sentence has none.
func complain(w io.Writer, err error) {
	lines := []string{err.Error()}
	if refused := (*client.Error)(nil); !errors.As(err, &refused) {
		lines = strings.Split(lines[0], "\n")
	}
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	_, _ = fmt.Fprintf(w, "parley: %s\n", strings.Join(lines, "\n  ")) // nowhere else to say it
}
