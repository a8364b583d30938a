package stack

import (
	"strings"
	"testing"
)

func TestSharesOfTheQuota(t *testing.T) {
	for _, tc := range []struct {
		quota, copies                  int
		submit, poll, credits, sweep   int
		ingest, transcribe, vocabulary int
	}{
		{quota: 10, ingest: 2, transcribe: 2, vocabulary: 2},
		{quota: leastReserving - 1, ingest: 9, transcribe: 36, vocabulary: 9},
		{quota: leastReserving, submit: 20, poll: 20, credits: 4, sweep: 1, ingest: 12, transcribe: 49, vocabulary: 12},
		{quota: 1000, submit: 100, poll: 100, credits: 20, sweep: 1, ingest: 64, transcribe: 258, vocabulary: 64},
		{quota: 10_000, submit: 1000, poll: 1000, credits: 200, sweep: 1, ingest: 653, transcribe: 1000, vocabulary: 653},
		{quota: 1000, copies: 1, ingest: 2, transcribe: 2, vocabulary: 2},
		{quota: 1000, copies: 4, ingest: 4, transcribe: 4, vocabulary: 4},
	} {
		s := share(tc.quota, tc.copies)
		for name, want := range map[string]int{"submit": tc.submit, "poll": tc.poll, "credits": tc.credits, "sweep": tc.sweep} {
			if s.Reserved[name] != want {
				t.Errorf("quota %d, copies %d: %s has %d reserved, want %d", tc.quota, tc.copies, name, s.Reserved[name], want)
			}
		}
		for name, want := range map[string]int{"ingest": tc.ingest, "transcribe": tc.transcribe, "vocabulary": tc.vocabulary} {
			if s.Copies[name] != want {
				t.Errorf("quota %d, copies %d: %s may have %d copies, want %d", tc.quota, tc.copies, name, s.Copies[name], want)
			}
		}
	}
}

// Ensure that whatever the quota, the queues cannot use up what is reserved and what is kept free,
// and that Lambda keeps the 100 unreserved executions that it insists on.
func TestQueuesLeaveRoomForTheAPI(t *testing.T) {
	for quota := leastReserving; quota <= 20_000; quota += 7 {
		s := share(quota, 0)
		reserved, started := 0, 0
		for _, n := range s.Reserved {
			reserved += n
		}
		for _, n := range s.Copies {
			started += n
		}
		if free := quota - reserved - started; free < int(float64(quota)*freeShare) {
			t.Fatalf("quota %d: %d reserved, %d started by queues, %d left", quota, reserved, started, free)
		}
		if quota-reserved < leastUnreserved {
			t.Fatalf("quota %d: %d reserved", quota, reserved)
		}
	}
}

func TestAdviceSaysWhatToAskFor(t *testing.T) {
	for _, tc := range []struct {
		quota, unreserved int
		want              string
	}{
		{10, 10, "--desired-value 1000 --region eu-central-1"},
		{leastReserving - 1, leastReserving - 1, "Ask for at least 1000"},
		{1000, 1000, "make deploy CDK=\"-c concurrency=1000\""},
		{1000, 200, "Ask for more"},
	} {
		if got := strings.Join(Advice("eu-central-1", tc.quota, tc.unreserved), "\n"); !strings.Contains(got, tc.want) {
			t.Errorf("quota %d, %d unreserved: %s\nwant %s", tc.quota, tc.unreserved, got, tc.want)
		}
	}
}
