package main

import (
	"github.com/spf13/cobra"

	"parley/shared/engine/run"
)

func eraseCommand() *cobra.Command {
	var r remote
	return r.flags(&cobra.Command{
		Use: "erase ID", Short: "Erase the recording, transcript and scores of a run that has ended", Args: exactly(1, "one argument, a run's id"), Example: "  parley erase req_…",
		Long: "Permanently erases the recording, transcript and scores of a run that has ended. Its charge stays in the ledger.\n" +
			"Erasing it again is not an error. With --json it prints nothing, because the API's answer has no body.",
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
