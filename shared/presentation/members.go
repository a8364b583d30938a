package presentation

import (
	"encoding/json"
	"errors"

	"github.com/tidwall/gjson"
)

// membersOfObject finds the members of a JSON object as they are written, without decoding them: a report of 45 minutes is half a
// megabyte that is passed on as it is (BenchmarkPollOfAnEndedRun). Of a name that comes twice the last counts.
func membersOfObject(raw []byte) (map[string]json.RawMessage, error) {
	if !gjson.ValidBytes(raw) {
		return nil, errors.New("presentation: no JSON")
	}
	object := gjson.ParseBytes(raw)
	if !object.IsObject() {
		return nil, errors.New("presentation: no JSON object")
	}
	found := map[string]json.RawMessage{}
	var err error
	object.ForEach(func(name, value gjson.Result) bool {
		var decoded string // by the library that everything else is decoded with: the two differ in broken UTF-8 and halves of surrogates
		if err = json.Unmarshal([]byte(name.Raw), &decoded); err != nil {
			return false
		}
		found[decoded] = json.RawMessage(value.Raw)
		return true
	})
	return found, err
}
