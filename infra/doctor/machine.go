package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"parley/shared/speech/installed"
)

// patience bounds how long a program may take to print its version.
const patience = time.Minute

// This returns the machine that the program runs on.
func This() Machine {
	return Machine{
		OS: runtime.GOOS, Arch: runtime.GOARCH,
		Run: run, Free: free, Memory: memory, Listen: listen, Engines: engines, Credentials: credentials, Region: region,
	}
}

func run(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout = &out
	err := cmd.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("doctor: %s: %w", name, err)
	}
	return out.String(), nil
}

// free asks the nearest folder that exists.
func free(dir string) (uint64, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return 0, fmt.Errorf("doctor: %w", err)
	}
	for {
		var s unix.Statfs_t
		err := unix.Statfs(dir, &s)
		if err == nil {
			return s.Bavail * uint64(s.Bsize), nil
		}
		up := filepath.Dir(dir)
		if !errors.Is(err, unix.ENOENT) || up == dir {
			return 0, fmt.Errorf("doctor: %s: %w", dir, err)
		}
		dir = up
	}
}

func memory() (total, available uint64, err error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, 0, fmt.Errorf("doctor: memory: %w", err)
	}
	m, err := fs.Meminfo()
	if err != nil {
		return 0, 0, fmt.Errorf("doctor: memory: %w", err)
	}
	if m.MemTotalBytes == nil || m.MemAvailableBytes == nil {
		return 0, 0, errors.New("doctor: the kernel does not tell the memory")
	}
	return *m.MemTotalBytes, *m.MemAvailableBytes, nil
}

func listen(ctx context.Context, addr string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

// engines looks for the engines of a processor beside those of this one.
func engines(arch string) error {
	dir := installed.Dir()
	if arch != runtime.GOARCH {
		dir = filepath.Join(filepath.Dir(dir), arch)
	}
	for _, layer := range installed.Layers() {
		if err := installed.Missing(dir, installed.LayerFiles(layer)...); err != nil {
			return err
		}
	}
	return nil
}

// credentials looks where the AWS SDKs look first. It does not read them.
func credentials() string {
	for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"} {
		if os.Getenv(name) != "" {
			return name
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	for _, name := range []string{"credentials", "config"} {
		if path := filepath.Join(home, ".aws", name); exists(path) {
			return path
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func region() string {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "CDK_DEFAULT_REGION"} {
		if r := os.Getenv(name); r != "" {
			return r
		}
	}
	return ""
}
