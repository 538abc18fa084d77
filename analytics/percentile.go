package analytics

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// PercentileError is the relative error of percentiles that are not exact: a
// value v comes back as one from v-|v|/100 to v+|v|/100. Values nearer to 0 than
// 2^-1022, the least normal float64, count as 0.
const PercentileError = 0.01

// MaxPercentiles limits Percentiles.Of.
const MaxPercentiles = 20

// Percentiles says which percentiles are wanted. The percentile p of n values
// is the least value that p percent of them don't exceed (nearest rank).
type Percentiles struct {
	// Of lists them, each from 0 to 100, at most [MaxPercentiles].
	Of []float64
	// Exact keeps every value of the open buckets in memory, see
	// [MaxExact]. Otherwise values are counted in bins whose width is
	// proportional to the value: percentiles have a [PercentileError], and a
	// bucket needs a few kilobytes for what a sensor sends.
	Exact bool
}

func (p Percentiles) check() error {
	if len(p.Of) > MaxPercentiles {
		return fmt.Errorf("%w: %d percentiles, limit %d", ErrQuery, len(p.Of), MaxPercentiles)
	}
	for _, of := range p.Of {
		if math.IsNaN(of) || of < 0 || of > 100 {
			return fmt.Errorf("%w: percentile %v, want 0 to 100", ErrQuery, of)
		}
	}
	return nil
}

// distribution knows how many values there are of each size: exactly, or in
// bins as DDSketch has them (Masson, Rim, Lee: "DDSketch: a fast and fully
// mergeable quantile sketch with relative-error guarantees", VLDB 2019). There
// are 142,000 bins over all of float64, so none needs to be collapsed.
type distribution struct {
	exact              bool
	values             []float64
	zeros              uint64
	negative, positive map[int32]uint64
}

var (
	binGrowth    = (1 + PercentileError) / (1 - PercentileError)
	binGrowthLog = math.Log(binGrowth)
)

// leastBinned is the least value that has a bin.
const leastBinned = 0x1p-1022

// binOf returns the bin of a positive value: it lies above growth^(bin-1) and
// not above growth^bin.
func binOf(value float64) int32 { return int32(math.Ceil(math.Log(value) / binGrowthLog)) }

// binValue returns the value that is no further than PercentileError from all
// of the bin.
func binValue(bin int32) float64 {
	return math.Exp(float64(bin)*binGrowthLog) * (2 / (1 + binGrowth))
}

func (d *distribution) add(value float64) {
	switch {
	case d.exact:
		d.values = append(d.values, value)
	case value >= leastBinned:
		if d.positive == nil {
			d.positive = map[int32]uint64{}
		}
		d.positive[binOf(value)]++
	case value <= -leastBinned:
		if d.negative == nil {
			d.negative = map[int32]uint64{}
		}
		d.negative[binOf(-value)]++
	default:
		d.zeros++
	}
}

// merge adds what another distribution has; neither is exact.
func (d *distribution) merge(other *distribution) {
	d.zeros += other.zeros
	d.negative = mergeBins(d.negative, other.negative)
	d.positive = mergeBins(d.positive, other.positive)
}

func mergeBins(to, from map[int32]uint64) map[int32]uint64 {
	if to == nil {
		return maps.Clone(from)
	}
	for bin, count := range from {
		to[bin] += count
	}
	return to
}

func (d *distribution) count() uint64 {
	count := d.zeros + uint64(len(d.values))
	for _, bins := range []map[int32]uint64{d.negative, d.positive} {
		for _, n := range bins {
			count += n
		}
	}
	return count
}

// at returns percentiles. None lies outside of the least and the greatest
// value.
func (d *distribution) at(of []float64, least, greatest float64) []float64 {
	if len(of) == 0 {
		return nil
	}
	ranked := d.ranking()
	found := make([]float64, len(of))
	for i, p := range of {
		found[i] = min(max(ranked(rankOf(p, d.count())), least), greatest)
	}
	return found
}

// rankOf returns the nearest rank of a percentile among count values, from 1.
// A rank that rounding alone made larger than a whole number is that number.
func rankOf(p float64, count uint64) uint64 {
	rank := math.Ceil(p*float64(count)/100 - 1e-9*float64(count)/100)
	return min(max(uint64(max(rank, 1)), 1), count)
}

// ranking returns a function that finds the value of a rank.
func (d *distribution) ranking() func(rank uint64) float64 {
	if d.exact {
		slices.Sort(d.values)
		return func(rank uint64) float64 { return d.values[rank-1] }
	}
	type bin struct {
		value float64
		upTo  uint64 // the rank of its last value
	}
	var bins []bin
	add := func(value float64, count uint64) {
		if len(bins) > 0 {
			count += bins[len(bins)-1].upTo
		}
		bins = append(bins, bin{value, count})
	}
	for _, b := range slices.Backward(slices.Sorted(maps.Keys(d.negative))) {
		add(-binValue(b), d.negative[b])
	}
	if d.zeros > 0 {
		add(0, d.zeros)
	}
	for _, b := range slices.Sorted(maps.Keys(d.positive)) {
		add(binValue(b), d.positive[b])
	}
	return func(rank uint64) float64 {
		i, _ := slices.BinarySearchFunc(bins, rank, func(b bin, rank uint64) int {
			if b.upTo < rank {
				return -1
			}
			return 1
		})
		return bins[i].value
	}
}

// append encodes a distribution that is not exact:
//
//	zeros
//	twice, of negative and of positive values: number of bins, for each in
//	  order: bin as varint, count
//
// Numbers without length are uvarints.
func (d *distribution) append(data []byte) []byte {
	data = binary.AppendUvarint(data, d.zeros)
	for _, bins := range []map[int32]uint64{d.negative, d.positive} {
		data = binary.AppendUvarint(data, uint64(len(bins)))
		for _, b := range slices.Sorted(maps.Keys(bins)) {
			data = binary.AppendVarint(data, int64(b))
			data = binary.AppendUvarint(data, bins[b])
		}
	}
	return data
}

func (r *stateReader) distribution() (d distribution) {
	d.zeros = r.uvarint()
	for _, bins := range []*map[int32]uint64{&d.negative, &d.positive} {
		for n := r.uvarint(); n > 0 && !r.bad; n-- {
			if *bins == nil {
				*bins = map[int32]uint64{}
			}
			b := r.varint()
			(*bins)[int32(b)] = r.uvarint()
		}
	}
	return d
}
