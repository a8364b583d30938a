package parts

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

const redrawEvery = 500 * time.Millisecond

// Progress shows on one line, redrawn if the output is a terminal, which part is in work. A nil
// Progress prints nothing.
type Progress struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	label    string
	busy     bool // something was printed about the current step
	drawn    bool // the line has not ended
}

// NewProgress writes to f.
func NewProgress(f *os.File) *Progress {
	info, err := f.Stat()
	return &Progress{w: f, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (p *Progress) step(i, n int, label string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
	p.label, p.busy = fmt.Sprintf("[%*d/%d] %s", len(strconv.Itoa(n)), i, n, label), false
	if p.terminal {
		p.draw("")
	}
}

// end completes the line of a step that did something, and erases the line of one that did not.
func (p *Progress) end() {
	if !p.drawn {
		return
	}
	p.drawn = false
	if p.busy {
		_, _ = fmt.Fprint(p.w, "\n")
		return
	}
	_, _ = fmt.Fprint(p.w, "\r\x1b[K")
}

func (p *Progress) draw(text string) {
	_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s  %s", p.label, text)
	p.drawn = true
}

// note shows what is being done about the current part.
func (p *Progress) note(text string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = true
	if p.terminal {
		p.draw(text)
		return
	}
	_, _ = fmt.Fprintf(p.w, "%s  %s\n", p.label, text)
}

func (p *Progress) line(text string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
	_, _ = fmt.Fprintln(p.w, text)
}

func (p *Progress) failed() { p.note("failed") }

func (p *Progress) finish() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
}

// fetching shows how much of a source has arrived, by the size of what is in the folder, until the
// returned function is called.
func (p *Progress) fetching(s Source, into string) func() {
	return p.watch(fmt.Sprintf("getting %s (%d MB)", s.Package, (s.Size+500_000)/1_000_000), func(time.Duration) string {
		return fmt.Sprintf("getting %s: %d of %d MB", s.Package, min(folderSize(into), s.Size)/1_000_000, (s.Size+500_000)/1_000_000)
	})
}

// compiling shows how long a build has been running, until the returned function is called.
func (p *Progress) compiling(files int) func() {
	return p.watch(fmt.Sprintf("compiling %d files (minutes, the first time)", files), func(since time.Duration) string {
		return fmt.Sprintf("compiling %d files: %.0f s", files, since.Seconds())
	})
}

func (p *Progress) watch(text string, now func(since time.Duration) string) func() {
	p.note(text)
	if p == nil || !p.terminal {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(redrawEvery)
		defer tick.Stop()
		for waited := redrawEvery; ; waited += redrawEvery {
			select {
			case <-stop:
				return
			case <-tick.C:
				p.note(now(waited))
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// folderSize returns the number of bytes under a folder. Files that disappear meanwhile do not
// count.
func folderSize(dir string) int64 {
	var n int64
	_ = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	return n
}
