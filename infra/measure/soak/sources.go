package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/infra/local"
	"parley/infra/local/operate"
	"parley/infra/measure/live"
	"parley/infra/stack"
)

// measured holds the measurements so far. Safe for concurrent use.
type measured struct {
	mu     sync.Mutex
	points map[series][]point
}

func (m *measured) add(s series, p point) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.points[s] = append(m.points[s], p)
}

func (m *measured) of(s series) []point {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.points[s])
}

// printed returns the measurements of a function's log line, in CloudWatch's embedded metric
// format.
func printed(line string) map[series][]point {
	var header struct {
		AWS struct {
			Timestamp         int64 `json:"Timestamp"` //nolint:tagliatelle // the format's own name
			CloudWatchMetrics []struct {
				Namespace  string     `json:"Namespace"`  //nolint:tagliatelle // the same
				Dimensions [][]string `json:"Dimensions"` //nolint:tagliatelle // the same
				Metrics    []struct {
					Name string `json:"Name"` //nolint:tagliatelle // the same
				} `json:"Metrics"` //nolint:tagliatelle // the same
			} `json:"CloudWatchMetrics"` //nolint:tagliatelle // the same
		} `json:"_aws"` //nolint:tagliatelle // the same
	}
	var fields map[string]any
	if json.Unmarshal([]byte(line), &header) != nil || json.Unmarshal([]byte(line), &fields) != nil {
		return nil // not a measurement
	}
	out := map[series][]point{}
	for _, published := range header.AWS.CloudWatchMetrics {
		for _, metric := range published.Metrics {
			value, ok := fields[metric.Name].(float64)
			for _, names := range published.Dimensions {
				var dimensions []string
				for _, n := range names {
					dimensions = append(dimensions, fmt.Sprint(n, "=", fields[n]))
				}
				slices.Sort(dimensions)
				if s := name(published.Namespace, metric.Name, dimensions...); ok {
					out[s] = append(out[s], point{time.UnixMilli(header.AWS.Timestamp), value})
				}
			}
		}
	}
	return out
}

// report is the line that Lambda writes after each invocation.
var report = regexp.MustCompile(`^REPORT RequestId: \S+\s+Duration: ([\d.]+) ms`)

// reader reads the functions' logs, each line once.
type reader struct {
	sys  *live.System
	into *measured
	last map[string]int64 // by function: the time of the last line read, in ms since 1970
	seen map[string]int   // by function: how many lines of that time were
}

// read reads what is new.
func (r *reader) read(ctx context.Context) error {
	for function := range r.sys.Functions {
		if err := r.one(ctx, function); err != nil {
			return fmt.Errorf("read the log of %s: %w", function, err)
		}
	}
	return nil
}

// one reads what is new in a function's log. The emulator answers a part at a time and forgets the
// oldest lines, so the place that was reached is a time.
func (r *reader) one(ctx context.Context, function string) error {
	for {
		var part struct {
			Events []struct {
				Timestamp int64
				Message   string
			}
		}
		ask := map[string]any{"logGroupName": "/aws/lambda/" + local.StackName + "-" + function, "startTime": r.last[function]}
		if _, err := r.sys.CloudWatch(ctx, "logs", "Logs_20140328.FilterLogEvents", ask, &part); err != nil {
			return err
		}
		read := 0
		for read < min(r.seen[function], len(part.Events)) && part.Events[read].Timestamp == r.last[function] {
			read++
		}
		unread := part.Events[read:]
		if len(unread) == 0 {
			return nil
		}
		for _, e := range unread {
			r.line(function, time.UnixMilli(e.Timestamp), strings.TrimSpace(e.Message))
			if e.Timestamp != r.last[function] {
				r.last[function], r.seen[function] = e.Timestamp, 0
			}
			r.seen[function]++
		}
	}
}

func (r *reader) line(function string, at time.Time, line string) {
	for s, points := range printed(line) {
		for _, p := range points {
			r.into.add(s, p)
		}
	}
	if m := report.FindStringSubmatch(line); m != nil {
		of := "FunctionName=" + local.StackName + "-" + function
		r.into.add(name("AWS/Lambda", "Invocations", of), point{at, 1})
		if ms, err := strconv.ParseFloat(m[1], 64); err == nil {
			r.into.add(name("AWS/Lambda", "Duration", of), point{at, ms})
		}
	}
}

// published reads what the emulator itself has published of an alarm's metric, a point for each of
// the alarm's periods.
func (r *reader) published(ctx context.Context, d definition) error {
	var got struct {
		Datapoints []struct {
			Timestamp float64 // seconds since 1970
			Sum       float64
		}
	}
	_, err := r.sys.CloudWatch(ctx, "monitoring", "GraniteServiceVersion20100801.GetMetricStatistics", map[string]any{
		"Namespace": d.Namespace, "MetricName": d.Metric, "Dimensions": d.Dimensions, "Period": d.Period, "Statistics": []string{d.Statistic},
	}, &got)
	for _, p := range got.Datapoints {
		r.into.add(d.series(), point{time.Unix(int64(p.Timestamp), 0), p.Sum})
	}
	return err
}

// ages measures how long messages have waited, as the operator's commands see it.
func ages(ctx context.Context, sys *live.System, into *measured) error {
	now := time.Now()
	all, err := operate.Ages(ctx, sys.Admin.Tables, now)
	for stage, age := range all {
		into.add(name("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName="+local.StackName+"-"+string(stage)), point{now, age.Seconds()})
	}
	return err
}

// watched notes the answers of the API that are errors of the service.
type watched struct {
	next http.RoundTripper
	into *measured
}

// RoundTrip implements http.RoundTripper.
func (w watched) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := w.next.RoundTrip(req)
	if err == nil && res.StatusCode >= http.StatusInternalServerError {
		w.into.add(name("AWS/ApiGateway", "5XXError", "ApiName="+local.StackName, "Stage="+stack.StageName), point{time.Now(), 1})
	}
	return res, err
}
