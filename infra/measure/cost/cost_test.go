package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/infra/measure/usage"
	"parley/shared/speech"
)

// each is a price list on which every item counts the same.
var each = prices{LambdaGBSecond: 1, LambdaMillionRequests: million, SQSMillionRequests: million, GatewayMillionRequests: million, S3ThousandPuts: runs, S3ThousandGets: runs,
	S3GBMonth: gb, DynamoMillionWrites: million, DynamoMillionReads: million, LogsGB: gb, MetricMonth: 1, AlarmMonth: 1, DashboardMonth: 1, TransferGB: gb, TranscribeMinute: 1}

func dollars(t *testing.T, items []item, name string) float64 {
	t.Helper()
	for _, i := range items {
		if i.name == name {
			return i.dollars
		}
	}
	t.Fatalf("no item %q", name)
	return 0
}

// Ensure that each item of 1,000 runs is what was counted, times its price.
func TestTheBillOfRuns(t *testing.T) {
	u := usage.Run{
		Calls:    map[string]usage.Call{"submit": {Times: 1, CPUSeconds: 1.024}, "transcribe": {Times: 2, CPUSeconds: 10.24}},
		Parts:    []usage.Part{{Stage: speech.Ingest, CPUSeconds: 5}, {Stage: speech.Transcribe, CPUSeconds: 20}, {Stage: speech.Diarize, CPUSeconds: 40}},
		Objects:  usage.Objects{Puts: 3, Lists: 1, Gets: 7, Recording: 73, Report: 5},
		Tables:   usage.Tables{Reads: 9, Writes: 1},
		Messages: 8, Answers: map[string]int{"submit": 10, "poll": 20, "result": 300}, LogBytes: map[string]int{"submit": 1, "transcribe": 2},
		PollReads: 2,
	}
	// The run takes 45 s, and a client polls each 15 s: 3 times.
	items := perRuns(each, u, 20)
	for name, want := range map[string]float64{
		"Lambda, processor": 11.264 * 1769 / 1024, "Lambda, requests": 6, "API Gateway": 4, "SQS": 24, "DynamoDB, writes": 23, "DynamoDB, reads": 15,
		"S3, requests": 11, "S3, storage": 73*30/daysPerMonth + 5, "CloudWatch Logs": 3, "Data transfer out": 350,
	} {
		if got := dollars(t, items, name); math.Abs(got-runs*want) > 1e-6*runs*want {
			t.Errorf("%s: %g, want %g", name, got, runs*want)
		}
	}
}

// Ensure that Amazon Transcribe is billed by the minute, and saves the stage's processor time.
func TestTheBillOfAmazonTranscribe(t *testing.T) {
	u := usage.Run{Seconds: 240, Calls: map[string]usage.Call{"transcribe": {Times: 2, CPUSeconds: 10.24}, "accent": {Times: 1, CPUSeconds: 99}}}
	if costs, saves := remote(each, u); costs != runs*4 || math.Abs(saves-runs*10*1.769) > 1e-6 {
		t.Errorf("costs %g and saves %g, want %d and %g", costs, saves, runs*4, runs*10*1.769)
	}
}

// Ensure the same of a month without runs.
func TestTheBillOfAnIdleMonth(t *testing.T) {
	u := usage.Idle{Sweep: usage.Call{Times: 1, CPUSeconds: 0.512}, Probe: usage.Call{Times: 4, CPUSeconds: 0.512}, SweepReads: 5, Writes: 2, Lists: 4, LogBytes: 100}
	items := perIdleMonth(each, u, deployment{PolledQueues: 3, Alarms: 2, Dashboards: 1})
	for name, want := range map[string]float64{
		"SQS, empty polls": 45, "Lambda, processor": 1.769, "Lambda, requests": 2 + float64(probed()), "DynamoDB, writes": 3, "DynamoDB, reads": 5, "CloudWatch Logs": 100,
		"S3, lists": 4.0 / 15, "CloudWatch, metrics": 2.0 / 24 / minutesPerMonth, "CloudWatch, alarms": 2 / minutesPerMonth, "CloudWatch, dashboards": 1 / minutesPerMonth,
	} {
		if got := dollars(t, items, name); math.Abs(got-minutesPerMonth*want) > 1e-6*minutesPerMonth*want {
			t.Errorf("%s: %g, want %g", name, got, minutesPerMonth*want)
		}
	}
	if got := perIdleMonth(each, u, fromTable()); len(got) != len(items)-2 {
		t.Errorf("alarms that are not there are billed: %v", got)
	}
}

// Ensure that templates are counted.
func TestTemplatesAreCounted(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "a.template.json"), filepath.Join(t.TempDir(), "b.template.json")
	for name, text := range map[string]string{
		one: `{"Resources":{"A":{"Type":"AWS::Lambda::EventSourceMapping"},"B":{"Type":"AWS::CloudWatch::Alarm"}}}`,
		two: `{"Resources":{"A":{"Type":"AWS::Lambda::EventSourceMapping"},"B":{"Type":"AWS::SQS::Queue"},"C":{"Type":"AWS::CloudWatch::Dashboard"}}}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := fromTemplates([]string{one, two}); err != nil || got != (deployment{2, 1, 1}) {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := fromTemplates([]string{one + "x"}); err == nil {
		t.Error("a template that is not there is counted")
	}
}

// Ensure that what a run writes is read from the table that the store's test keeps.
func TestWriteUnits(t *testing.T) {
	if n, err := writeUnits(); err != nil || n < 10 || n > 30 {
		t.Errorf("%d, %v", n, err)
	}
}

// Ensure that a section of the page is replaced and the rest stays.
func TestSection(t *testing.T) {
	page := "a\n<!-- cost: begin -->\nold\n<!-- cost: end -->\nb\n"
	got, err := usage.Section(page, "cost", "new")
	if err != nil || got != "a\n<!-- cost: begin -->\n\nnew\n<!-- cost: end -->\nb\n" {
		t.Errorf("%q, %v", got, err)
	}
	if again, err := usage.Section(got, "cost", "new"); err != nil || again != got {
		t.Errorf("%q, %v", again, err)
	}
	if _, err := usage.Section(page, "other", "new"); err == nil || !strings.Contains(err.Error(), "other") {
		t.Error(err)
	}
}

// Ensure that the goals of the bills are met as measured.
func TestTheGoals(t *testing.T) {
	m, err := usage.Load()
	if err != nil {
		t.Skip(err)
	}
	var p prices
	if err := usage.LoadFile("cost", "prices.json", &p); err != nil {
		t.Fatal(err)
	}
	units, err := writeUnits()
	if err != nil {
		t.Fatal(err)
	}
	if got := sum(perRuns(p, m.Interview, units)); got > 4 {
		t.Errorf("1,000 runs cost %.2f dollars", got)
	}
}
