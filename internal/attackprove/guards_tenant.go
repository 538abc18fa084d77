package main

var tenantGuards = []guard{
	{
		name: "a cursor is bound to its tenant", file: "tenant/cursor.go", pkg: "./tenant",
		statement: "text = append(text, id.text...)",
		disabled:  "",
		tests:     []string{"TestAttackCursorOfAnother"},
	}, {
		name: "a cursor is bound to its query", file: "tenant/cursor.go", pkg: "./tenant",
		statement: "return append(text, scope...)",
		disabled:  "return text",
		tests:     []string{"TestAttackCursorOfAnother"},
	}, {
		name: "tenant and query of a cursor can't shift into each other", file: "tenant/cursor.go", pkg: "./tenant",
		statement: "text := binary.AppendUvarint(nil, uint64(len(id.text)))",
		disabled:  "text := binary.AppendUvarint(nil, 0)",
		tests:     []string{"TestAttackCursorOfAnother"},
	},
}
