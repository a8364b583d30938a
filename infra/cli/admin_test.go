package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/queue"
	"parley/shared/engine/run"
)

func TestAnOperatorsJSONHasEmptyListsAndNullForWhatHasNotBeen(t *testing.T) {
	now := time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)
	queued := run.Run{ID: "req_a", Status: run.Queued, CreatedAt: now}
	started := run.Run{ID: "req_b", Status: run.Processing, CreatedAt: now, StartedAt: now, Deadline: now,
		Parts: map[run.Part]run.Pending{{Stage: "transcribe", Index: 1}: {Due: now, Sent: 2, Failure: run.TimedOut}, {Stage: "diarize"}: {Due: now, Sent: 1}}}
	for name, tt := range map[string]struct {
		v    any
		want []string
	}{
		"a client": {listed(account.Client{}), []string{`"grants":[]`, `"permissions":[]`, `"audioRetentionDays":30`}},
		"a key":    {listedKey(account.Key{Hash: "secret"}), []string{`"ips":[]`, `"expiresAt":null`}},
		"a queued run": {runViewOf(queued), []string{`"createdAt":"2026-04-21T12:00:00Z"`, `"startedAt":null`, `"completedAt":null`, `"deadline":null`,
			`"parts":[]`, `"failure":null`}},
		"a run under way": {runViewOf(started), []string{`"startedAt":"2026-`,
			`"parts":[{"part":"diarize/0","due":"2026-04-21T12:00:00Z","sent":1,"sentAt":"2026-04-21T11:59:00Z","failure":""},{"part":"transcribe/1","due":"2026-04-21T12:00:00Z","sent":2,"sentAt":"2026-04-21T11:58:00Z","failure":"timeout"}]`}},
		"a run's detail": {runDetail{runView: runViewOf(queued), QueuePosition: 2, Entries: []entryView{}}, []string{`"id":"req_a"`, `"queuePosition":2`, `"entries":[]`, `"entriesComplete":false`}},
		"a queue":        {queueView{Name: "accent", Depth: queue.Depth{Waiting: 1, InFlight: 2, Delayed: 3}, Dead: 4}, []string{`{"name":"accent","waiting":1,"inFlight":2,"delayed":3,"dead":4,"oldestSeconds":null}`}},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(tt.v)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(raw), want) {
					t.Errorf("no %s in %s", want, raw)
				}
			}
			if strings.Contains(string(raw), "secret") {
				t.Errorf("it shows the hash: %s", raw)
			}
		})
	}
}

func TestAnOperatorsFlagsHaveBounds(t *testing.T) {
	for name, args := range map[string][]string{
		"a long name":          {"client", "create", "--name", strings.Repeat("x", maxName+1)},
		"credits below zero":   {"client", "create", "--name", "x", "--credits", "-1"},
		"credits beyond bound": {"client", "create", "--name", "x", "--credits", "1000000001"},
		"no slot":              {"client", "create", "--name", "x", "--concurrent-runs", "0"},
		"a long retention":     {"client", "create", "--name", "x", "--audio-retention-days", "366"},
		"no such retention":    {"client", "set", "cli_x", "--audio-retention-days", "-1"},
		"an unknown right":     {"client", "create", "--name", "x", "--permission", "flight"},
		"none and a right":     {"client", "create", "--name", "x", "--permission", "none", "--permission", "speech"},
		"an unknown grant":     {"client", "set", "cli_x", "--grant", "flight"},
		"a grant of nothing":   {"credits", "grant", "--client", "cli_x", "--amount", "0"},
		"a grant that takes":   {"credits", "grant", "--client", "cli_x", "--amount", "-5"},
		"too large a move":     {"credits", "adjust", "--client", "cli_x", "--amount", "-1000000001"},
		"a long note":          {"credits", "adjust", "--client", "cli_x", "--amount", "1", "--note", strings.Repeat("x", maxNote+1)},
		"a rate of nothing":    {"key", "create", "--client", "cli_x", "--rate", "0"},
		"no address":           {"key", "create", "--client", "cli_x", "--ip", "here"},
		"a long overlap":       {"key", "rotate", "key_x", "--overlap", "2161h"},
		"a negative life":      {"key", "rotate", "key_x", "--expires-in", "-1s"},
		"an adjustment of 0":   {"credits", "adjust", "--client", "cli_x", "--amount", "0"},
		"no runs":              {"runs", "list", "--limit", "0"},
		"too many runs":        {"runs", "list", "--limit", "1001"},
		"an unknown status":    {"runs", "list", "--status", "lost"},
		"an end without why":   {"runs", "fail", "req_x"},
		"an end for no reason": {"runs", "fail", "req_x", "--why", " "},
		"a long reason":        {"runs", "fail", "req_x", "--why", strings.Repeat("x", maxNote+1)},
		"an unknown queue":     {"queues", "redrive", "lunch"},
		"no queue":             {"queues", "redrive"},
	} {
		t.Run(name, func(t *testing.T) {
			if out, errs, exit := parley(t, append([]string{"admin", "--local", "--data", t.TempDir()}, args...)...); exit != exitUsage {
				t.Errorf("exit %d: %s%s", exit, out, errs)
			}
		})
	}
}

func TestARotatedKeyIsLikeTheOldOne(t *testing.T) {
	soon, past := noon.Add(time.Hour), noon.Add(-time.Hour)
	for name, tt := range map[string]struct {
		expires *time.Time
		revoked bool
		anew    bool
		life    time.Duration
		want    *time.Time
		refused string
	}{
		"it ends when the old one would have":      {expires: &soon, want: &soon},
		"it has no end where the old one had none": {},
		"it has a life of its own":                 {expires: &past, anew: true, life: time.Hour, want: &soon},
		"it has no end where that is said":         {expires: &soon, anew: true},
		"an expired one has no life to give":       {expires: &past, refused: "--expires-in"},
		"nor has one that expires now":             {expires: &noon, refused: "--expires-in"},
		"a revoked one is not rotated":             {revoked: true, refused: "is revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			old := account.Key{ID: "key_old", Active: !tt.revoked, IPs: []string{"10.0.0.0/8"}, Rate: 7, ExpiresAt: tt.expires}
			heir, err := inherited(old, tt.anew, tt.life, noon)
			if tt.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			k := account.Key{ID: "key_new", Active: true, Rate: account.DefaultRate}
			heir(&k)
			if want := (account.Key{ID: "key_new", Active: true, IPs: old.IPs, Rate: 7, ExpiresAt: tt.want}); !reflect.DeepEqual(k, want) {
				t.Errorf("got %+v, want %+v", k, want)
			}
		})
	}
	for _, was := range []*time.Time{nil, &soon} {
		k := account.Key{ExpiresAt: was}
		endAt(&k, noon.Add(time.Minute))
		endAt(&k, noon.Add(2*time.Hour))
		if !k.ExpiresAt.Equal(noon.Add(time.Minute)) {
			t.Errorf("ends at %s", k.ExpiresAt)
		}
	}
}
