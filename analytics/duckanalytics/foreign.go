package duckanalytics

import (
	"slices"
	"strings"
)

var (
	// foreignTypes are those that Presto has not, and values of functions may have.
	foreignTypes = []string{
		"HUGEINT", "UHUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "BIGNUM", "BIT", "UUID", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS",
	}
	// foreignFunctions are what DuckDB's [1, 2] and {'a': 1} are parsed as.
	foreignFunctions = []string{"list_value", "struct_pack"}
)

// foreign refuses what DuckDB reads, and Presto doesn't, in a node of a statement
// as it was written.
func foreign(n node) error {
	if id := textOf(n, "id"); slices.Contains(foreignTypes, id) {
		return refuse("the type " + strings.ToLower(id))
	}
	switch n["type"] {
	case "FUNCTION":
		if name := strings.ToLower(textOf(n, "function_name")); slices.Contains(foreignFunctions, name) {
			return refuse("the function " + name)
		}
	case "SELECT_NODE":
		return foreignQuery(n)
	case "ORDER_MODIFIER":
		for _, order := range listOf(n, "orders") {
			by, _ := order.(node)
			if classOf(by["expression"]) == "STAR" {
				return refuse("ORDER BY ALL")
			}
		}
	}
	return nil
}

func foreignQuery(n node) error {
	switch {
	case n["qualify"] != nil:
		return refuse("QUALIFY")
	case n["sample"] != nil:
		return refuse("USING SAMPLE")
	case textOf(n, "aggregate_handling") != "STANDARD_HANDLING":
		return refuse("GROUP BY ALL")
	}
	return nil
}
