// Command picture takes the pictures in docs/ of what people look at: the report page (light, dark,
// on a telephone), a comparison, and the console.
//
//	go run ./infra/sample/picture [-data ../shared/data]
//
// Run it in the root of the checkout. It starts a local system, scores the sample interview and, to
// compare it with, the interviews of the data folder, and looks at the pages with Chromium
// (Debian's package). With PARLEY_SYSTEM (what `parley local --json` printed) it takes the system
// that runs already, and what was scored there under this command's tag.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"

	"parley/infra/prove/browser"
	"parley/shared/client"
	"parley/shared/speech/installed"
)

const (
	// patience bounds the whole command.
	patience = time.Hour
	// tag is that of the runs in the pictures.
	tag = "june"
	// mostBytes bounds a picture, in bytes.
	mostBytes = 120_000
	sample    = "infra/sample/interview.opus"
	// compared is how many runs are scored at most.
	compared = 3
)

func main() {
	data := flag.String("data", "../shared/data", "folder with interviews to compare the sample with")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := pictures(ctx, *data); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func pictures(ctx context.Context, data string) error {
	if !browser.Installed() {
		return errors.New("chromium is not installed (apt-get install chromium)")
	}
	fmt.Fprintln(os.Stderr, "starting the system (about a minute)")
	s, err := browser.Running(ctx, ".")
	if err != nil {
		return err
	}
	defer s.Stop()
	c, err := client.New(s.URL, s.Key)
	if err != nil {
		return err
	}
	report, err := score(ctx, c, data)
	if err != nil {
		return err
	}
	link, err := c.CreateReport(ctx, report.ID, time.Hour)
	if err != nil {
		return err
	}
	comparison, err := c.Compare(ctx, client.ByTag, tag, time.Hour)
	if err != nil {
		return err
	}
	b, err := browser.Start(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	// The console is looked at while a run is in process; it ends with the system.
	if _, err := c.Submit(ctx, sample, client.Options{ExternalID: "Daniel Martin, again", IdempotencyKey: rand.Text()}); err != nil {
		return err
	}
	running := []chromedp.Action{chromedp.WaitVisible("#run-rows progress", chromedp.ByQuery)}
	for _, p := range []struct {
		name, address string
		view          browser.View
	}{
		{"report", link.URL, browser.View{Width: 1040, Height: 2110}},
		{"report-dark", link.URL, browser.View{Width: 1040, Height: 850, Dark: true}},
		{"report-phone", link.URL, browser.View{Width: 400, Height: 860}},
		{"comparison", comparison.URL, browser.View{Width: 1040, Height: 560}},
		{"console", s.Console + "/", browser.View{Width: 1040, Height: 1000, Then: running}},
	} {
		p.view.Sound = s.Endpoint
		if err := picture(ctx, b, p.name, p.address, p.view); err != nil {
			return err
		}
	}
	return nil
}

// score scores the sample interview and others, unless that was done, and returns the sample's run.
func score(ctx context.Context, c *client.Client, data string) (client.Run, error) {
	const name = "Daniel Martin" // the sample says that it is Daniel
	list, err := c.Runs(ctx, client.Filter{Tag: tag})
	if err != nil {
		return client.Run{}, err
	}
	if i := slices.IndexFunc(list.Data, func(r client.Run) bool { return r.ExternalID != nil && *r.ExternalID == name }); i >= 0 {
		return list.Data[i], nil
	}
	files, err := filepath.Glob(filepath.Join(data, "interviews", "*.flac"))
	if err != nil {
		return client.Run{}, err
	}
	files = append([]string{sample}, files...)
	var first client.Run
	for i, file := range files[:min(len(files), compared)] {
		fmt.Fprintf(os.Stderr, "scoring %s (about two minutes)\n", file)
		reference := name
		if i > 0 {
			reference = "Candidate " + strconv.Itoa(i+1)
		}
		got, err := c.Submit(ctx, file, client.Options{ExternalID: reference, Tags: []string{tag}})
		if err != nil {
			return client.Run{}, err
		}
		r, err := c.Wait(ctx, got.ID, nil)
		if err != nil {
			return client.Run{}, err
		}
		if r.Failure != nil {
			return client.Run{}, fmt.Errorf("%s: %s", file, r.Failure.Message)
		}
		first.ID = cmp.Or(first.ID, r.ID)
	}
	return first, nil
}

// picture takes one picture, in 64 colours, to docs/NAME.png.
func picture(ctx context.Context, b *browser.Browser, name, address string, v browser.View) error {
	dir, err := os.MkdirTemp("", "parley-picture-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	v.Shot = filepath.Join(dir, "whole.png")
	seen, err := b.Look(address, v)
	if err != nil {
		return err
	}
	if !seen.OK() {
		return fmt.Errorf("%s: %+v", name, seen)
	}
	out := filepath.Join("docs", name+".png")
	few := exec.CommandContext(ctx, installed.FFmpeg(installed.Dir()), "-v", "error", "-y", "-i", v.Shot,
		"-vf", "split[a][b];[a]palettegen=max_colors=64[p];[b][p]paletteuse=dither=none", "-frames:v", "1", "-update", "1", out)
	if said, err := few.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, said)
	}
	info, err := os.Stat(out)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes\n", out, info.Size())
	if info.Size() > mostBytes {
		return fmt.Errorf("%s has more than %d bytes: make it smaller", out, mostBytes)
	}
	return nil
}
