// Package lifecycle deploys the stacks onto an emulated AWS with the CDK's own program, as an
// operator does through the years: create, update, a failed update, destroy, create again, adopt.
//
// The emulator does the work of CloudFormation, DynamoDB, S3, SQS and Lambda. It does not check
// roles, limits or values as AWS does, and does not know CodeDeploy, so the stack of the functions
// is deployed as dev. The functions are stand-ins that are never called.
package lifecycle

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/jsii-runtime-go"

	"parley/infra/local"
	"parley/infra/stack"
	"parley/infra/stack/standin"
	"parley/shared/engine/store/dynamo/schema"
	"parley/shared/speech"
)

const (
	name  = "life" // of the stack whose life is lived here
	shown = 4000   // bytes of what the CDK said, in a failure
)

// world is an emulated AWS with what deploys onto it.
type world struct {
	*testing.T
	emulator *local.Emulator
	props    stack.Props
	tables   *dynamodb.Client
	objects  *s3.Client
	queues   *sqs.Client
	lambdas  *lambda.Client
}

func open(t *testing.T) *world {
	t.Helper()
	if os.Getenv("PARLEY_HEAVY") == "" {
		t.Skip("PARLEY_HEAVY is not set: make test-all runs this")
	}
	e, err := local.StartEmulator(t.Context(), t.TempDir(), func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Log(err)
		}
	})
	props, err := standin.Make(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	props.Kind, props.Endpoint = stack.Dev, e.Endpoint
	props.Stack = awscdk.StackProps{Env: &awscdk.Environment{Account: jsii.String(local.Account), Region: jsii.String(local.Region)}}
	w := &world{T: t, emulator: e, props: props}
	keys, endpoint := credentials.NewStaticCredentialsProvider("test", "test", ""), aws.String(e.Endpoint)
	w.tables = dynamodb.New(dynamodb.Options{Region: local.Region, BaseEndpoint: endpoint, Credentials: keys})
	w.objects = s3.New(s3.Options{Region: local.Region, BaseEndpoint: endpoint, Credentials: keys, UsePathStyle: true})
	w.queues = sqs.New(sqs.Options{Region: local.Region, BaseEndpoint: endpoint, Credentials: keys})
	w.lambdas = lambda.New(lambda.Options{Region: local.Region, BaseEndpoint: endpoint, Credentials: keys})
	w.cdk(w.synthesised(nil, nil), "bootstrap", "aws://"+local.Account+"/"+local.Region)
	return w
}

// synthesised writes the templates, with changed props and a changed stack of the functions, and
// returns their folder.
func (w *world) synthesised(props func(*stack.Props), change func(awscdk.Stack)) string {
	w.Helper()
	out := w.TempDir()
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Outdir: jsii.String(out)})
	p := w.props
	if props != nil {
		props(&p)
	}
	st := stack.NewStack(app, name, p)
	if change != nil {
		change(st)
	}
	app.Synth(nil)
	return out
}

// cdk runs the CDK's program, which must succeed.
func (w *world) cdk(assembly string, args ...string) {
	w.Helper()
	if _, err := w.emulator.CDK(w.Context(), assembly, args...); err != nil {
		w.Fatal(err)
	}
}

func (w *world) deploy(assembly string) {
	w.Helper()
	w.cdk(assembly, "deploy", "--all", "--require-approval", "never")
}

// refused runs the CDK's program, which must fail and say a reason.
func (w *world) refused(reason, assembly string, args ...string) {
	w.Helper()
	said, err := w.emulator.CDK(w.Context(), assembly, args...)
	if err == nil {
		w.Fatalf("cdk %s: succeeded, want %q\n%s", strings.Join(args, " "), reason, said[max(0, len(said)-shown):])
	}
	if !strings.Contains(said+err.Error(), reason) {
		w.Errorf("cdk %s: %v\n%s\nwant %q", strings.Join(args, " "), err, said[max(0, len(said)-shown):], reason)
	}
}

// override changes a property of a function of the stack.
func override(function, property string, value any) func(awscdk.Stack) {
	return func(st awscdk.Stack) {
		resource, _ := st.Node().FindChild(jsii.String("Function" + function)).Node().DefaultChild().(awscdk.CfnResource)
		resource.AddPropertyOverride(&property, value)
	}
}

func all(changes ...func(awscdk.Stack)) func(awscdk.Stack) {
	return func(st awscdk.Stack) {
		for _, c := range changes {
			c(st)
		}
	}
}

// function returns a function's memory in MB and its timeout in seconds; 0 if there is none.
func (w *world) function(short string) (memory, timeout int32) {
	w.Helper()
	f, err := w.lambdas.GetFunctionConfiguration(w.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(name + "-" + short)})
	if err != nil {
		return 0, 0
	}
	return *f.MemorySize, *f.Timeout
}

func (w *world) hasFunction(short string, memory, timeout int32) {
	w.Helper()
	if m, s := w.function(short); m != memory || s != timeout {
		w.Errorf("%s has %d MB and %d s, want %d MB and %d s", short, m, s, memory, timeout)
	}
}

func (w *world) queue(short string) bool {
	w.Helper()
	_, err := w.queues.GetQueueUrl(w.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(name + "-" + short)})
	return err == nil
}

func bucket() *string { return aws.String(name + "-" + local.Account + "-" + local.Region) }

// fill puts an item into each table and an object into the bucket, for kept to find.
func (w *world) fill() {
	w.Helper()
	for _, table := range schema.Tables {
		if _, err := w.tables.PutItem(w.Context(), &dynamodb.PutItemInput{TableName: aws.String(name + "-" + table.Name), Item: key(table)}); err != nil {
			w.Fatal(err)
		}
	}
	if _, err := w.objects.PutObject(w.Context(), &s3.PutObjectInput{Bucket: bucket(), Key: aws.String("report/kept"), Body: strings.NewReader("kept")}); err != nil {
		w.Fatal(err)
	}
}

// key is an item that has only a table's key.
func key(table schema.Table) map[string]types.AttributeValue {
	out := map[string]types.AttributeValue{}
	for _, k := range []schema.Key{table.Partition, table.Sort} {
		switch {
		case k.Name == "":
		case k.Type == schema.Number:
			out[k.Name] = &types.AttributeValueMemberN{Value: "1"}
		default:
			out[k.Name] = &types.AttributeValueMemberS{Value: "kept"}
		}
	}
	return out
}

// kept fails the test unless everything of fill is there.
func (w *world) kept() {
	w.Helper()
	for _, table := range schema.Tables {
		out, err := w.tables.GetItem(w.Context(), &dynamodb.GetItemInput{TableName: aws.String(name + "-" + table.Name), Key: key(table)})
		if err != nil || len(out.Item) == 0 {
			w.Errorf("table %s: the item is gone: %v", table.Name, err)
		}
	}
	if _, err := w.objects.HeadObject(w.Context(), &s3.HeadObjectInput{Bucket: bucket(), Key: aws.String("report/kept")}); err != nil {
		w.Errorf("the object is gone: %v", err)
	}
}

// mapping writes the file for `cdk import` that names what the runbook says.
func (w *world) mapping(assembly string) string {
	w.Helper()
	raw, err := os.ReadFile(filepath.Join(assembly, stack.StateName(name)+".template.json"))
	if err != nil {
		w.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties struct{ TableName any }
		}
	}
	if err := json.Unmarshal(raw, &template); err != nil {
		w.Fatal(err)
	}
	ids := map[string]map[string]string{}
	for id, r := range template.Resources {
		switch r.Type {
		case "AWS::DynamoDB::Table":
			ids[id] = map[string]string{"TableName": fmt.Sprint(r.Properties.TableName)}
		case "AWS::S3::Bucket":
			ids[id] = map[string]string{"BucketName": *bucket()}
		}
	}
	if raw, err = json.Marshal(ids); err != nil {
		w.Fatal(err)
	}
	path := filepath.Join(w.TempDir(), "mapping.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

// Ensure that a deployment lives as its page says. Each step begins where the one before ended.
func TestTheLifeOfADeployment(t *testing.T) {
	w := open(t)
	plain := w.synthesised(nil, nil)
	poll := defined(t, "poll")
	step := func(says string, do func(*world)) {
		t.Run(says, func(t *testing.T) {
			own := *w
			own.T = t
			do(&own)
		})
		if t.Failed() {
			t.FailNow()
		}
	}
	step("create", func(w *world) {
		w.deploy(plain)
		w.hasFunction("poll", poll.memory, poll.timeout)
		if !w.queue("dead") || !w.queue(string(speech.Ingest)) || !w.queue(string(speech.Accent)) {
			w.Error("queues are missing")
		}
		w.fill()
	})
	step("update in place", func(w *world) {
		w.deploy(w.synthesised(nil, all(override("Poll", "MemorySize", 1024), override("Poll", "Timeout", 20), func(st awscdk.Stack) {
			awssqs.NewQueue(st, jsii.String("QueueNew"), &awssqs.QueueProps{QueueName: jsii.String(name + "-new")})
		})))
		w.hasFunction("poll", 1024, 20)
		if !w.queue("new") {
			w.Error("the new queue is missing")
		}
		w.kept()
	})
	step("a function that fails is rolled back", func(w *world) {
		// The CDK's table cuts the last letter off.
		w.refused("UPDATE_ROLLBACK_COMPLET", w.synthesised(nil, all(override("Poll", "MemorySize", 2048), override("Poll", "Timeout", 20), override("Credits", "Code.S3Key", "no-such.zip"))),
			"deploy", "--all", "--require-approval", "never")
		w.hasFunction("poll", 1024, 20)
		if !w.queue("new") {
			w.Error("the rollback took a queue with it")
		}
		w.kept()
		w.deploy(plain)
		w.hasFunction("poll", poll.memory, poll.timeout)
		if w.queue("new") {
			w.Error("a queue that the template no longer has is still there")
		}
	})
	step("destroy the functions and create them again beside the kept state", func(w *world) {
		w.cdk(plain, "destroy", name, "--force")
		w.hasFunction("poll", 0, 0)
		w.kept()
		w.deploy(plain)
		w.hasFunction("poll", poll.memory, poll.timeout)
		w.kept()
	})
	step("destroy everything: the state stays, and is in the way of a new stack", func(w *world) {
		w.cdk(plain, "destroy", "--all", "--force")
		w.hasFunction("poll", 0, 0)
		w.kept()
		w.refused("ROLLBACK_COMPLETE", plain, "deploy", "--all", "--require-approval", "never")
		w.kept()
		// What is left of the failed stack would be in the way too.
		w.cdk(plain, "destroy", stack.StateName(name), "--force")
		w.kept()
	})
	step("adopt the state and deploy again", func(w *world) {
		adopt := w.synthesised(func(p *stack.Props) { p.Adopt = true }, nil)
		w.cdk(adopt, "import", stack.StateName(name), "--resource-mapping", w.mapping(adopt))
		w.deploy(plain)
		w.hasFunction("poll", poll.memory, poll.timeout)
		if !w.queue("dead") || !w.queue(string(speech.Ingest)) {
			w.Error("the state's queues are missing")
		}
		w.kept()
	})
}

type shape struct{ memory, timeout int32 }

// defined is what the stack gives a function.
func defined(t *testing.T, short string) shape {
	t.Helper()
	for _, f := range stack.Functions() {
		if f.Name == short {
			return shape{int32(f.MemoryMB), int32(f.Timeout.Seconds())}
		}
	}
	t.Fatalf("no function %s", short)
	return shape{}
}

// Ensure that the state of a prod deployment cannot be deleted by mistake.
func TestTheStateOfProductionIsProtected(t *testing.T) {
	w := open(t)
	prod := w.synthesised(func(p *stack.Props) { p.Kind, p.Endpoint = stack.Prod, "" }, nil)
	w.cdk(prod, "deploy", stack.StateName(name), "--require-approval", "never")
	w.fill()
	w.refused("TerminationProtection", prod, "destroy", stack.StateName(name), "--force")
	if _, err := w.tables.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: aws.String(name + "-" + schema.Runs.Name)}); err == nil {
		t.Error("a table could be deleted")
	}
	w.kept()
}
