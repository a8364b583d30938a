package local

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// Ensure that the emulator keeps the newest 5,000 lines of a log and 2,000 points of a metric, and
// that a stream that it forgot can be written again.
func TestTheEmulatorForgetsTheOldest(t *testing.T) {
	s := System{Endpoint: os.Getenv(endpointVariable)}
	if s.Endpoint == "" {
		t.Skip("no endpoint: `go run ./infra/local/cmd/emulator go test ./infra/local` starts one")
	}
	ask := func(service, target string, in, out any) {
		t.Helper()
		if status, err := s.CloudWatch(t.Context(), service, target, in, out); err != nil || status != http.StatusOK {
			t.Fatalf("%s: status %d, %v", target, status, err)
		}
	}
	const batch, points, metrics, logging = 5000, 1000, "GraniteServiceVersion20100801.", "Logs_20140328."
	now := time.Now()
	// Other packages' tests write to the same emulator. A batch is enough for it to forget.
	group := fmt.Sprintf("forget-%d", now.UnixNano())
	var ignored any
	data := make([]map[string]any, points)
	for i := range data {
		data[i] = map[string]any{"MetricName": "m", "Value": 1, "Timestamp": now.Unix()}
	}
	for range 3 {
		ask("monitoring", metrics+"PutMetricData", map[string]any{"Namespace": group, "MetricData": data}, &ignored)
	}

	ask("logs", logging+"CreateLogGroup", map[string]any{"logGroupName": group}, &ignored)
	for i, name := range []string{"old", "new"} {
		ask("logs", logging+"CreateLogStream", map[string]any{"logGroupName": group, "logStreamName": name}, &ignored)
		lines := make([]map[string]any, batch)
		for n := range lines {
			lines[n] = map[string]any{"timestamp": now.UnixMilli() + int64(i), "message": fmt.Sprintf("%d %d", i, n)}
		}
		ask("logs", logging+"PutLogEvents", map[string]any{"logGroupName": group, "logStreamName": name, "logEvents": lines}, &ignored)
	}

	var page struct{ Events []struct{ Message string } }
	ask("logs", logging+"FilterLogEvents", map[string]any{"logGroupName": group}, &page)
	if n := len(page.Events); n != batch || page.Events[0].Message != "1 0" || page.Events[n-1].Message != "1 4999" {
		t.Errorf("%d lines are kept, from %q", n, page.Events[0].Message)
	}
	var streams struct {
		LogStreams []struct{ LogStreamName string }
	}
	ask("logs", logging+"DescribeLogStreams", map[string]any{"logGroupName": group}, &streams)
	if len(streams.LogStreams) != 1 || streams.LogStreams[0].LogStreamName != "new" {
		t.Errorf("the streams are %v", streams.LogStreams)
	}
	var sums struct {
		Datapoints []struct{ Sum float64 }
	}
	ask("monitoring", metrics+"GetMetricStatistics", map[string]any{"Namespace": group, "MetricName": "m", "Period": 3600, "Statistics": []string{"Sum"},
		"StartTime": now.Add(-2 * time.Hour).Unix(), "EndTime": now.Add(2 * time.Hour).Unix()}, &sums)
	if len(sums.Datapoints) != 1 || sums.Datapoints[0].Sum != 2*points {
		t.Errorf("the points are %v", sums.Datapoints)
	}

	j := &journal{ask: logs(s)}
	if err := j.put(t.Context(), &stream{group: group, name: "old"}, []string{"again"}); err != nil {
		t.Error(err)
	}
	ask("logs", logging+"FilterLogEvents", map[string]any{"logGroupName": group, "logStreamNames": []string{"old"}}, &page)
	if len(page.Events) != 1 || !strings.Contains(page.Events[0].Message, "again") {
		t.Errorf("after it was forgotten, the stream has %v", page.Events)
	}
}
