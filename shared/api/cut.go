package api

import (
	"encoding/json"

	"parley/shared/speech/audio"
)

// cut reads the cut settings for a recording of length ms (0: not known yet) and fills in the
// defaults. INVALID_PARAMETERS lists every setting that is wrong.
func (f *form) cut(length int64) (audio.CutSettings, error) {
	raw, sent := f.one(fieldCut)
	if sent {
		if _, err := strictObject(raw); err != nil {
			return audio.CutSettings{}, invalid(field{Name: fieldCut, Message: err.Error()})
		}
	}
	return audio.ValidateCut(json.RawMessage(raw), length) //nolint:wrapcheck // a *errcode.Error
}
