package crashtest_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/crashtest"
)

// appendLines returns a Write that appends lines to a log, in the way that a
// careful program does, but for the steps that skip names.
func appendLines(skip string) crashtest.Write {
	does := func(step string) bool { return step != skip }
	return func(folder string, acknowledge func(string)) error {
		path := filepath.Join(folder, "log")
		log, err := os.OpenFile(path+".new", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
		if does("sync folder") {
			directory, err := os.Open(folder)
			if err != nil {
				return err
			}
			if err := errors.Join(directory.Sync(), directory.Close()); err != nil {
				return err
			}
		}
		for i := range 50 {
			line := fmt.Sprintf("%d %s\n", i, strings.Repeat("x", 700))
			if !does("sync first") {
				acknowledge(fmt.Sprint(i))
			}
			if _, err := log.WriteString(line); err != nil {
				return err
			}
			if does("sync file") {
				if err := log.Sync(); err != nil {
					return err
				}
			}
			if does("sync first") {
				acknowledge(fmt.Sprint(i))
			}
		}
		return log.Close()
	}
}

func checkLines(folder string, acknowledged []string) error {
	text, err := os.ReadFile(filepath.Join(folder, "log"))
	if err != nil && len(acknowledged) > 0 {
		return err
	}
	lines := strings.Split(string(text), "\n")
	for i, want := range acknowledged {
		if i >= len(lines) || lines[i] != want+" "+strings.Repeat("x", 700) {
			return fmt.Errorf("line %s is lost", want)
		}
	}
	return nil
}

func TestPowerCutsPassACarefulProgram(t *testing.T) {
	t.Parallel()
	crashtest.PowerCuts(t, 300, appendLines(""), checkLines)
}

func TestPowerCutsFindWhatACarelessProgramLoses(t *testing.T) {
	t.Parallel()
	for _, skip := range []string{"sync file", "sync folder", "sync first"} {
		t.Run(skip, func(t *testing.T) {
			t.Parallel()
			recording := crashtest.Record(t, appendLines(skip))
			random := rand.New(rand.NewPCG(1, 1))
			for _, keepSome := range []bool{false, true} {
				lost := 0
				for i := range 200 {
					folder := filepath.Join(t.TempDir(), fmt.Sprint(i))
					acknowledged, err := recording.Restore(recording.RandomCut(random, keepSome), folder)
					require.NoError(t, err)
					if checkLines(folder, acknowledged) != nil {
						lost++
					}
				}
				require.Positive(t, lost, "keep some: %t", keepSome)
			}
		})
	}
}

func TestKillsPassACarefulProgram(t *testing.T) {
	t.Parallel()
	crashtest.Kills(t, 2, func(folder string, acknowledge func(string)) error {
		log, err := os.OpenFile(filepath.Join(folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		for i := 0; ; i++ {
			line := fmt.Sprintf("%d-%d", os.Getpid(), i)
			if _, err := log.WriteString(line + "\n"); err != nil {
				return err
			}
			acknowledge(line)
		}
	}, func(folder string, acknowledged []string) error {
		text, err := os.ReadFile(filepath.Join(folder, "log"))
		if err != nil {
			return err
		}
		there := map[string]bool{}
		for line := range strings.Lines(string(text)) {
			there[strings.TrimSpace(line)] = true
		}
		for _, line := range acknowledged {
			if !there[line] {
				return errors.New("lost: " + line)
			}
		}
		return nil
	})
}
