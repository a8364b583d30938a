package stack

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/metrics"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
)

// metric is what an alarm watches.
type metric struct {
	namespace, name string
	dimensions      map[string]string
	statistic       string // Sum, Maximum, p99
	minutes         float64
}

// own returns a metric that the functions print, with the values of its dimensions.
func own(m metrics.Metric, statistic string, minutes float64, values ...string) metric {
	var dimensions map[string]string
	for i, name := range m.Dimensions {
		if dimensions == nil {
			dimensions = map[string]string{}
		}
		dimensions[name] = values[i]
	}
	return metric{metrics.Namespace, m.Name, dimensions, statistic, minutes}
}

// Alarm is an alarm of the stack. docs/runbook.md has a section for each, by its name.
type Alarm struct {
	Name string // without the stack's prefix
	What string // what it means, in a sentence
	// metric goes above (or, if below is set, below) the threshold in each of so many periods.
	metric    metric
	threshold float64
	below     bool
	periods   float64
	// silence is true if missing data means trouble.
	silence bool
	// stops is true if it ends the rollout of a release that is going on, which then is rolled
	// back.
	stops bool
}

// Thresholds of the alarms.
const (
	oldestMessage = 300          // seconds that a message may wait
	daySeconds    = 24 * 60 * 60 // a hold must be resolved long before
	slowSubmitMs  = 10_000
	slowPollMs    = 2_000
	serverErrors  = 5 // answers with 5xx in five minutes
	releaseErrors = 3 // the same in one minute
	stuckRuns     = 2 // in 15 minutes
)

// Alarms lists the alarms of a stack of this name.
func Alarms(name string) []Alarm {
	n := names{stack: name}
	of := func(function, what, statistic string, minutes float64) metric {
		return metric{"AWS/Lambda", what, map[string]string{"FunctionName": n.of(function)}, statistic, minutes}
	}
	var out []Alarm
	for _, stage := range speech.Service.Fed() {
		out = append(out, Alarm{Name: "age-" + stage.Queue(), What: "Messages wait more than 5 minutes for " + string(stage.Name) + ".",
			metric:    metric{"AWS/SQS", "ApproximateAgeOfOldestMessage", map[string]string{"QueueName": n.of(stage.Queue())}, "Maximum", 1},
			threshold: oldestMessage, periods: 3})
	}
	out = append(out,
		Alarm{Name: "dead-letters", What: "Messages were received too often and went to the dead-letter queue.",
			metric: of("deadletter", "Invocations", "Sum", 5), periods: 1},
		// A message that it cannot handle is not an error of the function, and comes again.
		Alarm{Name: "dead-letters-stay", What: "Dead letters have kept coming for a quarter of an hour: their function fails, or more and more arrive.",
			metric: of("deadletter", "Invocations", "Sum", 5), periods: 3},
		Alarm{Name: "server-errors", What: "The API answers 5xx.",
			metric:    metric{"AWS/ApiGateway", "5XXError", map[string]string{"ApiName": name, "Stage": StageName}, "Sum", 5},
			threshold: serverErrors - 1, periods: 1},
		// A new release gets a tenth of the requests for five minutes, so it must be noticed
		// sooner.
		Alarm{Name: "release-errors", What: "The API answers 5xx more than twice a minute. A rollout that is going on is rolled back.",
			metric:    metric{"AWS/ApiGateway", "5XXError", map[string]string{"ApiName": name, "Stage": StageName}, "Sum", 1},
			threshold: releaseErrors - 1, periods: 1, stops: true},
		Alarm{Name: "slow-submit", What: "One submit in a hundred takes more than 10 s.",
			metric: of("submit", "Duration", "p99", 5), threshold: slowSubmitMs, periods: 3},
		Alarm{Name: "slow-poll", What: "One poll in a hundred takes more than 2 s.",
			metric: of("poll", "Duration", "p99", 5), threshold: slowPollMs, periods: 3},
		Alarm{Name: "stuck-runs", What: "Runs end with STUCK_TIMEOUT.",
			metric:    own(metrics.RunsEnded, "Sum", 15, string(run.Failed), string(errcode.StuckTimeout)),
			threshold: stuckRuns - 1, periods: 1},
		Alarm{Name: "no-sweep", What: "The sweep has not run for 3 minutes.",
			metric: of("sweep", "Invocations", "Sum", 1), threshold: 1, below: true, periods: 3, silence: true},
		Alarm{Name: "sweep-fails", What: "The sweep fails.",
			metric: of("sweep", "Errors", "Sum", 1), periods: 3},
		Alarm{Name: "old-hold", What: "Credits have been held for more than a day.",
			metric: own(metrics.OldestHoldSeconds, "Maximum", 5), threshold: daySeconds, periods: 1},
		Alarm{Name: "audit-violations", What: "The nightly audit found that the books do not add up.",
			metric: own(metrics.AuditViolations, "Maximum", 5), periods: 1},
		Alarm{Name: "audit-fails", What: "The nightly audit could not be done.",
			metric: of("audit", "Errors", "Sum", 5), periods: 1},
		Alarm{Name: "throttled-submit", What: "Submits are refused because submit has no copy left.",
			metric: of("submit", "Throttles", "Sum", 1), periods: 3},
		Alarm{Name: "throttled-poll", What: "Polls are refused because poll has no copy left.",
			metric: of("poll", "Throttles", "Sum", 1), periods: 3},
	)
	return out
}

// addAlarms adds the alarms and the topic to which they report.
func (s *system) addAlarms() {
	topic := awssns.NewTopic(s.stack, jsii.String("Alarms"), &awssns.TopicProps{
		TopicName: jsii.String(s.names.of("alarms")), EnforceSSL: jsii.Bool(true),
	})
	if s.props.Alarms != "" {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&s.props.Alarms, nil))
	}
	for _, a := range Alarms(s.names.stack) {
		operator, missing := awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD, awscloudwatch.TreatMissingData_NOT_BREACHING
		if a.below {
			operator = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
		}
		if a.silence {
			missing = awscloudwatch.TreatMissingData_BREACHING
		}
		alarm := awscloudwatch.NewAlarm(s.stack, jsii.String("Alarm"+title(a.Name)), &awscloudwatch.AlarmProps{
			AlarmName:          jsii.String(s.names.of(a.Name)),
			AlarmDescription:   sprint("%s docs/runbook.md#%s", a.What, a.Name),
			Metric:             a.metric.construct(""),
			Threshold:          jsii.Number(a.threshold),
			ComparisonOperator: operator,
			EvaluationPeriods:  jsii.Number(a.periods),
			TreatMissingData:   missing,
		})
		alarm.AddAlarmAction(awscloudwatchactions.NewSnsAction(topic))
		if a.stops {
			s.stops = append(s.stops, alarm)
		}
	}
	s.output("AlarmTopic", topic.TopicArn(), "Where the alarms report; subscribe to it, or deploy with -c alarms=ADDRESS")
}

// construct returns the metric for an alarm or, with a label, for the dashboard.
func (m metric) construct(label string) awscloudwatch.Metric {
	props := &awscloudwatch.MetricProps{
		Namespace: &m.namespace, MetricName: &m.name, Statistic: &m.statistic,
		Period: awscdk.Duration_Minutes(&m.minutes),
	}
	if len(m.dimensions) > 0 {
		d := map[string]*string{}
		for name, value := range m.dimensions {
			d[name] = jsii.String(value)
		}
		props.DimensionsMap = &d
	}
	if label != "" {
		props.Label = &label
	}
	return awscloudwatch.NewMetric(props)
}

// graph is one graph of the dashboard.
type graph struct {
	title string
	lines []line
}

type line struct {
	metric metric
	label  string
}

// width of a graph; a row of the dashboard has 24.
const graphWidth = 8

// addDashboard adds the dashboard: what each alarm watches, and what helps to explain it.
func (s *system) addDashboard() {
	var widgets []awscloudwatch.IWidget
	for _, g := range s.graphs() {
		var lines []awscloudwatch.IMetric
		for _, l := range g.lines {
			lines = append(lines, l.metric.construct(l.label))
		}
		widgets = append(widgets, awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
			Title: jsii.String(g.title), Left: &lines, Width: jsii.Number(graphWidth),
		}))
	}
	const perRow = 24 / graphWidth
	var rows [][]awscloudwatch.IWidget
	for row := range slices.Chunk(widgets, perRow) {
		rows = append(rows, row)
	}
	board := awscloudwatch.NewDashboard(s.stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{DashboardName: jsii.String(s.names.stack)})
	for _, row := range rows {
		board.AddWidgets(row...)
	}
}

func (s *system) graphs() []graph {
	lambda := func(what, statistic string, functions ...string) (out []line) {
		for _, f := range functions {
			out = append(out, line{metric{"AWS/Lambda", what, map[string]string{"FunctionName": s.names.of(f)}, statistic, 1}, f})
		}
		return out
	}
	gateway := func(what, statistic string) line {
		return line{metric{"AWS/ApiGateway", what, map[string]string{"ApiName": s.names.stack, "Stage": StageName}, statistic, 1}, what + " " + statistic}
	}
	each := func(m metrics.Metric, statistic string, values ...string) (out []line) {
		for _, v := range values {
			out = append(out, line{own(m, statistic, 5, v), v})
		}
		return out
	}
	single := func(m metrics.Metric, statistic string) line { return line{own(m, statistic, 5), m.Name} }
	var stages, queues []string
	for _, stage := range speech.Service.Fed() {
		queues = append(queues, stage.Queue())
	}
	for _, stage := range speech.Service.Stages {
		stages = append(stages, string(stage.Name))
	}
	queue := func(what string) (out []line) {
		for _, q := range queues {
			out = append(out, line{metric{"AWS/SQS", what, map[string]string{"QueueName": s.names.of(q)}, "Maximum", 1}, q})
		}
		return out
	}
	return []graph{
		{"Requests and refusals", []line{gateway("Count", "Sum"), gateway("4XXError", "Sum"), gateway("5XXError", "Sum")}},
		{"Time of submit and poll, p99 (ms)", lambda("Duration", "p99", "submit", "poll")},
		{"Throttled", lambda("Throttles", "Sum", append([]string{"submit", "poll", "credits", "sweep"}, queues...)...)},
		{"Oldest message (s)", queue("ApproximateAgeOfOldestMessage")},
		{"Waiting messages", queue("ApproximateNumberOfMessagesVisible")},
		{"Copies of the stages", lambda("ConcurrentExecutions", "Maximum", queues...)},
		{"Seconds per stage", each(metrics.StageSeconds, "p90", stages...)},
		{"Seconds waited in queues", each(metrics.QueueWaitSeconds, "p90", stages...)},
		{"Recogniser: time / length of speech", []line{single(metrics.RealTimeFactor, "p90")}},
		{"Failed calls of functions", lambda("Errors", "Sum", append([]string{"submit", "poll", "sweep", "warm", "audit", "deadletter"}, queues...)...)},
		{"Credits held, and the oldest hold (s)", []line{single(metrics.CreditsHeld, "Maximum"), single(metrics.OldestHoldSeconds, "Maximum")}},
		{"Books", []line{single(metrics.AuditViolations, "Maximum"), single(metrics.TransactionRetries, "Sum")}},
	}
}
