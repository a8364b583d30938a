package stack

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// AuditHour is the hour of the nightly audit, in UTC.
const AuditHour = 3

// EveryMinute lists the functions that run every minute.
func EveryMinute() []string { return []string{"sweep", "warm"} }

// Scheduled lists the functions that a schedule starts.
func Scheduled() []string { return append(slices.Clone(EveryMinute()), "audit") }

func (s *system) addSchedules() {
	for _, name := range EveryMinute() {
		s.schedule("Every"+title(name), name, awsevents.Schedule_Rate(minutes(1)))
	}
	s.schedule("NightlyAudit", "audit", awsevents.Schedule_Cron(&awsevents.CronOptions{Hour: sprint("%d", AuditHour), Minute: jsii.String("0")}))
}

// schedule starts a function by a schedule. Nothing retries it: the rule could fail to hand the
// event to Lambda, and Lambda could fail to run it, and by default each tries again.
func (s *system) schedule(id, name string, when awsevents.Schedule) {
	age := func() awscdk.Duration { return minutes(1) }
	s.functions[name].ConfigureAsyncInvoke(&awslambda.EventInvokeConfigOptions{RetryAttempts: jsii.Number(0), MaxEventAge: age()})
	awsevents.NewRule(s.stack, &id, &awsevents.RuleProps{
		Schedule: when,
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(s.functions[name], &awseventstargets.LambdaFunctionProps{
			RetryAttempts: jsii.Number(0), MaxEventAge: age(),
		})},
	})
}
