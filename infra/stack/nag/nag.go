// Package nag runs cdk-nag's rules over the stacks: those for AWS's solutions and for serverless
// systems.
package nag

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"parley/infra/stack"
	"parley/shared/speech/recogniser/amazon"
)

// accepted lists what cdk-nag finds and we keep, with the reason. A reason applies to the resources
// whose path contains the text; empty: to all.
var accepted = []reason{
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

// reason is why a finding of a rule is kept.
type reason struct{ rule, resource, reason string }

// Report is what the rules found.
type Report struct {
	// Open are the findings without a reason, a line each.
	Open []string
	// Kept is how many findings have a reason.
	Kept int
	// Unused are the reasons that no finding needs, a line each.
	Unused []string
}

// packs is how many sets of rules there are, and stacks how many stacks: there is a report of each
// for each.
const (
	packs  = 2
	stacks = 2
)

// Check runs the rules over the stacks with these props, which it synthesises into the folder out,
// and over what the recogniser that works elsewhere adds.
func Check(out string, props stack.Props) (Report, error) {
	props.Recogniser = amazon.Setting
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Outdir: &out})
	stack.NewStack(app, "parley", props)
	rules := cdknag.NagPackProps{Reports: jsii.Bool(true), ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_JSON}}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&rules), nil)
	awscdk.Aspects_Of(app).Add(cdknag.NewServerlessChecks(&rules), nil)
	app.Synth(nil)

	files, err := filepath.Glob(filepath.Join(out, "*NagReport.json"))
	if err != nil || len(files) != packs*stacks {
		return Report{}, fmt.Errorf("nag: %d reports, want one of each pack for each stack (%w)", len(files), err)
	}
	var r Report
	used := map[reason]bool{}
	for _, path := range files {
		if err := r.read(path, used); err != nil {
			return Report{}, fmt.Errorf("nag: %s: %w", filepath.Base(path), err)
		}
	}
	for _, a := range accepted {
		if !used[a] {
			r.Unused = append(r.Unused, fmt.Sprintf("%s on %q", a.rule, a.resource))
		}
	}
	return r, nil
}

// read adds the findings of one of cdk-nag's reports.
func (r *Report) read(path string, used map[reason]bool) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var report struct {
		Lines []struct {
			RuleID     string `json:"ruleId"`
			ResourceID string `json:"resourceId"`
			Compliance string `json:"compliance"`
			RuleInfo   string `json:"ruleInfo"`
		} `json:"lines"`
	}
	if err := json.Unmarshal(raw, &report); err != nil {
		return err
	}
	if len(report.Lines) == 0 {
		return errEmpty
	}
	for _, line := range report.Lines {
		if line.Compliance == "Compliant" || line.Compliance == "N/A" {
			continue
		}
		i := slices.IndexFunc(accepted, func(a reason) bool { return a.rule == line.RuleID && strings.Contains(line.ResourceID, a.resource) })
		if i < 0 {
			r.Open = append(r.Open, fmt.Sprintf("%s %s: %s (%s)", line.RuleID, line.ResourceID, line.RuleInfo, line.Compliance))
			continue
		}
		used[accepted[i]] = true
		r.Kept++
	}
	return nil
}

var errEmpty = errors.New("it has no lines")
