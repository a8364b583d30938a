package nag_test

import (
	"testing"

	"parley/infra/stack/nag"
	"parley/infra/stack/standin"
)

// Ensure that cdk-nag's rules find nothing that has no reason, and that no reason is left over.
func TestNagFindsNothingWithoutAReason(t *testing.T) {
	if testing.Short() {
		t.Skip("the CDK takes many seconds to start")
	}
	props, err := standin.Make(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	report, err := nag.Check(t.TempDir(), props)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range report.Open {
		t.Error(line)
	}
	for _, line := range report.Unused {
		t.Error("nothing needs the reason for", line)
	}
}
