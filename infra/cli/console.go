package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"parley/infra/console"
	"parley/infra/local"
	"parley/infra/local/operate"
	"parley/shared/client"
)

// startConsole serves the console of a local system until ctx ends, and returns its address. If
// addr is taken, it takes any free port.
func startConsole(ctx context.Context, s local.System, data, addr, key string) (string, error) {
	cl, err := client.New(s.URL, key)
	if err != nil {
		return "", err
	}
	sys, err := operate.OpenLocal(ctx, s)
	if err != nil {
		return "", err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		if l, err = config.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
			return "", fmt.Errorf("console: %w", err)
		}
	}
	sources := console.Sources{Client: cl, API: s.URL, Offered: offeredFaults(),
		Queues: func(ctx context.Context) ([]console.Queue, error) {
			views, err := depths(ctx, sys)
			var out []console.Queue
			for _, v := range views {
				out = append(out, console.Queue{Name: v.Name, Waiting: v.Waiting, InFlight: v.InFlight, Delayed: v.Delayed, Dead: v.Dead})
			}
			return out, err
		},
		Faults:      func() ([]string, error) { return local.ShowFaults(data) },
		SetFault:    func(spec string) error { return local.SetFaults(data, []string{spec}) },
		ClearFaults: func() error { return local.ClearFaults(data) },
	}
	go func() {
		if err := console.Serve(ctx, l, sources); err != nil {
			_ = say(os.Stderr, "parley: %s\n", err.Error())
		}
	}()
	return "http://" + l.Addr().String(), nil
}

// offeredFaults lists faults to try; package fault knows more.
func offeredFaults() []string {
	var out []string
	for _, stage := range local.StageNames() {
		out = append(out, stage+"=error:1", stage+"=error", stage+"=crash:1")
	}
	return append(out, "transcribe=denied", "deliver=duplicate", "deliver=delay:2s", "table=conflict:0.2", "ready=false")
}
