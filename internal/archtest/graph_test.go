package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/iotenant/iotenant"

// repository is the root of the repository, as seen from this package.
var repository = filepath.Join("..", "..")

// listed is what go list tells of a package.
type listed struct {
	ImportPath string
	Name       string
	Doc        string
	Standard   bool
	Imports    []string
	Deps       []string
}

// list runs go list once for all tests.
var list = sync.OnceValues(func() ([]listed, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Name,Doc,Standard,Imports,Deps", "./...")
	cmd.Dir = repository
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(stderr.String()))
	}
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var one listed
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		one.ImportPath = relative(one.ImportPath)
		all = append(all, one)
	}
})

func loadPackages(t *testing.T) []listed {
	t.Helper()
	all, err := list()
	require.NoError(t, err)
	return all
}

func loadGraph(t *testing.T) map[string]pkg {
	t.Helper()
	graph := map[string]pkg{}
	for _, one := range loadPackages(t) {
		graph[one.ImportPath] = pkg{
			path:     one.ImportPath,
			standard: one.Standard,
			imports:  relativeAll(one.Imports),
			reaches:  relativeAll(one.Deps),
		}
	}
	return graph
}

// relative turns the import path of a package of this module into "./tenant".
func relative(importPath string) string {
	if importPath == modulePath {
		return "."
	}
	if rest, ok := strings.CutPrefix(importPath, modulePath+"/"); ok {
		return "./" + rest
	}
	return importPath
}

func relativeAll(importPaths []string) []string {
	all := make([]string, len(importPaths))
	for i, importPath := range importPaths {
		all[i] = relative(importPath)
	}
	return all
}
