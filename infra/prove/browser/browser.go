// Package browser looks at pages as people's browsers do: with headless Chromium (Debian's package
// chromium), and with axe-core for accessibility.
package browser

import (
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
	// Then is done once the page is there, before it is checked.
	Then []chromedp.Action
	// Shot, if not empty, is the file for a picture of the whole page.
	Shot string
}

// Seen is what was wrong with a page.
type Seen struct {
	Violations []string // of accessibility, by axe-core
	Complaints []string // of the browser's console
	Foreign    []string // requests to another origin
	Wide       bool     // the page scrolls sideways
}

// OK reports whether nothing was wrong.
func (s Seen) OK() bool {
	return len(s.Violations)+len(s.Complaints)+len(s.Foreign) == 0 && !s.Wide
}

// Look opens a page in a new tab and checks it. A request to data:, blob: or about: is none.
func (b *Browser) Look(address string, v View) (Seen, error) {
	own, err := url.Parse(address)
	if err != nil {
		return Seen{}, fmt.Errorf("browser: %w", err)
	}
	tab, stop := chromedp.NewContext(b.ctx)
	defer stop()
	tab, cancel := context.WithTimeout(tab, patience)
	defer cancel()
	var seen Seen
	var mu sync.Mutex
	chromedp.ListenTarget(tab, func(e any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			seen.Complaints = append(seen.Complaints, e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
				seen.Complaints = append(seen.Complaints, fmt.Sprint(e.Type, e.Args))
			}
		case *log.EventEntryAdded:
			if !strings.HasSuffix(e.Entry.URL, "/favicon.ico") {
				seen.Complaints = append(seen.Complaints, e.Entry.Text+" "+e.Entry.URL)
			}
		case *network.EventRequestWillBeSent:
			if u, err := url.Parse(e.Request.URL); err != nil || (u.Scheme == "http" || u.Scheme == "https") && u.Host != own.Host {
				seen.Foreign = append(seen.Foreign, e.Request.URL)
			}
		}
	})
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	// axe is evaluated by the debugger, which the page's own policy does not bind.
	var found []string
	actions := append([]chromedp.Action{
		log.Enable(), network.Enable(), runtime.Enable(),
		chromedp.EmulateViewport(int64(v.Width), 900),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.Navigate(address), chromedp.WaitReady("body"),
	}, v.Then...)
	actions = append(actions,
		chromedp.Evaluate(b.axe+";undefined", nil),
		chromedp.Evaluate(`axe.run({resultTypes: ['violations']}).then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.target + ': ' + n.failureSummary)))`, &found,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
		chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &seen.Wide))
	var shot []byte
	if v.Shot != "" {
		actions = append(actions, chromedp.FullScreenshot(&shot, 100))
	}
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
