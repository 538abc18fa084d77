// Package bench measures in process CPU time and compares with a limit that is
// measured in the same run, because wall time on a shared machine says little.
package bench

import (
	"runtime"
	"slices"
	"testing"
)

// Ratio compares subject with limit. Each is called as f(n) and does n
// operations. In each iteration of b, rounds rounds run both, one after the
// other, in alternating order and from a collected heap, so that neither pays
// for the other's garbage. It reports medians over all rounds:
//
//	ns-cpu/op        CPU time of one operation of subject
//	limit-ns-cpu/op  CPU time of one operation of limit
//	x-limit          the ratio of the two, taken round by round
//
// Run it with -benchtime 1x for exactly rounds rounds.
func Ratio(b *testing.B, rounds int, subject, limit func(n int), n int) {
	b.Helper()
	var subjects, limits, ratios []float64
	subject(1)
	limit(1)
	for b.Loop() {
		for round := range rounds {
			s, l := measureBoth(subject, limit, n, round%2 == 1)
			subjects, limits, ratios = append(subjects, s), append(limits, l), append(ratios, s/l)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(Median(subjects), "ns-cpu/op")
	b.ReportMetric(Median(limits), "limit-ns-cpu/op")
	b.ReportMetric(Median(ratios), "x-limit")
}

func measureBoth(subject, limit func(n int), n int, limitFirst bool) (s, l float64) {
	if limitFirst {
		l = measure(limit, n)
		return measure(subject, n), l
	}
	s = measure(subject, n)
	return s, measure(limit, n)
}

func measure(f func(n int), n int) float64 {
	runtime.GC()
	start := CPU()
	f(n)
	return float64(CPU()-start) / float64(n)
}

// Median returns the middle of values, 0 without values.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}
