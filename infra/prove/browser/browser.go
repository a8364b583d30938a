// Package browser looks at pages as people's browsers do: with headless Chromium (Debian's package
// chromium), and with axe-core for accessibility.
package browser

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"parley/infra/prove/tool"
)

var (
	//go:embed package.json
	manifest []byte
	//go:embed package-lock.json
	lock []byte
)

// patience bounds a look at one page.
const patience = 2 * time.Minute

// Browser is a running Chromium.
type Browser struct {
	ctx  context.Context //nolint:containedctx // it is the browser's own
	axe  string
	stop context.CancelFunc
}

// Installed reports whether there is a Chromium to start.
func Installed() bool {
	_, err := exec.LookPath("chromium")
	return err == nil
}

// Start starts Chromium. Close it.
func Start(ctx context.Context) (*Browser, error) {
	dir, err := tool.Node(ctx, "axe", manifest, lock)
	if err != nil {
		return nil, err
	}
	axe, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	// Without a sandbox, because tests run as root; the pages are our own.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.WSURLReadTimeout(patience))
	allocator, stop := chromedp.NewExecAllocator(ctx, options...)
	tab, _ := chromedp.NewContext(allocator) // ends with its parent
	if err := chromedp.Run(tab); err != nil {
		stop()
		return nil, fmt.Errorf("browser: start: %w", err)
	}
	return &Browser{ctx: tab, axe: string(axe), stop: stop}, nil
}

// Close ends Chromium.
func (b *Browser) Close() { b.stop() }

// View is how a page is looked at.
type View struct {
	Width int
	Dark  bool
	// Sound is the origin that the page may load a recording from, besides its own; empty: none.
	Sound string
	// Then is done once the page is there, before it is checked.
	Then []chromedp.Action
	// Patience bounds the look; 0: two minutes.
	Patience time.Duration
	// Shot, if not empty, is the file for a picture of the whole page, at most 16,384 px high.
	Shot string
	// Height, if above 0, makes it a picture of the screen alone, of this height in px.
	Height int
}

// Seen is what was wrong with a page.
type Seen struct {
	Violations []string // of accessibility, by axe-core
	Complaints []string // of the browser's console
	Foreign    []string // requests to another origin
	Wide       bool     // the page scrolls sideways
	Played     []Loaded // what came from the origin of the sound
}

// Loaded is an answer that the page loaded.
type Loaded struct {
	URL    string
	Status int64
}

// OK reports whether nothing was wrong.
func (s Seen) OK() bool {
	return len(s.Violations)+len(s.Complaints)+len(s.Foreign) == 0 && !s.Wide
}

// note keeps what is wrong about an event of the browser. host is the page's own.
func (s *Seen) note(e any, host, sound string) {
	switch e := e.(type) {
	case *runtime.EventExceptionThrown:
		s.Complaints = append(s.Complaints, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			s.Complaints = append(s.Complaints, fmt.Sprint(e.Type, e.Args))
		}
	case *log.EventEntryAdded:
		if !strings.HasSuffix(e.Entry.URL, "/favicon.ico") {
			s.Complaints = append(s.Complaints, e.Entry.Text+" "+e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		switch {
		case err != nil:
			s.Foreign = append(s.Foreign, e.Request.URL)
		case u.Scheme != "http" && u.Scheme != "https" || u.Host == host:
		case sound == "" || u.Scheme+"://"+u.Host != sound || e.Type != network.ResourceTypeMedia:
			s.Foreign = append(s.Foreign, e.Request.URL)
		}
	case *network.EventResponseReceived:
		if sound != "" && strings.HasPrefix(e.Response.URL, sound+"/") {
			s.Played = append(s.Played, Loaded{e.Response.URL, e.Response.Status})
		}
	}
}

// Look opens a page in a new tab and checks it. A request to data:, blob: or about: is none.
func (b *Browser) Look(address string, v View) (Seen, error) {
	own, err := url.Parse(address)
	if err != nil {
		return Seen{}, fmt.Errorf("browser: %w", err)
	}
	tab, stop := chromedp.NewContext(b.ctx)
	defer stop()
	tab, cancel := context.WithTimeout(tab, cmp.Or(v.Patience, patience))
	defer cancel()
	var seen Seen
	var mu sync.Mutex
	chromedp.ListenTarget(tab, func(e any) {
		mu.Lock()
		defer mu.Unlock()
		seen.note(e, own.Host, v.Sound)
	})
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	var found []string
	actions := append([]chromedp.Action{
		log.Enable(), network.Enable(), runtime.Enable(),
		emulation.SetFocusEmulationEnabled(true), // a page that another tab hides would rest
		chromedp.EmulateViewport(int64(v.Width), int64(cmp.Or(v.Height, 900))),
		// Without motion a page jumps where it would glide, so a click finds what it aims at.
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
		chromedp.Navigate(address), chromedp.WaitReady("body"),
	}, v.Then...)
	var shot []byte
	switch {
	case v.Shot != "" && v.Height > 0:
		actions = append(actions, chromedp.CaptureScreenshot(&shot))
	case v.Shot != "":
		actions = append(actions, chromedp.FullScreenshot(&shot, 100))
	}
	// What is folded is checked, too. axe is evaluated by the debugger, which the page's own policy
	// does not bind.
	actions = append(actions,
		chromedp.Evaluate(`for (const d of document.querySelectorAll('details')) d.open = true`, nil),
		chromedp.Evaluate(b.axe+";undefined", nil),
		chromedp.Evaluate(`axe.run({resultTypes: ['violations']}).then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.target + ': ' + n.failureSummary)))`, &found,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
		chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &seen.Wide))
	if err := chromedp.Run(tab, actions...); err != nil {
		return seen, fmt.Errorf("browser: look at %s: %w", address, err)
	}
	mu.Lock()
	defer mu.Unlock()
	seen.Violations = found
	if v.Shot != "" {
		if err := os.WriteFile(v.Shot, shot, 0o644); err != nil {
			return seen, fmt.Errorf("browser: %w", err)
		}
	}
	return seen, nil
}
