package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"parley/infra/measure/corpus"
	"parley/infra/measure/usage"
	"parley/shared/engine/account"
	"parley/shared/presentation"
	"parley/shared/speech"
)

// prices is the price list, in dollars.
type prices struct {
	Source                 string  `json:"source"`
	Date                   string  `json:"date"` // when the list was as it is here
	LambdaGBSecond         float64 `json:"lambdaGbSecond"`
	LambdaMillionRequests  float64 `json:"lambdaMillionRequests"`
	SQSMillionRequests     float64 `json:"sqsMillionRequests"`
	GatewayMillionRequests float64 `json:"gatewayMillionRequests"`
	S3ThousandPuts         float64 `json:"s3ThousandPuts"`
	S3ThousandGets         float64 `json:"s3ThousandGets"` // and every other request but a list
	S3GBMonth              float64 `json:"s3GbMonth"`
	DynamoMillionWrites    float64 `json:"dynamoMillionWrites"`
	DynamoMillionReads     float64 `json:"dynamoMillionReads"`
	LogsGB                 float64 `json:"logsGb"`
	MetricMonth            float64 `json:"metricMonth"`
	AlarmMonth             float64 `json:"alarmMonth"`
	DashboardMonth         float64 `json:"dashboardMonth"`
	TransferGB             float64 `json:"transferGb"`
	TranscribeMinute       float64 `json:"transcribeMinute"`
}

// item is a line of a bill.
type item struct {
	name    string
	count   string // of what, and how it was counted
	dollars float64
}

func sum(items []item) float64 {
	total := 0.0
	for _, i := range items {
		total += i.dollars
	}
	return total
}

const (
	million = 1e6
	gb      = 1 << 30
	// processorMB is the memory with which Lambda gives one full processor. A function with less
	// gets that much less of one and takes longer, and one with more has an engine that uses it
	// all, so a processor second costs the same.
	processorMB = 1769
	lambdaMB    = 1024 // of the GB that Lambda bills
	// requestsPerMessage: it is sent, received and deleted.
	requestsPerMessage = 3
	daysPerMonth       = 365.0 / 12
	secondsPerMinute   = 60
	hoursPerDay        = 24
	minutesPerMonth    = daysPerMonth * hoursPerDay * 60
	// auditMetrics are AuditViolations and OldestHoldSeconds. CloudWatch bills the hours in which a
	// metric was written.
	auditMetrics = 2
	// Lambda polls a queue with five long polls of 20 s even if nothing comes.
	pollsPerQueueMinute = 15
	// workDays is after how many days the bucket deletes what can be made again.
	workDays = 1
	runs     = 1000
)

// gbSeconds is what Lambda bills for processor seconds.
func gbSeconds(cpu float64) float64 { return cpu * processorMB / lambdaMB }

// span is how long a run takes if no part waits: its stages' longest parts, one after the other
// where they follow each other.
func span(r usage.Run) time.Duration {
	scoring := max(r.Stage(speech.Vocabulary), r.Stage(speech.Fluency), r.Stage(speech.Accent))
	return r.Stage(speech.Ingest) + max(r.Stage(speech.Transcribe), r.Stage(speech.Diarize)) + scoring + r.Stage(speech.Finalize)
}

// polls is how often a client that keeps to pollIntervalSeconds polls a run, the last time with its
// result.
func polls(r usage.Run) int {
	n := 0
	for at := time.Duration(0); at < span(r); n++ {
		at += time.Duration(presentation.PollInterval(at)) * time.Second
	}
	return max(n, 1)
}

// perRuns is the bill of 1,000 runs.
func perRuns(p prices, r usage.Run, writeUnits int) []item {
	cpu, times, logs := 0.0, 0, 0
	for _, c := range r.Calls {
		cpu, times = cpu+c.CPUSeconds, times+c.Times
	}
	for _, n := range r.LogBytes {
		logs += n
	}
	n := polls(r)
	cpu += float64(n) * r.Poll.CPUSeconds
	calls := 1 + n
	writes, reads := writeUnits+r.Tables.Writes+n-1, r.Tables.Reads+n*r.PollReads
	out := r.Answers["submit"] + (n-1)*r.Answers["poll"] + r.Answers["result"]
	keep := float64(r.Objects.Recording)*account.DefaultAudioRetentionDays/daysPerMonth + float64(r.Objects.Work)*workDays/daysPerMonth + float64(r.Objects.Report)
	return []item{
		{"Lambda, processor", fmt.Sprintf("%.1f processor seconds, %.1f GB-s a run", cpu, gbSeconds(cpu)), runs * gbSeconds(cpu) * p.LambdaGBSecond},
		{"Lambda, requests", fmt.Sprintf("%d a run, %d of them polls", times+n, n), runs * float64(times+n) / million * p.LambdaMillionRequests},
		{"API Gateway", fmt.Sprintf("%d calls a run", calls), runs * float64(calls) / million * p.GatewayMillionRequests},
		{"SQS", fmt.Sprintf("%d messages a run, %d requests each", r.Messages, requestsPerMessage), runs * float64(r.Messages*requestsPerMessage) / million * p.SQSMillionRequests},
		{"DynamoDB, writes", fmt.Sprintf("%d units a run", writes), runs * float64(writes) / million * p.DynamoMillionWrites},
		{"DynamoDB, reads", fmt.Sprintf("%d units a run", reads), runs * float64(reads) / million * p.DynamoMillionReads},
		{"S3, requests", fmt.Sprintf("%d puts and lists, %d others a run", r.Objects.Puts+r.Objects.Lists, r.Objects.Gets),
			float64(r.Objects.Puts+r.Objects.Lists)*p.S3ThousandPuts + float64(r.Objects.Gets)*p.S3ThousandGets},
		{"S3, storage", fmt.Sprintf("%s of recording for %d days, %s of work for %d, %s of report for a month", size(r.Objects.Recording), account.DefaultAudioRetentionDays, size(r.Objects.Work), workDays, size(r.Objects.Report)),
			runs * keep / gb * p.S3GBMonth},
		{"CloudWatch Logs", size(int64(logs)) + " of lines and measurements a run", runs * float64(logs) / gb * p.LogsGB},
		{"Data transfer out", size(int64(out)) + " of answers a run", runs * float64(out) / gb * p.TransferGB},
	}
}

// remote returns what Amazon Transcribe costs for 1,000 runs as their recogniser, and what it saves
// at most: the processor time of our own.
func remote(p prices, r usage.Run) (costs, saves float64) {
	return runs * r.Seconds / secondsPerMinute * p.TranscribeMinute, runs * gbSeconds(r.Calls[string(speech.Transcribe)].CPUSeconds) * p.LambdaGBSecond
}

// deployment is what a stack has that costs something while nothing runs.
type deployment struct {
	PolledQueues, Alarms, Dashboards int
}

// perIdleMonth is the bill of a month without runs.
func perIdleMonth(p prices, u usage.Idle, d deployment) []item {
	minutes := minutesPerMonth
	cpu := u.Sweep.CPUSeconds/float64(max(u.Sweep.Times, 1)) + u.Probe.CPUSeconds
	// the sweep, the warm function, and a probe of each stage with an engine
	times := 2 + probed()
	polled := float64(d.PolledQueues) * pollsPerQueueMinute * minutes
	lists := float64(u.Lists) * 4 * hoursPerDay * daysPerMonth
	items := []item{
		{"SQS, empty polls", fmt.Sprintf("%d queues, %d requests a minute each", d.PolledQueues, pollsPerQueueMinute), polled / million * p.SQSMillionRequests},
		{"Lambda, processor", fmt.Sprintf("%.0f ms of sweep and probes a minute", 1000*cpu), minutes * gbSeconds(cpu) * p.LambdaGBSecond},
		{"Lambda, requests", fmt.Sprintf("%d a minute", times), minutes * float64(times) / million * p.LambdaMillionRequests},
		{"DynamoDB, writes", fmt.Sprintf("at most %d units a minute", u.Writes+1), minutes * float64(u.Writes+1) / million * p.DynamoMillionWrites},
		{"DynamoDB, reads", fmt.Sprintf("%d units a minute", u.SweepReads), minutes * float64(u.SweepReads) / million * p.DynamoMillionReads},
		{"S3, lists", fmt.Sprintf("%d every 15 minutes", u.Lists), lists / 1000 * p.S3ThousandPuts},
		{"CloudWatch Logs", size(int64(u.LogBytes)) + " a minute", minutes * float64(u.LogBytes) / gb * p.LogsGB},
		{"CloudWatch, metrics", "2 of the nightly audit, each an hour a night", auditMetrics * p.MetricMonth / hoursPerDay},
	}
	if d.Alarms > 0 {
		items = append(items, item{"CloudWatch, alarms", strconv.Itoa(d.Alarms), float64(d.Alarms) * p.AlarmMonth})
	}
	if d.Dashboards > 0 {
		items = append(items, item{"CloudWatch, dashboards", strconv.Itoa(d.Dashboards), float64(d.Dashboards) * p.DashboardMonth})
	}
	return items
}

// probed is how many stages the warm function probes.
func probed() int {
	n := 0
	for _, row := range speech.Service.Stages {
		if len(row.Layers) > 0 {
			n++
		}
	}
	return n
}

// fromTable is the deployment as the table of stages has it: a queue for each row, and the
// dead-letter queue.
func fromTable() deployment { return deployment{PolledQueues: len(speech.Service.Fed()) + 1} }

// fromTemplates counts the resources of synthesised templates.
func fromTemplates(files []string) (deployment, error) {
	var d deployment
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			return d, fmt.Errorf("cost: %w", err)
		}
		var template struct {
			Resources map[string]struct {
				Type string `json:"Type"` //nolint:tagliatelle // CloudFormation's own name
			} `json:"Resources"` //nolint:tagliatelle // the same
		}
		if err := json.Unmarshal(raw, &template); err != nil {
			return d, fmt.Errorf("cost: %s: %w", name, err)
		}
		for _, r := range template.Resources {
			switch r.Type {
			case "AWS::Lambda::EventSourceMapping":
				d.PolledQueues++
			case "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm":
				d.Alarms++
			case "AWS::CloudWatch::Dashboard":
				d.Dashboards++
			}
		}
	}
	return d, nil
}

var runTotal = regexp.MustCompile(`(?m)^\| \*\*a run of four minutes\*\*.*\*\*(\d+), or (\d+)\*\* \|$`)

// writeUnits reads what a run of four minutes writes, from the table that a test of the store keeps
// up to date; the larger of its two numbers.
func writeUnits() (int, error) {
	root, err := corpus.Root()
	if err != nil {
		return 0, fmt.Errorf("cost: %w", err)
	}
	raw, err := os.ReadFile(filepath.Join(root, "docs", "ledger.md"))
	if err != nil {
		return 0, fmt.Errorf("cost: %w", err)
	}
	found := runTotal.FindStringSubmatch(string(raw))
	if found == nil {
		return 0, errors.New("cost: docs/ledger.md does not say what a run of four minutes writes")
	}
	return strconv.Atoi(found[2])
}

func size(bytes int64) string {
	switch {
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%.1f KB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%d B", bytes)
}

// bill is a table of items with their sum.
func bill(items []item) string {
	var b strings.Builder
	b.WriteString("| item | counted | dollars |\n|---|---|---:|\n")
	for _, i := range items {
		fmt.Fprintf(&b, "| %s | %s | %.3f |\n", i.name, i.count, i.dollars)
	}
	fmt.Fprintf(&b, "| **together** | | **%.2f** |\n", math.Round(sum(items)*100)/100)
	return b.String()
}
