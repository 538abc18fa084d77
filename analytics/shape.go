package analytics

import (
	"fmt"
	"time"
)

// MaxOverlap is the number of sliding windows that a point may be in.
const MaxOverlap = 100

// maxLength is the greatest length of a window, gap or wait.
const maxLength = 3660 * 24 * time.Hour

// Shape says which windows a point belongs to. Make one by [Tumbling],
// [Sliding] or [Session]; the zero Shape is refused.
type Shape struct {
	interval   Interval
	size, step time.Duration
	gap        time.Duration
}

// Tumbling windows follow each other: each point is in one.
func Tumbling(interval Interval) Shape { return Shape{interval: interval} }

// Sliding windows are of one size, and one begins at each multiple of step
// since 1970, in UTC. Each point is in size/step windows: at most
// [MaxOverlap]; size is a multiple of step, and step at least a millisecond.
func Sliding(size, step time.Duration) Shape { return Shape{size: size, step: step} }

// Session windows hold the points of a metric that follow each other in less
// than gap. A window ends gap after its last point.
func Session(gap time.Duration) Shape { return Shape{gap: gap} }

func (s Shape) isSession() bool { return s.gap != 0 }
func (s Shape) isSliding() bool { return s.size != 0 || s.step != 0 }

// check returns [ErrWindow], or [ErrQuery] of the interval.
func (s Shape) check() error {
	switch {
	case s.isSession():
		if s.gap < minEvery || s.gap > maxLength {
			return fmt.Errorf("%w: gap %v, want a millisecond to %v", ErrWindow, s.gap, maxLength)
		}
		return nil
	case s.isSliding():
		if s.step < minEvery || s.size < s.step || s.size%s.step != 0 || s.overlap() > MaxOverlap || s.size > maxLength {
			return fmt.Errorf("%w: size %v, want 1 to %d times the step %v, which is at least a millisecond", ErrWindow, s.size, MaxOverlap, s.step)
		}
		return nil
	}
	if err := s.interval.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrWindow, err)
	}
	return nil
}

// overlap is the number of windows that a point is in, at most.
func (s Shape) overlap() int {
	if s.isSliding() {
		return int(s.size / s.step)
	}
	return 1
}

// windows returns the bounds of the windows in which a time lies, the first to
// end first. A session may become longer.
func (s Shape) windows(at time.Time) []bounds {
	switch {
	case s.isSession():
		return []bounds{{at.UnixNano(), at.Add(s.gap).UnixNano()}}
	case s.isSliding():
		last := at.UnixNano() / int64(s.step) * int64(s.step)
		found := make([]bounds, s.overlap())
		for i := range found {
			start := last - int64(len(found)-1-i)*int64(s.step)
			found[i] = bounds{start, start + int64(s.size)}
		}
		return found
	}
	start, end := s.interval.Bucket(at)
	return []bounds{{start.UnixNano(), end.UnixNano()}}
}

// text tells shapes apart in an encoded state.
func (s Shape) text() string {
	return fmt.Sprintf("%v %v %v %v %v %v", s.interval.Every, s.interval.Unit, s.interval.zone(), s.size, s.step, s.gap)
}

// bounds are Unix times in nanoseconds.
type bounds struct{ start, end int64 }
