package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// DownsampleColumns returns at most n numbers of each group and column, as
// [Downsample] chooses them: series come one after the other, in the order of
// group and column, each in order of time. Rows without a time are not counted,
// nor what is not a number; numbers of one time come in any order. The query's
// Interval, Percentiles and Fill must be zero.
//
// All numbers are in memory before the first is yielded, at most [MaxSampled].
//
// It ends after the first error, which it yields with a zero point. Errors:
// those of [ColumnScanner], [ErrQuery], [ErrLimit].
func DownsampleColumns(ctx context.Context, scanner ColumnScanner, id tenant.ID, query ColumnQuery, n int) iter.Seq2[ColumnPoint, error] {
	return columnPoints(query, func(r *columnRun, yield func(ColumnPoint, error) bool) error {
		if n < 3 {
			return fmt.Errorf("%w: less than 3 points in a downsampled query", ErrQuery)
		}
		var all [][]sample
		read, known := 0, 0
		err := r.scanNumbers(ctx, scanner, id, func(place int, s sample) error {
			if read++; read > MaxSampled {
				return fmt.Errorf("%w: more than %d points to choose from", ErrLimit, MaxSampled)
			}
			all = placed(all, place)
			if all[place] == nil {
				if known++; known > MaxGroups {
					return fmt.Errorf("%w: more than %d series", ErrLimit, MaxGroups)
				}
			}
			all[place] = append(all[place], s)
			return nil
		})
		if err != nil {
			return err
		}
		return r.eachSeries(len(all), func(place int, point ColumnPoint) error {
			samples := all[place]
			slices.SortStableFunc(samples, func(x, y sample) int { return cmp.Compare(x.at, y.at) })
			for _, index := range largestTriangles(samples, n) {
				if !yield(point.of(samples[index]), nil) {
					return errEnded
				}
			}
			return nil
		})
	})
}

// LastColumns returns the last number of each group and column within the time
// of the query, in the order of group and column: that with the latest time, of
// several one of them. Rows without a time are not counted, nor what is not a
// number. The query's Interval, Percentiles and Fill must be zero. There are at
// most [MaxCells] groups and columns.
//
// It ends after the first error, which it yields with a zero point. Errors:
// those of [ColumnScanner], [ErrQuery], [ErrLimit].
func LastColumns(ctx context.Context, scanner ColumnScanner, id tenant.ID, query ColumnQuery) iter.Seq2[ColumnPoint, error] {
	return columnPoints(query, func(r *columnRun, yield func(ColumnPoint, error) bool) error {
		var all []lastSample
		err := r.scanNumbers(ctx, scanner, id, func(place int, s sample) error {
			all = placed(all, place)
			if last := &all[place]; !last.there || s.at >= last.at {
				*last = lastSample{s, true}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return r.eachSeries(len(all), func(place int, point ColumnPoint) error {
			if all[place].there && !yield(point.of(all[place].sample), nil) {
				return errEnded
			}
			return nil
		})
	})
}

type lastSample struct {
	sample
	there bool
}

// columnPoints runs a query for points, and yields its error.
func columnPoints(query ColumnQuery, run func(r *columnRun, yield func(ColumnPoint, error) bool) error) iter.Seq2[ColumnPoint, error] {
	return func(yield func(ColumnPoint, error) bool) {
		query := query
		err := query.checkPoints()
		if err == nil {
			err = run(newColumnRun(&query), yield)
		}
		if err != nil && !errors.Is(err, errEnded) {
			yield(ColumnPoint{}, err)
		}
	}
}

// checkPoints returns [ErrQuery] for what is about buckets.
func (q *ColumnQuery) checkPoints() error {
	if !q.Interval.whole() || q.Interval.Zone != nil || len(q.Percentiles.Of) > 0 || q.Percentiles.Exact || q.Fill != FillNone {
		return fmt.Errorf("%w: interval, percentiles or fill in a query for points", ErrQuery)
	}
	return nil
}

// scanNumbers calls take with each number that is within the bounds of time. A
// place stands for a group and a column; there are at most [MaxCells].
func (r *columnRun) scanNumbers(ctx context.Context, scanner ColumnScanner, id tenant.ID, take func(place int, s sample) error) error {
	return r.scan(ctx, scanner, id, func(block *ColumnBlock, groups []int32) error {
		for column, values := range block.Values {
			for i, value := range values {
				at := block.Times[i]
				if value-value != 0 || at < r.from || at >= r.to {
					continue
				}
				place := int(groups[i])*len(block.Values) + column
				if place >= MaxCells {
					return fmt.Errorf("%w: more than %d groups and columns", ErrLimit, MaxCells)
				}
				if err := take(place, sample{at, value}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// placed returns all with room for a place.
func placed[T any](all []T, place int) []T {
	if place < len(all) {
		return all
	}
	return append(all, make([]T, place+1-len(all))...)
}

// eachSeries calls f with the places below an end, in order, and their points
// without time and value.
func (r *columnRun) eachSeries(end int, f func(place int, point ColumnPoint) error) error {
	order := r.order()
	for _, group := range order.groups {
		of := &r.groups.all[group]
		for _, column := range order.columns {
			place := int(group)*len(order.columns) + column
			if place >= end {
				continue
			}
			if err := f(place, ColumnPoint{Group: of.name, By: of.by, Metric: r.query.Values[column]}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p ColumnPoint) of(s sample) ColumnPoint {
	p.Time, p.Value = time.Unix(0, s.at).UTC(), s.value
	return p
}
