package analytics

import (
	"encoding/binary"
	"math"
)

// Statistics sum up the values of a bucket or window. Without values Count and
// Sum are 0 and the others NaN.
type Statistics struct {
	Count    uint64
	Min, Max float64
	// Sum is compensated (Neumaier), so that it does not depend on the order
	// of the values but for the last digit. Beyond float64 it is infinite, and
	// so is Mean.
	Sum, Mean float64
	// First and Last by time; of equal times the first and the last to arrive.
	First, Last float64
	// Percentiles are those that were asked for, in that order.
	Percentiles []float64
}

// summary collects what Statistics are made of. Its zero value has no values.
type summary struct {
	count             uint64
	min, max          float64
	sum, lost         float64 // what sum lost by rounding
	first, last       float64
	firstAt, lastAt   int64
	percentiles       distribution
	wantsDistribution bool
}

func newSummary(p Percentiles) summary {
	return summary{wantsDistribution: len(p.Of) > 0, percentiles: distribution{exact: p.Exact}}
}

// add adds a value. Of equal times, the values are added in the order in which
// they arrived.
func (s *summary) add(value float64, at int64) {
	if s.count == 0 {
		s.min, s.max = value, value
		s.first, s.firstAt, s.last, s.lastAt = value, at, value, at
	}
	s.count++
	s.min, s.max = min(s.min, value), max(s.max, value)
	if at < s.firstAt {
		s.first, s.firstAt = value, at
	}
	if at >= s.lastAt {
		s.last, s.lastAt = value, at
	}
	s.accumulate(value)
	if s.wantsDistribution {
		s.percentiles.add(value)
	}
}

func (s *summary) accumulate(value float64) {
	total := s.sum + value
	if math.Abs(s.sum) >= math.Abs(value) {
		s.lost += s.sum - total + value
	} else {
		s.lost += value - total + s.sum
	}
	s.sum = total
}

// merge adds what another summary has, as if its values had arrived after
// those of s.
func (s *summary) merge(other *summary) {
	switch {
	case other.count == 0:
		return
	case s.count == 0:
		s.min, s.max = other.min, other.max
		s.first, s.firstAt, s.last, s.lastAt = other.first, other.firstAt, other.last, other.lastAt
	}
	s.count += other.count
	s.min, s.max = min(s.min, other.min), max(s.max, other.max)
	if other.firstAt < s.firstAt {
		s.first, s.firstAt = other.first, other.firstAt
	}
	if other.lastAt >= s.lastAt {
		s.last, s.lastAt = other.last, other.lastAt
	}
	s.accumulate(other.sum)
	s.lost += other.lost
	s.percentiles.merge(&other.percentiles)
}

// total returns the sum; where that is infinite, what it lost is NaN.
func (s *summary) total() float64 {
	if math.IsInf(s.sum, 0) || math.IsNaN(s.sum) {
		return s.sum
	}
	return s.sum + s.lost
}

func (s *summary) statistics(p Percentiles) Statistics {
	if s.count == 0 {
		return noStatistics(p)
	}
	total := s.total()
	return Statistics{
		Count: s.count, Min: s.min, Max: s.max, Sum: total, Mean: total / float64(s.count), First: s.first, Last: s.last,
		Percentiles: s.percentiles.at(p.Of, s.min, s.max),
	}
}

func noStatistics(p Percentiles) Statistics {
	none := math.NaN()
	statistics := Statistics{Min: none, Max: none, Mean: none, First: none, Last: none}
	if len(p.Of) > 0 {
		statistics.Percentiles = make([]float64, len(p.Of))
		for i := range statistics.Percentiles {
			statistics.Percentiles[i] = none
		}
	}
	return statistics
}

// append encodes the summary:
//
//	count 8, min, max, sum, lost, first, last 8 each, time of first and last 8
//	each, distribution
func (s *summary) append(data []byte) []byte {
	data = binary.LittleEndian.AppendUint64(data, s.count)
	for _, value := range []float64{s.min, s.max, s.sum, s.lost, s.first, s.last} {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(value))
	}
	data = binary.LittleEndian.AppendUint64(data, uint64(s.firstAt))
	data = binary.LittleEndian.AppendUint64(data, uint64(s.lastAt))
	return s.percentiles.append(data)
}

func (r *stateReader) summary(p Percentiles) summary {
	s := newSummary(p)
	s.count = r.uint64()
	for _, value := range []*float64{&s.min, &s.max, &s.sum, &s.lost, &s.first, &s.last} {
		*value = math.Float64frombits(r.uint64())
	}
	s.firstAt, s.lastAt = int64(r.uint64()), int64(r.uint64())
	s.percentiles = r.distribution()
	if s.count == 0 || s.wantsDistribution && s.percentiles.count() != s.count {
		r.bad = true
	}
	return s
}
