package browser_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/infra/prove/browser"
	"parley/shared/client"
	"parley/shared/engine/run"
)

const (
	root = "../../.."
	// sample is the recording that the running system scores: it lasts four minutes.
	sample = root + "/infra/sample/interview.opus"
	// runPatience is how long a run may take, also on a busy machine.
	runPatience = 9 * time.Minute
)

// running starts a system as its user does. With PARLEY_SYSTEM (what `parley local --json` printed)
// it takes the one that runs already; with PARLEY_RUN, too, nothing is dropped: the pages of that
// run are looked at.
func running(t *testing.T) browser.System {
	t.Helper()
	s, err := browser.Running(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// view is how the running system's pages are looked at; the picture, if PARLEY_SHOTS asks for it,
// is NAME-WIDTH.png.
func view(s browser.System, name string, width int, dark bool, then ...chromedp.Action) browser.View {
	v := browser.View{Width: width, Dark: dark, Sound: s.Endpoint, Then: then}
	if dir := os.Getenv("PARLEY_SHOTS"); dir != "" {
		if dark {
			name += "-dark"
		}
		v.Shot = filepath.Join(dir, fmt.Sprintf("%s-%d.png", name, width))
	}
	return v
}

// poll waits until an expression is true.
func poll(expression string, within time.Duration) chromedp.Action {
	return chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(within), chromedp.WithPollingInterval(100*time.Millisecond))
}

// visible waits until a person sees what a selector names. A plain search would also find the name
// in the page's style.
func visible(selector string) chromedp.Action {
	return chromedp.WaitVisible(selector, chromedp.ByQuery)
}

const soon = 30 * time.Second

// drop drops a file on an element, as a person does from another window.
func drop(selector, file string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		at, err := middle(ctx, fmt.Sprintf("document.querySelector(%q)", selector))
		if err != nil {
			return err
		}
		carried := &input.DragData{Items: []*input.DragDataItem{}, Files: []string{file}, DragOperationsMask: 1}
		for _, step := range []input.DispatchDragEventType{input.DragEnter, input.DragOver, input.Drop} {
			if err := input.DispatchDragEvent(step, at[0], at[1], carried).Do(ctx); err != nil {
				return fmt.Errorf("%s: %w", step, err)
			}
		}
		return nil
	})
}

// middle scrolls to what an expression names (an element or a range) and returns where it is.
func middle(ctx context.Context, expression string) ([2]float64, error) {
	var at [2]float64
	err := chromedp.Evaluate(fmt.Sprintf(`(() => {
		const it = %s, around = it.startContainer ? it.startContainer.parentElement : it
		around.scrollIntoView({ block: 'center', behavior: 'instant' })
		const r = it.getClientRects()[0]
		return [r.x + r.width / 2, r.y + r.height / 2]
	})()`, expression), &at).Do(ctx)
	return at, err
}

// click clicks in the middle of what an expression names.
func click(expression string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		at, err := middle(ctx, expression)
		if err != nil {
			return err
		}
		return chromedp.MouseClickXY(at[0], at[1]).Do(ctx)
	})
}

// press presses a key of the keyboard.
func press(key string) chromedp.Action { return chromedp.KeyEvent(key) }

// Ensure that people can use the running system: a recording dropped on the console becomes a
// report, the page of a run in process becomes the report by itself, and the report can be played,
// used by the keyboard, read in the dark and printed.
func TestTheRunningSystem(t *testing.T) {
	b := need(t)
	s := running(t)
	c, err := client.New(s.URL, s.Key)
	if err != nil {
		t.Fatal(err)
	}
	p := people{browser: b, system: s, client: c, name: "interview " + rand.Text()[:6] + ".opus"}
	if id := os.Getenv("PARLEY_RUN"); id != "" {
		p.run, err = c.Poll(t.Context(), run.ID(id))
		if err != nil || p.run.ExternalID == nil {
			t.Fatal("PARLEY_RUN:", err, "it needs an externalId")
		}
		p.name = *p.run.ExternalID
	} else if !t.Run("drop", p.drop) {
		return
	}
	link, err := c.CreateReport(t.Context(), p.run.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	p.link = link.URL
	t.Run("size", p.size)
	t.Run("looks", p.looks)
	t.Run("playback", p.playback)
	t.Run("keyboard", p.keyboard)
	t.Run("print", p.print)
}

// people is what the parts of the test share.
type people struct {
	browser *browser.Browser
	system  browser.System
	client  *client.Client
	run     client.Run
	name    string // of the recording
	link    string // to its report
}

// look looks at a page and fails the test if anything is wrong with it.
func (p *people) look(t *testing.T, address string, v browser.View) browser.Seen {
	t.Helper()
	seen, err := p.browser.Look(address, v)
	if err != nil {
		t.Errorf("%s at %d px: %v", address, v.Width, err)
	}
	if !seen.OK() {
		t.Errorf("%s at %d px: %+v", address, v.Width, seen)
	}
	return seen
}

// drop drops the sample on the console, watches its stages, and opens its report from there. The
// page of the run, opened meanwhile, becomes the report by itself.
func (p *people) drop(t *testing.T) {
	recording := filepath.Join(t.TempDir(), p.name)
	raw, err := os.ReadFile(sample)
	if err == nil {
		err = os.WriteFile(recording, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var stages []string
	became := make(chan error, 1)
	v := view(p.system, "console", 1440, false,
		visible("#drop"),
		drop("#drop", recording),
		poll(`document.getElementById('said').textContent.includes('is processing')`, soon),
		poll(fmt.Sprintf(`document.querySelector('#run-rows th')?.textContent === %q`, p.name), soon),
		chromedp.Evaluate(`window.stages = new Set(); setInterval(() => stages.add(document.querySelector('#run-rows td:nth-child(3)')?.textContent), 100); undefined`, nil),
		chromedp.ActionFunc(func(context.Context) error { return p.whileItRuns(t, became) }),
		poll(`document.querySelector('#run-rows td')?.textContent === 'success'`, runPatience),
		chromedp.Evaluate(`[...stages]`, &stages),
		chromedp.ActionFunc(p.opened))
	v.Patience = runPatience + time.Minute
	p.look(t, p.system.Console+"/", v)
	if t.Failed() {
		return
	}
	if err := <-became; err != nil {
		t.Error("the page of the run in process:", err)
	}
	for _, want := range []string{"transcribe", "accent"} {
		if !slices.ContainsFunc(stages, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("the console showed the stages %q", stages)
		}
	}
}

// whileItRuns opens the page of the run that was dropped, and says when it has become the report.
func (p *people) whileItRuns(t *testing.T, became chan<- error) error {
	list, err := p.client.Runs(t.Context(), client.Filter{Limit: 1})
	if err != nil || len(list.Data) != 1 {
		return fmt.Errorf("read the run: %w", err)
	}
	p.run = list.Data[0]
	link, err := p.client.CreateReport(t.Context(), p.run.ID, time.Hour)
	if err != nil {
		return err
	}
	go func() {
		var title string
		v := browser.View{Width: 768, Sound: p.system.Endpoint, Patience: runPatience, Then: []chromedp.Action{
			visible("#live #progress"), visible("#scores"), chromedp.Title(&title),
		}}
		seen, err := p.browser.Look(link.URL, v)
		switch {
		case err == nil && !seen.OK():
			err = fmt.Errorf("%+v", seen)
		case err == nil && title != "Speaking report: "+p.name:
			err = fmt.Errorf("its title is %q", title)
		}
		became <- err
	}()
	return nil
}

// opened opens the report of the newest run from the console, which shows it in a tab of its own.
func (p *people) opened(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, soon)
	defer stop()
	tabs := chromedp.WaitNewTarget(ctx, func(i *target.Info) bool { return strings.HasPrefix(i.URL, p.system.URL) })
	if err := click(`document.querySelector('#run-rows button')`).Do(ctx); err != nil {
		return err
	}
	select {
	case id := <-tabs:
		tab, end := chromedp.NewContext(ctx, chromedp.WithTargetID(id))
		defer end()
		return chromedp.Run(tab, visible("#scores"))
	case <-ctx.Done():
		return fmt.Errorf("the report did not open: %w", ctx.Err())
	}
}

// size bounds the page of four minutes, without the sound.
func (p *people) size(t *testing.T) {
	const most = 150_000
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.link, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil || n > most {
		t.Errorf("%v: the page has %d bytes", err, n)
	}
	t.Logf("the page has %d bytes", n)
}

// looks looks at every page of the running system as everybody sees it.
func (p *people) looks(t *testing.T) {
	all, err := p.client.Compare(t.Context(), client.ByExternalID, p.name, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{"report": p.link, "comparison": all.URL, "docs": p.system.URL + "/api/v1/docs", "console": p.system.Console + "/"} {
		for _, width := range []int{360, 768, 1440} {
			for _, dark := range []bool{false, true} {
				var then []chromedp.Action
				if name == "console" {
					then = append(then, visible("#run-rows tr"))
				}
				v := view(p.system, name, width, dark, then...)
				if name == "docs" {
					v.Shot = "" // it is too long for a picture
				}
				p.look(t, address, v)
			}
		}
	}
}

// heard is what the page did with the recording.
type heard struct {
	Seeks  []float64
	At     float64
	Paused bool
	Marked string
	Alert  bool
	Source string
}

// hear returns what the page has done with the recording so far.
const hear = `(() => { const a = document.getElementById('audio'), now = document.querySelector('.now')
	return { Seeks: window.seeks, At: a.currentTime, Paused: a.paused, Marked: now ? now.textContent : '', Alert: !document.getElementById('trouble').hidden, Source: a.src } })()`

// listen keeps the times to which the page seeks.
const listen = `window.seeks = []; document.getElementById('audio').addEventListener('seeking', (e) => seeks.push(e.target.currentTime)); undefined`

// word is an expression for the place of the nth word of what a segment says.
func word(segment, n int) string {
	return fmt.Sprintf(`(() => {
		const walker = document.createTreeWalker(document.querySelectorAll('.said')[%d], NodeFilter.SHOW_TEXT)
		for (let left = %d; walker.nextNode();) for (const m of walker.currentNode.data.matchAll(/\S+/g)) if (left-- === 0) {
			const r = document.createRange()
			r.setStart(walker.currentNode, m.index)
			r.setEnd(walker.currentNode, m.index + m[0].length)
			return r
		}
	})()`, segment, n)
}

// spoken is what the test reads of the run's body.
type spoken struct {
	Transcript struct {
		Segments []struct {
			Words []struct {
				Text    string
				StartMs float64
			}
		}
	}
	Analysis struct {
		Accent struct {
			Words []struct {
				StartMs float64
				Sounds  []struct{}
			}
		}
	}
}

// practise is from when the page plays the first of the words to practise, in ms: a little before
// the word. Words of few sounds are not among them.
func (s spoken) practise() float64 {
	const lead, sounds = 300, 3
	for _, w := range s.Analysis.Accent.Words {
		if len(w.Sounds) >= sounds {
			return math.Max(w.StartMs-lead, 0)
		}
	}
	return -1
}

func (p *people) spoken(t *testing.T) spoken {
	t.Helper()
	got, err := p.client.Poll(t.Context(), p.run.ID)
	if err != nil {
		t.Fatal(err)
	}
	var body spoken
	if err := json.Unmarshal(got.Raw, &body); err != nil {
		t.Fatal(err)
	}
	return body
}

// near reports whether two times are the same to the page, which knows words to 10 ms.
func near(seconds, ms float64) bool { return math.Abs(seconds-ms/1000) < 0.02 }

// plays waits until the recording plays on from a time.
func plays(ms float64) chromedp.Action {
	return poll(fmt.Sprintf(`(() => { const a = document.getElementById('audio'); return !a.paused && a.currentTime > %[1]v + 0.3 && a.currentTime < %[1]v + 10 })()`, ms/1000), soon)
}

// playback clicks a word of the transcript and a word to practise: the recording plays from there,
// through one signed link, and the word that is said is marked.
func (p *people) playback(t *testing.T) {
	body := p.spoken(t)
	const segment, nth = 3, 5
	from := body.Transcript.Segments[segment].Words[nth].StartMs
	practise := body.practise()
	var first, second heard
	seen := p.look(t, p.link, view(p.system, "playing", 1440, true,
		visible("#player"), chromedp.Evaluate(listen, nil),
		click(word(segment, nth)), plays(from), chromedp.Evaluate(hear, &first),
		click(`document.querySelector('.clear button')`), plays(practise), chromedp.Evaluate(hear, &second)))
	if len(first.Seeks) == 0 || !near(first.Seeks[len(first.Seeks)-1], from) || first.Alert || first.Marked == "" {
		t.Errorf("a click on the word at %v ms: %+v", from, first)
	}
	if n := len(second.Seeks); n <= len(first.Seeks) || !near(second.Seeks[n-1], practise) || second.Alert || second.Source != first.Source {
		t.Errorf("a click on the word to practise at %v ms: %+v", practise, second)
	}
	if !strings.HasPrefix(first.Source, p.system.Endpoint+"/") || !strings.Contains(first.Source, "X-Amz-Signature=") {
		t.Errorf("the recording came from %s", first.Source)
	}
	for _, l := range seen.Played {
		if l.URL != first.Source || l.Status != 200 && l.Status != 206 {
			t.Errorf("loaded %+v", l)
		}
	}
	t.Logf("the recording was loaded in %d requests", len(seen.Played))
	if len(seen.Played) == 0 {
		t.Error("nothing of the recording was loaded")
	}
}

// stop is where the Tab key leads to.
type stop struct {
	Name    string // of what has the focus; empty: the page itself, as at its end
	Index   int    // among all that can be used, in the page's order; -1: none of them
	Visible bool   // that it has the focus
	Free    bool   // that nothing lies over it
}

// usable lists what a person can use, in the page's order.
const usable = `[...document.querySelectorAll('a[href], button, summary, input, select, audio, [tabindex="0"]')].filter((e) => e.tabIndex >= 0 && e.checkVisibility())`

// focused tells about what has the focus. A browser's own controls of a recording count as one.
const focused = `(() => {
	const e = document.activeElement
	if (!e || e === document.body) return { Name: '', Index: -1 }
	const r = e.getClientRects()[0], style = getComputedStyle(e)
	const over = document.elementFromPoint(Math.min(Math.max(r.x + r.width / 2, 1), innerWidth - 1), Math.min(Math.max(r.y + Math.min(r.height / 2, 12), 1), innerHeight - 1))
	return { Name: e.tagName + ' ' + (e.id || e.className || e.textContent).slice(0, 40), Index: ` + usable + `.indexOf(e),
		Visible: e.matches('audio') || style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
		Free: over !== null && (e.contains(over) || over.contains(e)) }
})()`

// keyboard uses the report without a mouse: Tab reaches all that can be used, in the page's order,
// each visibly; the skip link leads to the report; Enter and Space play.
func (p *people) keyboard(t *testing.T) {
	body := p.spoken(t)
	var all int
	var stops []stop
	walk := chromedp.ActionFunc(func(ctx context.Context) error {
		const most = 500
		for range most {
			var at stop
			if err := chromedp.Run(ctx, press(kb.Tab), chromedp.Evaluate(focused, &at)); err != nil {
				return err
			}
			if at.Name == "" {
				return nil
			}
			stops = append(stops, at)
		}
		return fmt.Errorf("Tab has not left the page after %d times", most)
	})
	var skipped, open bool
	var atWord, atButton heard
	const segment, steps = 1, 3
	from := body.Transcript.Segments[segment].Words[steps-1].StartMs
	practise := body.practise()
	p.look(t, p.link, view(p.system, "keyboard", 768, false,
		visible("#player"), chromedp.Evaluate(usable+`.length`, &all), walk,
		// From the top: the skip link.
		chromedp.Reload(), visible("#player"), chromedp.Evaluate(listen, nil),
		press(kb.Tab), press(kb.Enter), chromedp.Evaluate(`document.activeElement.id === 'report'`, &skipped),
		// A segment has its words under the arrow keys.
		chromedp.Evaluate(fmt.Sprintf(`document.querySelectorAll('.said')[%d].focus()`, segment), nil),
		press(kb.ArrowRight), press(kb.ArrowRight), press(kb.ArrowRight), press(kb.Enter), plays(from), chromedp.Evaluate(hear, &atWord),
		chromedp.Evaluate(`document.querySelector('.clear button').focus()`, nil), press(" "), plays(practise), chromedp.Evaluate(hear, &atButton),
		chromedp.Evaluate(`document.querySelector('summary').focus()`, nil), press(kb.Enter), chromedp.Evaluate(`document.querySelector('details').open`, &open)))
	reached, last := map[int]bool{}, -1
	for _, s := range stops {
		reached[s.Index] = true
		switch {
		case s.Index < last:
			t.Errorf("Tab leads back to %+v", s)
		case s.Index < 0 || !s.Visible || !s.Free:
			t.Errorf("Tab leads to %+v", s)
		}
		last = s.Index
	}
	t.Logf("Tab stops at %d of %d things", len(reached), all)
	if len(reached) != all || all == 0 {
		t.Errorf("Tab reaches %d of %d", len(reached), all)
	}
	if !skipped || !open {
		t.Errorf("the skip link works: %v; details open: %v", skipped, open)
	}
	for _, one := range []struct {
		heard
		ms float64
	}{{atWord, from}, {atButton, practise}} {
		if n := len(one.Seeks); n == 0 || !near(one.Seeks[n-1], one.ms) || one.Alert {
			t.Errorf("played from %v ms: %+v", one.ms, one.heard)
		}
	}
}

// leaf is a page of a PDF.
var leaf = regexp.MustCompile(`/Type\s*/Page\b`)

// print prints the report of four minutes: on two pages, also from the dark style.
func (p *people) print(t *testing.T) {
	for _, dark := range []bool{false, true} {
		var pdf []byte
		p.look(t, p.link, view(p.system, "before-print", 1440, dark, chromedp.ActionFunc(func(ctx context.Context) (err error) {
			pdf, _, err = page.PrintToPDF().WithPreferCSSPageSize(true).WithPrintBackground(false).Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Target))
			return err
		})))
		if n := len(leaf.FindAll(pdf, -1)); n != 2 {
			t.Errorf("the report is printed on %d pages (%d bytes)", n, len(pdf))
		}
		if dir := os.Getenv("PARLEY_SHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("print-%v.pdf", dark)), pdf, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
}
