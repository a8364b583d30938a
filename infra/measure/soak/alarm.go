package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"
)

// definition is an alarm as the synthesised template defines it.
type definition struct {
	Name       string `json:"AlarmName"`          //nolint:tagliatelle // CloudFormation's own name
	Namespace  string `json:"Namespace"`          //nolint:tagliatelle // the same
	Metric     string `json:"MetricName"`         //nolint:tagliatelle // the same
	Statistic  string `json:"Statistic"`          //nolint:tagliatelle // the same
	Percentile string `json:"ExtendedStatistic"`  //nolint:tagliatelle // the same
	Operator   string `json:"ComparisonOperator"` //nolint:tagliatelle // the same
	Missing    string `json:"TreatMissingData"`   //nolint:tagliatelle // the same
	Dimensions []struct {
		Name  string `json:"Name"`  //nolint:tagliatelle // the same
		Value string `json:"Value"` //nolint:tagliatelle // the same
	} `json:"Dimensions"` //nolint:tagliatelle // the same
	Period    int     `json:"Period"`            //nolint:tagliatelle // the same; seconds
	Periods   int     `json:"EvaluationPeriods"` //nolint:tagliatelle // the same
	Threshold float64 `json:"Threshold"`         //nolint:tagliatelle // the same
}

// definitions reads the alarms of a template, by name. It fails if one has what CloudWatch knows
// and this program does not.
func definitions(path string) ([]definition, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var template struct {
		Resources map[string]struct {
			Type       string          `json:"Type"`       //nolint:tagliatelle // the same
			Properties json.RawMessage `json:"Properties"` //nolint:tagliatelle // the same
		} `json:"Resources"` //nolint:tagliatelle // the same
	}
	if err := json.Unmarshal(raw, &template); err != nil {
		return nil, err
	}
	var out []definition
	for id, r := range template.Resources {
		if r.Type != "AWS::CloudWatch::Alarm" {
			continue
		}
		var d definition
		if err := json.Unmarshal(r.Properties, &d); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		if err := d.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b definition) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (d definition) check() error {
	switch {
	case d.Period < 60 || d.Periods < 1:
		return fmt.Errorf("periods %d of %d s", d.Periods, d.Period)
	case d.Operator != above && d.Operator != below:
		return fmt.Errorf("operator %q", d.Operator)
	case d.Missing != "notBreaching" && d.Missing != breaching:
		return fmt.Errorf("missing data %q", d.Missing)
	case d.Statistic != "Sum" && d.Statistic != "Maximum" && d.Percentile != "p99":
		return fmt.Errorf("statistic %q %q", d.Statistic, d.Percentile)
	}
	return nil
}

// CloudFormation's words.
const (
	above     = "GreaterThanThreshold"
	below     = "LessThanThreshold"
	breaching = "breaching"
)

// series is a metric's name with its dimensions.
type series string

func name(namespace, metric string, dimensions ...string) series {
	return series(namespace + " " + metric + " " + strings.Join(dimensions, " "))
}

// series returns the alarm's metric. Dimensions are in the order of their names.
func (d definition) series() series {
	var dimensions []string
	for _, one := range d.Dimensions {
		dimensions = append(dimensions, one.Name+"="+one.Value)
	}
	slices.Sort(dimensions)
	return name(d.Namespace, d.Metric, dimensions...)
}

// point is one measurement.
type point struct {
	at    time.Time
	value float64
}

// breaches says whether the alarm's metric was beyond its threshold in the period that ends at end.
func (d definition) breaches(points []point, end time.Time) bool {
	from := end.Add(-time.Duration(d.Period) * time.Second)
	var values []float64
	for _, p := range points {
		if p.at.After(from) && !p.at.After(end) {
			values = append(values, p.value)
		}
	}
	if len(values) == 0 {
		return d.Missing == breaching
	}
	v := d.statistic(values)
	if d.Operator == below {
		return v < d.Threshold
	}
	return v > d.Threshold
}

// statistic returns the alarm's statistic of values, of which there is one at least.
func (d definition) statistic(values []float64) float64 {
	switch {
	case d.Percentile != "":
		slices.Sort(values)
		const share = 0.99
		return values[int(math.Ceil(share*float64(len(values))))-1]
	case d.Statistic == "Maximum":
		return slices.Max(values)
	}
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total
}

// firings returns when the alarm went off between from and to, evaluated every minute, as
// CloudWatch does. A period before from is not looked at.
func (d definition) firings(points []point, from, to time.Time) []time.Time {
	var out []time.Time
	period := time.Duration(d.Period) * time.Second
	// Where silence is trouble, there must have been time for something to be heard.
	first := from.Add(time.Minute)
	if d.Missing == breaching {
		first = from.Add(time.Duration(d.Periods) * period)
	}
	on := false
	for at := first; !at.After(to); at = at.Add(time.Minute) {
		now := true
		for i := range d.Periods {
			now = now && d.breaches(points, at.Add(-time.Duration(i)*period))
		}
		if now && !on {
			out = append(out, at)
		}
		on = now
	}
	return out
}
