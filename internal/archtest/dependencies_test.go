package archtest

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestDependenciesAreDocumented(t *testing.T) {
	t.Parallel()
	breaches, err := undocumentedDependencies(os.DirFS(repository))
	require.NoError(t, err)
	for _, breach := range breaches {
		t.Error(breach)
	}
}

func TestDependenciesCanFail(t *testing.T) {
	t.Parallel()
	module := file("module m\n\nrequire (\n\ta.org/x v1.0.0\n\ta.org/y v2.0.0 // indirect\n)\n\nrequire a.org/z v0.1.0\n")
	for page, want := range map[string][]string{
		"| `a.org/x` | v1.0.0 | why |\n| `a.org/z` | v0.1.0 |": nil,
		"| `a.org/x` | v1.0.1 | why |\n| `a.org/z` | v0.1.0 |": {"a.org/x is v1.0.0 in go.mod and v1.0.1 in docs/dependencies.md"},
		"| `a.org/x` | v1.0.0 | why |":                         {"a.org/z is v0.1.0 in go.mod and missing in docs/dependencies.md"},
		"| `a.org/x` | v1.0.0 |\n| `a.org/y` | v2.0.0 |\n| `a.org/z` | v0.1.0 |": {
			"a.org/y is missing in go.mod and v2.0.0 in docs/dependencies.md",
		},
	} {
		breaches, err := undocumentedDependencies(fstest.MapFS{"go.mod": module, "docs/dependencies.md": file(page)})
		require.NoError(t, err)
		require.Equal(t, want, breaches, page)
	}
}

var (
	requirement = regexp.MustCompile(`(?m)^(?:require )?\s*(\S+\.\S+/\S+) (v\S+)$`)
	tableRow    = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (v\\S+) \\|")
)

// undocumentedDependencies compares the direct requirements of go.mod with
// the tables of docs/dependencies.md.
func undocumentedDependencies(tree fs.FS) (breaches []string, err error) {
	required, err := versions(tree, "go.mod", requirement)
	if err != nil {
		return nil, err
	}
	documented, err := versions(tree, "docs/dependencies.md", tableRow)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(required)
	maps.Copy(all, documented)
	for _, module := range slices.Sorted(maps.Keys(all)) {
		if inModule, inPage := required[module], documented[module]; inModule != inPage {
			breaches = append(breaches, fmt.Sprintf("%s is %s in go.mod and %s in docs/dependencies.md",
				module, orMissing(inModule), orMissing(inPage)))
		}
	}
	return breaches, nil
}

func versions(tree fs.FS, name string, line *regexp.Regexp) (map[string]string, error) {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, match := range line.FindAllStringSubmatch(string(text), -1) {
		found[match[1]] = match[2]
	}
	return found, nil
}

func orMissing(version string) string {
	if version == "" {
		return "missing"
	}
	return version
}
