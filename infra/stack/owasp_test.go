package stack_test

import (
	"slices"
	"testing"

	"parley/infra/prove/contract"
	"parley/infra/stack"
)

// Ensure that exactly the documented routes can be reached: the entry on inventory of the OWASP API
// Security Top 10 of 2023. The tests for the other nine entries are in shared/api.
func TestOWASP_API9_ImproperInventoryManagement(t *testing.T) {
	c, err := contract.Document()
	if err != nil {
		t.Fatal(err)
	}
	var reachable []string
	for _, r := range stack.Routes() {
		reachable = append(reachable, r.Method+" "+r.Path)
	}
	documented := c.Operations()
	slices.Sort(reachable)
	slices.Sort(documented)
	if !slices.Equal(reachable, documented) {
		t.Errorf("reachable  %v\ndocumented %v", reachable, documented)
	}
}
