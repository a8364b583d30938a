package api

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	texttemplate "text/template"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"

	"parley/docs"
	"parley/shared/engine/webhook"
	"parley/shared/errcode"
	"parley/shared/speech/audio"
)

// The guides are Markdown: the page shows them as HTML, llms-full.txt as they are. Their bounds
// come from the code, and their programs from files that a test runs.

//go:embed guides/*.md snippets
var guideFiles embed.FS

// guideNames are the guides in the order in which a reader needs them. After scores comes the
// validation page.
var guideNames = []string{"quickstart", "polling", "verify", "uploads", "idempotency", "errors", "credits", "erasure", "languages", "scores"}

// pollEvery is the shortest time between two polls of a run in process that a deployment has unless
// set otherwise, in s.
const pollEvery = 10

// guides returns every guide as Markdown, in order.
func guides() ([]string, error) {
	bounds := map[string]any{
		"MinMinutes": int(audio.Bounds.MinLength.Minutes()), "MaxMinutes": int(audio.Bounds.MaxLength.Minutes()), "MaxBytes": maxAudio, "PollSeconds": pollEvery,
		"MaxIdempotency": maxIdempotency, "LinkHours": defaultLinkHours, "ToleranceMinutes": int(webhook.Tolerance / time.Minute),
	}
	code := func(name, language string) (string, error) {
		raw, err := guideFiles.ReadFile("snippets/" + name)
		return "```" + language + "\n" + strings.TrimSpace(string(raw)) + "\n```", err
	}
	var out []string
	for _, name := range guideNames {
		raw, err := guideFiles.ReadFile("guides/" + name + ".md")
		if err != nil {
			return nil, fmt.Errorf("api: guide %s: %w", name, err)
		}
		t, err := texttemplate.New(name).Funcs(texttemplate.FuncMap{"code": code}).Option("missingkey=error").Parse(string(raw))
		if err != nil {
			return nil, fmt.Errorf("api: guide %s: %w", name, err)
		}
		var b strings.Builder
		if err := t.Execute(&b, bounds); err != nil {
			return nil, fmt.Errorf("api: guide %s: %w", name, err)
		}
		out = append(out, b.String())
	}
	return out, nil
}

var (
	pictures = regexp.MustCompile(`(?m)^!\[.*\n`)
	// Links to files of the repository.
	neighbours   = regexp.MustCompile(`\]\([a-z/]+\.(md|svg)[^)]*\)`)
	headingIDs   = regexp.MustCompile(` \{#([a-z-]+)\}`)
	headingLines = regexp.MustCompile(`(?m)^## (.*) \{#([a-z-]+)\}$`)
)

// validation returns the validation page as a part of another: without its title, pictures and
// links to other files, and with its headings one level lower.
func validation() string {
	_, text, _ := strings.Cut(docs.Validation, "\n")
	text = strings.ReplaceAll(text, "\n### ", "\n#### ")
	text = strings.ReplaceAll(text, "\n## ", "\n### ")
	text = pictures.ReplaceAllString(text, "")
	return neighbours.ReplaceAllStringFunc(text, func(string) string { return "]" })
}

var markdown = goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithHeadingAttribute()))

// dressed gives the HTML of Markdown what a page for everybody needs: blocks that scroll can be
// reached by keyboard, and cells know their heading.
var dressed = strings.NewReplacer("<pre>", `<pre tabindex="0" role="group" aria-label="Program">`, "<table>", `<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>`,
	"</table>", "</table></div>", "<th></th>", "<td></td>", "<th>", `<th scope="col">`)

// toHTML renders Markdown of ours.
func toHTML(text string) (template.HTML, error) {
	var b bytes.Buffer
	if err := markdown.Convert([]byte(text), &b); err != nil {
		return "", fmt.Errorf("api: guide: %w", err)
	}
	return template.HTML(dressed.Replace(b.String())), nil //nolint:gosec // made of our own files
}

// guideView is a guide on the page.
type guideView struct {
	Title, ID string
	Body      template.HTML
}

func guideViews() ([]guideView, error) {
	texts, err := guides()
	if err != nil {
		return nil, err
	}
	var out []guideView
	for _, text := range texts {
		body, err := toHTML(text)
		if err != nil {
			return nil, err
		}
		found := headingLines.FindStringSubmatch(text)
		out = append(out, guideView{Title: found[1], ID: found[2], Body: body})
	}
	return out, nil
}

// llms holds the two texts for language models after the first request for one.
var llms struct {
	once        sync.Once
	short, full document
	err         error
}

const kindText = "text/plain; charset=utf-8"

func makeLLMs() {
	texts, err := guides()
	if err != nil {
		llms.err = err
		return
	}
	v := viewOf(served.of(openAPI()))
	llms.short = newDocument(kindText, []byte(shortText(v, texts)))
	llms.full = newDocument(kindText, []byte(fullText(v, texts)))
}

func (c *call) llms() (answer, error) {
	llms.once.Do(makeLLMs)
	return answer{http.StatusOK, llms.short}, llms.err
}

func (c *call) llmsFull() (answer, error) {
	llms.once.Do(makeLLMs)
	return answer{http.StatusOK, llms.full}, llms.err
}

// shortText is llms.txt: what there is, and where.
func shortText(v docsView, texts []string) string {
	var b strings.Builder
	first, _, _ := strings.Cut(v.Intro, "\n")
	fmt.Fprintf(&b, "# %s API\n\n> %s\n\n## Documents\n\n", v.Title, first)
	b.WriteString("- [Everything in one text](llms-full.txt): the guides, every call, every error\n- [OpenAPI 3.1 document](openapi.json)\n- [The same as OpenAPI 3.0](openapi-3.0.json)\n\n## Guides\n\n")
	for _, text := range texts {
		found := headingLines.FindStringSubmatch(text)
		fmt.Fprintf(&b, "- [%s](docs#%s)\n", found[1], found[2])
	}
	b.WriteString("\n## Calls\n\n")
	for _, g := range v.Groups {
		for _, c := range g.Calls {
			fmt.Fprintf(&b, "- [%s %s](docs#%s): %s\n", c.Method, c.Path, c.ID, c.Summary)
		}
	}
	return b.String()
}

// fullText is llms-full.txt: the page as one text.
func fullText(v docsView, texts []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s API\n\n%s\n\n", v.Title, v.Intro)
	for _, text := range texts {
		b.WriteString(headingIDs.ReplaceAllString(text, "") + "\n")
	}
	b.WriteString(validation() + "\n")
	for _, g := range v.Groups {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n", g.Name, g.Text)
		for _, c := range g.Calls {
			callText(&b, c)
		}
	}
	b.WriteString("## Webhook\n\n")
	for _, c := range v.Hooks {
		callText(&b, c)
	}
	b.WriteString("## Error codes\n\n| code | status | retry | what it means and what to do |\n|---|---|---|---|\n")
	for _, e := range errcode.Table {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", e.Code, statusText(e), map[bool]string{true: "yes", false: "no"}[e.Retryable], e.Message)
	}
	b.WriteString("\n## Shapes\n\n")
	for _, s := range v.Shapes {
		fmt.Fprintf(&b, "### %s\n\n%s\n\n", s.Name, s.Text)
		if len(s.Either) > 0 {
			fmt.Fprintf(&b, "One of: %s\n\n", strings.Join(s.Either, ", "))
		}
		rowsText(&b, s.Rows)
	}
	return b.String()
}

func statusText(e errcode.Entry) string {
	switch {
	case e.Status == 0:
		return "ends runs"
	case e.Terminal:
		return strconv.Itoa(e.Status) + " and ends runs"
	}
	return strconv.Itoa(e.Status)
}

func callText(b *strings.Builder, c callView) {
	fmt.Fprintf(b, "### %s %s: %s\n\n%s\n\n", c.Method, c.Path, c.Summary, c.Text)
	if c.Curl != "" {
		fmt.Fprintf(b, "```sh\n%s\n```\n\n", c.Curl)
	}
	rowsText(b, c.Parameters)
	if c.BodyKind != "" {
		fmt.Fprintf(b, "Body: %s %s\n\n", c.BodyKind, c.BodyRef)
	}
	for _, a := range c.Answers {
		fmt.Fprintf(b, "%s: %s %s\n", a.Status, a.Text, strings.Join(a.Refs, " or "))
	}
	for _, r := range c.Refusals {
		fmt.Fprintf(b, "%s: %s\n", r.Status, r.Code)
	}
	b.WriteString("\n")
}

func rowsText(b *strings.Builder, rows []rowView) {
	if len(rows) == 0 {
		return
	}
	for _, r := range rows {
		needed := ""
		if !r.Required {
			needed = ", optional"
		}
		fmt.Fprintf(b, "- `%s` (%s%s): %s\n", r.Name, strings.TrimSpace(r.Type+" "+r.Ref), needed, r.Text)
	}
	b.WriteString("\n")
}
