package stack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"parley/shared/speech/recogniser/amazon"
)

// accepted lists what cdk-nag finds and we keep, with the reason. A reason applies to the resources
// whose path contains the text; empty: to all.
var accepted = []struct{ rule, resource, reason string }{
	{"AwsSolutions-APIG2", "parley/Api/", "the functions check every request themselves, and answer with the codes of the contract"},
	{"AwsSolutions-APIG4", "parley/Api/", "the functions check the keys: an authorizer can answer only one 401 and one 403, and four of our codes are 401"},
	{"AwsSolutions-COG4", "parley/Api/", "the clients are servers with keys, not people with passwords"},
	{"AwsSolutions-APIG6", "parley/Api/", "execution logs would hold keys and the links of reports; the access log and the functions' logs do not"},
	{"AwsSolutions-DDB3", "parley-state/TableLimits/", "it holds rate windows and the like, which expire within a day"},
	{"AwsSolutions-IAM4", "parley/Api/CloudWatchRole/", "the gateway refuses a role that lacks any action of this policy, which AWS made for it"},
	{"AwsSolutions-IAM5", "parley/Role", "wildcards stand for the objects below a prefix, the indexes of a table, and X-Ray and the start of a job, which have no resources to name"},
	{"AwsSolutions-S1", "parley-state/Bucket", "the functions log each object that they write or delete with its run; a second bucket of logs would have to be erased too"},
	{"Serverless-EventBusDLQ", "parley/", "a missed tick of a schedule is made up for by the next, and an alarm watches for silence; the lost end of a job by the sweep"},
	{"Serverless-LambdaAsyncFailureDestination", "parley/", "a failed sweep is made up for by the next, and alarms watch the failures"},
	{"Serverless-LambdaDLQ", "parley/Function", "queues feed the stages and have dead-letter queues; the gateway waits for its answers; schedules tick again"},
	{"Serverless-LambdaEventSourceMappingDestination", "parley/Function", "the queues themselves have dead-letter queues"},
	{"Serverless-SQSRedrivePolicy", "Dead/", "it is a dead-letter queue"},
}

// Ensure that cdk-nag's rules of AWS's solutions and of serverless systems find nothing that has no
// reason here, and that no reason is left over.
func TestNagFindsNothingWithoutAReason(t *testing.T) {
	if testing.Short() {
		t.Skip("the CDK takes many seconds to start")
	}
	dist, layers, err := folders()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(filepath.Dir(dist)) // a temporary folder
	out := t.TempDir()
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Outdir: jsii.String(out)})
	// The recogniser that works elsewhere only adds resources.
	NewStack(app, "parley", Props{Dist: dist, Layers: layers, Recogniser: amazon.Setting})
	props := cdknag.NagPackProps{Reports: jsii.Bool(true), ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_JSON}}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&props), nil)
	awscdk.Aspects_Of(app).Add(cdknag.NewServerlessChecks(&props), nil)
	app.Synth(nil)

	reports, err := filepath.Glob(filepath.Join(out, "*NagReport.json"))
	if err != nil || len(reports) != 4 {
		t.Fatalf("reports %v, %v; want one of each pack for each stack", reports, err)
	}
	used := make([]bool, len(accepted))
	for _, path := range reports {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var report struct {
			Lines []struct{ RuleID, ResourceID, Compliance, RuleInfo string }
		}
		if err := json.Unmarshal(raw, &report); err != nil || len(report.Lines) == 0 {
			t.Fatalf("%s: %d lines, %v", path, len(report.Lines), err)
		}
		for _, line := range report.Lines {
			if line.Compliance == "Compliant" || line.Compliance == "N/A" {
				continue
			}
			excused := false
			for i, a := range accepted {
				if a.rule == line.RuleID && strings.Contains(line.ResourceID, a.resource) {
					excused, used[i] = true, true
				}
			}
			if !excused {
				t.Errorf("%s %s: %s (%s)", line.RuleID, line.ResourceID, line.RuleInfo, line.Compliance)
			}
		}
	}
	for i, a := range accepted {
		if !used[i] {
			t.Errorf("nothing needs the reason for %s on %q", a.rule, a.resource)
		}
	}
}
