// Package page makes the report of a run a page for people: one HTML file that loads nothing but
// the recording, and that works without JavaScript except for playing it.
//
// It is made from the run's poll body, so that the same page comes from the HTTP front, from a
// terminal and from a file. All its texts are in one catalogue per language (texts/en.json).
// Members of the body that this package does not know are left out, and missing ones leave out
// their part of the page, so that bodies of other versions have their page too.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// Options say where a page stands.
type Options struct {
	// Language is that of the page's texts; empty: English. Texts of the report itself, such as
	// its sentences, stay as they are.
	Language string
	// Docs is the address of the documentation; empty: the page names none.
	Docs string
	// Sound is how the recording is played.
	Sound Sound
	// File is true for a page that is kept as a file: it has its policy inside, and does not look
	// for changes of a run in process.
	File bool
}

// Sound is how a page plays the recording. The zero value: it does not, and says so.
type Sound struct {
	// Ask is the address that answers with a link to the recording, {"url"}; relative to the page.
	Ask string
	// Origin is the only origin that such links have.
	Origin string
	// File is the recording itself, beside a page that is a file; instead of Ask.
	File string
}

func (s Sound) kept() bool { return s.Ask != "" || s.File != "" }

// Page is a finished page.
type Page struct {
	HTML []byte
	// CSP is the Content-Security-Policy to send with it: no origin but the page's own, and that of
	// the sound.
	CSP string
}

var (
	//go:embed page.html
	source string
	//go:embed page.css
	style string
	//go:embed page.js
	script string
)

// refreshSeconds is how often a page of a run in process looks for changes: without JavaScript, and
// with it.
const refreshSeconds, lookSeconds = 15, 5

// scoreOnScale is a score with the levels of its scale.
type scoreOnScale struct {
	Score scoreView
	Cuts  []cutView
}

func withCuts(s any, cuts []cutView) (scoreOnScale, error) {
	switch v := s.(type) {
	case scoreView:
		return scoreOnScale{v, cuts}, nil
	case *scoreView:
		return scoreOnScale{*v, cuts}, nil
	}
	return scoreOnScale{}, fmt.Errorf("page: %T is no score", s)
}

// policy returns a page's Content-Security-Policy.
func policy(sound Sound) string {
	media := "'none'"
	switch {
	case sound.File != "":
		media = "'self' file:"
	case sound.Origin != "":
		media = sound.Origin
	}
	return "default-src 'none'; style-src '" + digest(style) + "'; script-src '" + digest(script) + "'; connect-src 'self'; media-src " + media +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Make makes the page of a run from its poll body. It fails if the body is no JSON object, or has
// another type where this package reads something.
func Make(body []byte, o Options) (Page, error) {
	c, err := in(o.Language)
	if err != nil {
		return Page{}, err
	}
	var r run
	if err := json.Unmarshal(body, &r); err != nil {
		return Page{}, fmt.Errorf("page: read the run: %w", err)
	}
	return execute(c, viewOf(r, c.texts, o), o)
}

// Refusal makes the page of an HTTP error. It depends on the status alone.
func Refusal(status int) Page {
	switch status {
	case http.StatusNotFound, http.StatusTooManyRequests:
	default:
		status = http.StatusInternalServerError
	}
	c, err := in(defaultLanguage)
	if err != nil {
		panic(err) // part of the program
	}
	name := "refused." + strconv.Itoa(status)
	p, err := execute(c, view{Title: c.texts.say(name), Refused: c.texts.say(name + ".text")}, Options{})
	if err != nil {
		panic(err) // made of our own texts
	}
	return p
}

func execute(c *catalogue, v view, o Options) (Page, error) {
	p := Page{CSP: policy(o.Sound)}
	v.Lang, v.Style, v.Script = c.texts["lang"], template.CSS(style), template.JS(script) //nolint:gosec // our own files
	if o.File {
		// frame-ancestors has no effect in a meta element, and browsers complain of it.
		v.Policy, _, _ = strings.Cut(p.CSP, "; frame-ancestors")
	}
	var b bytes.Buffer
	if err := c.sheet.Execute(&b, v); err != nil {
		return p, fmt.Errorf("page: %w", err)
	}
	p.HTML = b.Bytes()
	return p, nil
}
