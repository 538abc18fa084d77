package archtest

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// source is one Go file of the tree.
type source struct {
	path   string // slash-separated, from the root of the repository
	text   []byte
	syntax *ast.File
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// isLibrary reports whether users link the file: rings 0 and 1.
func (s source) isLibrary() bool {
	dir := s.dir()
	return !s.isTest() && !matchesAny(testHelp, dir) && !matches("./examples/...", dir) && !matches("./internal/...", dir)
}

// dir is the path of the file's package, relative to the module.
func (s source) dir() string {
	if dir := path.Dir(s.path); dir != "." {
		return "./" + dir
	}
	return "."
}

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func (s source) isGenerated() bool { return generated.Match(s.text) }

// skipped are folders that hold nothing of the project's own.
var skipped = []string{".git", "bin", "node_modules", "testdata", "iotenant-data"}

// textFiles calls visit with each file of the tree that people write.
func textFiles(tree fs.FS, visit func(path string, text []byte) error) error {
	return fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skipped, entry.Name()):
			return fs.SkipDir
		case path == ".git": // a file in a linked work tree
			return nil
		case entry.IsDir() || !entry.Type().IsRegular() || strings.HasSuffix(path, ".sum"):
			return nil
		case strings.HasSuffix(path, ".out"): // what a run printed, which no commit has
			return nil
		}
		text, err := fs.ReadFile(tree, path)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		return visit(path, text)
	})
}

// goSources parses all Go files of the tree.
func goSources(tree fs.FS) ([]source, error) {
	var sources []source
	files := token.NewFileSet()
	err := textFiles(tree, func(path string, text []byte) error {
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		syntax, err := parser.ParseFile(files, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		sources = append(sources, source{path: path, text: text, syntax: syntax})
		return nil
	})
	return sources, err
}

// A sourceRule returns what in the files breaks it.
type sourceRule func(sources []source) []string

const maxLines = 800

func longFiles(sources []source) (breaches []string) {
	for _, s := range sources {
		if lines := bytes.Count(s.text, []byte("\n")); lines > maxLines && !s.isGenerated() {
			breaches = append(breaches, fmt.Sprintf("%s: %d lines, limit %d: look for the second noun", s.path, lines, maxLines))
		}
	}
	return breaches
}

var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "types", "models", "interfaces", "base", "misc", "mocks"}

func emptyPackageNames(sources []source) (breaches []string) {
	for _, s := range sources {
		if name := s.syntax.Name.Name; slices.Contains(emptyNames, name) {
			breaches = append(breaches, fmt.Sprintf("%s: package %s: the name says nothing", s.path, name))
		}
	}
	return breaches
}

// platformUses finds who acts for the platform: who may has the key to every
// tenant's entry in the directory.
func platformUses(sources []source) (breaches []string) {
	may := []string{"./tenant", "./auth/memauth"}
	return usesOf(sources, modulePath+"/tenant", []string{"Platform"}, func(s source) string {
		if s.isTest() || matchesAny(testHelp, s.dir()) || slices.Contains(may, s.dir()) {
			return ""
		}
		return "only " + strings.Join(may, " and ") + " act for the platform"
	})
}

func environmentReads(sources []source) []string {
	return usesOf(sources, "os", []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}, func(s source) string {
		if s.isLibrary() {
			return "only programs read the environment"
		}
		return ""
	})
}

// usesOf reports each mention of these names of a package in files for which
// why returns a reason.
func usesOf(sources []source, importPath string, names []string, why func(source) string) (breaches []string) {
	for _, s := range sources {
		reason := why(s)
		local := localName(s.syntax, importPath)
		if reason == "" || local == "" {
			continue
		}
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok || !slices.Contains(names, selector.Sel.Name) {
				return true
			}
			if from, ok := selector.X.(*ast.Ident); ok && from.Name == local {
				breaches = append(breaches, fmt.Sprintf("%s: %s.%s: %s", s.path, local, selector.Sel.Name, reason))
			}
			return true
		})
	}
	return breaches
}

// localName is the name under which the file knows a package, "" if it does
// not import it.
func localName(file *ast.File, importPath string) string {
	for _, spec := range file.Imports {
		if spec.Path.Value != `"`+importPath+`"` {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

var constructorName = regexp.MustCompile(`^New([A-Z].*)?$`)

// interfacesWithoutTestHelp finds exported interfaces of a domain that its mocks
// lack, and domains with interfaces that have no suite.
func interfacesWithoutTestHelp(sources []source) (breaches []string) {
	declared, suites := map[string]bool{}, map[string]bool{} // "./tenant/tenantmock.MockGate"
	for _, s := range sources {
		if matches("./@/@mock", s.dir()) {
			for name := range interfacesOrStructs[*ast.StructType](s) {
				declared[s.dir()+"."+name] = true
			}
		}
		suites[s.dir()] = suites[s.dir()] || !s.isTest()
	}
	for _, s := range sources {
		if !matches("./@", s.dir()) || s.isTest() {
			continue
		}
		help := s.dir() + "/" + strings.TrimPrefix(s.dir(), "./")
		for name := range interfacesOrStructs[*ast.InterfaceType](s) {
			if !declared[help+"mock.Mock"+name] {
				breaches = append(breaches, fmt.Sprintf("%s: interface %s: %smock has no mock of it", s.path, name, help))
			}
			if !suites[help+"test"] {
				breaches = append(breaches, fmt.Sprintf("%s: interface %s: there is no %stest", s.path, name, help))
			}
		}
	}
	return breaches
}

// interfacesOrStructs returns the exported types of one sort that a file
// declares.
func interfacesOrStructs[T ast.Expr](s source) map[string]bool {
	found := map[string]bool{}
	for _, declaration := range s.syntax.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			if declared, ok := spec.(*ast.TypeSpec); ok && declared.Name.IsExported() {
				if _, ok := declared.Type.(T); ok {
					found[declared.Name.Name] = true
				}
			}
		}
	}
	return found
}

// constructorsWithoutExample finds exported New functions of the library that
// no runnable Example with an output calls.
func constructorsWithoutExample(sources []source) (breaches []string) {
	shown := map[string]bool{} // "./tenant.NewKey"
	for _, s := range sources {
		if s.isTest() {
			for name := range shownBy(s) {
				shown[s.dir()+"."+name] = true
			}
		}
	}
	for _, s := range sources {
		if !s.isLibrary() || strings.Contains(s.dir(), "/internal/") {
			continue
		}
		for _, declaration := range s.syntax.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv != nil || !constructorName.MatchString(function.Name.Name) {
				continue
			}
			if !shown[s.dir()+"."+function.Name.Name] {
				breaches = append(breaches, fmt.Sprintf("%s: %s: no Example with an output calls it", s.path, function.Name.Name))
			}
		}
	}
	return breaches
}

// shownBy returns the constructors that runnable examples in a file call, as
// functions of the package itself.
func shownBy(s source) map[string]bool {
	shown := map[string]bool{}
	for _, declaration := range s.syntax.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(function.Name.Name, "Example") || !hasOutput(s.syntax, function) {
			continue
		}
		ast.Inspect(function.Body, func(node ast.Node) bool {
			switch called := node.(type) {
			case *ast.SelectorExpr:
				if from, ok := called.X.(*ast.Ident); ok && from.Name == strings.TrimSuffix(s.syntax.Name.Name, "_test") {
					shown[called.Sel.Name] = true
				}
			case *ast.CallExpr:
				if local, ok := called.Fun.(*ast.Ident); ok {
					shown[local.Name] = true
				}
			}
			return true
		})
	}
	return shown
}

var outputComment = regexp.MustCompile(`(?i)^//\s*(unordered )?output:`)

func hasOutput(file *ast.File, function *ast.FuncDecl) bool {
	return slices.ContainsFunc(file.Comments, func(group *ast.CommentGroup) bool {
		return function.Body.Pos() < group.Pos() && group.End() <= function.Body.End() && outputComment.MatchString(group.List[0].Text)
	})
}

// forbidden are texts that no file of the project says. They are written in
// two halves, because this file is one of them.
var forbidden = []struct {
	text *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`), "finish it, or open an issue"},
	{regexp.MustCompile(`proxy\.go` + `lang\.org|sum\.go` + `lang\.org|registry\.np` + `mjs\.org|py` + `pi\.org|files\.python` + `hosted\.org|(deb|security)\.deb` + `ian\.org|repo1?\.mav` + `en\.|crates` + `\.io`), "registries are the client's business"},
	{regexp.MustCompile(`(^|[^\w.])/wo` + `rk/|\.\./sha` + `red\b|/ro` + `ot/|/ho` + `me/\w`), "a path of one machine"},
	{regexp.MustCompile(`(?i)\bnot (yet )?impl` + `emented\b|\bunimpl` + `emented\b`), "finish it, or leave it out"},
}

func forbiddenWords(tree fs.FS) (breaches []string, err error) {
	err = textFiles(tree, func(path string, text []byte) error {
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, len(text)+1)
		for number := 1; lines.Scan(); number++ {
			for _, f := range forbidden {
				if found := f.text.Find(lines.Bytes()); found != nil {
					breaches = append(breaches, fmt.Sprintf("%s:%d: %q: %s", path, number, found, f.why))
				}
			}
		}
		return lines.Err()
	})
	return breaches, err
}
