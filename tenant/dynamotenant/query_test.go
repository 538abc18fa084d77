package dynamotenant_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/tenant"
)

// TestPagesOfOneItemMakeProgress reads ranges with two bounds item by item:
// DynamoDB has no condition that excludes one of two bounds.
func TestPagesOfOneItemMakeProgress(t *testing.T) {
	t.Parallel()
	f := newFake()
	r := sites(f)
	names := fill(t, r, 20)
	for _, descending := range []bool{false, true} {
		want := slices.Clone(names[5:15])
		if descending {
			slices.Reverse(want)
		}
		for _, limit := range []int{1, 2, 3} {
			f.called()
			got, err := list(t.Context(), r, tenant.Query{From: tenant.NewKey(names[5]), To: tenant.NewKey(names[15]), Descending: descending, Limit: limit})
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.LessOrEqual(t, len(f.called()), 10/limit+2)
		}
	}
	got, err := list(t.Context(), r, tenant.Query{Index: "city", Prefix: tenant.NewKey("city-1"), Descending: true, Limit: 1})
	require.NoError(t, err)
	require.Len(t, got, 7)
}
