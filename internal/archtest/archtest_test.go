package archtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestImports(t *testing.T) {
	t.Parallel()
	for _, breach := range check(table, loadGraph(t)) {
		t.Error(breach)
	}
}

// TestEachRowCanFail breaks each row of the table in a graph of its own.
func TestEachRowCanFail(t *testing.T) {
	t.Parallel()
	for i, r := range table {
		if r.only == nil && r.never == nil {
			continue // refuses nothing
		}
		t.Run(strings.Join(r.packages, " "), func(t *testing.T) {
			t.Parallel()
			from, to := r.breach[0], r.breach[1]
			require.True(t, r.governs(from), "the breach of row %d is of another row", i)

			graph := madeUpGraph(from, to)
			var mine []string
			for _, breach := range check([]row{r}, graph) {
				if strings.Contains(breach, r.why) {
					mine = append(mine, breach)
				}
			}
			require.Len(t, mine, 1, "row %d lets %s import %s", i, from, to)
			require.Contains(t, mine[0], from+" must not import "+to)

			graph[from] = pkg{path: from, imports: []string{"errors"}, reaches: []string{"errors"}}
			for _, breach := range check([]row{r}, graph) {
				require.NotContains(t, breach, r.why, "row %d refuses the standard library", i)
			}
		})
	}
}

// TestBansReachThroughOtherPackages proves that never is about all that is
// linked, and not only about import statements.
func TestBansReachThroughOtherPackages(t *testing.T) {
	t.Parallel()
	graph := madeUpGraph("./tenant/memtenant", "errors")
	graph["./tenant/memtenant"] = pkg{
		path:    "./tenant/memtenant",
		imports: []string{"./tenant"},
		reaches: []string{"./tenant", "github.com/stretchr/testify/require"},
	}
	breaches := check(table, graph)
	require.Len(t, breaches, 1)
	require.Contains(t, breaches[0], "./tenant/memtenant must not import github.com/stretchr/testify/require")
}

func TestEveryPackageHasItsRow(t *testing.T) {
	t.Parallel()
	for _, stranger := range []string{"./util", "./tenant/redistenant", "./internal/helpers", "./billing"} {
		breaches := check(table, madeUpGraph(stranger, "errors"))
		require.Equal(t, []string{stranger + ": 0 rows of the table say what it may import, want 1"}, breaches)
	}
}

func TestInternalPackagesBelongToTheirOwner(t *testing.T) {
	t.Parallel()
	require.Empty(t, check(table, madeUpGraph("./analytics/fileanalytics/internal/disk", "errors")))
	require.Empty(t, check(table, madeUpGraph("./analytics/fileanalytics", "./analytics/internal/day")))
	breaches := check(table, madeUpGraph("./analytics/fileanalytics/internal/disk", "go.etcd.io/bbolt"))
	require.Len(t, breaches, 1)
	require.Contains(t, breaches[0], "one technology: files in a folder")
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{".", ".", true},
		{".", "./tenant", false},
		{"./...", ".", true},
		{"./...", "./tenant/memtenant", true},
		{"./...", "errors", false},
		{"./tenant", "./tenant", true},
		{"./tenant", "./tenant/memtenant", false},
		{"./@/mem@", "./tenant/memtenant", true},
		{"./@/mem@", "./tenant", false},
		{"./@/mem@", "./tenant/memdevice", false},
		{"./@/@test", "./internal/archtest", false},
		{"testing/...", "testing", true},
		{"testing/...", "testing/synctest", true},
		{"testing/...", "testingx", false},
		{"github.com/aws/aws-sdk-go/...", "github.com/aws/aws-sdk-go-v2/aws", false},
	} {
		require.Equal(t, c.want, matches(c.pattern, c.path), "%s on %s", c.pattern, c.path)
	}
}

// madeUpGraph is a graph in which one package imports another.
func madeUpGraph(from, to string) map[string]pkg {
	graph := map[string]pkg{
		"errors":  {path: "errors", standard: true},
		"testing": {path: "testing", standard: true},
	}
	graph[from] = pkg{path: from, imports: []string{to}, reaches: []string{to}}
	return graph
}
