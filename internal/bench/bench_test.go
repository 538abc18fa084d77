package bench_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/bench"
)

func spin(n int) (sum uint64) {
	for i := range uint64(n) * 1000 {
		sum = sum*31 + i
	}
	return sum
}

func TestCPUCountsWork(t *testing.T) {
	start := bench.CPU()
	sum := spin(10_000)
	require.Greater(t, bench.CPU(), start, "sum %d", sum)
}

func TestRatioReportsMedians(t *testing.T) {
	var sum uint64
	result := testing.Benchmark(func(b *testing.B) {
		bench.Ratio(b, 5, func(n int) { sum += spin(4 * n) }, func(n int) { sum += spin(n) }, 100)
	})
	require.Greater(t, result.Extra["ns-cpu/op"], 0.0, "sum %d", sum)
	require.Greater(t, result.Extra["limit-ns-cpu/op"], 0.0)
	require.InDelta(t, 4, result.Extra["x-limit"], 2)
}
