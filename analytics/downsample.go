package analytics

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// MaxSampled is the number of points, of all series together, that a
// downsampled query may read. It needs 16 bytes of memory for each.
const MaxSampled = 2_000_000

// Downsample returns n of the points of one series that are in order of time:
// those that keep its look on a chart, by Largest Triangle Three Buckets
// (Steinarsson: "Downsampling Time Series for Visual Representation", 2013).
// The first and the last are among them. At most n points come back as they
// are, and an n below 3 counts as 3. The result is the caller's.
func Downsample(points []Point, n int) []Point {
	series := make([]sample, len(points))
	for i := range points {
		series[i] = sample{points[i].Time.UnixNano(), points[i].Value}
	}
	kept := largestTriangles(series, n)
	sampled := make([]Point, len(kept))
	for i, index := range kept {
		sampled[i] = points[index]
	}
	return sampled
}

// Downsampled returns at most n points of each series, which is a metric of a
// channel of a thing, as [Downsample] chooses them. Series come one after the
// other, in the order of thing, channel and metric, each in order of time. The
// query's Descending, Limit and Cursor must be zero.
//
// It ends after the first error, which it yields with a zero point. Errors:
// those of [Store].Points, [ErrQuery], [ErrLimit].
func Downsampled(ctx context.Context, store Store, id tenant.ID, query Query, n int) iter.Seq2[Point, error] {
	return func(yield func(Point, error) bool) {
		if err := checkTenant(id); err != nil {
			yield(Point{}, err)
			return
		}
		if query.Descending || query.Limit != 0 || query.Cursor != "" || n < 3 {
			yield(Point{}, fmt.Errorf("%w: order, limit, cursor, or less than 3 points in a downsampled query", ErrQuery))
			return
		}
		all, err := readSeries(streamPoints(ctx, store, id, query))
		if err != nil {
			yield(Point{}, err)
			return
		}
		for _, s := range all {
			for _, index := range largestTriangles(s.samples, n) {
				if !yield(s.point(index), nil) {
					return
				}
			}
		}
	}
}

// sample is a point of a known series.
type sample struct {
	at    int64
	value float64
}

type series struct {
	seriesKey
	samples []sample
}

type seriesKey struct {
	thing           device.ID
	channel, metric string
}

func (k seriesKey) compare(other seriesKey) int {
	return cmp.Or(cmp.Compare(k.thing.String(), other.thing.String()), cmp.Compare(k.channel, other.channel), cmp.Compare(k.metric, other.metric))
}

func (s *series) point(i int) Point {
	return Point{Thing: s.thing, Channel: s.channel, Metric: s.metric, Time: time.Unix(0, s.samples[i].at).UTC(), Value: s.samples[i].value}
}

func readSeries(points iter.Seq2[Point, error]) ([]*series, error) {
	known := map[seriesKey]*series{}
	var all []*series
	read := 0
	for p, err := range points {
		if err != nil {
			return nil, err
		}
		if read++; read > MaxSampled {
			return nil, fmt.Errorf("%w: more than %d points to choose from", ErrLimit, MaxSampled)
		}
		key := seriesKey{p.Thing, p.Channel, p.Metric}
		s := known[key]
		if s == nil {
			if len(all) == MaxGroups {
				return nil, fmt.Errorf("%w: more than %d series", ErrLimit, MaxGroups)
			}
			s = &series{seriesKey: key}
			known[key], all = s, append(all, s)
		}
		s.samples = append(s.samples, sample{p.Time.UnixNano(), p.Value})
	}
	slices.SortFunc(all, func(a, b *series) int { return a.compare(b.seriesKey) })
	return all, nil
}

// largestTriangles returns the indices of the samples to keep. All but the
// first and the last are cut into n-2 parts; of each, that sample is kept which
// makes the largest triangle with the one kept before and the average of the
// part that follows.
func largestTriangles(samples []sample, n int) []int {
	n = max(n, 3)
	if len(samples) <= n {
		return indices(len(samples))
	}
	start := func(part int) int { return 1 + part*(len(samples)-2)/(n-2) }
	kept := append(make([]int, 0, n), 0)
	for part := range n - 2 {
		from, to := start(part), start(part+1)
		next := average(samples[to:min(start(part+2), len(samples))], samples[0].at)
		kept = append(kept, from+largest(samples[from:to], samples[kept[part]], next, samples[0].at))
	}
	return append(kept, len(samples)-1)
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// corner is a point of a triangle; its time is counted from that of the first
// sample, so that nanoseconds are not lost in a float64.
type corner struct{ x, y float64 }

func average(samples []sample, origin int64) corner {
	var sum corner
	for _, s := range samples {
		sum.x += float64(s.at - origin)
		sum.y += s.value / float64(len(samples)) // so that it stays finite
	}
	return corner{sum.x / float64(len(samples)), sum.y}
}

// largest returns the index of the sample with the largest triangle, the first
// of several.
func largest(samples []sample, before sample, after corner, origin int64) int {
	a := corner{float64(before.at - origin), before.value}
	found, area := 0, -1.0
	for i, s := range samples {
		b := corner{float64(s.at - origin), s.value}
		twice := math.Abs((a.x-after.x)*(b.y-a.y) - (a.x-b.x)*(after.y-a.y))
		if twice > area {
			found, area = i, twice
		}
	}
	return found
}
