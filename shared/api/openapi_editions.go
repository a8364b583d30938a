package api

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// The document is made once and has three editions. Tests hold every answer against the strict one,
// which has all the rules. The two that are served leave out the rules that generators of clients
// stumble over. What they leave out is marked with strictly.

// edition is one form of the document.
type edition int

const (
	served edition = iota // OpenAPI 3.1
	strict                // the same with the rules for tests
	older                 // OpenAPI 3.0, for generators that do not read 3.1
)

// testsOnly begins the name of a member that only the strict edition has.
const testsOnly = "!"

// strictly returns a member that only the strict edition has.
func strictly(key string, value any) member { return member{testsOnly + key, value} }

// of returns the edition's form of a source.
func (e edition) of(source node) node {
	var out node
	for _, m := range source {
		key, marked := strings.CutPrefix(m.key, testsOnly)
		if marked && e != strict {
			continue
		}
		switch v := m.value.(type) {
		case node:
			m.value = e.of(v)
		case []node:
			all := make([]node, len(v))
			for i, n := range v {
				all[i] = e.of(n)
			}
			m.value = all
		}
		out = append(out, member{key, m.value})
	}
	if e == older {
		return downgraded(out)
	}
	return out
}

// downgraded writes in the words of OpenAPI 3.0 what 3.1 says otherwise: null, the names of a map's
// keys, the webhooks, and what the document says of itself.
func downgraded(n node) node {
	var out node
	for _, m := range n {
		kinds, several := m.value.([]any)
		either, _ := m.value.([]node)
		switch {
		case m.key == "openapi":
			out = append(out, member{m.key, "3.0.3"})
		case m.key == "type" && several:
			out = append(out, member{m.key, kinds[0]}, member{"nullable", true})
		case m.key == "anyOf" && isNull(either):
			out = append(out, member{"type", "object"}, member{"nullable", true}, member{"allOf", either[:1]})
		case m.key == "webhooks":
			out = append(out, member{"x-webhooks", m.value})
		case slices.Contains([]string{"propertyNames", "identifier"}, m.key):
		case m.key == "summary" && n.get("version") != nil: // of info
		default:
			out = append(out, m)
		}
	}
	return out
}

// isNull reports whether the second of two schemas is null.
func isNull(either []node) bool { return len(either) == 2 && word(either[1], "type") == "null" }

// editions holds each edition after the first request for it.
var editions [older + 1]struct {
	once sync.Once
	json []byte
}

func (e edition) document() []byte {
	made := &editions[e]
	made.once.Do(func() { made.json = e.make() })
	return made.json
}

// make builds the edition again, as indented JSON.
func (e edition) make() []byte {
	raw, err := plain(e.of(openAPI()))
	if err != nil {
		panic(err) // made of literals and of recorded JSON
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		panic(err)
	}
	return append(b.Bytes(), '\n')
}

// OpenAPI returns the document that is served, as indented JSON. Each call returns the same slice:
// do not modify it.
func OpenAPI() []byte { return served.document() }

// OlderOpenAPI returns the same as OpenAPI 3.0.
func OlderOpenAPI() []byte { return older.document() }

// StrictOpenAPI returns the document with every rule, to hold answers and requests against.
func StrictOpenAPI() []byte { return strict.document() }

// MakeOpenAPI builds the strict document again, as indented JSON.
func MakeOpenAPI() []byte { return strict.make() }
