package lakeanalytics

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Indexes tell values apart, whatever they are told by.
func TestDictionaryKeepsValuesApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var d dictionary
		values := rapid.SliceOfN(rapid.OneOf(rapid.Int64(), rapid.Int64Range(-300, 300), rapid.SampledFrom([]int64{0, 1 << 26, 1 << 27, 1 << 59, -1 << 59, 1 << 63 >> 5, math.MinInt64, math.MaxInt64})), 1, 2000).Draw(t, "values")
		indexes := make([]int32, len(values))
		for i, v := range values {
			indexes[i] = d.number(uint64(v), integerKey(uint64(v)))
		}
		different := map[int64]bool{}
		for i, v := range values {
			require.Equal(t, uint64(v), d.numbers[indexes[i]])
			different[v] = true
		}
		require.Len(t, d.numbers, len(different))
	})
}

func TestDictionaryOfDecimals(t *testing.T) {
	t.Parallel()
	var d dictionary
	for _, text := range []string{"0", "-0", "1", "-1", "0.1", "10", "1.0", "33554432", "67108864", "67108865", "3355443.2", "0.000000000000001", "0.0000000000000001", "1.5", "-1.5"} {
		f, near, ok := plainDouble([]byte(text))
		if !ok {
			continue
		}
		i := d.number(math.Float64bits(f), near)
		require.Equal(t, math.Float64bits(f), d.numbers[i], text)
	}
}

// Values that were chosen to collide end the dictionary, and take no time.
func TestDictionaryEndsWhereValuesCollide(t *testing.T) {
	t.Parallel()
	var d dictionary
	for i := range uint64(maxEntries + 10) {
		d.number(i<<40, unknown)
	}
	require.True(t, d.full)
	require.LessOrEqual(t, len(d.table), 4*maxEntries)
}
