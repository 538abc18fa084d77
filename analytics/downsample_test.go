package analytics_test

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
)

// exactSum adds without rounding.
type exactSum struct{ big.Float }

func (s *exactSum) add(value float64) {
	s.SetPrec(4096)
	s.Add(&s.Float, new(big.Float).SetPrec(4096).SetFloat64(value))
}

func (s *exactSum) value() float64 { value, _ := s.Float64(); return value }

func TestDownsampleKeepsTheShape(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e9, 1e9), 0, 200).Draw(t, "values")
		points := make([]analytics.Point, len(values))
		for i, value := range values {
			points[i] = analytics.Point{Metric: "t", Time: received.Add(time.Duration(i) * time.Minute), Value: value}
		}
		n := rapid.IntRange(-1, 60).Draw(t, "n")
		got := analytics.Downsample(points, n)
		require.Len(t, got, min(len(points), max(n, 3)))
		if len(points) == 0 {
			return
		}
		require.Equal(t, points[0], got[0])
		require.Equal(t, points[len(points)-1], got[len(got)-1])
		for i := 1; i < len(got); i++ {
			require.True(t, got[i-1].Time.Before(got[i].Time), "in order, and none twice")
		}
		if len(points) > max(n, 3) {
			require.Equal(t, triangles(points, max(n, 3)), got)
		}
	})
}

// triangles is the algorithm as its author writes it, over parts of equal size.
func triangles(points []analytics.Point, n int) []analytics.Point {
	part := func(i int) []analytics.Point {
		if i > n-2 {
			return points[len(points)-1:]
		}
		return points[1+(i-1)*(len(points)-2)/(n-2) : 1+i*(len(points)-2)/(n-2)]
	}
	x := func(p analytics.Point) float64 { return float64(p.Time.Sub(points[0].Time)) }
	kept := []analytics.Point{points[0]}
	for i := 1; i <= n-2; i++ {
		var meanX, meanY float64
		for _, p := range part(i + 1) {
			meanX += x(p)
			meanY += p.Value / float64(len(part(i+1)))
		}
		meanX /= float64(len(part(i + 1)))
		before, best, largest := kept[len(kept)-1], analytics.Point{}, math.Inf(-1)
		for _, p := range part(i) {
			if area := math.Abs((x(before)-meanX)*(p.Value-before.Value) - (x(before)-x(p))*(meanY-before.Value)); area > largest {
				best, largest = p, area
			}
		}
		kept = append(kept, best)
	}
	return append(kept, points[len(points)-1])
}

func TestDownsampledSeries(t *testing.T) {
	t.Parallel()
	var messages []analytics.Message
	for i := range 50 {
		value := 20.0
		if i == 31 {
			value = 90
		}
		messages = append(messages, reading([]string{"pump", "fan"}[i%2], received.Add(time.Duration(i)*time.Second), `{"t": %v, "u": 1}`, value))
	}
	store := filled(t, messages...)
	points, err := collect(analytics.Downsampled(context.Background(), store, acme, analytics.Query{Metrics: []string{"t"}, To: received.Add(49 * time.Second)}, 4))
	require.NoError(t, err)
	var got []string
	for _, p := range points {
		got = append(got, fmt.Sprintf("%s %s %v", p.Thing, p.Metric, p.Value))
	}
	require.Equal(t, []string{"fan t 20", "fan t 20", "fan t 90", "fan t 20", "pump t 20", "pump t 20", "pump t 20", "pump t 20"}, got)
	require.Equal(t, time.UTC, points[0].Time.Location())
	points, err = collect(analytics.Downsampled(context.Background(), store, acme, analytics.Query{Things: []device.ID{device.MustParseID("none")}}, 4))
	require.NoError(t, err)
	require.Empty(t, points)
}
