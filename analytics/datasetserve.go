package analytics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// busyPause is when a data set is looked at again for which there was no claim,
// or that the engine was too busy for.
const busyPause = 5 * time.Second

// visit is a look at a data set, at which all is done that is due.
type visit struct {
	*Datasets

	id         tenant.ID
	definition *DatasetDefinition
	triggers   triggers
	state      datasetState // as it was last seen or written

	busy      bool     // others have all claims
	triggered []string // data sets that got something to do
}

// visit does what is due for a data set. It goes on after failures and returns
// them together.
func (d *Datasets) visit(ctx context.Context, id tenant.ID, definition *DatasetDefinition) (*visit, error) {
	v := &visit{Datasets: d, id: id, definition: definition}
	var err error
	if v.triggers, err = triggersOf(definition); err != nil {
		return v, err
	}
	if v.state, err = d.state(ctx, id, definition.Name); err != nil {
		return v, err
	}
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("data set %s: %w", definition.Name, err))
		}
	}
	note(v.schedule(ctx))
	for {
		more, err := v.produce(ctx)
		note(err)
		note(v.announce(ctx))
		note(v.deliver(ctx))
		if !more || ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() == nil {
		note(v.lookForLateData(ctx))
		note(v.trim(ctx))
	}
	return v, errors.Join(errs...)
}

// next returns when there is something to do again, zero for never.
func (v *visit) next() time.Time {
	next := v.state.due()
	if now := v.now(); v.busy && !next.After(now) {
		next = now.Add(busyPause)
	}
	return earlier(next, v.triggers.after(&v.state, v.now(), v.options.MinInterval))
}

// change applies a change to the state.
func (v *visit) change(ctx context.Context, change func(*datasetState) error) error {
	state, err := v.changePresent(ctx, v.id, v.definition.Name, change)
	if err == nil {
		v.state = state
	}
	return err
}

// schedule queues a content if its time has come.
func (v *visit) schedule(ctx context.Context) error {
	now := v.now()
	if slices.Equal(v.state.Schedules, v.definition.Schedules) && v.triggers.due(&v.state, now, v.options.MinInterval).IsZero() {
		return nil
	}
	var queued *queuedRun
	state, err := v.Datasets.change(ctx, v.id, v.definition.Name, func(s *datasetState) error {
		queued = nil
		known := slices.Equal(s.Schedules, v.definition.Schedules)
		if !known {
			s.Schedules, s.Scheduled = v.definition.Schedules, v.since(now)
		}
		at := v.triggers.due(s, now, v.options.MinInterval)
		if at.IsZero() || len(s.Queue) >= MaxQueued { // one that finds no place is caught up with
			if known {
				return errUnchanged
			}
			return nil
		}
		version := versionOf(v.id, strings.ToLower(v.definition.Name), "schedule", timeKey(at))
		run := s.enqueue(queuedRun{Version: version, Scheduled: at}, now)
		s.Scheduled, queued = at, &run
		return nil
	})
	if err != nil {
		return err
	}
	v.state = state
	if queued == nil {
		return nil
	}
	return v.show(ctx, v.id, v.definition.Name, queued)
}

// since returns from when on the times of new schedules count.
func (v *visit) since(now time.Time) time.Time {
	if since := v.definition.Updated; !since.IsZero() && since.Before(now) {
		return since.UTC()
	}
	return now
}

// announce queues contents of the data sets that come after this one.
func (v *visit) announce(ctx context.Context) error {
	if len(v.state.Announced) == 0 {
		return nil
	}
	announced := slices.Clone(v.state.Announced)
	for definition, err := range v.definitions.Datasets(ctx, v.id) {
		if err != nil {
			return err
		}
		// A container triggers nothing, so triggers can't go round in a circle.
		if v.definition.Container != nil || !strings.EqualFold(definition.After, v.definition.Name) {
			continue
		}
		for _, content := range announced {
			if err := v.trigger(ctx, &definition, content); err != nil {
				return err
			}
		}
		v.triggered = append(v.triggered, definition.Name)
	}
	return v.change(ctx, func(s *datasetState) error {
		s.Announced = slices.DeleteFunc(s.Announced, func(f followUp) bool {
			return slices.ContainsFunc(announced, func(told followUp) bool { return told.Run == f.Run })
		})
		return nil
	})
}

// trigger queues a content of a data set after one of this, once.
func (v *visit) trigger(ctx context.Context, after *DatasetDefinition, content followUp) error {
	var queued *queuedRun
	_, err := v.Datasets.change(ctx, v.id, after.Name, func(s *datasetState) error {
		queued = nil
		if s.Triggered >= content.Run {
			return errUnchanged
		}
		s.Triggered = content.Run
		if len(s.Queue) < MaxQueued {
			version := versionOf(v.id, strings.ToLower(after.Name), "after", content.Version, strconv.FormatInt(content.Run, 10))
			run := s.enqueue(queuedRun{Version: version}, v.now())
			queued = &run
		}
		return nil
	})
	if err != nil || queued == nil {
		return err
	}
	return v.show(ctx, v.id, after.Name, queued)
}
