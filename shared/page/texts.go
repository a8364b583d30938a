package page

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"sync"
)

// texts is a catalogue: every text of the page in one language, by key. {0}, {1} … stand for what
// is put in.
type texts map[string]string

// catalogue is a language's texts, and the template that says them.
type catalogue struct {
	texts texts
	sheet *template.Template
}

//go:embed texts/*.json
var files embed.FS

// catalogues holds those that were asked for. Languages are files of the program, so it is bounded.
var catalogues struct {
	mu sync.Mutex
	in map[string]*catalogue
}

// in returns the catalogue of a language; empty: English.
func in(language string) (*catalogue, error) {
	if language == "" {
		language = defaultLanguage
	}
	catalogues.mu.Lock()
	defer catalogues.mu.Unlock()
	if c, ok := catalogues.in[language]; ok {
		return c, nil
	}
	t, err := textsOf(language)
	if err != nil {
		return nil, err
	}
	sheet, err := template.New("page").Funcs(template.FuncMap{"t": t.say, "onScale": withCuts}).Parse(source)
	if err == nil {
		sheet, err = sheet.Parse(compareSource)
	}
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	if catalogues.in == nil {
		catalogues.in = map[string]*catalogue{}
	}
	c := &catalogue{t, sheet}
	catalogues.in[language] = c
	return c, nil
}

const defaultLanguage = "en"

// textsOf reads the catalogue of a language. Texts that it lacks are English.
func textsOf(language string) (texts, error) {
	all := texts{}
	for _, l := range []string{defaultLanguage, language} {
		raw, err := files.ReadFile("texts/" + l + ".json")
		if err != nil {
			return nil, fmt.Errorf("page: no texts in %q: %w", l, err)
		}
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, fmt.Errorf("page: texts in %q: %w", l, err)
		}
	}
	return all, nil
}

// say returns the text of a key with what is put in. A key without a text shows itself, which a
// test would find.
func (t texts) say(key string, put ...any) string {
	text, ok := t[key]
	if !ok {
		return key
	}
	for i, v := range put {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", fmt.Sprint(v))
	}
	return text
}

// or returns the text of a key, or else other.
func (t texts) or(key, other string) string {
	if text, ok := t[key]; ok {
		return text
	}
	return other
}
