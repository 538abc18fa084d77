package emulator

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// startTimeout bounds the start of a server, on a machine under load.
const startTimeout = 2 * time.Minute

// A server is a process that runs while the process of the tests does. Its
// program prints the port on which it listens, and ends when its standard
// input ends: the system closes that when the process of the tests is gone,
// however it went.
type server struct {
	name    string
	command func(folder string) *exec.Cmd

	once    sync.Once
	baseURL string
	err     error
	input   io.Closer // never closed: held so that it is not collected
	errors  *os.File
}

// url returns the base URL of the server, and starts it if it doesn't run.
func (s *server) url(t testing.TB) string {
	t.Helper()
	mustRun(t, s.name)
	s.once.Do(func() { s.err = s.start() })
	if s.err != nil {
		t.Fatalf("emulator: %s does not start, has make emulators installed it? %v\n%s", s.name, s.err, s.output())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last output of %s:\n%s", s.name, s.output())
		}
	})
	return s.baseURL
}

func (s *server) start() error {
	cache, err := cacheFolder()
	if err != nil {
		return err
	}
	folder := filepath.Join(cache, s.name)
	if _, err := os.Stat(folder); err != nil {
		return err
	}
	cmd := s.command(folder)
	if s.errors, err = os.CreateTemp("", "iotenant-"+s.name); err != nil {
		return err
	}
	defer os.Remove(s.errors.Name()) // the open file stays
	cmd.Stderr = s.errors
	if s.input, err = cmd.StdinPipe(); err != nil {
		return err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	cmd.Stdout = write
	err = cmd.Start()
	write.Close()
	if err != nil {
		return err
	}
	if s.baseURL, err = readAddress(read); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	return err
}

// readAddress waits for the line with the port.
func readAddress(output *os.File) (baseURL string, err error) {
	if err := output.SetReadDeadline(time.Now().Add(startTimeout)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("it ended, or was not ready after %v: %w", startTimeout, err)
	}
	port, err := strconv.ParseUint(strings.TrimSpace(line), 10, 16)
	if err != nil {
		return "", fmt.Errorf("it printed %q, want a port", line)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", port), nil
}

// output returns the end of what the server wrote to standard error.
func (s *server) output() string {
	const most = 16 << 10
	if s.errors == nil {
		return ""
	}
	info, err := s.errors.Stat()
	if err != nil {
		return err.Error()
	}
	tail := io.NewSectionReader(s.errors, max(0, info.Size()-most), most)
	text, err := io.ReadAll(tail)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
