package memtenant

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSortedIsASortedMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s sorted[int]
		model := map[string]int{}
		key := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("%03d", rapid.IntRange(0, 999).Draw(t, "n")) })
		for i := range rapid.IntRange(0, 1500).Draw(t, "operations") {
			k := key.Draw(t, "key")
			if rapid.IntRange(0, 3).Draw(t, "operation") == 0 {
				s.remove(k)
				delete(model, k)
			} else {
				s.put(k, i)
				model[k] = i
			}
		}
		require.Equal(t, len(model), s.length)
		from, to := key.Draw(t, "from"), key.Draw(t, "to")
		if rapid.Bool().Draw(t, "open") {
			to = ""
		}
		var want []string
		for _, k := range slices.Sorted(maps.Keys(model)) {
			got, ok := s.get(k)
			require.True(t, ok)
			require.Equal(t, model[k], got)
			if k >= from && (to == "" || k < to) {
				want = append(want, k)
			}
		}
		require.Equal(t, want, keys(s.ascend(from, to)))
		slices.Reverse(want)
		require.Equal(t, want, keys(s.descend(from, to)))
	})
}

func keys(entries func(func(string, int) bool)) (keys []string) {
	for key := range entries {
		keys = append(keys, key)
	}
	return keys
}
