package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"parley/shared/engine/fault"
)

// Ensure that each shell gets a script that names the program.
func TestCompletionScripts(t *testing.T) {
	for shell, sign := range map[string]string{"bash": "complete -o default", "zsh": "#compdef parley", "fish": "complete -c parley"} {
		out, errs, exit := parley(t, "completion", shell)
		if exit != 0 || !strings.Contains(out, sign) {
			t.Errorf("%s: exit %d: %s%.200s", shell, exit, errs, out)
		}
		inJSON, _, exit := parley(t, "completion", shell, "--json")
		var got struct{ Shell, Script string }
		if err := json.Unmarshal([]byte(inJSON), &got); err != nil || exit != 0 || got.Shell != shell || got.Script != out {
			t.Errorf("%s as JSON: exit %d: %v", shell, exit, err)
		}
	}
	for _, args := range [][]string{{"completion"}, {"completion", "tcsh"}, {"completion", "bash", "zsh"}} {
		if _, errs, exit := parley(t, args...); exit != exitUsage || !strings.Contains(errs, "bash, zsh, fish") {
			t.Errorf("%v: exit %d: %s", args, exit, errs)
		}
	}
}

// Ensure that the Tab key proposes commands, fixed values, and files only where a file is due.
func TestTab(t *testing.T) {
	const files, noFiles = ":0", ":4"
	for _, tt := range []struct {
		typed     []string
		want      []string
		directive string
	}{
		{[]string{"do"}, []string{"doctor"}, noFiles},
		{[]string{"completion", ""}, shells, noFiles},
		{[]string{"admin", "client", ""}, []string{"create", "list", "set", "show"}, noFiles},
		{[]string{"runs", "--status", ""}, []string{"queued", "processing", "success", "partial", "failed"}, noFiles},
		{[]string{"submit", "--channels", ""}, []string{"auto", "mixed", "separate"}, noFiles},
		{[]string{"submit", "--candidate-speaks", ""}, []string{"first", "second", "left", "right", "most"}, noFiles},
		{[]string{"admin", "client", "create", "--permission", ""}, []string{"speech", "none"}, noFiles},
		{[]string{"local", "push", "acc"}, []string{"accent"}, noFiles},
		{[]string{"local", "faults", "set", "accent="}, []string{"accent=crash", "accent=drop", "accent=error", "accent=timeout"}, noFiles},
		{[]string{"admin", "queues", "redrive", "web"}, []string{"webhook"}, noFiles},
		{[]string{"show", ""}, nil, noFiles},
		{[]string{"submit", ""}, nil, files},
	} {
		out, _, exit := parley(t, append([]string{"__complete"}, tt.typed...)...)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		var got []string
		for _, l := range lines[:len(lines)-1] {
			// The shell itself drops the words that do not begin as typed.
			if word, _, _ := strings.Cut(l, "\t"); strings.HasPrefix(word, tt.typed[len(tt.typed)-1]) {
				got = append(got, word)
			}
		}
		if exit != 0 || !slices.Equal(got, tt.want) || lines[len(lines)-1] != tt.directive {
			t.Errorf("%v: %q, want %q %s", tt.typed, lines, tt.want, tt.directive)
		}
	}
}

func TestEveryProposedFaultCanBeSet(t *testing.T) {
	for _, spec := range faultSpecs() {
		if _, err := fault.Parse(spec); err != nil {
			t.Error(err)
		}
	}
}
