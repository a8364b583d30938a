package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// operatePage returns the page about running and operating Parley.
func operatePage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "spec", "OPERATE.md"))
	if err != nil {
		t.Skip("the page is not beside this checkout:", err)
	}
	return string(text)
}

// section returns the page's text from one heading to the next.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, "\n## "+heading)
	if !ok {
		t.Fatalf("the page has no %q", heading)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

func command(t *testing.T, words ...string) *cobra.Command {
	t.Helper()
	c, rest, err := rootCommand().Find(words)
	if err != nil || len(rest) > 0 {
		t.Errorf("there is no parley %s: %v", strings.Join(words, " "), err)
		return nil
	}
	return c
}

// has fails the test unless the command has the flag, with this default if one is given.
func has(t *testing.T, c *cobra.Command, flag, value string) {
	t.Helper()
	f := c.Flag(flag)
	switch {
	case f == nil:
		t.Errorf("%s has no --%s", c.CommandPath(), flag)
	case value != "" && f.DefValue != value && strings.TrimSuffix(f.DefValue, "m0s")+"m" != value && f.DefValue != strings.Replace(value, "60s", "1m0s", 1) && f.DefValue != strings.Replace(value, "24h", "24h0m0s", 1):
		t.Errorf("%s: --%s is %s by default, the page says %s", c.CommandPath(), flag, f.DefValue, value)
	}
}

// Ensure that the local system has each flag of the page, with the default that the page gives.
func TestTheLocalFlagsAreThoseOfThePage(t *testing.T) {
	local := command(t, "local")
	rows := regexp.MustCompile("(?m)^\\| (`--[^|]+) \\|([^|]*)\\|").FindAllStringSubmatch(section(t, operatePage(t), "`parley local`"), -1)
	if len(rows) < 6 {
		t.Fatalf("read only %d rows", len(rows))
	}
	for _, row := range rows {
		value := strings.Trim(strings.TrimSpace(row[2]), "`")
		if value == "as deployed" {
			value = "0s"
		}
		for _, flag := range regexp.MustCompile("--([a-z-]+)").FindAllStringSubmatch(row[1], -1) {
			has(t, local, flag[1], value)
		}
	}
	for _, verb := range []string{"set", "clear", "show"} {
		if c := command(t, "local", "faults", verb); c != nil {
			has(t, c, "data", ".parley")
		}
	}
}

// Ensure that each command of the page's tables exists with each of its flags, with the defaults in
// brackets.
func TestTheAdminCommandsAreThoseOfThePage(t *testing.T) {
	text := section(t, operatePage(t), "`parley admin …`")
	flag := regexp.MustCompile(`(\[?)--([a-z-]+)(?:[= ]([A-Za-z0-9]+))?`)
	seen := 0
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\|").FindAllStringSubmatch(text, -1) {
		group := ""
		for _, span := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			words := strings.Fields(span[1])
			var name []string
			for _, w := range words {
				if !regexp.MustCompile(`^[a-z]+$`).MatchString(w) {
					break
				}
				name = append(name, w)
			}
			if group == "" && len(name) > 0 {
				group = name[0]
			}
			c := command(t, append([]string{"admin"}, name...)...)
			if c == nil {
				continue
			}
			seen++
			for _, f := range flag.FindAllStringSubmatch(span[1], -1) {
				value := ""
				// The value there is an example.
				if f[1] == "[" && regexp.MustCompile(`^[0-9]`).MatchString(f[3]) && f[2] != "expires-in" {
					value = f[3]
				}
				has(t, c, f[2], value)
			}
			for _, every := range []string{"local", "data", "stack", "json"} {
				has(t, c, every, "")
			}
		}
	}
	if seen < 15 {
		t.Errorf("read only %d commands", seen)
	}
	for _, words := range [][]string{{"queues", "redrive"}, {"credits", "adjust"}} {
		command(t, append([]string{"admin"}, words...)...)
	}
}

// Ensure that each client's command of the page exists, and takes the service from --url or the
// environment.
func TestTheClientsCommandsAreThoseOfThePage(t *testing.T) {
	page := operatePage(t)
	heading := regexp.MustCompile("(?m)^## `parley (submit[^`]*)`").FindStringSubmatch(page)
	if heading == nil {
		t.Fatal("the page has no client's commands")
	}
	t.Setenv("PARLEY_URL", "http://service.test")
	for name := range strings.SplitSeq(heading[1], "|") {
		if c := command(t, strings.TrimSpace(name)); c != nil {
			has(t, c, "url", "http://service.test")
			has(t, c, "json", "false")
		}
	}
	has(t, command(t, "submit"), "wait", "false")
	for _, f := range []string{"manifest", "json", "human"} {
		has(t, command(t, "score"), f, "")
	}
}
