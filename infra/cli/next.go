package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"syscall"

	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"

	"parley/infra/local"
	"parley/infra/parts"
	"parley/shared/client"
	"parley/shared/errcode"
)

// advised is an error with what to do next, a sentence.
type advised struct {
	err  error
	next string
}

func (a advised) Error() string { return a.err.Error() }
func (a advised) Unwrap() error { return a.err }

// next returns what to do about an error of a command: a sentence, or "" if the error says it. The
// service's messages and the errors that this program words itself do; errors of the network, of
// AWS and of the operating system do not.
func next(c *cobra.Command, err error) string {
	var known advised
	var refused *client.Error
	var coded exitError
	var aws *smithy.OperationError
	var missing *parts.UnreachableError
	code := exitCode(err)
	switch {
	case errors.As(err, &known):
		return known.next
	case errors.As(err, &refused):
		return afterRefusal(refused)
	case errors.As(err, &missing):
		return "" // it says which file to put where
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return "Check that the file or folder exists and that you may use it."
	case errors.As(err, &coded) && code == exitUsage:
		if strings.Contains(err.Error(), "--help") {
			return ""
		}
		return c.CommandPath() + " --help shows how to use it."
	case errors.Is(err, context.Canceled):
		return "It was stopped. Run the command again to go on."
	case errors.Is(err, local.ErrNone):
		return "" // it says how to start one
	case errors.As(err, &aws), strings.HasPrefix(c.CommandPath(), "parley admin") && code == exitUnreachable:
		return "Check --stack, the AWS region and your AWS credentials. For a system on this machine, start it (parley local) and give --local."
	case code == exitUnreachable:
		return "Check that the service runs and that --url or PARLEY_URL names it. To start one on this machine: parley local"
	case errors.Is(err, syscall.EADDRINUSE):
		return "Stop the program that uses this address, or choose another one with --addr."
	case errors.Is(err, syscall.ENOSPC):
		return "Free some space on the disk. parley doctor says how much is needed."
	case c.Name() == "local" || c.Name() == "demo" || c.Name() == "push":
		return "parley doctor checks whether this machine has everything that is needed."
	}
	return ""
}

// refusals says, for some of the service's codes, which command helps.
var refusals = map[errcode.Code]string{
	errcode.InsufficientCredits: "parley credits shows the balance.",
	errcode.RequestNotFound:     "parley runs lists your runs.",
	errcode.RunNotTerminal:      "parley wait ID waits for the end of the run.",
	errcode.MissingAPIKey:       "Set PARLEY_API_KEY. A local system prints its demo key when it starts.",
	errcode.InvalidAPIKey:       "Set PARLEY_API_KEY to a key of the service that --url or PARLEY_URL names.",
	errcode.APIKeyExpired:       "Set PARLEY_API_KEY to a new key. Operators make one with parley admin key rotate.",
}

// afterRefusal adds to the service's own message what only the command line knows.
func afterRefusal(e *client.Error) string {
	var all []string
	if s, ok := refusals[e.Code]; ok {
		all = append(all, s)
	}
	if e.RetryAfter > 0 {
		all = append(all, fmt.Sprintf("Try again in %.0f s.", math.Ceil(e.RetryAfter.Seconds())))
	}
	if e.Code == errcode.InternalError && e.RequestID != "" {
		all = append(all, "The request id is "+e.RequestID+".")
	}
	return strings.Join(all, " ")
}
