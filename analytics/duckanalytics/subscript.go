package duckanalytics

// subscriptMacros fail where element_at gives null.
var subscriptMacros = map[string]string{
	"presto_subscript": `(a, i) AS a[CASE WHEN i < 1 OR i > len(a) THEN ` + raise(outOfBounds, "BIGINT") + ` ELSE i END]`,
	"presto_key": `(m, k) AS map_values(m)[CASE WHEN NOT map_contains(m, k) THEN ` + raise(noSuchKey, "BIGINT") + `
		ELSE list_position(map_keys(m), k) END]`,
}

// subscript guards x[i] where x is known to be an array or a map. Of what is not
// known it stays null.
func (r *rewriter) subscript(n node) (node, error) {
	args := listOf(n, "children")
	if len(args) != 2 {
		return n, nil
	}
	switch r.kindOf(args[0]) {
	case classArray:
		return r.macro("presto_subscript", args...), nil
	case classMap:
		return r.macro("presto_key", args...), nil
	}
	return n, nil
}

// kindOf is the class of what may be a field.
func (r *rewriter) kindOf(v any) class {
	if t := r.typeOf(v); t != nil {
		return map[kind]class{kindArray: classArray, kindMap: classMap}[t.kind]
	}
	return r.classify(v)
}
