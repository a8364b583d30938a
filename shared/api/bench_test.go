package api_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/shared/api"
)

// longReport returns the report of 45 minutes at 150 words per minute. It is nearly all transcript.
func longReport(words int) string {
	const perSegment = 40
	var b strings.Builder
	for i := range words {
		switch {
		case i == 0:
		case i%perSegment == 0:
			b.WriteString(`]},`)
		default:
			b.WriteString(`,`)
		}
		at := i * 400
		if i%perSegment == 0 {
			fmt.Fprintf(&b, `{"speaker":"speaker_%d","startMs":%d,"endMs":%d,"text":"%s","confidence":0.9312,"words":[`, 1+i/perSegment%2, at, at+400*perSegment, strings.Repeat("another word ", perSegment/2))
		}
		fmt.Fprintf(&b, `{"text":"another","startMs":%d,"endMs":%d,"confidence":0.9312}`, at, at+380)
	}
	b.WriteString(`]}`)
	head, tail, _ := strings.Cut(reportJSON, `"segments":[`)
	_, tail, _ = strings.Cut(tail, `"speakers"`)
	return head + `"segments":[` + b.String() + `],"speakers"` + tail
}

// BenchmarkPollOfAnEndedRun polls a run of 45 minutes, whose report is passed on unchanged.
func BenchmarkPollOfAnEndedRun(b *testing.B) {
	report := longReport(45 * 150)
	if !json.Valid([]byte(report)) {
		b.Fatal("the report is no JSON")
	}
	h := newHouse(b)
	id := h.accept()
	h.succeed(id, report)
	handler := api.All(h.deps)
	req := h.request("GET", api.Base+"/speech/analyze/"+string(id), nil)
	b.SetBytes(int64(len(report)))
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
		h.log.Reset()
	}
}
