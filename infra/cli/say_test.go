package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/shared/client"
	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

func TestWhatOthersChoseIsPrintable(t *testing.T) {
	for name, tt := range map[string]struct{ s, want string }{
		"plain text":               {"candidate 7", "candidate 7"},
		"nothing":                  {"", ""},
		"other scripts":            {"Łódź, 東京, नमस्ते, سلام", "Łódź, 東京, नमस्ते, سلام"},
		"a combining accent":       {"e\u0301", "e\u0301"},
		"a joiner within a word":   {"می\u200cخواهم", "می\u200cخواهم"},
		"a family of emoji":        {"👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"},
		"quotes and backslashes":   {`a"b'c\n`, `a"b'c\n`},
		"a wide space":             {"a\u00a0b\u3000c", "a\u00a0b\u3000c"},
		"the replacement itself":   {"\ufffd", "\ufffd"},
		"a screen that is cleared": {"\x1b[2J\x1b[H", `\x1b[2J\x1b[H`},
		"a title that is set":      {"\x1b]0;gone\x07", `\x1b]0;gone\a`},
		"C1 controls":              {"\u009b2J\u0090", `\u009b2J\u0090`},
		"C1 controls as bytes":     {"\x9b2J", `\x9b2J`},
		"a line that is forged":    {"x\nrun req_b success", `x\nrun req_b success`},
		"a line written over":      {"bad\rgood\b", `bad\rgood\b`},
		"a column that is forged":  {"x\tsuccess\v\f", `x\tsuccess\v\f`},
		"a null and a delete":      {"\x00\x7f", `\x00\x7f`},
		"an override of direction": {"a\u202ecod.exe", `a\u202ecod.exe`},
		"isolates and marks":       {"\u2066\u2067\u2068\u2069\u200e\u200f\u061c", `\u2066\u2067\u2068\u2069\u200e\u200f\u061c`},
		"line separators":          {"a\u2028b\u2029c", `a\u2028b\u2029c`},
		"what is not seen":         {"a\u200b\ufeff\u00adb", `a\u200b\ufeff\u00adb`},
		"hidden letters":           {"a\U000e0041", `a\U000e0041`},
		"a private letter":         {"\ue000", `\ue000`},
		"what is no UTF-8":         {"a\xffb\xe2\x82", `a\xffb\xe2\x82`},
		"the tables' own escape":   {"\xff", `\xff`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := printable(tt.s); got != tt.want {
				t.Errorf("%q is shown as %q, want %q", tt.s, got, tt.want)
			}
			if again := printable(tt.want); again != tt.want {
				t.Errorf("shown again it is %q", again)
			}
		})
	}
}

type note string

type told struct{ s string }

func (t told) String() string { return t.s }

func TestEveryKindOfArgumentIsPrintable(t *testing.T) {
	const evil = "\x1b[2J\u202e\n"
	const tame = `\x1b[2J\u202e\n`
	for name, tt := range map[string]struct {
		format string
		arg    any
		want   string
	}{
		"a string":              {"%s", evil, tame},
		"a string in a column":  {"%-20s|", evil, tame + "     |"},
		"a quoted one":          {"%q", "a", `"a"`},
		"a string of a type":    {"%s", note(evil), tame},
		"an error":              {"%v", errors.New(evil), tame},
		"what tells of itself":  {"%v", told{evil}, tame},
		"a list":                {"%v", []note{evil, "b"}, "[" + tame + " b]"},
		"a map":                 {"%v", map[string]string{evil: evil}, "map[" + tame + ":" + tame + "]"},
		"a pointer":             {"%v", &told{evil}, tame},
		"JSON of any kind":      {"%v", any([]any{evil}), "[" + tame + "]"},
		"nothing":               {"%v", nil, "<nil>"},
		"a number":              {"%d %%", 64, "64 %"},
		"a fraction":            {"%.1f", 3.25, "3.2"},
		"a yes":                 {"%v", true, "true"},
		"a time's length":       {"%s", 90 * time.Second, "1m30s"},
		"a style's own escapes": {"%s", styled("\x1b[1mx\x1b[0m"), "\x1b[1mx\x1b[0m"},
	} {
		t.Run(name, func(t *testing.T) {
			var said, laid bytes.Buffer
			if err := say(&said, tt.format, tt.arg); err != nil {
				t.Fatal(err)
			}
			w := newTable(&laid)
			w.printf(tt.format+"\tx\n", tt.arg)
			if err := w.end(); err != nil {
				t.Fatal(err)
			}
			if said.String() != tt.want || laid.String() != tt.want+"  x\n" && !strings.Contains(tt.format, "|") {
				t.Errorf("%q and %q, want %q", said.String(), laid.String(), tt.want)
			}
		})
	}
	if got := string(paint(bad, "%s", evil)); !strings.Contains(got, tame) || strings.Contains(got, evil) {
		t.Errorf("painted %q", got)
	}
}

// evil is text that clears the screen, forges a line and a column, and changes the direction.
const evil = "\x1b[2J\r\n\tsuccess \u202e\u009b"

// safe fails the test if out would control a terminal or contains a forged line. lines is the
// expected number of lines; 0: any.
func safe(t *testing.T, out string, lines int) {
	t.Helper()
	if i := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && hidden(r) }); i >= 0 {
		t.Errorf("it prints %q", out[i:min(i+8, len(out))])
	}
	if n := strings.Count(out, "\n"); lines > 0 && n != lines {
		t.Errorf("%d lines, want %d", n, lines)
	}
	if !strings.Contains(out, `\x1b[2J`) {
		t.Errorf("it lacks what was to be shown: %q", out)
	}
}

// evilJSON is evil as it is written in JSON.
var evilJSON = func() string { b, _ := json.Marshal(evil); return string(b[1 : len(b)-1]) }()

func TestAClientsCommandPrintsNothingThatSteers(t *testing.T) {
	bodies := map[string]string{
		"finished": strings.NewReplacer(`"c-17"`, `"`+evilJSON+`"`, `"Candidate"`, `"`+evilJSON+`"`, `"B2"`, `"`+evilJSON+`"`, `"high"`, `"`+evilJSON+`"`, `"mp3"`, `"`+evilJSON+`"`, `"4:00"`, `"`+evilJSON+`"`,
			`"language":"en"`, `"languageCode":"`+evilJSON+`"`, `Speaks most.`, evilJSON, `Vocabulary is`, evilJSON, `lexical diversity (MTLD)`, evilJSON, `"unit":"words"`, `"unit":"`+evilJSON+`"`, `too few words`, evilJSON,
			`One part`, evilJSON, `Practise.`, evilJSON, `Tell me`, evilJSON, `"success"`, `"success"`, `2026.1-abcd`, evilJSON).Replace(finished),
		"failed":   strings.NewReplacer("Too little clear speech.", evilJSON, "ACCENT_SCORE_UNAVAILABLE", evilJSON).Replace(failedRun),
		"accepted": `{"id":"` + evilJSON + `","status":"` + evilJSON + `","credits":{"held":4}}`,
		"live":     `{"id":"` + evilJSON + `","status":"processing","stage":"` + evilJSON + `","progress":5}`,
		"runs": `{"data":[{"id":"` + evilJSON + `","externalId":"` + evilJSON + `","status":"` + evilJSON + `","createdAt":"2026-04-21T12:00:00.000Z","audio":{"durationMs":1},
			"error":{"code":"` + evilJSON + `","message":""}}],"nextCursor":"` + evilJSON + `"}`,
		"credits": `{"balance":1,"recentTransactions":[{"id":"` + evilJSON + `","type":"` + evilJSON + `","runId":"` + evilJSON + `","createdAt":"2026-04-21T12:00:00.000Z","note":"` + evilJSON + `"}]}`,
		"refused": `{"error":{"code":"` + evilJSON + `","message":"` + evilJSON + `","timestamp":"2026-04-21T12:00:00.000Z"}}`,
	}
	recording := filepath.Join(t.TempDir(), "a\x1b[2J.mp3")
	if err := os.WriteFile(recording, []byte("sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		status int
		body   string
		args   []string
		lines  int // 0: any
	}{
		"show a finished run":   {200, "finished", []string{"show", "x"}, 0},
		"show a failed run":     {200, "failed", []string{"show", "x"}, 0},
		"show a live run":       {200, "live", []string{"show", "x"}, 1},
		"wait":                  {200, "failed", []string{"wait", "x"}, 0},
		"submit":                {202, "accepted", []string{"submit", recording}, 1},
		"a refused submit":      {402, "refused", []string{"submit", recording}, 1},
		"a refused wait for it": {402, "refused", []string{"submit", "--wait", recording}, 2},
		"runs":                  {200, "runs", []string{"runs"}, 3},
		"credits":               {200, "credits", []string{"credits"}, 8},
		"a refused list":        {403, "refused", []string{"runs"}, 1},
		"an erasure":            {204, "", []string{"erase", evil}, 1},
		"a refused erasure":     {404, "refused", []string{"erase", "x"}, 1},
		"an unknown command":    {200, "", []string{evil}, 1},
		"an unknown flag":       {200, "", []string{"runs", "--" + evil}, 2},
		"no file":               {200, "", []string{"submit", recording + "x"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			service(t, tt.status, bodies[tt.body])
			out, errs := terminalOf(t, tt.args...)
			safe(t, out+errs, tt.lines)
		})
	}
	t.Run("a wait for another try", func(t *testing.T) {
		var b bytes.Buffer
		p := &progress{w: &b, began: noon}
		p.say(fmt.Sprintf("%v Trying again in 1s.", errors.New(evil)))
		p.seen(polled(t, bodies["live"]))
		safe(t, b.String(), 2)
		b.Reset()
		p.over = true
		p.say(evil)
		if got := strings.TrimPrefix(b.String(), "\r\x1b[K"); got != printable(evil) {
			t.Errorf("written over: %q", got)
		}
	})
	t.Run("as JSON it is the body", func(t *testing.T) {
		service(t, 200, bodies["runs"])
		if out, _ := terminalOf(t, "runs", "--json"); strings.TrimRight(out, "\n") != bodies["runs"] {
			t.Errorf("got %q", out)
		}
	})
}

// terminalOf runs the program as main does, and returns everything that it prints.
func terminalOf(t *testing.T, args ...string) (out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	root := rootCommand()
	root.SetOut(&o)
	root.SetErr(&e)
	root.SetArgs(args)
	if err := root.ExecuteContext(t.Context()); err != nil && err.Error() != "" {
		complain(&e, err, "")
	}
	return o.String(), e.String()
}

func TestAnOperatorsCommandPrintsNothingThatSteers(t *testing.T) {
	r := run.Run{ID: "req_a", Client: "cli_a", Status: run.Failed, Attempt: 1, CreatedAt: noon, Reason: evil, Failure: &run.Failure{Code: "X", Message: evil},
		Material: speech.File{Format: evil}.Document(), Request: run.Request{Asked: speech.Request{Language: evil}.Document(), ExternalID: evil, WebhookURL: evil, Tags: []string{evil}},
		Push: &run.Push{Tries: 1, Log: []run.Try{{At: noon, Why: evil}}}, Parts: map[run.Part]run.Pending{{Stage: run.Stage(evil)}: {Due: noon, Failure: evil}}}
	root := rootCommand()
	var b bytes.Buffer
	root.SetOut(&b)
	o := &operator{}
	for name, show := range map[string]func() error{
		"a client": func() error {
			return o.showClient(root, account.Client{ID: "cli_a", Name: evil, Grants: []account.Grant{evil}})
		},
		"a webhook": func() error { return o.showPush(root, r) },
		"a run": func() error {
			return o.print(root, nil, runDetail{runView: runViewOf(r), Entries: []entryView{{ID: evil, Kind: "hold"}}, Complete: true}.write)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b.Reset()
			if err := show(); err != nil {
				t.Fatal(err)
			}
			safe(t, b.String(), 0)
		})
	}
}

func TestAComplaintsFurtherLinesAreIndented(t *testing.T) {
	var b bytes.Buffer
	complain(&b, errors.Join(errors.New("one \x1b[2J"), errors.New("two\r")), "")
	if want := "parley: one \\x1b[2J\n  two\\r\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// Ensure that say.go is the only way to the terminal: no other file calls what prints, paints or
// lays out.
func TestAllThatIsPrintedForPeopleGoesThroughOnePlace(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, name := range files {
		if name == "say.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if path, err := strconv.Unquote(i.Path.Value); err != nil || path == "text/tabwriter" {
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			calls++
			from, _ := sel.X.(*ast.Ident)
			what := sel.Sel.Name
			if from != nil && from.Name == "fmt" && (strings.HasPrefix(what, "Fprint") || strings.HasPrefix(what, "Print")) || what == "Render" || what == "WriteString" && from != nil && from.Name == "io" {
				t.Errorf("%s: %s", set.Position(n.Pos()), what)
			}
			return true
		})
	}
	if calls < 100 {
		t.Errorf("saw only %d calls", calls)
	}
}

func polled(t *testing.T, body string) (r client.Run) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	return r
}
