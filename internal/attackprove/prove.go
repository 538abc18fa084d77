package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// prover proves guards of the module in dir.
type prover struct {
	dir      string
	parallel int
	timeout  time.Duration
}

// verdict is what was found out about a guard; it is proven if err is nil.
type verdict struct {
	guard  guard
	err    error
	output string // of the tests
	took   time.Duration
}

func (v verdict) String() string {
	if v.err != nil {
		return fmt.Sprintf("NOT PROVEN  %-28s %s", v.guard.file, v.err)
	}
	return fmt.Sprintf("proven      %-28s %s: %s (%.1f s)", v.guard.file, v.guard.name, strings.Join(v.guard.tests, " "), v.took.Seconds())
}

// prove returns a verdict for each guard, in their order.
func (p prover) prove(ctx context.Context, guards []guard) []verdict {
	verdicts := make([]verdict, len(guards))
	baseline := p.baseline(ctx, guards)
	var group sync.WaitGroup
	slots := make(chan struct{}, max(1, p.parallel))
	for i, g := range guards {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			start := time.Now()
			verdicts[i] = p.proveOne(ctx, g, baseline[g.pkg])
			verdicts[i].took = time.Since(start)
		})
	}
	group.Wait()
	return verdicts
}

func (p prover) proveOne(ctx context.Context, g guard, baseline outcome) verdict {
	text, err := g.disable(p.dir)
	if err != nil {
		return verdict{guard: g, err: err}
	}
	for _, test := range g.tests {
		if baseline.results[test] != passed {
			err := fmt.Errorf("guard %q: %s does not pass with the guard in place", g.name, test)
			return verdict{guard: g, err: err, output: baseline.output}
		}
	}
	disabled, err := p.testWith(ctx, g, text)
	if err == nil {
		err = g.judge(disabled)
	}
	return verdict{guard: g, err: err, output: disabled.output}
}

// crash is how the output of a test binary that ended before its tests begins.
var crash = regexp.MustCompile(`(?m)^panic: `)

// judge reports why the outcome of a run without the guard proves nothing.
func (g guard) judge(disabled outcome) error {
	if crash.MatchString(disabled.output) {
		return fmt.Errorf("guard %q: without it the tests panic or hang, which asserts nothing", g.name)
	}
	for _, test := range g.tests {
		switch disabled.results[test] {
		case failed:
		case passed:
			return fmt.Errorf("guard %q: %s passes without it", g.name, test)
		default:
			return fmt.Errorf("guard %q: %s did not run without it: does the replacement compile?", g.name, test)
		}
	}
	return nil
}

// testWith runs the tests of a guard with text in place of its file.
func (p prover) testWith(ctx context.Context, g guard, text []byte) (outcome, error) {
	temp, err := os.MkdirTemp("", "attackprove")
	if err != nil {
		return outcome{}, err
	}
	defer os.RemoveAll(temp)
	original, err := filepath.Abs(filepath.Join(p.dir, filepath.FromSlash(g.file)))
	if err != nil {
		return outcome{}, err
	}
	replacement := filepath.Join(temp, filepath.Base(g.file))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: replacement}})
	if err != nil {
		return outcome{}, err
	}
	overlayFile := filepath.Join(temp, "overlay.json")
	if err := errors.Join(os.WriteFile(replacement, text, 0o600), os.WriteFile(overlayFile, overlay, 0o600)); err != nil {
		return outcome{}, err
	}
	return p.test(ctx, g.pkg, g.tests, "-overlay="+overlayFile)
}

// baseline runs the tests of all guards as they are, by package.
func (p prover) baseline(ctx context.Context, guards []guard) map[string]outcome {
	tests := map[string][]string{}
	for _, g := range guards {
		tests[g.pkg] = append(tests[g.pkg], g.tests...)
	}
	outcomes := map[string]outcome{}
	for pkg, names := range tests {
		result, err := p.test(ctx, pkg, names)
		if err != nil {
			result.output += err.Error() + "\n"
		}
		outcomes[pkg] = result
	}
	return outcomes
}

// result is how a test ended.
type result string

const (
	passed result = "pass"
	failed result = "fail"
)

// outcome is what a run of go test told.
type outcome struct {
	results map[string]result // by name of the test
	output  string
}

// test runs tests of a package. The error is about running, not about tests
// that fail.
func (p prover) test(ctx context.Context, pkg string, tests []string, flags ...string) (outcome, error) {
	pattern := "^(" + strings.Join(tests, "|") + ")$"
	args := append([]string{"test", "-json", "-vet=off", "-count=1", "-timeout=" + p.timeout.String(), "-run=" + pattern}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = p.dir
	stdout, err := cmd.Output()
	told := readEvents(stdout)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		told.output += string(exit.Stderr)
		err = nil
	}
	return told, errors.Join(err, ctx.Err())
}

// readEvents reads what go test -json prints.
func readEvents(stdout []byte) outcome {
	told := outcome{results: map[string]result{}}
	var output strings.Builder
	for lines := bufio.NewReader(bytes.NewReader(stdout)); ; {
		line, err := lines.ReadBytes('\n')
		var event struct{ Action, Test, Output string }
		if json.Unmarshal(line, &event) == nil {
			output.WriteString(event.Output)
			if end := result(event.Action); end == passed || end == failed {
				told.results[event.Test] = end
			}
		} else {
			output.Write(line)
		}
		if err != nil {
			told.output = output.String()
			return told
		}
	}
}
