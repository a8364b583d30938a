package presentation

import (
	"encoding/json"
	"errors"

	"github.com/tidwall/gjson"
)

// membersOfObject returns the members of a JSON object as they were written, without decoding them:
// the report of a 45-minute recording is half a megabyte, which is passed on as it is
// (BenchmarkPollOfAnEndedRun). Duplicate names: the last one wins.
func membersOfObject(raw []byte) (map[string]json.RawMessage, error) {
	if !gjson.ValidBytes(raw) {
		return nil, errors.New("presentation: not valid JSON")
	}
	object := gjson.ParseBytes(raw)
	if !object.IsObject() {
		return nil, errors.New("presentation: not a JSON object")
	}
	found := map[string]json.RawMessage{}
	var err error
	object.ForEach(func(name, value gjson.Result) bool {
		// encoding/json decodes the name, as it does everything else: gjson treats invalid UTF-8
		// and lone surrogates differently.
		var decoded string
		if err = json.Unmarshal([]byte(name.Raw), &decoded); err != nil {
			return false
		}
		found[decoded] = json.RawMessage(value.Raw)
		return true
	})
	return found, err
}
