package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodedeploy"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// aliasName is the alias through which the gateway calls a function in production. The function's
// version behind it changes little by little.
const aliasName = "live"

// callee returns what the gateway calls: in production the function's alias, which it adds the
// first time, and otherwise the function itself.
func (s *system) callee(name string) awslambda.IFunction {
	fn := s.functions[name]
	if s.props.Kind != Prod {
		return fn
	}
	if s.aliases[name] == nil {
		s.aliases[name] = awslambda.NewAlias(s.stack, jsii.String("Alias"+title(name)), &awslambda.AliasProps{
			AliasName: jsii.String(aliasName), Version: fn.CurrentVersion(),
		})
	}
	return s.aliases[name]
}

// addRollout lets CodeDeploy move each alias to a new version: a tenth of the requests first, and
// the rest after five minutes, unless an alarm goes off meanwhile. Then all requests go to the
// version before, and CloudFormation rolls the deployment back.
func (s *system) addRollout() {
	if s.props.Kind != Prod {
		return
	}
	config := awscodedeploy.LambdaDeploymentConfig_CANARY_10PERCENT_5MINUTES()
	if s.props.AllAtOnce {
		config = awscodedeploy.LambdaDeploymentConfig_ALL_AT_ONCE()
	}
	application := awscodedeploy.NewLambdaApplication(s.stack, jsii.String("Rollout"), &awscodedeploy.LambdaApplicationProps{
		ApplicationName: jsii.String(s.names.stack),
	})
	role := s.rolloutRole()
	for _, f := range API() {
		awscodedeploy.NewLambdaDeploymentGroup(s.stack, jsii.String("Rollout"+title(f.Name)), &awscodedeploy.LambdaDeploymentGroupProps{
			DeploymentGroupName: jsii.String(s.names.of(f.Name)),
			Application:         application,
			Alias:               s.aliases[f.Name],
			DeploymentConfig:    config,
			Alarms:              &s.stops,
			// CodeDeploy cannot tell that an alarm is silent if it cannot read it.
			IgnorePollAlarmsFailure: jsii.Bool(false),
			AutoRollback: &awscodedeploy.AutoRollbackConfig{
				FailedDeployment: jsii.Bool(true), StoppedDeployment: jsii.Bool(true), DeploymentInAlarm: jsii.Bool(true),
			},
			// Otherwise the CDK adds AWS's own policy, which allows all functions of the account.
			Role: role.WithoutPolicyUpdates(nil),
		})
	}
}

// rolloutRole returns the role that lets CodeDeploy read the alarms and move the aliases.
func (s *system) rolloutRole() awsiam.Role {
	var functions, aliases []*string
	for _, f := range API() {
		functions = append(functions, s.arn("lambda", "function:"+s.names.of(f.Name)))
		aliases = append(aliases, s.arn("lambda", "function:"+s.names.of(f.Name)+":"+aliasName))
	}
	allow := func(resources []*string, actions ...string) awsiam.PolicyStatement {
		return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &resources})
	}
	return awsiam.NewRole(s.stack, jsii.String("RoleOfRollout"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("codedeploy.amazonaws.com"), nil),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"rollout": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{
			Statements: &[]awsiam.PolicyStatement{
				allow([]*string{s.arn("cloudwatch", "alarm:*")}, "cloudwatch:DescribeAlarms"),
				allow(append(functions, aliases...), "lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"),
			},
		})},
	})
}
