package stack

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/api"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/store/dynamo/schema"
	"parley/shared/speech"
	"parley/shared/speech/installed"
)

type properties = map[string]any

// resource is one resource of the synthesised template, with the physical names made readable.
type resource struct {
	Type           string
	Properties     properties
	DeletionPolicy string
	DependsOn      []string

	UpdateReplacePolicy string
	UpdatePolicy        properties
}

// folders creates stand-ins for the built functions and the layers.
func folders() (dist, layers string, err error) {
	root, err := os.MkdirTemp("", "parley-stack")
	if err != nil {
		return "", "", err
	}
	dist, layers = filepath.Join(root, "dist"), filepath.Join(root, "layers")
	for _, f := range Functions() {
		if err := write(filepath.Join(dist, f.Name, "bootstrap")); err != nil {
			return "", "", err
		}
	}
	for _, l := range []pipeline.Layer{installed.LayerFFmpeg, installed.LayerRecogniser, installed.LayerAligner, installed.LayerVoices} {
		if err := write(filepath.Join(layers, string(l), "parley", "engine")); err != nil {
			return "", "", err
		}
	}
	return dist, layers, nil
}

func write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(path), 0o755)
}

// synth returns the resources of both stacks, built with changed props.
func synth(change func(*Props)) (map[string]resource, error) {
	state, functions, err := both("parley", change)
	if err != nil {
		return nil, err
	}
	maps.Copy(functions, state)
	return functions, nil
}

// both returns the resources of the state's stack and of the functions' stack.
func both(name string, change func(*Props)) (state, functions map[string]resource, err error) {
	dist, layers, err := folders()
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(filepath.Dir(dist)) // a temporary folder
	props := Props{Dist: dist, Layers: layers}
	change(&props)
	if err := props.Check(name); err != nil {
		return nil, nil, err
	}
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false)})
	st := NewStack(app, name, props)
	if functions, err = resources(st); err != nil {
		return nil, nil, err
	}
	kept, _ := app.Node().FindChild(jsii.String(StateName(name))).(awscdk.Stack)
	state, err = resources(kept)
	return state, functions, err
}

// deployed is the stack as it is deployed. It is built once, because the CDK is slow.
var deployed = sync.OnceValues(func() (map[string]resource, error) { return synth(func(*Props) {}) })

func resources(st awscdk.Stack) (map[string]resource, error) {
	raw, err := json.Marshal(*assertions.Template_FromStack(st, nil).ToJSON())
	if err != nil {
		return nil, err
	}
	var template struct{ Resources map[string]resource }
	if err := json.Unmarshal(raw, &template); err != nil {
		return nil, err
	}
	delete(template.Resources, "CDKMetadata")
	return template.Resources, nil
}

func template(t *testing.T) map[string]resource {
	t.Helper()
	if testing.Short() {
		t.Skip("the CDK takes many seconds to start")
	}
	got, err := deployed()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// find returns the resource of a type whose property has the value, and its logical id.
func find(t *testing.T, all map[string]resource, kind, property string, value any) (string, resource) {
	t.Helper()
	for id, r := range all {
		if r.Type == kind && fmt.Sprint(r.Properties[property]) == fmt.Sprint(value) {
			return id, r
		}
	}
	t.Fatalf("no %s with %s = %v", kind, property, value)
	return "", resource{}
}

// fed returns the event source mapping of a queue, which the functions' stack knows by its
// construct or by its name.
func fed(t *testing.T, all map[string]resource, id, name string) resource {
	t.Helper()
	for _, r := range all {
		source := fmt.Sprint(r.Properties["EventSourceArn"])
		if r.Type == "AWS::Lambda::EventSourceMapping" && (source == arnOf(id) || strings.HasSuffix(source, " "+name+"]]]")) {
			return r
		}
	}
	t.Fatalf("nothing is fed by %s", name)
	return resource{}
}

func arnOf(id string) string { return fmt.Sprint(properties{"Fn::GetAtt": []any{id, "Arn"}}) }

func TestEveryStageIsBuiltFromItsRow(t *testing.T) {
	all := template(t)
	deadID, dead := find(t, all, "AWS::SQS::Queue", "QueueName", "parley-"+pipeline.DeadLetters)
	for _, stage := range speech.Service.Fed() {
		t.Run(string(stage.Name), func(t *testing.T) {
			queueID, queue := find(t, all, "AWS::SQS::Queue", "QueueName", "parley-"+stage.Queue())
			functionID, function := find(t, all, "AWS::Lambda::Function", "FunctionName", "parley-"+string(stage.Name))

			redrive, _ := queue.Properties["RedrivePolicy"].(properties)
			target := fmt.Sprint(redrive["deadLetterTargetArn"])
			if redrive["maxReceiveCount"] != float64(stage.MaxReceives) || target != arnOf(deadID) && !strings.HasSuffix(target, " parley-dead]]]") {
				t.Errorf("redrive policy %v; want %d receives, then %s", redrive, stage.MaxReceives, deadID)
			}
			visibility, _ := queue.Properties["VisibilityTimeout"].(float64)
			timeout, _ := function.Properties["Timeout"].(float64)
			if timeout != stage.Timeout.Seconds() || visibility < 6*timeout {
				t.Errorf("timeout %v s, visibility %v s; want %v s and at least 6 times that", timeout, visibility, stage.Timeout.Seconds())
			}
			if function.Properties["MemorySize"] != float64(stage.MemoryMB) {
				t.Errorf("memory %v, want %d", function.Properties["MemorySize"], stage.MemoryMB)
			}
			if layers, _ := function.Properties["Layers"].([]any); len(layers) != len(stage.Layers) {
				t.Errorf("%d layers, want %d", len(layers), len(stage.Layers))
			}
			feeds(t, all, queueID, functionID)
		})
	}
	deadletterID, _ := find(t, all, "AWS::Lambda::Function", "FunctionName", "parley-deadletter")
	feeds(t, all, deadID, deadletterID)
	if dead.Properties["MessageRetentionPeriod"] != float64(14*24*3600) {
		t.Errorf("dead letters are kept %v s, want 14 days", dead.Properties["MessageRetentionPeriod"])
	}
}

// feeds fails the test unless a queue feeds a function, with two copies or more, each message of a
// batch by itself.
func feeds(t *testing.T, all map[string]resource, queueID, functionID string) {
	t.Helper()
	mapping := fed(t, all, queueID, fmt.Sprint(all[queueID].Properties["QueueName"]))
	if fmt.Sprint(mapping.Properties["FunctionName"]) != fmt.Sprint(properties{"Ref": functionID}) {
		t.Errorf("%s feeds %v, want %s", queueID, mapping.Properties["FunctionName"], functionID)
	}
	if fmt.Sprint(mapping.Properties["FunctionResponseTypes"]) != "[ReportBatchItemFailures]" {
		t.Errorf("%s: responses %v, want ReportBatchItemFailures", queueID, mapping.Properties["FunctionResponseTypes"])
	}
	scaling, _ := mapping.Properties["ScalingConfig"].(properties)
	if copies, _ := scaling["MaximumConcurrency"].(float64); copies < 2 {
		t.Errorf("%s: at most %v copies; SQS takes no less than 2", queueID, scaling["MaximumConcurrency"])
	}
}

// Ensure that Lambda polls no more queues than the stages' and one for all dead letters: each costs
// something in an idle month.
func TestOneQueueForAllDeadLetters(t *testing.T) {
	all := template(t)
	if got, want := kinds(all)["AWS::Lambda::EventSourceMapping"], len(speech.Service.Fed())+1; got != want {
		t.Errorf("%d queues are polled, want %d", got, want)
	}
}

func TestNoPolicyAllowsByWildcard(t *testing.T) {
	for id, r := range template(t) {
		if r.Type != "AWS::IAM::Policy" {
			continue
		}
		document, _ := r.Properties["PolicyDocument"].(properties)
		statements, _ := document["Statement"].([]any)
		for _, s := range statements {
			statement, _ := s.(properties)
			for _, action := range listed(statement["Action"]) {
				if strings.Contains(action, "*") {
					t.Errorf("%s allows %s", id, action)
				}
			}
			for _, on := range listed(statement["Resource"]) {
				// X-Ray has no resources to name.
				if on == "*" && fmt.Sprint(statement["Action"]) != "[xray:PutTraceSegments xray:PutTelemetryRecords]" {
					t.Errorf("%s allows %v on everything", id, statement["Action"])
				}
			}
		}
	}
}

// Ensure that no function has a managed policy. The gateway's role for its logs has the one that
// AWS made for it, because the gateway refuses roles that lack any of its actions.
func TestRolesHaveNoManagedPolicies(t *testing.T) {
	for id, r := range template(t) {
		if strings.HasPrefix(id, "ApiCloudWatchRole") {
			continue
		}
		if r.Type == "AWS::IAM::Role" && r.Properties["ManagedPolicyArns"] != nil {
			t.Errorf("%s has managed policies %v", id, r.Properties["ManagedPolicyArns"])
		}
	}
}

func listed(v any) []string {
	if many, ok := v.([]any); ok {
		var out []string
		for _, one := range many {
			out = append(out, fmt.Sprint(one))
		}
		return out
	}
	return []string{fmt.Sprint(v)}
}

func TestOnlyOurOwnFunctionsAreDeployed(t *testing.T) {
	var got []string
	for _, r := range template(t) {
		if r.Type == "AWS::Lambda::Function" {
			got = append(got, strings.TrimPrefix(fmt.Sprint(r.Properties["FunctionName"]), "parley-"))
			if r.Properties["Runtime"] != "provided.al2023" || fmt.Sprint(r.Properties["Architectures"]) != "[arm64]" {
				t.Errorf("%v runs on %v %v", r.Properties["FunctionName"], r.Properties["Runtime"], r.Properties["Architectures"])
			}
		}
		if strings.HasPrefix(r.Type, "Custom::") || r.Type == "AWS::CloudFormation::CustomResource" {
			t.Errorf("custom resource %s", r.Type)
		}
	}
	var want []string
	for _, f := range Functions() {
		want = append(want, f.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("functions %v, want %v", got, want)
	}
}

func TestEveryProgramIsDeployed(t *testing.T) {
	mains, err := filepath.Glob("../../functions/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, path := range mains {
		want = append(want, filepath.Base(filepath.Dir(path)))
	}
	for _, f := range Functions() {
		got = append(got, f.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the stack has %v, functions/ has %v", got, want)
	}
}

func TestEveryFunctionHasItsLogWithAnEnd(t *testing.T) {
	all := template(t)
	for _, f := range Functions() {
		_, group := find(t, all, "AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/parley-"+f.Name)
		if group.Properties["RetentionInDays"] != float64(30) {
			t.Errorf("%s: log kept %v days, want 30", f.Name, group.Properties["RetentionInDays"])
		}
	}
}

func TestDataOutlivesTheStackUnlessThrownAway(t *testing.T) {
	for id, r := range template(t) {
		if (r.Type == "AWS::DynamoDB::Table" || r.Type == "AWS::S3::Bucket") && r.DeletionPolicy != "Retain" {
			t.Errorf("%s has deletion policy %q, want Retain", id, r.DeletionPolicy)
		}
	}
}

func TestBucketIsPrivateAndFeedsIngest(t *testing.T) {
	all := template(t)
	queueID, _ := find(t, all, "AWS::SQS::Queue", "QueueName", "parley-"+string(speech.Ingest))
	for _, r := range all {
		if r.Type != "AWS::S3::Bucket" {
			continue
		}
		block, _ := r.Properties["PublicAccessBlockConfiguration"].(properties)
		if len(block) != 4 || slices.Contains([]any{block["BlockPublicAcls"], block["BlockPublicPolicy"], block["IgnorePublicAcls"], block["RestrictPublicBuckets"]}, any(false)) {
			t.Errorf("public access block %v", block)
		}
		want := fmt.Sprintf("map[Event:s3:ObjectCreated:* Filter:map[S3Key:map[Rules:[map[Name:prefix Value:%s]]]] Queue:%s]", pipeline.AudioPrefix, arnOf(queueID))
		notify, _ := r.Properties["NotificationConfiguration"].(properties)
		if got := fmt.Sprint(notify["QueueConfigurations"]); got != "["+want+"]" {
			t.Errorf("notifications %v, want %s", got, want)
		}
		if !slices.ContainsFunc(r.DependsOn, func(id string) bool { return all[id].Type == "AWS::SQS::QueuePolicy" }) {
			t.Errorf("the bucket depends on %v, not on the queue's policy", r.DependsOn)
		}
	}
	_, policy := find(t, all, "AWS::S3::BucketPolicy", "Bucket", properties{"Ref": "Bucket"})
	if !strings.Contains(fmt.Sprint(policy.Properties), "aws:SecureTransport:false") {
		t.Errorf("the bucket's policy does not refuse plain HTTP: %v", policy.Properties)
	}
}

func TestBaseIsTheHandlers(t *testing.T) {
	if Base != api.Base {
		t.Errorf("the gateway serves %s, the handlers %s", Base, api.Base)
	}
}

func TestGatewayServesTheRoutesAndNoOthers(t *testing.T) {
	all := template(t)
	path := func(id string) string {
		var parts []string
		for all[id].Type == "AWS::ApiGateway::Resource" {
			parts = append([]string{fmt.Sprint(all[id].Properties["PathPart"])}, parts...)
			parent, _ := all[id].Properties["ParentId"].(properties)
			id = fmt.Sprint(parent["Ref"])
		}
		return "/" + strings.Join(parts, "/")
	}
	var got, want []string
	for _, r := range all {
		if r.Type != "AWS::ApiGateway::Method" {
			continue
		}
		on, _ := r.Properties["ResourceId"].(properties)
		got = append(got, fmt.Sprint(r.Properties["HttpMethod"], " ", path(fmt.Sprint(on["Ref"]))))
		if r.Properties["AuthorizationType"] != "NONE" {
			t.Errorf("%v has an authorizer", got[len(got)-1])
		}
	}
	for _, m := range methods() {
		want = append(want, m.Method+" "+Base+m.Path)
	}
	want = append(want, "ANY /", "ANY /{proxy+}")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("routes %v, want %v", got, want)
	}
}

func TestGatewayAnswersInTheEnvelope(t *testing.T) {
	all := template(t)
	for kind, want := range map[string]string{
		"MISSING_AUTHENTICATION_TOKEN": "404 NOT_FOUND",
		"REQUEST_TOO_LARGE":            "413 REQUEST_TOO_LARGE",
		"THROTTLED":                    "429 RATE_LIMIT_EXCEEDED",
		"INTEGRATION_TIMEOUT":          "500 INTERNAL_ERROR",
		"INTEGRATION_FAILURE":          "500 INTERNAL_ERROR",
		"WAF_FILTERED":                 "429 RATE_LIMIT_EXCEEDED",
		// A status here would become that of every refusal without a row of its own.
		"DEFAULT_4XX": "<nil> INVALID_PARAMETERS",
		"DEFAULT_5XX": "500 INTERNAL_ERROR",
	} {
		_, r := find(t, all, "AWS::ApiGateway::GatewayResponse", "ResponseType", kind)
		templates, _ := r.Properties["ResponseTemplates"].(properties)
		var body struct{ Error map[string]any }
		if err := json.Unmarshal([]byte(fmt.Sprint(templates["application/json"])), &body); err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if got := fmt.Sprint(r.Properties["StatusCode"], " ", body.Error["code"]); got != want {
			t.Errorf("%s answers %s, want %s", kind, got, want)
		}
		if body.Error["message"] == "" || body.Error["timestamp"] == nil || body.Error["requestId"] != nil {
			t.Errorf("%s: envelope %v", kind, body.Error)
		}
		headers, _ := r.Properties["ResponseParameters"].(properties)
		if headers["gatewayresponse.header.X-Request-Id"] != "context.requestId" {
			t.Errorf("%s: headers %v", kind, headers)
		}
	}
	if got := uploadsURL(t, all); got != "/"+StageName+Base+"/speech/uploads" {
		t.Errorf("too large: uploads at %q", got)
	}
}

// uploadsURL is where the gateway sends a client whose request is too large.
func uploadsURL(t *testing.T, all map[string]resource) string {
	t.Helper()
	_, r := find(t, all, "AWS::ApiGateway::GatewayResponse", "ResponseType", "REQUEST_TOO_LARGE")
	templates, _ := r.Properties["ResponseTemplates"].(properties)
	var body struct {
		Error struct {
			Details struct{ UploadsURL string }
		}
	}
	if err := json.Unmarshal([]byte(fmt.Sprint(templates["application/json"])), &body); err != nil {
		t.Fatal(err)
	}
	return body.Error.Details.UploadsURL
}

func TestTablesFollowTheSchema(t *testing.T) {
	type shape struct {
		Keys, Indexes, TTL string
		PITR               bool
	}
	keys := func(list any) string {
		var out []string
		all, _ := list.([]any)
		for _, k := range all {
			key, _ := k.(properties)
			out = append(out, fmt.Sprint(key["AttributeName"]))
		}
		return strings.Join(out, "+")
	}
	join := func(k ...schema.Key) string {
		var out []string
		for _, one := range k {
			if one.Name != "" {
				out = append(out, one.Name)
			}
		}
		return strings.Join(out, "+")
	}
	got, want := map[string]shape{}, map[string]shape{}
	for id, r := range template(t) {
		if r.Type != "AWS::DynamoDB::Table" {
			continue
		}
		sh := shape{Keys: keys(r.Properties["KeySchema"])}
		indexes, _ := r.Properties["GlobalSecondaryIndexes"].([]any)
		for _, x := range indexes {
			index, _ := x.(properties)
			projection, _ := index["Projection"].(properties)
			sh.Indexes += fmt.Sprint(index["IndexName"], ":", keys(index["KeySchema"]), ":", projection["NonKeyAttributes"] != nil, " ")
		}
		if ttl, ok := r.Properties["TimeToLiveSpecification"].(properties); ok {
			sh.TTL = fmt.Sprint(ttl["AttributeName"])
		}
		pitr, _ := r.Properties["PointInTimeRecoverySpecification"].(properties)
		sh.PITR = pitr["PointInTimeRecoveryEnabled"] == true
		got[strings.ToLower(strings.TrimPrefix(id, "Table"))[:4]] = sh
	}
	for _, table := range schema.Tables {
		sh := shape{Keys: join(table.Partition, table.Sort), TTL: table.TTL, PITR: table.Durable}
		for _, index := range table.Indexes {
			sh.Indexes += fmt.Sprint(index.Name, ":", join(index.Partition, index.Sort), ":", len(index.Include) > 0, " ")
		}
		want[table.Name[:4]] = sh
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("tables %v, want %v", got, want)
	}
}

func TestSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("the CDK takes many seconds to start")
	}
	all, err := synth(func(p *Props) {
		p.Kind, p.Arch, p.Parts, p.Copies, p.Throwaway = Dev, "amd64", "/engines", 3, true
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, r := range all {
		switch r.Type {
		case "AWS::Lambda::Function":
			env, _ := r.Properties["Environment"].(properties)
			vars, _ := env["Variables"].(properties)
			if fmt.Sprint(r.Properties["Architectures"]) != "[x86_64]" || vars[installed.Variable] != "/engines" {
				t.Errorf("%s: %v, parts %v", id, r.Properties["Architectures"], vars[installed.Variable])
			}
		case "AWS::Lambda::EventSourceMapping":
			scaling, _ := r.Properties["ScalingConfig"].(properties)
			if copies, _ := scaling["MaximumConcurrency"].(float64); copies < 2 || copies > 3 {
				t.Errorf("%s: %v copies, want 2 or 3", id, copies)
			}
		case "AWS::DynamoDB::Table", "AWS::S3::Bucket":
			if r.DeletionPolicy != "Delete" {
				t.Errorf("%s: deletion policy %q, want Delete", id, r.DeletionPolicy)
			}
		}
	}
}
