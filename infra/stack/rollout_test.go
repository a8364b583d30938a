package stack

import (
	"fmt"
	"strings"
	"testing"
)

// Ensure that in production the gateway calls each function by its alias, so that a rollout can
// share the requests out, and may do so.
func TestTheGatewayCallsAliases(t *testing.T) {
	all := template(t)
	for _, f := range API() {
		functionID, _ := find(t, all, "AWS::Lambda::Function", "FunctionName", "parley-"+f.Name)
		aliasID, alias := find(t, all, "AWS::Lambda::Alias", "FunctionName", properties{"Ref": functionID})
		version, _ := alias.Properties["FunctionVersion"].(properties)
		got, _ := version["Fn::GetAtt"].([]any)
		if len(got) == 0 || all[fmt.Sprint(got[0])].Type != "AWS::Lambda::Version" {
			t.Errorf("%s: its alias names %v, not a version", f.Name, version)
		}
		called := 0
		for id, r := range all {
			calls, _ := r.Properties["Integration"].(properties)
			switch uri := fmt.Sprint(calls["Uri"]); {
			case r.Type == "AWS::ApiGateway::Method" && strings.Contains(uri, "Ref:"+aliasID):
				called++
			case r.Type == "AWS::ApiGateway::Method" && strings.Contains(uri, arnOf(functionID)):
				t.Errorf("%s calls %s past its alias", id, f.Name)
			case r.Type == "AWS::Lambda::Permission" && fmt.Sprint(r.Properties["FunctionName"]) == arnOf(functionID):
				t.Errorf("%s allows calls of %s past its alias", id, f.Name)
			}
		}
		if called == 0 {
			t.Errorf("nothing calls %s by its alias", f.Name)
		}
	}
}

// Ensure that a release gets a tenth of the requests first, and is rolled back if it fails or an
// alarm says so.
func TestAReleaseIsRolledOutLittleByLittle(t *testing.T) {
	all := template(t)
	alarmID, _ := find(t, all, "AWS::CloudWatch::Alarm", "AlarmName", "parley-release-errors")
	for _, f := range API() {
		groupID, group := find(t, all, "AWS::CodeDeploy::DeploymentGroup", "DeploymentGroupName", "parley-"+f.Name)
		if got := group.Properties["DeploymentConfigName"]; got != "CodeDeployDefault.LambdaCanary10Percent5Minutes" {
			t.Errorf("%s: %v", f.Name, got)
		}
		if got, want := fmt.Sprint(group.Properties["AutoRollbackConfiguration"]), "map[Enabled:true Events:[DEPLOYMENT_FAILURE DEPLOYMENT_STOP_ON_REQUEST DEPLOYMENT_STOP_ON_ALARM]]"; got != want {
			t.Errorf("%s: rolled back on %s, want %s", f.Name, got, want)
		}
		if got, want := fmt.Sprint(group.Properties["AlarmConfiguration"]), fmt.Sprintf("map[Alarms:[map[Name:map[Ref:%s]]] Enabled:true IgnorePollAlarmFailure:false]", alarmID); got != want {
			t.Errorf("%s: alarms %s, want %s", f.Name, got, want)
		}
		functionID, _ := find(t, all, "AWS::Lambda::Function", "FunctionName", "parley-"+f.Name)
		_, alias := find(t, all, "AWS::Lambda::Alias", "FunctionName", properties{"Ref": functionID})
		if !strings.Contains(fmt.Sprint(alias.UpdatePolicy), "DeploymentGroupName:map[Ref:"+groupID+"]") {
			t.Errorf("%s: its alias is moved by %v", f.Name, alias.UpdatePolicy)
		}
	}
	_, atOnce := built(t, func(p *Props) { p.AllAtOnce = true })
	for id, r := range atOnce {
		if r.Type == "AWS::CodeDeploy::DeploymentGroup" && r.Properties["DeploymentConfigName"] != "CodeDeployDefault.LambdaAllAtOnce" {
			t.Errorf("all at once: %s %v", id, r.Properties["DeploymentConfigName"])
		}
	}
}

// Ensure that a dev deployment, and with it a local one, replaces its functions without versions.
func TestDevelopmentHasNoRollout(t *testing.T) {
	_, dev := built(t, func(p *Props) { p.Kind = Dev })
	for _, kind := range []string{"AWS::Lambda::Alias", "AWS::Lambda::Version", "AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"} {
		if n := kinds(dev)[kind]; n != 0 {
			t.Errorf("%d of %s", n, kind)
		}
	}
}
