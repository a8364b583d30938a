package page_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"parley/shared/page"
	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
)

// updateVariable, if 1, writes the golden pages anew.
const updateVariable = "PARLEY_UPDATE"

func render(t testing.TB, body any, o page.Options) page.Page {
	t.Helper()
	raw, ok := body.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	p, err := page.Make(raw, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// own cuts out what is the same on every page: style and script.
func own(p page.Page) string {
	return regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`).ReplaceAllString(string(p.HTML), "")
}

// kinds are a page of each kind.
func kinds(t testing.TB) map[string]page.Page {
	online := page.Options{Docs: "../docs", Sound: page.Sound{Ask: "token/audio", Origin: "https://bucket.test"}}
	queued := recorded(t, "processing")
	queued["status"], queued["stage"], queued["progress"], queued["queuePosition"] = "queued", "queued", 0, 2
	erased := recorded(t, "failed")
	erased["erasedAt"] = "2026-11-24T17:10:15.043Z"
	partial := recorded(t, "success")
	partial["status"] = "partial"
	scores := partial["scores"].(map[string]any)
	scores["vocabulary"], scores["vocabularyCefr"], scores["vocabularyPercent"] = nil, nil, nil
	vocabulary := partial["analysis"].(map[string]any)["vocabulary"].(map[string]any)
	vocabulary["reason"], vocabulary["measures"] = "Fewer than 50 words were recognised.", []any{}
	partial["confidence"].(map[string]any)["vocabulary"] = nil
	return map[string]page.Page{
		"success": render(t, recorded(t, "success"), online), "failed": render(t, recorded(t, "failed"), online), "processing": render(t, recorded(t, "processing"), online),
		"queued": render(t, queued, online), "partial": render(t, partial, online), "erased": render(t, erased, page.Options{File: true}),
		"whole": render(t, sample(t, 4), online), "long": render(t, sample(t, 45), online), "silent": render(t, sample(t, 4), page.Options{}),
		"file": render(t, sample(t, 4), page.Options{File: true, Sound: page.Sound{File: "interview.ogg"}}), "file in process": render(t, recorded(t, "processing"), page.Options{File: true}),
		"not found": page.Refusal(http.StatusNotFound), "too many": page.Refusal(http.StatusTooManyRequests), "trouble": page.Refusal(http.StatusInternalServerError),
	}
}

// Ensure that the pages of the recorded answers are as they were approved.
func TestGolden(t *testing.T) {
	pages := kinds(t)
	for _, name := range []string{"success", "failed", "processing"} {
		path := filepath.Join("testdata", name+".html")
		got := own(pages[name])
		if os.Getenv(updateVariable) == "1" {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is another page than testdata has; %s=1 writes it anew", name, updateVariable)
		}
	}
}

// Ensure that the pages keep within their sizes: 150 kB for 4 minutes, 600 kB for 45.
func TestSizes(t *testing.T) {
	for minutes, most := range map[int]int{4: 150_000, 45: 600_000} {
		p := render(t, sample(t, minutes), page.Options{Docs: "../docs", Sound: page.Sound{Ask: strings.Repeat("x", 100), Origin: "https://bucket.test"}})
		if len(p.HTML) > most {
			t.Errorf("%d minutes: %d bytes", minutes, len(p.HTML))
		}
		t.Logf("%d minutes: %d bytes", minutes, len(p.HTML))
	}
}

// void are the elements without an end.
var void = []string{"meta", "br", "rect", "path", "link"}

// Ensure that every page is well-formed: each element is closed in its place, each id is there
// once, each reference within the page has its target, and headings skip no level.
func TestPagesAreWellFormed(t *testing.T) {
	for name, p := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			var open []string
			ids, refs := map[string]bool{}, []string{}
			level := 0
			z := html.NewTokenizer(strings.NewReader(string(p.HTML)))
			for {
				kind := z.Next()
				if kind == html.ErrorToken {
					break
				}
				token := z.Token()
				switch kind {
				case html.StartTagToken, html.SelfClosingTagToken:
					for _, a := range token.Attr {
						switch {
						case a.Key == "id" && ids[a.Val]:
							t.Errorf("the id %s is there twice", a.Val)
						case a.Key == "id":
							ids[a.Val] = true
						case a.Key == "style", strings.HasPrefix(a.Key, "on"):
							t.Errorf("<%s %s> breaks the policy", token.Data, a.Key)
						case a.Key == "href" && strings.HasPrefix(a.Val, "#"), a.Key == "for", a.Key == "aria-labelledby":
							refs = append(refs, strings.TrimPrefix(a.Val, "#"))
						case a.Key == "src", a.Key == "href" && strings.Contains(a.Val, "//"):
							t.Errorf("<%s> loads %s", token.Data, a.Val)
						}
					}
					if len(token.Data) == 2 && token.Data[0] == 'h' && token.Data != "hr" {
						if now := int(token.Data[1] - '0'); now > level+1 {
							t.Errorf("h%d follows h%d", now, level)
						} else {
							level = now
						}
					}
					if kind == html.StartTagToken && !slices.Contains(void, token.Data) {
						open = append(open, token.Data)
					}
				case html.EndTagToken:
					if slices.Contains(void, token.Data) && open[len(open)-1] != token.Data {
						continue // a <rect> with a <title> has an end
					}
					if len(open) == 0 || open[len(open)-1] != token.Data {
						t.Fatalf("</%s> within %v", token.Data, open)
					}
					open = open[:len(open)-1]
				case html.TextToken, html.CommentToken, html.DoctypeToken, html.ErrorToken:
				}
			}
			if len(open) > 0 {
				t.Errorf("left open: %v", open)
			}
			for _, r := range refs {
				if !ids[r] {
					t.Errorf("nothing has the id %s", r)
				}
			}
			text := string(p.HTML)
			for _, want := range []string{`<html lang="en">`, "<title>", "<main", "<h1>", `name="viewport"`, `content="noindex"`, `content="no-referrer"`} {
				if !strings.Contains(text, want) {
					t.Errorf("the page has no %s", want)
				}
			}
			if strings.Contains(text, "ZgotmplZ") || strings.Contains(text, "%!") {
				t.Error("something could not be written")
			}
			if _, err := html.Parse(strings.NewReader(text)); err != nil {
				t.Error(err)
			}
		})
	}
}

// Ensure that a page tells all that it must of a whole run, and works without a script but for the
// sound.
func TestWhatAPageTells(t *testing.T) {
	text := own(kinds(t)["whole"])
	for _, want := range []string{
		`4.0 <span class="level">C1</span>`, "4.0 of 5, CEFR level C1, most likely between 3.5 and 4.4", "4.4, medium confidence", // scores
		"English",
		"use the language flexibly for demanding work", "the overall score", "within its interval",
		"A line is 60 seconds long", "Longest pause in a turn", `href="#w12"`, "a question", // timeline
		"Speed of speaking between pauses", "4.05 syllables a second", "above the level of C1 speakers (A2: 2.30, C1: 3.90)", // measures
		"20 different words, said 200 times", "You say good six times.", "Try: useful, solid.", // vocabulary
		"Words to practise", "ɛə", // pronunciation
		`id="w12"`, `<i class="m">`, `data-w="`, // transcript
		"What lowers the confidence", "What would raise it", "the interval is 1.5 points wide",
		"2026.6-dc500612", "../docs#quality", "NICT JLE", // how it was made
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not tell %q", want)
		}
	}
}

// Ensure that a run in process shows its progress and looks for its end, and that a file does not.
func TestARunInProcess(t *testing.T) {
	pages := kinds(t)
	for name, want := range map[string][]string{
		"processing": {`<noscript><meta http-equiv="refresh" content="15"></noscript>`, `<progress id="progress" max="100" value="5">`, "reading the recording", `data-every="5"`},
		"queued":     {"waits for its turn", "Place in the queue: 2"},
	} {
		for _, w := range want {
			if !strings.Contains(string(pages[name].HTML), w) {
				t.Errorf("%s lacks %s", name, w)
			}
		}
	}
	if text := own(pages["file in process"]); strings.Contains(text, "refresh") || strings.Contains(text, "data-every") {
		t.Error("a file looks for changes")
	}
	if text := own(pages["success"]); strings.Contains(text, "refresh") {
		t.Error("a finished page looks for changes")
	}
}

// Ensure that a failed run says what to do, and an erased one that everything is gone.
func TestRunsWithoutScores(t *testing.T) {
	pages := kinds(t)
	for name, want := range map[string][]string{
		"failed": {"could not be scored", "TRANSCRIPTION_FAILED", "No speech was found", "Listen to the recording"},
		"erased": {"This report was erased"}, "partial": {"This report is partial", "Fewer than 50 words were recognised."},
	} {
		for _, w := range want {
			if !strings.Contains(own(pages[name]), w) {
				t.Errorf("%s lacks %s", name, w)
			}
		}
	}
	if strings.Contains(own(pages["erased"]), "TRANSCRIPTION_FAILED") {
		t.Error("an erased run tells why it failed")
	}
}

// Ensure that the policy lets the page load the sound and nothing else, and that a file carries it.
func TestPolicy(t *testing.T) {
	pages := kinds(t)
	for name, media := range map[string]string{"whole": "https://bucket.test", "silent": "'none'", "file": "'self' file:", "not found": "'none'"} {
		if got := pages[name].CSP; !strings.Contains(got, "media-src "+media+";") || !strings.HasPrefix(got, "default-src 'none'; style-src 'sha256-") || strings.Contains(got, "unsafe") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if text := own(pages["file"]); !strings.Contains(text, `http-equiv="Content-Security-Policy"`) || !strings.Contains(text, `data-file="interview.ogg"`) {
		t.Error("a file has no policy or no sound")
	}
	if strings.Contains(own(pages["whole"]), "Content-Security-Policy") {
		t.Error("a page that is served has its policy twice")
	}
	if text := own(pages["silent"]); strings.Contains(text, "player") || !strings.Contains(text, "cannot be played here") {
		t.Error("a page without sound offers it")
	}
}

// Ensure that bodies of other versions have their page: speakers as numbers, members that are
// unknown, null or missing, and words of the vocabulary in another shape.
func TestOtherVersions(t *testing.T) {
	body := recorded(t, "success")
	numbers := render(t, body, page.Options{})
	if !strings.Contains(own(numbers), "Interviewer") || !strings.Contains(own(numbers), `class="turn s1"`) {
		t.Error("speakers that are numbers are lost")
	}
	body["somethingNew"] = map[string]any{"a": 1}
	body["analysis"].(map[string]any)["accent"].(map[string]any)["words"] = map[string]any{"reason": "nothing was aligned"}
	body["analysis"].(map[string]any)["melody"] = map[string]any{"measures": []any{map[string]any{"name": "range", "label": "range of pitch", "value": 3, "unit": "semitones", "norm": nil, "weight": 0}}}
	if text := own(render(t, body, page.Options{})); strings.Contains(text, "Words to practise") || !strings.Contains(text, "melody") {
		t.Error("another shape shows")
	}
	for name := range body {
		less := recorded(t, "success")
		delete(less, name)
		render(t, less, page.Options{})
		less[name] = nil
		render(t, less, page.Options{})
	}
	for _, bad := range []string{"", "[]", `{"audio":3}`, "null x"} {
		if _, err := page.Make([]byte(bad), page.Options{}); err == nil {
			t.Errorf("%q has a page", bad)
		}
	}
}

// Ensure that texts from outside stay texts, wherever they stand.
func TestEscapes(t *testing.T) {
	evil := `"></title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>javascript:alert(1)`
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case string:
			if regexp.MustCompile(`^\d{4}-|^success$|^speaker_`).MatchString(v) {
				return v
			}
			return evil
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case map[string]any:
			for k := range v {
				v[k] = walk(v[k])
			}
		}
		return v
	}
	var body map[string]any
	if err := json.Unmarshal(sample(t, 4), &body); err != nil {
		t.Fatal(err)
	}
	body["metadata"] = map[string]any{evil: "x"}
	text := string(render(t, walk(body), page.Options{Sound: page.Sound{Ask: "a"}}).HTML)
	if strings.Contains(text, "<img") || strings.Contains(text, "<script>alert") || strings.Count(text, "<script") != 1 || strings.Count(text, "</style") != 1 {
		t.Error("a text became markup")
	}
	if strings.Contains(text, `href="javascript`) {
		t.Error("a text became an address")
	}
}

// Ensure that every measure has its name and its unit in everyday words.
func TestEveryMeasureHasItsTexts(t *testing.T) {
	var texts map[string]string
	raw, err := os.ReadFile("texts/en.json")
	if err == nil {
		err = json.Unmarshal(raw, &texts)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range score.Names() {
		for _, m := range norms.Of(d).Measures {
			if texts["measure."+m.Name] == "" || !strings.Contains(texts["measure."+m.Name+".value"], "{0}") {
				t.Errorf("%s: %s lacks a text", d, m.Name)
			}
		}
	}
}

// Ensure that beside the five least clear words only those below the norm are to be practised.
func TestWordsToPractiseEndAtTheNorm(t *testing.T) {
	limit := int(norms.ClarityToPractise())
	for clarity, want := range map[int]int{limit - 1: 8, limit: 5} {
		var words []string
		for i := range 8 {
			words = append(words, fmt.Sprintf(`{"text":"word%d","startMs":1000,"clarity":%d,"sounds":[{"ipa":"s"},{"ipa":"t"},{"ipa":"i"}]}`, i, clarity))
		}
		p, err := page.Make([]byte(`{"id":"req_a","status":"success","completedAt":"2026-04-21T10:00:00Z","scores":{"accent":3},"analysis":{"accent":{"words":[`+strings.Join(words, ",")+`]}}}`), page.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(p.HTML), `<tr><th scope="row" lang=`); got != want {
			t.Errorf("eight words of clarity %d: %d are shown, want %d", clarity, got, want)
		}
		if said := fmt.Sprintf("native speakers reach %d.", limit); !strings.Contains(string(p.HTML), said) {
			t.Errorf("it does not say %q", said)
		}
	}
}

// Ensure that a word to practise has sounds enough to tell something, and comes once.
func TestWordsToPractise(t *testing.T) {
	sound := `{"ipa":"s","clarity":5}`
	one := func(text, sounds string) string {
		return `{"text":"` + text + `","startMs":1000,"clarity":5,"sounds":[` + sounds + `]}`
	}
	three := sound + "," + sound + "," + sound
	body := `{"id":"req_a","status":"success","completedAt":"2026-04-21T10:00:00Z","scores":{"accent":3},"analysis":{"accent":{"words":[` +
		one("so", sound+","+sound) + "," + one("Thank", three) + "," + one("thank", three) + "," + one("city", three) + `]}}}`
	p, err := page.Make([]byte(body), page.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile(`<tr><th scope="row" lang="[^"]*">([^<]*)`).FindAllStringSubmatch(string(p.HTML), -1) {
		got = append(got, m[1])
	}
	if fmt.Sprint(got) != "[Thank city]" {
		t.Errorf("to practise: %q", got)
	}
}

// Ensure that every text that the page asks for is in the catalogue, and that none is left over.
func TestTexts(t *testing.T) {
	var texts map[string]string
	raw, err := os.ReadFile("texts/en.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &texts); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{"lang": true}
	for _, name := range []string{"page.html", "compare.html", "view.go", "timeline.go", "page.go", "compare.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\bt "([a-zA-Z0-9.]+)"|(?:say|add|or|lower)\("([a-zA-Z0-9.]+[a-zA-Z0-9])"|"(made\.quality\.[a-z]+)"`).FindAllStringSubmatch(string(source), -1) {
			key := m[1] + m[2] + m[3]
			if used[key] = true; texts[key] == "" {
				t.Errorf("%s asks for %s, which has no text", name, key)
			}
		}
	}
	// Keys that are put together.
	made := regexp.MustCompile(`^(cefr\.[ABC][12]|place\.|measure\.|language\.|stage\.|failed\.[A-Z]|refused\.|score\.[a-z]+$|sure\.|raises\.|made\.acoustic)`)
	for key := range texts {
		if !used[key] && !made.MatchString(key) {
			t.Errorf("nobody asks for %s", key)
		}
	}
	if _, err := page.Make([]byte("{}"), page.Options{Language: "xx"}); err == nil {
		t.Error("a language without texts has a page")
	}
}

// luminance of a colour, after WCAG 2.2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 4 {
		hex = "#" + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:3], 2) + strings.Repeat(hex[3:4], 2)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatalf("%s: %v", hex, err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

// Ensure that every text has the contrast of level AA (4.5 to 1) on both grounds, in each style,
// and every mark 3 to 1.
func TestContrast(t *testing.T) {
	css, err := os.ReadFile("page.css")
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range regexp.MustCompile(`:root\{([^}]*)\}`).FindAllStringSubmatch(string(css), -1) {
		colour := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z]+):(#[0-9a-f]+)`).FindAllStringSubmatch(block[1], -1) {
			colour[m[1]] = m[2]
		}
		against := func(front, back string, least float64) {
			a, b := luminance(t, colour[front]), luminance(t, colour[back])
			if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < least {
				t.Errorf("style %d: %s on %s is %.2f to 1", i, front, back, got)
			}
		}
		for _, ground := range []string{"paper", "box"} {
			for _, text := range []string{"ink", "soft", "link", "mark", "a", "b", "c", "d", "medium", "low"} {
				against(text, ground, 4.5)
			}
			against("pause", ground, 3)
		}
		against("mark", "range", 3)
	}
}

// Ensure that lines keep their number: at most nine for 45 minutes.
func TestTimelineLines(t *testing.T) {
	for minutes, want := range map[int]int{4: 4, 6: 6, 7: 4, 15: 8, 16: 4, 45: 9} {
		if got := strings.Count(string(render(t, sample(t, minutes), page.Options{}).HTML), `<div class="line">`); got != want {
			t.Errorf("%d minutes: %d lines, want %d", minutes, got, want)
		}
	}
}

func BenchmarkMake(b *testing.B) {
	for _, minutes := range []int{4, 45} {
		raw := sample(b, minutes)
		b.Run(strconv.Itoa(minutes), func(b *testing.B) {
			for b.Loop() {
				if _, err := page.Make(raw, page.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
