package analytics

import (
	"fmt"
	"time"

	"github.com/iotenant/iotenant/analytics/pipeline"
)

// triggers are the schedules of a data set.
type triggers []pipeline.Schedule

func triggersOf(definition *DatasetDefinition) (triggers, error) {
	all := make(triggers, len(definition.Schedules))
	for i, expression := range definition.Schedules {
		schedule, err := pipeline.ParseSchedule(expression)
		if err != nil {
			return nil, fmt.Errorf("analytics: data set: %w", err)
		}
		all[i] = schedule.Anchored(definition.Created)
	}
	return all, nil
}

// next returns the first time after a time, zero if there is none.
func (t triggers) next(after time.Time) (next time.Time) {
	for _, schedule := range t {
		if at, ok := schedule.Next(after); ok {
			next = earlier(next, at)
		}
	}
	return next
}

// previous returns the last time before a time, zero if there is none.
func (t triggers) previous(before time.Time) (last time.Time) {
	for _, schedule := range t {
		if at, ok := schedule.Previous(before); ok && at.After(last) {
			last = at
		}
	}
	return last
}

// due returns the schedule time for which a content is to be made at now, zero
// if there is none. Of several that passed since the last one it is the newest:
// its window begins where the last one that succeeded ended.
func (t triggers) due(s *datasetState, now time.Time, minInterval time.Duration) time.Time {
	last := t.previous(now.Add(1)) // at now, or before
	if !last.After(s.Scheduled) || last.Before(s.Scheduled.Add(minInterval)) {
		return time.Time{}
	}
	return last
}

// after returns the first schedule time at which a content will be due.
func (t triggers) after(s *datasetState, now time.Time, minInterval time.Duration) time.Time {
	if soonest := s.Scheduled.Add(minInterval - 1); minInterval > 0 && soonest.After(now) {
		now = soonest
	}
	return t.next(now)
}

// window returns the window of a run: from where the last one that succeeded
// ended (D-49) to the time of the run, both moved by the offset. A first run
// begins where the schedule had its time before (D-47), or without one has
// everything (D-48). A run that comes late, after one for a later time, has
// nothing left.
func (q *queuedRun) window(delta *pipeline.DeltaTime, t triggers, frontier time.Time) (from, to time.Time) {
	offset := time.Duration(delta.OffsetSeconds) * time.Second
	from, to = frontier, q.Scheduled.Add(offset)
	if from.IsZero() {
		if before := t.previous(q.Scheduled); !before.IsZero() {
			from = before.Add(offset)
		}
	}
	if to.Before(from) {
		to = from
	}
	return from, to
}
