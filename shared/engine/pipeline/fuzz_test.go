package pipeline_test

import (
	"encoding/json"
	"testing"

	"parley/shared/engine/pipeline"
)

// Ensure that every accepted message is one that we could have sent, and that it survives encoding
// and decoding.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"run":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","attempt":1,"part":"transcribe/12"}`, `{"run":"req_","attempt":1,"part":"ingest/0"}`, `{"attempt":-1}`, `{"part":"/"}`, `null`, `[]`, ``, `{"run":1}`, `{"RUN":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","Attempt":1,"part":"ingest/+0"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		m, p, err := pipeline.Decode(body)
		if err != nil {
			return
		}
		if !m.Run.Valid() || m.Attempt < 1 || p.Stage == "" || p.Index < 0 {
			t.Fatalf("%q is taken as %+v, %+v", body, m, p)
		}
		m.Part = p.String()
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, q, err := pipeline.Decode(string(raw))
		if err != nil || again != m || q != p {
			t.Errorf("%s is read as %+v, %+v, %v", raw, again, q, err)
		}
	})
}
