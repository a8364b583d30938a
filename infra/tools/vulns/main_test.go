package main

import (
	"io"
	"strings"
	"testing"
)

const stream = `{"osv":{"id":"GO-1","summary":"one"}}
{"osv":{"id":"GO-2","summary":"two"}}
{"osv":{"id":"GO-3","summary":"three"}}
{"finding":{"osv":"GO-1","fixed_version":"v1.2.0","trace":[{"module":"example.com/m","version":"v1.1.0"}]}}
{"finding":{"osv":"GO-2","fixed_version":"v1.2.0","trace":[{"module":"example.com/m","version":"v1.1.0","function":"F"},{"module":"parley","package":"parley/x","function":"G"}]}}
{"finding":{"osv":"GO-3","fixed_version":"v1.26.9","trace":[{"module":"stdlib","version":"v1.26.8","function":"F"},{"module":"parley","package":"parley/x","function":"G"}]}}
`

// Ensure that vulnerable code of another module fails if it is called but not if it is only
// required, and that the standard library is listed.
func TestReport(t *testing.T) {
	found, err := read(strings.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	if failing := report(&said, found); failing != 1 {
		t.Errorf("%d must be mended", failing)
	}
	for _, want := range []string{"GO-2: two", "v1.1.0, mended in v1.2.0; called by parley/x.G", "GO-3: three", "(the Go of this machine)"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, said.String())
		}
	}
	if strings.Contains(said.String(), "GO-1") {
		t.Error("it lists what is not called")
	}
}

// Ensure that half a stream is an error, and that an empty list means no findings.
func TestRead(t *testing.T) {
	if _, err := read(strings.NewReader(stream[:100])); err == nil {
		t.Error("half a stream is read")
	}
	if found, err := read(strings.NewReader("")); err != nil || report(io.Discard, found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
}
