// Package config is what a function is told by its environment: one table of names, which the stack writes and the
// functions read, so that the two cannot drift.
package config

import (
	"fmt"
	"os"
	"strings"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// The environment variables of the functions.
const (
	RunsTable    = "PARLEY_RUNS_TABLE"
	CreditsTable = "PARLEY_CREDITS_TABLE"
	ClientsTable = "PARLEY_CLIENTS_TABLE"
	LimitsTable  = "PARLEY_LIMITS_TABLE"
	Bucket       = "PARLEY_BUCKET"
	// queuePrefix and the stage's name in capitals name the variable with the URL of the stage's queue.
	queuePrefix = "PARLEY_QUEUE_"
	// functionPrefix and the stage's name in capitals name the variable with the name of the stage's function: only warm has them.
	functionPrefix = "PARLEY_FUNCTION_"
	// Deadline, a Go duration, takes the place of every run's deadline; empty: as by package pipeline.
	Deadline = "PARLEY_DEADLINE"
	// PollEvery, a Go duration, is the least time between two polls of one run; empty: DefaultPollEvery.
	PollEvery = "PARLEY_POLL_EVERY"
	// WebhookLoopback, where it is 1, lets webhooks go to this very machine. Only a local system may set it.
	WebhookLoopback = "PARLEY_WEBHOOK_LOOPBACK"
)

// DefaultPollEvery is the least time between two polls of one run.
const DefaultPollEvery = 10 * time.Second

// Queue is the name of the variable with the URL of a stage's queue.
func Queue(s run.Stage) string { return queuePrefix + strings.ToUpper(string(s)) }

// Function is the name of the variable with the name of a stage's function.
func Function(s run.Stage) string { return functionPrefix + strings.ToUpper(string(s)) }

// Config is the environment, read.
type Config struct {
	RunsTable, CreditsTable, ClientsTable, LimitsTable string
	Bucket                                             string
	Queues                                             map[run.Stage]string // URLs
	Functions                                          map[run.Stage]string // names; only in warm
	Deadline                                           time.Duration        // 0: as by package pipeline
	PollEvery                                          time.Duration
	WebhookLoopback                                    bool
}

// FromEnv reads the environment of a function of s through lookup (os.LookupEnv). Only what is malformed
// is an error: each function uses another share of the names.
func FromEnv(s pipeline.Service, lookup func(string) (string, bool)) (Config, error) {
	get := func(name string) string { v, _ := lookup(name); return v }
	c := Config{RunsTable: get(RunsTable), CreditsTable: get(CreditsTable), ClientsTable: get(ClientsTable), LimitsTable: get(LimitsTable),
		Bucket: get(Bucket), PollEvery: DefaultPollEvery, WebhookLoopback: get(WebhookLoopback) == "1",
		Queues: map[run.Stage]string{}, Functions: map[run.Stage]string{}}
	for _, row := range s.Fed() {
		if v := get(Queue(row.Name)); v != "" {
			c.Queues[row.Name] = v
		}
		if v := get(Function(row.Name)); v != "" {
			c.Functions[row.Name] = v
		}
	}
	for name, into := range map[string]*time.Duration{Deadline: &c.Deadline, PollEvery: &c.PollEvery} {
		if v := get(name); v != "" {
			d, err := time.ParseDuration(v)
			if err != nil || d < 0 || d > 24*time.Hour {
				return c, fmt.Errorf("config: %s=%q is not a duration of 0 to 24h", name, v)
			}
			*into = d
		}
	}
	return c, nil
}

// Load reads the process's own environment.
func Load(s pipeline.Service) (Config, error) { return FromEnv(s, os.LookupEnv) }
