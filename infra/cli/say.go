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

// What is printed for people contains text that others chose: a client's reference, name or webhook
// address, what was said in a recording, a server's sentence. None of it may control the terminal,
// forge a line or a column, or change the direction of the text beside it. So all output for people
// goes through this file. JSON for programs does not: it has its own escapes.

// styled is text with our own escape sequences, made by paint. Only styled arguments are printed
// unchanged.
type styled string

// paint styles text.
func paint(style lipgloss.Style, format string, args ...any) styled {
	harmless(args)
	return styled(style.Render(fmt.Sprintf(format, args...)))
}

// say prints for a person. It returns the writer's error.
func say(w io.Writer, format string, args ...any) error {
	harmless(args)
	_, err := fmt.Fprintf(w, format, args...)
	return err
}

// table aligns tab-separated columns for a person.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)} }

// printf adds to the table; end returns the write error, if any.
func (t table) printf(format string, args ...any) {
	harmless(args)
	fmt.Fprintf(t.w, format, args...)
}

func (t table) end() error { return t.w.Flush() }

// harmless makes every argument printable, except numbers and styled text.
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

// printable escapes, as Go does, what a terminal could take for a command, would not show, or would
// show in another direction: control and format characters, line breaks, and bytes that are not
// UTF-8. It keeps the joiners of Persian, Hindi and emoji.
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

// complain prints an error for a person, and what to do next, if that is not empty. It indents
// further lines of our own errors, so that none looks like another error. A server's sentence has
// only one line.
func complain(w io.Writer, err error, next string) {
	lines := []string{err.Error()}
	if refused := (*client.Error)(nil); !errors.As(err, &refused) {
		lines = strings.Split(lines[0], "\n")
	}
	if next != "" {
		lines = append(lines, next)
	}
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	_, _ = fmt.Fprintf(w, "parley: %s\n", strings.Join(lines, "\n  ")) // nowhere else to say it
}
