package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func define(t *testing.T, properties string) definition {
	t.Helper()
	path := filepath.Join(t.TempDir(), "template.json")
	if err := os.WriteFile(path, []byte(`{"Resources":{"A":{"Type":"AWS::CloudWatch::Alarm","Properties":`+properties+`},"Q":{"Type":"AWS::SQS::Queue"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := definitions(path)
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	return got[0]
}

// Ensure that an alarm goes off when CloudWatch's would: for as many periods in a row as it says,
// and again only after it was quiet.
func TestAnAlarmGoesOff(t *testing.T) {
	start := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	at := func(minutes float64, value float64) point {
		return point{start.Add(time.Duration(minutes * float64(time.Minute))), value}
	}
	sum := `{"AlarmName":"a","Namespace":"N","MetricName":"M","Statistic":"Sum","ComparisonOperator":"GreaterThanThreshold","TreatMissingData":"notBreaching","Period":60,"EvaluationPeriods":3,"Threshold":1}`
	once := `{"AlarmName":"a","Namespace":"N","MetricName":"M","Statistic":"Sum","ComparisonOperator":"GreaterThanThreshold","TreatMissingData":"notBreaching","Period":300,"EvaluationPeriods":1,"Threshold":1}`
	silence := `{"AlarmName":"a","Namespace":"N","MetricName":"M","Statistic":"Sum","ComparisonOperator":"LessThanThreshold","TreatMissingData":"breaching","Period":60,"EvaluationPeriods":3,"Threshold":1}`
	slow := `{"AlarmName":"a","Namespace":"N","MetricName":"M","ExtendedStatistic":"p99","ComparisonOperator":"GreaterThanThreshold","TreatMissingData":"notBreaching","Period":60,"EvaluationPeriods":1,"Threshold":100}`
	for name, tt := range map[string]struct {
		alarm  string
		points []point
		want   []int // minutes
	}{
		"nothing happens":                       {sum, nil, nil},
		"three minutes in a row":                {sum, []point{at(1.5, 2), at(2.5, 2), at(3.5, 1), at(3.6, 1)}, []int{4}},
		"two minutes, a pause, one":             {sum, []point{at(1.5, 2), at(2.5, 2), at(4.5, 2)}, nil},
		"as much as the threshold":              {sum, []point{at(1.5, 1), at(2.5, 1), at(3.5, 1)}, nil},
		"two within five minutes":               {once, []point{at(1.5, 1), at(4.5, 1)}, []int{5}},
		"and again after it was quiet":          {once, []point{at(1.5, 2), at(8.5, 2)}, []int{2, 9}},
		"silence for three minutes":             {silence, []point{at(0.5, 1), at(1.5, 1), at(2.5, 1), at(6.5, 1), at(7.5, 1), at(8.5, 1), at(9.5, 1)}, []int{6}},
		"silence from the beginning is noticed": {silence, []point{at(3.5, 1), at(4.5, 1), at(5.5, 1), at(6.5, 1), at(7.5, 1), at(8.5, 1), at(9.5, 1)}, []int{3}},
		"the slowest of a few":                  {slow, []point{at(1.2, 1), at(1.4, 101)}, []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			got := define(t, tt.alarm).firings(tt.points, start, start.Add(10*time.Minute))
			if len(got) != len(tt.want) {
				t.Fatalf("it went off at %v, want minutes %v", got, tt.want)
			}
			for i, when := range got {
				if when.Sub(start) != time.Duration(tt.want[i])*time.Minute {
					t.Errorf("it went off at %v, want minutes %v", got, tt.want)
				}
			}
		})
	}
}

// Ensure that an alarm that this program could not evaluate is refused, and not left out.
func TestAnUnknownAlarmIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "template.json")
	if err := os.WriteFile(path, []byte(`{"Resources":{"A":{"Type":"AWS::CloudWatch::Alarm","Properties":{"AlarmName":"a","Statistic":"Average","ComparisonOperator":"GreaterThanThreshold","TreatMissingData":"missing","Period":60,"EvaluationPeriods":1}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := definitions(path); err == nil {
		t.Errorf("read %v", got)
	}
}

// Ensure that a measurement that a function prints is the metric that an alarm watches.
func TestAPrintedMeasurementIsAnAlarmsMetric(t *testing.T) {
	alarm := define(t, `{"AlarmName":"parley-stuck-runs","Namespace":"Parley","MetricName":"RunsEnded","Statistic":"Sum","ComparisonOperator":"GreaterThanThreshold","TreatMissingData":"notBreaching","Period":900,"EvaluationPeriods":1,"Threshold":1,
		"Dimensions":[{"Name":"Code","Value":"STUCK_TIMEOUT"},{"Name":"Outcome","Value":"failed"}]}`)
	got := printed(`{"Code":"STUCK_TIMEOUT","Outcome":"failed","RunsEnded":1,"run":"req_a","_aws":{"Timestamp":1796054493406,"CloudWatchMetrics":[{"Namespace":"Parley","Dimensions":[["Outcome","Code"]],"Metrics":[{"Name":"RunsEnded","Unit":"Count"}]}]}}`)
	if points := got[alarm.series()]; len(points) != 1 || points[0].value != 1 || points[0].at.UnixMilli() != 1796054493406 {
		t.Errorf("%v, want a point of %s", got, alarm.series())
	}
	if got := printed("START RequestId: 1"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
