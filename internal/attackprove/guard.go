package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A guard is a statement that keeps tenants apart.
type guard struct {
	// name says what the guard refuses.
	name string
	// file holds it, from the root of the repository.
	file string
	// statement is the text that guards. It occurs exactly once in the file.
	statement string
	// disabled is what stands there instead. It must compile.
	disabled string
	// pkg is the package whose tests notice.
	pkg string
	// tests are those that must fail, named TestAttack...
	tests []string
}

// check reports what makes the guard useless as a proof.
func (g guard) check() error {
	switch {
	case g.name == "" || g.file == "" || g.pkg == "" || len(g.tests) == 0:
		return fmt.Errorf("guard %q: a member is empty", g.name)
	case strings.HasSuffix(g.file, "_test.go"):
		return fmt.Errorf("guard %q: %s is a test", g.name, g.file)
	case g.statement == g.disabled:
		return fmt.Errorf("guard %q: nothing is disabled", g.name)
	}
	for _, test := range g.tests {
		if !strings.HasPrefix(test, "TestAttack") || strings.Contains(test, "/") {
			return fmt.Errorf("guard %q: %s is not named like an attack", g.name, test)
		}
	}
	return nil
}

// disable returns the file of the guard without it.
func (g guard) disable(dir string) ([]byte, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(g.file)))
	if err != nil {
		return nil, fmt.Errorf("guard %q: %w", g.name, err)
	}
	if found := bytes.Count(text, []byte(g.statement)); found != 1 {
		return nil, fmt.Errorf("guard %q: %s has its statement %d times, want once: %s", g.name, g.file, found, g.statement)
	}
	return bytes.Replace(text, []byte(g.statement), []byte(g.disabled), 1), nil
}
