// Command conformance checks that an endpoint behaves as AWS documents, as far as Parley's ledger,
// queues and objects depend on it: DynamoDB's conditions and transactions, SQS's visibility and
// redrive, S3's conditional and presigned writes.
//
//	go run ./infra/prove/conformance -endpoint http://127.0.0.1:4566
//	go run ./infra/prove/conformance -endpoint http://127.0.0.1:8123 -suite dynamodb
//
// It creates its own tables, queues and bucket, and removes them. Exit status 1: a check failed; 2:
// wrong use.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	endpoint := flag.String("endpoint", os.Getenv("PARLEY_ENDPOINT"), "address of the service (default: PARLEY_ENDPOINT)")
	only := flag.String("suite", "", "run only this suite: dynamodb, sqs or s3")
	flag.Parse()
	if *endpoint == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "conformance: the endpoint is missing: give, for example, -endpoint http://127.0.0.1:4566")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ran, failed := 0, 0
	for _, s := range suites() {
		if *only == "" || *only == s.name {
			n, bad := s.report(ctx, os.Stdout, *endpoint)
			ran, failed = ran+n, failed+bad
		}
	}
	if ran == 0 {
		fmt.Fprintf(os.Stderr, "conformance: unknown suite %q: use dynamodb, sqs or s3\n", *only)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// report runs the suite and prints one line per check.
func (s suite) report(ctx context.Context, out io.Writer, endpoint string) (ran, failed int) {
	// A closed pipe: nobody reads any more.
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
	cfg, unique := configuration(endpoint), uniqueName()
	for _, c := range s.checks(cfg, unique) {
		began := time.Now()
		err := c.do(ctx)
		ran++
		if err == nil {
			say("ok    %-9s %-75s %s\n", s.name, c.name, time.Since(began).Round(time.Millisecond))
			continue
		}
		failed++
		say("FAIL  %-9s %-75s %s\n", s.name, c.name, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	if err := s.tidy(ctx, cfg, unique); err != nil {
		say("      %s: left behind: %v\n", s.name, err)
	}
	say("%s: %d of %d checks passed\n", s.name, ran-failed, ran)
	return ran, failed
}
