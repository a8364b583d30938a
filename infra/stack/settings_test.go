package stack

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/shared/engine/config"
	"parley/shared/engine/pipeline"
	"parley/shared/speech/installed"
)

// kinds counts the resources by type.
func kinds(all map[string]resource) map[string]int {
	out := map[string]int{}
	for _, r := range all {
		out[r.Type]++
	}
	return out
}

// built returns the resources of both stacks, built with changed props.
func built(t *testing.T, change func(*Props)) (state, functions map[string]resource) {
	t.Helper()
	if testing.Short() {
		t.Skip("the CDK takes many seconds to start")
	}
	state, functions, err := both("parley", change)
	if err != nil {
		t.Fatal(err)
	}
	return state, functions
}

// Ensure that destroying the functions' stack touches nothing that must be kept, and that the state
// survives even its own stack.
func TestStateIsAStackOfItsOwn(t *testing.T) {
	state, functions := built(t, func(*Props) {})
	want := map[string]int{"AWS::DynamoDB::Table": 4, "AWS::S3::Bucket": 1, "AWS::S3::BucketPolicy": 1, "AWS::SQS::Queue": 2, "AWS::SQS::QueuePolicy": 2}
	if got := kinds(state); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the state's stack has %v, want %v", got, want)
	}
	for kind, n := range kinds(functions) {
		if strings.HasPrefix(kind, "AWS::DynamoDB") || strings.HasPrefix(kind, "AWS::S3") {
			t.Errorf("the functions' stack has %d %s", n, kind)
		}
	}
	for id, r := range state {
		switch r.Type {
		case "AWS::DynamoDB::Table", "AWS::S3::Bucket":
			if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
				t.Errorf("%s: deleted %s, replaced %s; want Retain", id, r.DeletionPolicy, r.UpdateReplacePolicy)
			}
		}
		if r.Type == "AWS::DynamoDB::Table" {
			name := fmt.Sprint(r.Properties["TableName"])
			if !strings.HasPrefix(name, "parley-") {
				t.Errorf("%s has the name %q, which no other stack could find", id, name)
			}
			if got := r.Properties["DeletionProtectionEnabled"] == true; got != (name != "parley-limits") {
				t.Errorf("%s: deletion protection %v", name, got)
			}
		}
	}
}

// Ensure that `cdk import` meets only what it can import, and nothing that refers to anything else.
func TestAdoptedStateIsOnlyTablesAndTheBucket(t *testing.T) {
	state, _ := built(t, func(p *Props) { p.Adopt = true })
	want := map[string]int{"AWS::DynamoDB::Table": 4, "AWS::S3::Bucket": 1}
	if got := kinds(state); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the adopted state has %v, want %v", got, want)
	}
	for id, r := range state {
		if len(r.DependsOn) > 0 || strings.Contains(fmt.Sprint(r.Properties), "Fn::GetAtt") {
			t.Errorf("%s refers to other resources: %v %v", id, r.DependsOn, r.Properties)
		}
	}
}

func TestFunctionsOfTheAPIAndTheSchedulesHaveReservations(t *testing.T) {
	want := share(DefaultConcurrency, 0).Reserved
	got := map[string]int{}
	for _, r := range template(t) {
		if n, ok := r.Properties["ReservedConcurrentExecutions"].(float64); ok {
			got[strings.TrimPrefix(fmt.Sprint(r.Properties["FunctionName"]), "parley-")] = int(n)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("reserved %v, want %v", got, want)
	}
	if want := []string{"audit", "credits", "poll", "submit", "sweep", "warm"}; !slices.Equal(Reserving(), want) {
		t.Errorf("reserving %v, want %v", Reserving(), want)
	}
}

func TestNothingRetriesAScheduledFunction(t *testing.T) {
	all := template(t)
	for _, name := range Scheduled() {
		id, _ := find(t, all, "AWS::Lambda::Function", "FunctionName", "parley-"+name)
		_, async := find(t, all, "AWS::Lambda::EventInvokeConfig", "FunctionName", properties{"Ref": id})
		if async.Properties["MaximumRetryAttempts"] != float64(0) || async.Properties["MaximumEventAgeInSeconds"] != float64(60) {
			t.Errorf("%s: Lambda's own retries %v", name, async.Properties)
		}
		found := false
		for _, r := range all {
			if r.Type != "AWS::Events::Rule" || !strings.Contains(fmt.Sprint(r.Properties["Targets"]), arnOf(id)) {
				continue
			}
			found = true
			if targets := fmt.Sprint(r.Properties["Targets"]); !strings.Contains(targets, "MaximumEventAgeInSeconds:60 MaximumRetryAttempts:0") {
				t.Errorf("%s: the rule's retries: %s", name, targets)
			}
		}
		if !found {
			t.Errorf("nothing starts %s", name)
		}
	}
}

// Ensure that the access log is JSON, and does not name paths, which hold the secrets of report
// links.
func TestAccessLogNamesNoSecret(t *testing.T) {
	_, stage := find(t, template(t), "AWS::ApiGateway::Stage", "StageName", StageName)
	log, _ := stage.Properties["AccessLogSetting"].(properties)
	var line map[string]string
	if err := json.Unmarshal([]byte(fmt.Sprint(log["Format"])), &line); err != nil {
		t.Fatalf("%v: %v", log["Format"], err)
	}
	for name, value := range line {
		if value == "$context.path" || strings.Contains(value, "header") || strings.Contains(value, "apiKey") {
			t.Errorf("%s logs %s", name, value)
		}
	}
	if line["requestId"] != "$context.requestId" || line["route"] != "$context.resourcePath" {
		t.Errorf("line %v", line)
	}
	if stage.Properties["TracingEnabled"] != true {
		t.Error("the gateway starts no trace")
	}
	_, rule := find(t, template(t), "AWS::XRay::SamplingRule", "", nil)
	sampling, _ := rule.Properties["SamplingRule"].(properties)
	if sampling["URLPath"] != "*/reports/*" || sampling["FixedRate"] != 0.0 || sampling["ReservoirSize"] != 0.0 || sampling["ServiceName"] != "parley/*" {
		t.Errorf("traces hold the secrets: %v", sampling)
	}
}

// Ensure that a long queue, whose runs start one another, is not taken for a loop.
func TestNoFunctionIsStoppedAsALoop(t *testing.T) {
	for id, r := range template(t) {
		if r.Type == "AWS::Lambda::Function" && r.Properties["RecursiveLoop"] != "Allow" {
			t.Errorf("%s: %v", id, r.Properties["RecursiveLoop"])
		}
	}
}

func TestProductionHasAFirewallAndDevelopmentNone(t *testing.T) {
	prod := template(t)
	wall, _ := find(t, prod, "AWS::WAFv2::WebACL", "Name", "parley-firewall")
	find(t, prod, "AWS::WAFv2::WebACLAssociation", "WebACLArn", properties{"Fn::GetAtt": []any{wall, "Arn"}})
	state, functions := built(t, func(p *Props) { p.Kind = Dev })
	if n := kinds(functions)["AWS::WAFv2::WebACL"]; n != 0 {
		t.Errorf("development has %d firewalls", n)
	}
	for id, r := range state {
		if r.Properties["DeletionProtectionEnabled"] == true {
			t.Errorf("development protects %s", id)
		}
		if r.Type == "AWS::DynamoDB::Table" && r.DeletionPolicy != "Retain" {
			t.Errorf("%s: deletion policy %s", id, r.DeletionPolicy)
		}
	}
}

func TestDomainOfItsOwn(t *testing.T) {
	const name = "api.example.com"
	_, all := built(t, func(p *Props) {
		p.Domain = Domain{Name: name, Certificate: "arn:aws:acm:eu-central-1:111122223333:certificate/1", Zone: "Z1"}
	})
	find(t, all, "AWS::ApiGateway::DomainName", "DomainName", name)
	find(t, all, "AWS::Route53::RecordSet", "Type", "A")
	find(t, all, "AWS::Route53::RecordSet", "Type", "AAAA")
	for id, r := range all {
		switch r.Type {
		case "AWS::ApiGateway::BasePathMapping":
			if r.Properties["BasePath"] != nil {
				t.Errorf("the API is below %v", r.Properties["BasePath"])
			}
		case "AWS::ApiGateway::RestApi":
			if r.Properties["DisableExecuteApiEndpoint"] != true {
				t.Error("the gateway's own address goes around the domain")
			}
		case "AWS::Lambda::Function":
			if got := variables(r)[config.BaseURL]; got != "https://"+name {
				t.Errorf("%s: base URL %v", id, got)
			}
		}
	}
	if got := uploadsURL(t, all); got != Base+"/speech/uploads" {
		t.Errorf("too large: uploads at %q of the domain", got)
	}
	for id, r := range template(t) {
		if got, set := variables(r)[config.BaseURL]; set {
			t.Errorf("%s: base URL %v without a domain", id, got)
		}
		if r.Type == "AWS::ApiGateway::RestApi" && fmt.Sprint(r.Properties["EndpointConfiguration"]) != "map[Types:[REGIONAL]]" {
			t.Errorf("endpoint %v", r.Properties["EndpointConfiguration"])
		}
	}
}

func TestOriginsMayCallTheAPIAndPostUploads(t *testing.T) {
	cors := func(all map[string]resource) string {
		for _, r := range all {
			if r.Type == "AWS::S3::Bucket" {
				return fmt.Sprint(r.Properties["CorsConfiguration"])
			}
		}
		return ""
	}
	refusal := func(all map[string]resource) any {
		_, r := find(t, all, "AWS::ApiGateway::GatewayResponse", "ResponseType", "THROTTLED")
		headers, _ := r.Properties["ResponseParameters"].(properties)
		return headers["gatewayresponse.header.Access-Control-Allow-Origin"]
	}
	all := template(t)
	if got := cors(all); !strings.Contains(got, "AllowedMethods:[POST] AllowedOrigins:[*]") || refusal(all) != nil {
		t.Errorf("without origins: %s, refusals %v", got, refusal(all))
	}
	state, functions := built(t, func(p *Props) { p.Origins = []string{"https://a.example", "https://b.example"} })
	if got := cors(state); !strings.Contains(got, "AllowedOrigins:[https://a.example https://b.example]") || refusal(functions) != "'*'" {
		t.Errorf("with two: %s, refusals %v", got, refusal(functions))
	}
	for id, r := range functions {
		if got := variables(r)[config.Origins]; r.Type == "AWS::Lambda::Function" && got != "https://a.example,https://b.example" {
			t.Errorf("%s: origins %v", id, got)
		}
	}
}

func variables(r resource) properties {
	env, _ := r.Properties["Environment"].(properties)
	vars, _ := env["Variables"].(properties)
	return vars
}

// Ensure that every resource that can have tags tells whose costs it makes.
func TestCostsCanBeToldApart(t *testing.T) {
	for id, r := range template(t) {
		switch r.Type {
		case "AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue":
			if tags := fmt.Sprint(r.Properties["Tags"]); !strings.Contains(tags, "Key:Deployment Value:parley") || !strings.Contains(tags, "Key:Kind Value:prod") {
				t.Errorf("%s has the tags %s", id, tags)
			}
		}
	}
}

func TestAlarmsReportToTheTopic(t *testing.T) {
	all := template(t)
	for _, a := range Alarms("parley") {
		_, r := find(t, all, "AWS::CloudWatch::Alarm", "AlarmName", "parley-"+a.Name)
		if len(listed(r.Properties["AlarmActions"])) != 1 {
			t.Errorf("%s does %v", a.Name, r.Properties["AlarmActions"])
		}
		if !strings.HasSuffix(fmt.Sprint(r.Properties["AlarmDescription"]), " docs/runbook.md#"+a.Name) {
			t.Errorf("%s says %v", a.Name, r.Properties["AlarmDescription"])
		}
	}
	if n := kinds(all)["AWS::CloudWatch::Alarm"]; n != len(Alarms("parley")) {
		t.Errorf("%d alarms, want %d", n, len(Alarms("parley")))
	}
}

// Ensure that one setting hands the words to Amazon Transcribe, with the grants, the events and the
// engines that this takes, and that nothing of it is there without the setting.
func TestWordsMayBeHeardElsewhere(t *testing.T) {
	const setting = "amazon:en-GB"
	_, all := built(t, func(p *Props) { p.Recogniser = setting })
	var rules []string
	for id, r := range all {
		switch r.Type {
		case "AWS::Lambda::Function":
			if got := variables(r)[installed.RecogniserVariable]; got != setting {
				t.Errorf("%s: recogniser %v", id, got)
			}
		case "AWS::Events::Rule":
			if text := plain(t, r.Properties); strings.Contains(text, "aws.transcribe") {
				rules = append(rules, text)
			}
		}
	}
	const bucket = "parley-${AWS::AccountId}-${AWS::Region}"
	if len(rules) != 1 {
		t.Fatalf("rules %v", rules)
	}
	for _, part := range []string{`"detail-type":["Transcribe Job State Change"]`, `"COMPLETED","FAILED"`, `"prefix":`, bucket,
		`"InputPathsMap":{"detail-TranscriptionJobName":"$.detail.TranscriptionJobName"}`, fmt.Sprintf(`{\"format\":%d,\"task\":<detail-TranscriptionJobName>}`, pipeline.Format)} {
		if !strings.Contains(rules[0], part) {
			t.Errorf("the rule lacks %s: %s", part, rules[0])
		}
	}
	_, diarize := find(t, all, "AWS::Lambda::Function", "FunctionName", "parley-diarize")
	if n := len(listed(diarize.Properties["Layers"])); n != 2 {
		t.Errorf("diarize has %d layers, and cannot hear the candidate's sample", n)
	}
	grants := func(all map[string]resource) (out []string) {
		for _, r := range all {
			if r.Type != "AWS::IAM::Policy" {
				continue
			}
			document, _ := r.Properties["PolicyDocument"].(properties)
			for _, statement := range listed(document["Statement"]) {
				if text := fmt.Sprint(statement); strings.Contains(text, "transcribe:") {
					out = append(out, text)
				}
			}
		}
		slices.Sort(out)
		return out
	}
	const ours = "map[Fn::Sub:" + bucket + "]"
	want := []string{
		"map[Action:[transcribe:GetTranscriptionJob transcribe:DeleteTranscriptionJob] Effect:Allow Resource:map[Fn::Join:[: [arn map[Ref:AWS::Partition] transcribe map[Ref:AWS::Region] map[Ref:AWS::AccountId] map[Fn::Join:[ [transcription-job/ " + ours + " .*]]]]]]]",
		"map[Action:transcribe:StartTranscriptionJob Condition:map[StringEquals:map[transcribe:OutputBucketName:" + ours + "]] Effect:Allow Resource:*]",
	}
	if got := grants(all); !slices.Equal(got, want) {
		t.Errorf("grants %q", got)
	}
	own := template(t)
	if left := grants(own); len(left) != 0 {
		t.Errorf("without the setting: %v", left)
	}
	for id, r := range own {
		if _, set := variables(r)[installed.RecogniserVariable]; set || r.Type == "AWS::Events::Rule" && strings.Contains(plain(t, r.Properties), "aws.transcribe") {
			t.Errorf("without the setting: %s", id)
		}
	}
}

// plain is a part of a template as JSON.
func plain(t *testing.T, v any) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
