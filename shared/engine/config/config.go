// Package config is the configuration that a function gets from its environment. The stack writes
// the variables and the functions read them by the same names, so that the two cannot drift apart.
package config

import (
	"fmt"
	"net/url"
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
	// queuePrefix, followed by a stage's name in capitals, is the variable with the URL of its
	// queue.
	queuePrefix = "PARLEY_QUEUE_"
	// DeadLetters is the variable with the URL of the dead-letter queue of all queues.
	DeadLetters = "PARLEY_DEAD_LETTERS"
	// functionPrefix, followed by a stage's name in capitals, is the variable with the name of its
	// function. Only the warm function has these.
	functionPrefix = "PARLEY_FUNCTION_"
	// Deadline, a Go duration, replaces every run's deadline; empty: that of pipeline.Budget.
	Deadline = "PARLEY_DEADLINE"
	// PollEvery, a Go duration, is the minimum time between two polls of a run; empty:
	// DefaultPollEvery.
	PollEvery = "PARLEY_POLL_EVERY"
	// WebhookLoopback, if 1, allows webhooks to the loopback address. Only a local system may set
	// it.
	WebhookLoopback = "PARLEY_WEBHOOK_LOOPBACK"
	// BaseURL is the URL of the API without its base path, for the addresses that are handed out;
	// empty: the one at which the gateway was called. A custom domain and a local system set it.
	BaseURL = "PARLEY_BASE_URL"
	// Origins lists the origins, separated by commas, whose pages may call the API from a browser;
	// empty: none may.
	Origins = "PARLEY_ORIGINS"
)

// DefaultPollEvery is the minimum time between two polls of a run.
const DefaultPollEvery = 10 * time.Second

// Queue returns the name of the variable with the URL of a stage's queue.
func Queue(s run.Stage) string { return queuePrefix + strings.ToUpper(string(s)) }

// Function returns the name of the variable with the name of a stage's function.
func Function(s run.Stage) string { return functionPrefix + strings.ToUpper(string(s)) }

// Config holds the values of the environment variables.
type Config struct {
	RunsTable, CreditsTable, ClientsTable, LimitsTable string
	Bucket                                             string
	Queues                                             map[run.Stage]string // URLs
	DeadLetters                                        string               // URL
	// names; only in the warm function
	Functions map[run.Stage]string
	// 0: that of pipeline.Budget
	Deadline        time.Duration
	PollEvery       time.Duration
	WebhookLoopback bool
	BaseURL         string // without a slash at its end
	Origins         []string
}

// FromEnv reads the environment of a function of s through lookup (such as os.LookupEnv). A missing
// variable is not an error, because no function has all of them; a malformed one is.
func FromEnv(s pipeline.Service, lookup func(string) (string, bool)) (Config, error) {
	get := func(name string) string { v, _ := lookup(name); return v }
	c := Config{RunsTable: get(RunsTable), CreditsTable: get(CreditsTable), ClientsTable: get(ClientsTable), LimitsTable: get(LimitsTable),
		Bucket: get(Bucket), DeadLetters: get(DeadLetters), PollEvery: DefaultPollEvery, WebhookLoopback: get(WebhookLoopback) == "1", BaseURL: strings.TrimRight(get(BaseURL), "/"),
		Queues: map[run.Stage]string{}, Functions: map[run.Stage]string{}}
	for _, row := range s.Fed() {
		if v := get(Queue(row.Name)); v != "" {
			c.Queues[row.Name] = v
		}
		if v := get(Function(row.Name)); v != "" {
			c.Functions[row.Name] = v
		}
	}
	if v := get(Origins); v != "" {
		c.Origins = strings.Split(v, ",")
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
	if c.BaseURL != "" {
		u, err := url.Parse(c.BaseURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return c, fmt.Errorf("config: %s=%q is not a URL of a host and perhaps a path", BaseURL, c.BaseURL)
		}
	}
	return c, nil
}

// Load reads the process's own environment.
func Load(s pipeline.Service) (Config, error) { return FromEnv(s, os.LookupEnv) }
