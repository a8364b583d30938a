package api

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// read returns an edition as plain JSON.
func read(t *testing.T, e edition) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(e.make(), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// at returns the member at a path of names.
func reach(t *testing.T, v any, path ...string) any {
	t.Helper()
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok || m[name] == nil {
			t.Fatalf("there is no %s", strings.Join(path, "."))
		}
		v = m[name]
	}
	return v
}

// schemas calls visit with each schema of an edition, whatever it is in. top is a shape's own.
func schemas(t *testing.T, doc map[string]any, visit func(path string, schema map[string]any, top bool)) {
	t.Helper()
	var walk func(path string, v any, top, in bool)
	walk = func(path string, v any, top, in bool) {
		switch v := v.(type) {
		case map[string]any:
			if in {
				visit(path, v, top)
			}
			for name, child := range v {
				switch {
				case name == "examples", name == "example", name == "enum", name == "discriminator":
				case in && (name == "properties"), name == "schemas" && strings.HasSuffix(path, "components"):
					for p, s := range child.(map[string]any) {
						walk(path+"."+p, s, name == "schemas", true)
					}
				default:
					walk(path+"."+name, child, false, in || name == "schema")
				}
			}
		case []any:
			for _, child := range v {
				walk(path, child, false, in)
			}
		}
	}
	walk("", map[string]any{"paths": doc["paths"], "components": doc["components"], "webhooks": doc["webhooks"], "x-webhooks": doc["x-webhooks"]}, false, false)
}

// Ensure that the served documents have nothing that a generator of clients is known to stumble
// over.
func TestTheDocumentIsForGenerators(t *testing.T) {
	for name, e := range map[string]edition{"3.1": served, "3.0": older} {
		t.Run(name, func(t *testing.T) {
			doc := read(t, e)
			seen := 0
			schemas(t, doc, func(path string, s map[string]any, top bool) {
				seen++
				if s["properties"] != nil && !top {
					t.Errorf("%s is an object without a name", path)
				}
				for _, either := range []string{"oneOf", "anyOf"} {
					options, _ := s[either].([]any)
					for _, o := range options {
						if option, ok := o.(map[string]any); ok && option["required"] != nil && option["type"] == nil {
							t.Errorf("%s chooses between members", path)
						}
					}
				}
				kinds, several := s["type"].([]any)
				switch nullable := len(kinds) == 2 && kinds[1] == "null"; {
				case several && (e == older || !nullable):
					t.Errorf("%s has the types %v", path, kinds)
				case s["pattern"] != nil && (nullable || s["nullable"] != nil || s["format"] == "date-time"):
					t.Errorf("%s has a pattern that the type of its clients cannot take", path)
				}
				if strings.HasPrefix(path, ".components.Submission.") && (s["default"] != nil || s["type"] == "boolean" && !strings.Contains(path, "metadata")) {
					t.Errorf("%s is written into the form in the way of each language", path)
				}
			})
			if seen < 500 {
				t.Errorf("saw only %d schemas", seen)
			}
			tags := map[any]bool{}
			for path, methods := range reach(t, doc, "paths").(map[string]any) {
				for method := range methods.(map[string]any) {
					tags[reach(t, methods, method, "tags").([]any)[0]] = true
					for status, answer := range reach(t, methods, method, "responses").(map[string]any) {
						if status >= "400" && reach(t, answer, "content", kindJSON, "schema", "$ref") != "#/components/schemas/Error" {
							t.Errorf("%s %s answers %s with a shape of its own", method, path, status)
						}
					}
				}
			}
			if tags[tagWebhooks] {
				t.Error("a call shares the webhook's tag")
			}
		})
	}
}

// Ensure that every edition has the same calls, answers, codes, examples and shapes.
func TestNoEditionLacksAnything(t *testing.T) {
	want := read(t, strict)
	for name, e := range map[string]edition{"3.1": served, "3.0": older} {
		got := read(t, e)
		for path, methods := range reach(t, want, "paths").(map[string]any) {
			for method := range methods.(map[string]any) {
				for status, answer := range reach(t, methods, method, "responses").(map[string]any) {
					same := reach(t, got, "paths", path, method, "responses", status)
					for kind, body := range members(answer, "content") {
						if !reflect.DeepEqual(reach(t, same, "content", kind).(map[string]any)["examples"], body.(map[string]any)["examples"]) {
							t.Errorf("%s: %s %s %s has other examples", name, method, path, status)
						}
					}
				}
			}
		}
		for shape := range members(want, "components", "schemas") {
			ours, theirs := members(want, "components", "schemas", shape, "properties"), members(got, "components", "schemas", shape, "properties")
			if a, b := slices.Sorted(maps.Keys(ours)), slices.Sorted(maps.Keys(theirs)); !slices.Equal(a, b) {
				t.Errorf("%s: %s has %v, not %v", name, shape, b, a)
			}
		}
		if !reflect.DeepEqual(got["x-error-codes"], want["x-error-codes"]) {
			t.Errorf("%s has other codes", name)
		}
	}
}

// members returns the object at a path of names, or nil.
func members(v any, path ...string) map[string]any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	m, _ := v.(map[string]any)
	return m
}

// Ensure that the rules which generators cannot take are left to the strict edition, and no others:
// each is checked by the handlers, and every answer of every test is held against them.
func TestWhatIsLeftToTheTests(t *testing.T) {
	left := map[string]int{}
	var walk func(n node)
	walk = func(n node) {
		for _, m := range n {
			if key, marked := strings.CutPrefix(m.key, testsOnly); marked {
				left[key]++
			}
			switch v := m.value.(type) {
			case node:
				walk(v)
			case []node:
				for _, n := range v {
					walk(n)
				}
			}
		}
	}
	walk(openAPI())
	want := []string{"anyOf", "default", "oneOf", "pattern", "properties", "required", "uniqueItems"}
	if got := slices.Sorted(maps.Keys(left)); !slices.Equal(got, want) {
		t.Errorf("left to the tests: %v, want %v", got, want)
	}
	for key, times := range map[string]int{"oneOf": 1, "anyOf": 1, "uniqueItems": 1, "required": 2} {
		if left[key] != times {
			t.Errorf("%s is left to the tests %d times, not %d", key, left[key], times)
		}
	}
}
