package dynamo

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/infra/prove/storetest"

	"parley/shared/engine/run"
)

// recordedItem reads an item in the form in which the AWS CLI prints it.
func recordedItem(t *testing.T, name string) item {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var attributes map[string]map[string]any
	if err := json.Unmarshal(raw, &attributes); err != nil {
		t.Fatal(err)
	}
	return attributesOf(t, attributes)
}

func attributesOf[M ~map[string]V, V ~map[string]any](t *testing.T, in M) item {
	t.Helper()
	out := item{}
	for name, v := range in {
		out[name] = attributeOf(t, v)
	}
	return out
}

func attributeOf(t *testing.T, v map[string]any) types.AttributeValue {
	t.Helper()
	for kind, content := range v {
		switch content := content.(type) {
		case string:
			if kind == "N" {
				return &types.AttributeValueMemberN{Value: content}
			}
			return str(content)
		case bool:
			return &types.AttributeValueMemberBOOL{Value: content}
		case []any:
			l := &types.AttributeValueMemberL{}
			for _, one := range content {
				of, _ := one.(map[string]any)
				l.Value = append(l.Value, attributeOf(t, of))
			}
			return l
		case map[string]any:
			m := map[string]map[string]any{}
			for name, one := range content {
				m[name], _ = one.(map[string]any)
			}
			return &types.AttributeValueMemberM{Value: attributesOf(t, m)}
		}
	}
	t.Fatalf("an attribute %v", v)
	return nil
}

// Ensure that a run which an earlier release stored while it was in process is read, goes on, and
// is written with everything that it had.
func TestARunOfAnEarlierReleaseGoesOn(t *testing.T) {
	stored := recordedItem(t, "run-2026-11-30.json")
	r, err := decodeRun(stored)
	if err != nil {
		t.Fatal(err)
	}
	due, hung := storetest.Start.Add(92*time.Second), run.Part{Stage: "transcribe", Index: 1}
	want := interview(storetest.Start).Run
	want.Status, want.Version, want.Pieces = run.Processing, 4, 2
	want.StartedAt, want.Deadline = want.CreatedAt, want.CreatedAt.Add(19*time.Minute)
	want.Parts = map[run.Part]run.Pending{hung: {Due: due, Sent: 2, Failure: run.TimedOut}, {Stage: "diarize"}: {Due: due, Sent: 1}}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("read %+v\nwant %+v", r, want)
	}
	if again := encodeRun(r); !reflect.DeepEqual(again, stored) {
		t.Errorf("stored again as %v\nit was %v", again, stored)
	}
	if r, err = r.NoteFailure(1, hung, run.TimedOut, time.Minute, due); err != nil || r.Parts[hung].Timeouts != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	next := maps.Clone(encodeRun(r))
	if got, err := decodeRun(next); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v, %v", got, err)
	}
}
