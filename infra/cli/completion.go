package main

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"parley/infra/local"
	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/speech/audio/channels"
	"parley/shared/speech/transcript"
)

// shells are the shells whose completion can be printed.
var shells = []string{"bash", "zsh", "fish"}

// completionCommand replaces cobra's own, which has neither an example nor our exit codes.
func completionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "completion SHELL", Short: "Print the completion script of a shell: bash, zsh or fish",
		Long: "Prints a script that lets a shell complete parley's commands, flags and their values with the Tab key.",
		Example: `  source <(parley completion bash)                                       # in ~/.bashrc, with the package bash-completion
  source <(parley completion zsh)                                        # in ~/.zshrc, after compinit
  parley completion fish > ~/.config/fish/completions/parley.fish`,
		ValidArgs: shells,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(shells, args[0]) {
				return usage("%s takes one argument: %s", c.CommandPath(), strings.Join(shells, ", "))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if !asJSON {
				return writeCompletion(c.Root(), args[0], c.OutOrStdout())
			}
			var script bytes.Buffer
			if err := writeCompletion(c.Root(), args[0], &script); err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{"shell": args[0], "script": script.String()})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the script in JSON")
	return c
}

func writeCompletion(root *cobra.Command, shell string, w io.Writer) error {
	switch shell {
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	}
	return root.GenBashCompletionV2(w, true)
}

// completeArguments sets, for every command, how a shell completes its arguments, and the values of
// those flags that have a fixed set.
func completeArguments(root *cobra.Command) {
	arguments := map[string][]string{
		"parley completion":           shells,
		"parley local faults set":     faultSpecs(),
		"parley local push":           local.StageNames(),
		"parley admin queues redrive": words(queueNames()),
	}
	for _, c := range descendants(root) {
		switch fixed, ok := arguments[c.CommandPath()]; {
		case ok:
			c.ValidArgsFunction = oneOf(fixed...)
		case !strings.Contains(c.Use, "FILE"):
			c.ValidArgsFunction = oneOf() // an id, or nothing
		}
	}
	flags := map[string][]string{
		"parley submit --channels":                words(channels.Choices),
		"parley submit --candidate-speaks":        words(transcript.Hints),
		"parley runs --status":                    words(run.Statuses),
		"parley admin runs list --status":         words(run.Statuses),
		"parley admin client create --grant":      {string(account.GrantMultilingual)},
		"parley admin client create --permission": {string(account.PermissionSpeech), noPermission},
		"parley admin client set --grant":         {string(account.GrantMultilingual)},
		"parley admin client set --revoke-grant":  {string(account.GrantMultilingual)},
	}
	for _, c := range descendants(root) {
		for name, values := range flags {
			path, flag, _ := strings.Cut(name, " --")
			if path == c.CommandPath() {
				if err := c.RegisterFlagCompletionFunc(flag, oneOf(values...)); err != nil {
					panic(err) // there is no such flag
				}
			}
		}
	}
}

// descendants returns a command and all below it.
func descendants(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, descendants(sub)...)
	}
	return all
}

// oneOf completes a value from a list, and never with the names of files.
func oneOf(values ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}

// words returns names of any type as text.
func words[T ~string](names []T) []string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = string(n)
	}
	return all
}

// faultSpecs are the faults that a shell proposes: those without a number.
func faultSpecs() []string {
	specs := []string{"transcribe=denied", "deliver=duplicate", "deliver=reorder", "ready=false"}
	for _, stage := range local.StageNames() {
		for _, effect := range []string{"error", "timeout", "crash", "drop"} {
			specs = append(specs, stage+"="+effect)
		}
	}
	slices.Sort(specs)
	return specs
}
