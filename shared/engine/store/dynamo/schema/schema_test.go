package schema

import "testing"

// Ensure that every table can be created as described: its keys have names and known types, and no
// index name comes twice.
func TestTablesAreComplete(t *testing.T) {
	key := func(what string, k Key) {
		if k.Name == "" || k.Type != String && k.Type != Number {
			t.Errorf("%s: key %+v", what, k)
		}
	}
	seen := map[string]bool{}
	for _, table := range Tables {
		if seen[table.Name] {
			t.Errorf("%s: listed twice", table.Name)
		}
		seen[table.Name] = true
		key(table.Name, table.Partition)
		if table.Sort.Name != "" {
			key(table.Name, table.Sort)
		}
		for _, index := range table.Indexes {
			name := table.Name + "/" + index.Name
			if seen[name] {
				t.Errorf("%s: listed twice", name)
			}
			seen[name] = true
			key(name, index.Partition)
			key(name, index.Sort)
		}
	}
}
