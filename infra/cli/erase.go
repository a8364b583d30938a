package main

import (
	"github.com/spf13/cobra"

	"parley/shared/engine/run"
)

func eraseCommand() *cobra.Command {
	var r remote
	return r.flags(&cobra.Command{
		Use: "erase ID", Short: "Erase the recording, transcript and scores of a run that has ended", Args: exactly(1, "a run's id"), Example: "  parley erase req_…",
		Long: "Erases the recording, the transcript and the scores of a run that has ended, for good. What was paid for it stays in the ledger.\n" +
			"To erase it again is no error. With --json it prints nothing, since the API's answer has no body.",
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := r.open(aside(c))
			if err != nil {
				return err
			}
			if err := cl.Erase(c.Context(), run.ID(args[0])); err != nil {
				return r.refusal(c, err)
			}
			if r.json {
				return nil
			}
			return say(c.OutOrStdout(), "%s erased\n", args[0])
		},
	})
}
