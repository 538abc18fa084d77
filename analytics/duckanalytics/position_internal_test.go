//go:build cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64)

package duckanalytics

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKeywords puts each keyword of DuckDB that is a name in Presto where names
// stand.
func TestKeywords(t *testing.T) {
	t.Parallel()
	db, err := openDatabase(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.close()) }()
	var keywords []string
	require.NoError(t, db.texts(t.Context(), "SELECT keyword_name FROM duckdb_keywords()", func(word string) error {
		if !slices.Contains(prestoReserved, word) {
			keywords = append(keywords, word)
		}
		return nil
	}))
	require.Greater(t, len(keywords), 400)
	for _, sql := range []string{
		"SELECT a ?, count(*) ?, 'a'? FROM s", "SELECT 1 ?", "SELECT avg(?), ?, (?), s.? FROM s WHERE ? > 3 AND 2 < ?", "SELECT a FROM s ?", "SELECT ?.x FROM s ? JOIN ? ON a = ?.b",
		"SELECT x FROM (SELECT count(*) ? FROM s) t GROUP BY x, ?, y HAVING max(?) > 2 ORDER BY a, max(?), 1 LIMIT 3", "SELECT CASE WHEN ? THEN ? ELSE ? END ? FROM s AS ?",
	} {
		for _, word := range keywords {
			as := strings.ReplaceAll(sql, "?", word)
			translated, err := translate(as)
			require.NoError(t, err, as)
			tree, err := parser{db}.tree(t.Context(), translated)
			require.NoError(t, err, "%s, which is %s", as, translated)
			g := gate{functions: mayBeWritten}
			require.NoError(t, g.check(tree), as)
		}
	}
}
