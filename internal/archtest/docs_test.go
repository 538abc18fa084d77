package archtest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestDocumentsAgreeWithTheTree(t *testing.T) {
	t.Parallel()
	breaches, err := wrongMentions(os.DirFS(repository))
	require.NoError(t, err)
	for _, breach := range breaches {
		t.Error(breach)
	}
}

func TestDocumentsCanFail(t *testing.T) {
	t.Parallel()
	tree := func(page string) fstest.MapFS {
		return fstest.MapFS{
			"docs/a.md":     file(page),
			"docs/b.md":     file("fine"),
			"Makefile":      file("SOAK ?= 1\ntest: ## Run\n\ttrue\nattack-prove: ## Prove\n\ttrue\n"),
			"tenant/id.go":  file("package tenant"),
			"tenant/key.go": file("package tenant"),
		}
	}
	for page, want := range map[string]string{
		"see [b](c.md)":                         "docs/a.md: no docs/c.md",
		"see [b](../docs/c.md#part)":            "docs/a.md: no docs/c.md",
		"run `make tests`":                      "docs/a.md: no make tests",
		"```sh\nmake nothing   # all\n```":      "docs/a.md: no make nothing",
		"| id | `tenant/name.go`; of a tenant":  "docs/a.md: no tenant/name.go",
		"of `tenant/id.go` and `tenant/ids.go`": "docs/a.md: no tenant/ids.go",
	} {
		breaches, err := wrongMentions(tree(page))
		require.NoError(t, err)
		require.Equal(t, []string{want}, breaches, page)
	}
	page := "[b](b.md#x) [top](../Makefile) [w](https://example.com/x.md) [docs](../docs/) `tenant/id.go` to make nothing of it\n" +
		"`make test`, `make attack-prove`, `make test SOAK=2`\n```sh\nmake test\n```"
	breaches, err := wrongMentions(tree(page))
	require.NoError(t, err)
	require.Empty(t, breaches)
}

func TestFileMapIsWhole(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(repository, "docs", "architecture.md"))
	require.NoError(t, err)
	var packages []string
	for _, p := range loadPackages(t) {
		packages = append(packages, p.ImportPath)
	}
	require.Empty(t, notInFileMap(page, packages), "docs/architecture.md has no line for these packages")
}

func TestFileMapCanFail(t *testing.T) {
	t.Parallel()
	page := []byte("tenant and boltmap\n## File map\n```\ntenant/  ids\n  memtenant mem   in memory\n```\n")
	packages := []string{
		".", "errors", "./tenant", "./tenant/memtenant", "./tenant/tenanttest", "./tenant/tenantmock", "./tenant/memtenant/internal/disk",
		"./examples/local", "./tenant/boltmap", "./internal/bench",
	}
	require.Equal(t, []string{"./tenant/boltmap", "./internal/bench"}, notInFileMap(page, packages))
}

// notInFileMap returns the packages that a reader of the file map does not
// find. Suites and mocks follow from their domain, what is internal to a
// package from that, and the examples are one line.
func notInFileMap(page []byte, packages []string) (missing []string) {
	_, fileMap, _ := strings.Cut(string(page), "## File map")
	words := strings.FieldsFunc(fileMap, func(r rune) bool { return r == ' ' || r == '\n' || r == '/' })
	for _, p := range packages {
		if !strings.HasPrefix(p, "./") || matchesAny(testHelp[:2], p) || matches("./examples/...", p) || ownerOf(p) != p && ownerOf(p) != "." {
			continue
		}
		if !slices.Contains(words, path.Base(p)) {
			missing = append(missing, p)
		}
	}
	return missing
}

var (
	link       = regexp.MustCompile(`\]\(([^)\s#:]+)(?:#[^)]*)?\)`)
	makeTarget = regexp.MustCompile("(?m)(?:`|^)make ([a-z][a-z0-9-]*)")
	goFile     = regexp.MustCompile("`([a-z]+/[a-z0-9_/-]+\\.go)`")
	target     = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

// wrongMentions finds links, make targets and Go files that a page names and
// that are not there.
func wrongMentions(tree fs.FS) (breaches []string, err error) {
	makefile, err := fs.ReadFile(tree, "Makefile")
	if err != nil {
		return nil, err
	}
	targets := submatches(target, makefile)
	err = textFiles(tree, func(page string, text []byte) error {
		if path.Ext(page) != ".md" {
			return nil
		}
		var missing []string
		for _, to := range submatches(link, text) {
			missing = append(missing, absent(tree, path.Join(path.Dir(page), to))...)
		}
		for _, name := range submatches(goFile, text) {
			missing = append(missing, absent(tree, name)...)
		}
		for _, name := range submatches(makeTarget, text) {
			if !slices.Contains(targets, name) {
				missing = append(missing, "make "+name)
			}
		}
		for _, what := range missing {
			breaches = append(breaches, fmt.Sprintf("%s: no %s", page, what))
		}
		return nil
	})
	return breaches, err
}

func absent(tree fs.FS, name string) []string {
	if _, err := fs.Stat(tree, name); err != nil {
		return []string{name}
	}
	return nil
}

func submatches(expression *regexp.Regexp, text []byte) (all []string) {
	for _, match := range expression.FindAllSubmatch(text, -1) {
		all = append(all, string(match[1]))
	}
	return all
}

// TestReadmeCompiles compiles the Go of the README as a reader would who pastes
// it.
func TestReadmeCompiles(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(repository, "README.md"))
	require.NoError(t, err)
	blocks := goBlocks(string(readme))
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		out, err := compile(t, pasted(block))
		require.NoError(t, err, out)
	}
	out, err := compile(t, pasted("store := bolttenant.OpenNothing()"))
	require.Error(t, err, "what does not compile is not found")
	require.Contains(t, out, "OpenNothing")
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

func goBlocks(text string) []string { return submatches(goBlock, []byte(text)) }

var qualifier = regexp.MustCompile(`\b([a-z]+)\.[A-Z]`)

// pasted returns a file with the block in it: the block itself if it is one,
// else a function, with the imports that an editor would add.
func pasted(block string) string {
	if strings.HasPrefix(block, "package ") {
		return block
	}
	imports := map[string]string{
		"context": "context", "log": "log", "http": "net/http", "fmt": "fmt", "os": "os",
		"tenant": "tenant", "bolttenant": "tenant/bolttenant", "memtenant": "tenant/memtenant", "device": "device",
		"mqttdevice": "device/mqttdevice", "auth": "auth", "shadow": "shadow", "alerts": "alerts", "analytics": "analytics",
	}
	var text strings.Builder
	text.WriteString("package main\n\nimport (\n")
	used := submatches(qualifier, []byte(block))
	slices.Sort(used)
	for _, name := range slices.Compact(used) {
		importPath := imports[name]
		if slices.Contains(domains, strings.Split(importPath, "/")[0]) {
			importPath = modulePath + "/" + importPath
		}
		if importPath != "" {
			fmt.Fprintf(&text, "\t%q\n", importPath)
		}
	}
	text.WriteString(")\n\nfunc main() {\n" + block + "}\n")
	return text.String()
}

// compile compiles a file as a package of this module that is not in the tree.
// It links nothing.
func compile(t *testing.T, text string) (output string, err error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(name, []byte(strings.Replace(text, "package main", "package readme", 1)), 0o600))
	root, err := filepath.Abs(repository)
	require.NoError(t, err)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "examples", "readme", "readme.go"): name}})
	require.NoError(t, err)
	overlayName := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(overlayName, overlay, 0o600))
	cmd := exec.Command("go", "build", "-overlay", overlayName, "./examples/readme")
	cmd.Dir = repository
	out, err := cmd.CombinedOutput()
	return string(out), err
}
