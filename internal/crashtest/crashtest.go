// Package crashtest proves that what a program acknowledged survives a crash.
//
// A test hands it two functions. write runs in a child process and calls
// acknowledge after each thing that it has made durable. check looks at the
// folder that the child left, and reports what was acknowledged and is lost.
//
//   - [Kills] kills the child with SIGKILL at random times. That loses what
//     the process kept in memory.
//   - [PowerCuts] records the system calls of the child by strace, and builds
//     the folder as it may be after a power cut at a random time: what was
//     not fsynced is gone, or there in part. Names are durable when their
//     folder was fsynced.
//
// The child is the test binary, running the same test once more; code before
// the call of Kills or PowerCuts runs in it too.
package crashtest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Write writes into a folder until it has enough, or for ever if it is to be
// killed. It calls acknowledge, with a text of one line, when something is
// durable. It may be called concurrently.
type Write func(folder string, acknowledge func(text string)) error

// Check returns an error if the folder doesn't hold all that was acknowledged.
type Check func(folder string, acknowledged []string) error

// How the child knows what it is.
const (
	folderVariable = "IOTENANT_CRASHTEST_FOLDER"
	acksVariable   = "IOTENANT_CRASHTEST_ACKS"
)

// mustRunVariable makes a missing tool a failure instead of a skip.
const mustRunVariable = "IOTENANT_EMULATORS"

// Kills runs write in a child and kills it, rounds times in the same folder,
// and checks the folder after each kill for all that was acknowledged so far.
func Kills(t *testing.T, rounds int, write Write, check Check) {
	t.Helper()
	runChild(t, write)
	folder, acks := t.TempDir(), filepath.Join(t.TempDir(), "acks")
	for round := range rounds {
		before := len(readLines(t, acks))
		child := childCommand(t, folder, acks)
		var output bytes.Buffer
		child.Stdout, child.Stderr = &output, &output
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		for start := time.Now(); len(readLines(t, acks)) == before && time.Since(start) < 20*time.Second; {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(rand.N(100 * time.Millisecond))
		if err := errors.Join(child.Process.Kill(), ignoreExit(child.Wait())); err != nil {
			t.Fatal(err)
		}
		acknowledged := readLines(t, acks)
		if len(acknowledged) == before {
			t.Fatalf("round %d: the child acknowledged nothing:\n%s", round, output.String())
		}
		if err := check(folder, acknowledged); err != nil {
			t.Fatalf("round %d, after %d acknowledgements: %v", round, len(acknowledged), err)
		}
	}
	t.Logf("%d kills, %d acknowledgements", rounds, len(readLines(t, acks)))
}

// PowerCuts runs write in a child to its end and checks the folder as it may
// be after each of many power cuts at random times. In every second one,
// random parts of what was not fsynced are kept. It skips the test where
// strace can't run; if IOTENANT_EMULATORS is set, the test fails then.
func PowerCuts(t *testing.T, cuts int, write Write, check Check) {
	t.Helper()
	recording := Record(t, write)
	const seed = 1
	t.Logf("%d acknowledgements, %d cuts, seed %d", len(recording.acks), cuts, seed)
	if len(recording.acks) == 0 {
		t.Fatal("the child acknowledged nothing")
	}
	random := rand.New(rand.NewPCG(seed, seed))
	for i := range cuts {
		cut := recording.RandomCut(random, i%2 == 1)
		folder := filepath.Join(t.TempDir(), fmt.Sprint(i))
		acknowledged, err := recording.Restore(cut, folder)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(folder, acknowledged); err != nil {
			t.Fatalf("%s, after %d acknowledgements: %v", cut, len(acknowledged), err)
		}
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
	}
}

// Record runs write in a child under strace and returns what it did.
func Record(t *testing.T, write Write) *Recording {
	t.Helper()
	runChild(t, write)
	strace, err := exec.LookPath("strace")
	if err != nil {
		missing(t, "strace is not installed")
	}
	folder, work := t.TempDir(), t.TempDir()
	acks, trace := filepath.Join(work, "acks"), filepath.Join(work, "trace")
	child := childCommand(t, folder, acks)
	child.Args = append([]string{"strace", "-f", "-xx", "-s", fmt.Sprint(longestString), "-e", "trace=" + tracedCalls, "-e", "signal=none", "-o", trace, child.Path}, child.Args[1:]...)
	child.Path = strace
	output, err := child.CombinedOutput()
	if err != nil && strings.Contains(string(output), "ptrace") {
		missing(t, "strace may not trace here: "+string(output))
	}
	if err != nil {
		t.Fatalf("the child failed: %v\n%s", err, output)
	}
	file, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	recording, err := parseRecording(file, folder, acks)
	if err != nil {
		t.Fatal(err)
	}
	return recording
}

func missing(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv(mustRunVariable) != "" {
		t.Fatalf("%s, and %s is set", reason, mustRunVariable)
	}
	t.Skipf("power cuts are not tested: %s", reason)
}

// runChild runs write and ends the process, if this process is the child.
func runChild(t *testing.T, write Write) {
	t.Helper()
	folder := os.Getenv(folderVariable)
	if folder == "" {
		return
	}
	acks, err := os.OpenFile(os.Getenv(acksVariable), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	err = write(folder, func(text string) {
		if _, err := acks.WriteString(text + "\n"); err != nil {
			panic(err)
		}
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func childCommand(t *testing.T, folder, acks string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(t.Name(), "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	child := exec.Command(self, "-test.run="+strings.Join(parts, "/"), "-test.count=1", "-test.parallel=1")
	child.Env = append(os.Environ(), folderVariable+"="+folder, acksVariable+"="+acks)
	return child
}

func ignoreExit(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil
	}
	return err
}

// readLines returns the whole lines of a file, none if there is no file.
func readLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	return lines[:len(lines)-1]
}
