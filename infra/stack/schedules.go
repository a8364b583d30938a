package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/jsii-runtime-go"
)

// Scheduled lists the functions that run every minute.
func Scheduled() []string { return []string{"sweep", "warm"} }

func (s *system) addSchedules() {
	for _, name := range Scheduled() {
		awsevents.NewRule(s.stack, jsii.String("Every"+title(name)), &awsevents.RuleProps{
			Schedule: awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(1))),
			Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(s.functions[name], &awseventstargets.LambdaFunctionProps{
				RetryAttempts: jsii.Number(0), // it runs again in a minute anyway
				MaxEventAge:   awscdk.Duration_Minutes(jsii.Number(1)),
			})},
		})
	}
}
