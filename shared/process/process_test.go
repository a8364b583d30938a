package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary also plays the child: its first argument says how to behave.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		play(os.Args[2])
		return
	}
	os.Exit(m.Run())
}

func play(part string) {
	switch part {
	case "echo":
		_, _ = io.Copy(os.Stdout, os.Stdin)
	case "env":
		fmt.Print(strings.Join(os.Environ(), ","))
	case "fail":
		fmt.Fprint(os.Stderr, "no such thing")
		os.Exit(3)
	case "flood":
		for {
			_, _ = os.Stdout.Write(make([]byte, 1<<16))
		}
	case "spin":
		for { //nolint:staticcheck // burning processor time is the point
		}
	case "sleep":
		fmt.Println("ready")
		select {}
	case "sum": // a line with a number n, then n bytes: answers their sum
		fmt.Println("ready")
		r := bufio.NewReader(os.Stdin)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			var n int
			if _, err := fmt.Sscan(line, &n); err != nil {
				fmt.Println("bad request")
				os.Exit(1)
			}
			if n < 0 {
				select {}
			}
			b := make([]byte, n)
			if _, err := io.ReadFull(r, b); err != nil {
				return
			}
			s := 0
			for _, v := range b {
				s += int(v)
			}
			fmt.Println(s, os.Getpid())
		}
	case "die":
		fmt.Println("ready")
		fmt.Fprint(os.Stderr, "out of luck")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		os.Exit(9)
	case "grandchild":
		c := exec.Command(os.Args[0], "child", "sleep")
		if err := c.Start(); err != nil {
			os.Exit(1)
		}
		fmt.Println(c.Process.Pid)
		select {}
	}
}

func command(part string, in io.Reader) Command {
	return Command{Path: os.Args[0], Args: []string{"child", part}, Stdin: in, MaxOutput: 1 << 20}
}

func TestRunReturnsWhatTheChildWrote(t *testing.T) {
	r, err := Run(t.Context(), command("echo", strings.NewReader("hello")))
	if err != nil || string(r.Stdout) != "hello" || r.ExitCode != 0 {
		t.Fatalf("got %q, %d, %v", r.Stdout, r.ExitCode, err)
	}
}

func TestRunHandsDownNoEnvironment(t *testing.T) {
	t.Setenv("SECRET", "x")
	r, err := Run(t.Context(), command("env", nil))
	if err != nil || len(r.Stdout) != 0 {
		t.Fatalf("got %q, %v", r.Stdout, err)
	}
}

func TestRunReportsTheExitStatusAndTheComplaint(t *testing.T) {
	r, err := Run(t.Context(), command("fail", nil))
	var exit *exec.ExitError
	if !errors.As(err, &exit) || r.ExitCode != 3 || !strings.Contains(err.Error(), "no such thing") {
		t.Fatalf("got %d, %v", r.ExitCode, err)
	}
}

func TestRunKillsAChildThatWritesTooMuch(t *testing.T) {
	_, err := Run(t.Context(), command("flood", nil))
	if !errors.Is(err, ErrOutput) {
		t.Fatalf("got %v", err)
	}
	c := command("echo", bytes.NewReader(make([]byte, 1000)))
	c.MaxOutput = 1000
	if r, err := Run(t.Context(), c); err != nil || len(r.Stdout) != 1000 {
		t.Fatalf("at the bound: got %d bytes, %v", len(r.Stdout), err)
	}
	c.Stdin = bytes.NewReader(make([]byte, 1001))
	if _, err := Run(t.Context(), c); !errors.Is(err, ErrOutput) {
		t.Fatalf("over the bound: got %v", err)
	}
}

// writer is an io.Writer.
type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestRunPassesOnWhatTheChildWrites(t *testing.T) {
	var out, complaint bytes.Buffer
	c := command("echo", strings.NewReader("hello"))
	c.Stdout = &out
	if r, err := Run(t.Context(), c); err != nil || out.String() != "hello" || len(r.Stdout) != 0 {
		t.Errorf("got %q, kept %q, %v", out.String(), r.Stdout, err)
	}
	c = command("fail", nil)
	c.Stderr = &complaint
	if r, err := Run(t.Context(), c); err == nil || complaint.String() != "no such thing" || r.Stderr != "no such thing" {
		t.Errorf("got %q, kept %q, %v", complaint.String(), r.Stderr, err)
	}
	c = command("echo", bytes.NewReader(make([]byte, 1<<20+1)))
	c.Stdout = io.Discard
	if _, err := Run(t.Context(), c); !errors.Is(err, ErrOutput) {
		t.Errorf("over the bound: got %v", err)
	}
}

func TestRunKillsAChildWhoseReaderHasEnough(t *testing.T) {
	enough := errors.New("enough")
	c := command("flood", nil)
	c.MaxOutput = 1 << 40
	c.Stdout = writer(func([]byte) (int, error) { return 0, enough })
	if _, err := Run(t.Context(), c); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	_, err := Run(ctx, command("sleep", nil))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestTheKernelEndsAChildThatUsesUpItsProcessorTime(t *testing.T) {
	c := command("spin", nil)
	c.Limits.CPU = time.Second
	before := Used()
	r, err := Run(t.Context(), c)
	if err == nil || r.ExitCode != -1 {
		t.Fatalf("got %d, %v", r.ExitCode, err)
	}
	if used := Used() - before; runtime.GOOS == "linux" && used < r.CPU/2 {
		t.Errorf("%s were used, %s by the child", used, r.CPU)
	}
}

func TestRunKillsTheWholeGroup(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := NewChild(os.Args[0], []string{"child", "grandchild"}, Limits{}, 100)
	line, err := c.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(line), &pid); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for alive(pid) {
		if t.Context().Err() != nil {
			t.Fatal("the grandchild lives on")
		}
	}
}

// alive reports whether the process is running; a zombie is not.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func ask(t *testing.T, c *Child, n int) (sum, pid int) {
	t.Helper()
	line, err := c.Ask(t.Context(), fmt.Appendf(nil, "%d\n", n), bytes.Repeat([]byte{1}, n))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(line), &sum, &pid); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return sum, pid
}

func newSum(t *testing.T) *Child {
	c := NewChild(os.Args[0], []string{"child", "sum"}, Limits{Memory: 8 << 30}, 100)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestOneChildAnswersManyRequests(t *testing.T) {
	c := newSum(t)
	first, err := c.Start(t.Context())
	if err != nil || string(first) != "ready" {
		t.Fatalf("got %q, %v", first, err)
	}
	s1, p1 := ask(t, c, 3)
	s2, p2 := ask(t, c, 1<<20)
	if s1 != 3 || s2 != 1<<20 || p1 != p2 {
		t.Fatalf("got %d by %d, %d by %d", s1, p1, s2, p2)
	}
}

func TestAChildIsReplacedWhenARequestIsCutShort(t *testing.T) {
	c := newSum(t)
	_, p1 := ask(t, c, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, err := c.Ask(ctx, []byte("-1\n")); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if sum, p2 := ask(t, c, 2); sum != 2 || p1 == p2 {
		t.Fatalf("got %d by %d, the first was %d", sum, p2, p1)
	}
}

func TestAChildThatWasKilledBetweenRequestsIsReplaced(t *testing.T) {
	c := newSum(t)
	_, p1 := ask(t, c, 1)
	exited := c.live.exited
	if err := syscall.Kill(p1, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-exited
	if sum, p2 := ask(t, c, 2); sum != 2 || p1 == p2 {
		t.Fatalf("got %d by %d, the first was %d", sum, p2, p1)
	}
}

func TestAChildThatDiesTellsWhatItComplainedOf(t *testing.T) {
	c := NewChild(os.Args[0], []string{"child", "die"}, Limits{}, 100)
	defer func() { _ = c.Close() }()
	_, err := c.Ask(t.Context(), []byte("x\n"))
	if !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "out of luck") {
		t.Fatalf("got %v", err)
	}
}

func TestARefusalReachesTheAsker(t *testing.T) {
	c := newSum(t)
	line, err := c.Ask(t.Context(), []byte("nonsense\n"), make([]byte, 1<<20))
	if err != nil || string(line) != "bad request" {
		t.Fatalf("got %q, %v", line, err)
	}
	if sum, _ := ask(t, c, 2); sum != 2 {
		t.Fatalf("got %d", sum)
	}
}

func TestALineLongerThanAgreedIsRefused(t *testing.T) {
	for n, want := range map[int]error{7: nil, 8: ErrOutput} {
		_, err := readLine(bufio.NewReaderSize(strings.NewReader(strings.Repeat("x", n)+"\n"), 16), 7)
		if !errors.Is(err, want) {
			t.Errorf("%d bytes: got %v, want %v", n, err, want)
		}
	}
}

func TestAClosedChildAnswersNothing(t *testing.T) {
	c := newSum(t)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ask(t.Context(), []byte("1\n")); !errors.Is(err, ErrClosed) {
		t.Fatalf("got %v", err)
	}
}

func TestAMissingProgramIsAnError(t *testing.T) {
	if _, err := Run(t.Context(), Command{Path: "/nonexistent/x"}); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	if _, err := NewChild("/nonexistent/x", nil, Limits{}, 1).Start(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
}
