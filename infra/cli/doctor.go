package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/charmbracelet/lipgloss"
	"github.com/spf13/cobra"

	"parley/infra/doctor"
	"parley/infra/parts"
)

// examined is the machine that doctor examines. Tests replace it.
var examined = doctor.This

func doctorCommand() *cobra.Command {
	var o doctor.Options
	var asJSON bool
	c := &cobra.Command{
		Use: "doctor", Short: "Check this machine, and say what to install", Args: exactly(0, "no arguments, only flags"),
		Long: `Checks the programs, the disk, the memory and the address that Parley needs, and whether its engines are built. For each
problem it says what to do. It changes nothing. It exits with 1 if a check failed; a warning does not stop Parley from running.`,
		Example: `  parley doctor
  parley doctor --deploy --json`,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if o.Cache, err = parts.Root(); err != nil {
				return err
			}
			var seen func(doctor.Check)
			if !asJSON {
				seen = func(k doctor.Check) { err = errors.Join(err, printCheck(c, k)) }
			}
			r := doctor.Examine(c.Context(), examined(), o, seen)
			switch {
			case asJSON:
				err = json.NewEncoder(c.OutOrStdout()).Encode(r)
			case err == nil && r.OK:
				err = say(c.OutOrStdout(), "\nThis machine can run Parley: make demo\n")
			}
			if err == nil && !r.OK {
				return exitError{exitFailed, fmt.Errorf("%s failed: do what is said above, and check again", plural(failures(r), "check"))}
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.Addr, "addr", defaultAddr, "the address that the local system will use")
	f.StringVar(&o.Data, "data", defaultData, "the folder that the local system will use")
	f.BoolVar(&o.Deploy, "deploy", false, "also check what a deployment to AWS needs")
	f.BoolVar(&asJSON, "json", false, "print the checks as JSON")
	return c
}

func failures(r doctor.Report) int {
	n := 0
	for _, c := range r.Checks {
		if c.Status == doctor.Failed {
			n++
		}
	}
	return n
}

// marks are how the outcome of a check is shown.
var marks = map[doctor.Status]struct {
	text  string
	style lipgloss.Style
}{
	doctor.OK:      {"✓", lipgloss.NewStyle().Foreground(lipgloss.Color("2"))},
	doctor.Warning: {"!", lipgloss.NewStyle().Foreground(lipgloss.Color("3"))},
	doctor.Failed:  {"✗", lipgloss.NewStyle().Foreground(lipgloss.Color("1"))},
}

// printCheck prints a line for a check, and the advice below it if there is any.
func printCheck(c *cobra.Command, k doctor.Check) error {
	out, mark := c.OutOrStdout(), marks[k.Status]
	if err := say(out, "%s %-19s %s\n", paint(mark.style, "%s", mark.text), k.Name, k.Found); err != nil || k.Status == doctor.OK {
		return err
	}
	return say(out, "    needed: %s\n    %s\n", k.Needed, k.Advice)
}
