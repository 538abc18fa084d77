package duckanalytics

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// errNested: what a statement says briefly would be too long in DuckDB.
var errNested = fmt.Errorf("%w: too many calls inside calls", analytics.ErrSQL)

// maxExpanded bounds the nodes that macros add to a statement by having their
// arguments at several places. DuckDB binds each of them.
const maxExpanded = 10_000

// parameterUses tell for each macro how often it has each of its parameters.
var parameterUses = countUses()

var macroWord = regexp.MustCompile(`\w+`)

func countUses() map[string][]float64 {
	all := make(map[string][]float64, len(macros))
	for name, macro := range macros {
		head, body, _ := strings.Cut(macro, " AS ")
		found := map[string]float64{}
		for _, word := range macroWord.FindAllString(body, -1) {
			found[word]++
		}
		for _, parameter := range macroWord.FindAllString(head, -1) {
			all[name] = append(all[name], max(found[parameter], 1))
		}
	}
	return all
}

// weigh tells how many nodes a tree has, and how many when the arguments of
// macros are where the macros have them.
func weigh(v any) (nodes, expanded float64) {
	switch v := v.(type) {
	case node:
		nodes, expanded = 1, 1
		uses := parameterUses[textOf(v, "function_name")]
		for key, child := range v {
			args, ok := child.([]any)
			if !ok || key != "children" {
				n, e := weigh(child)
				nodes, expanded = nodes+n, expanded+e
				continue
			}
			for i, arg := range args {
				n, e := weigh(arg)
				if i < len(uses) {
					e *= uses[i]
				}
				nodes, expanded = nodes+n, expanded+e
			}
		}
	case []any:
		for _, child := range v {
			n, e := weigh(child)
			nodes, expanded = nodes+n, expanded+e
		}
	}
	return nodes, expanded
}
