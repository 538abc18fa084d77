package analytics

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// rollupTask is what there is to do for a thing in a roll-up: messages that are
// to be added, or, if there are none, what is due by the clock.
type rollupTask struct {
	rollup   *rollup
	thing    device.ID
	messages []pointsOf
	since    time.Time // when somebody began to listen

	done  int // of messages
	added RolledUp
	held  []ClosedWindow // for the sink, as they were last seen
	err   error
}

// pointsOf is what a roll-up takes of a message.
type pointsOf struct {
	*Message
	points []Point
}

// step does as much of a task as there is room for, in one write.
func (r *Rollups) step(ctx context.Context, id tenant.ID, t *rollupTask) error {
	done, added := 0, RolledUp{}
	held, err := r.change(ctx, id, t, func(state *thingRollup) bool {
		if len(t.messages) == 0 {
			return r.advance(state, t.since)
		}
		done, added = state.take(t.messages[t.done:])
		if done == 0 {
			return false
		}
		state.seen = r.now()
		state.forget(max(r.options.Remember, t.done+done))
		return true
	})
	if err != nil {
		return err
	}
	t.done += done
	t.added.add(added)
	t.held = held
	return nil
}

// advance closes windows of a thing that is silent, and reports whether it is.
func (r *Rollups) advance(state *thingRollup, since time.Time) bool {
	if state.Idle < 0 {
		return false
	}
	to := r.now().Add(-state.Idle)
	first, _ := state.of.ends()
	if first == 0 || later(state.seen, since).After(to) || first > nanoseconds(to) {
		return false
	}
	state.state.past = max(state.state.past, nanoseconds(to))
	state.hold(state.windows.close(state.state, state.of))
	state.forget(r.options.Remember)
	return true
}

// take adds messages until all are, or windows have to go to the sink first. It
// returns how many were.
func (t *thingRollup) take(messages []pointsOf) (done int, added RolledUp) {
	known := t.tally.hashes()
	for done < len(messages) && !t.isFull() {
		m := messages[done]
		done++
		var hash uint64
		again := false
		if m.ID != "" {
			hash = messageHash(m.Message)
			_, again = known[hash]
		}
		switch {
		case again:
			added.Duplicates++
		case t.windows.isAhead(m.points, m.At):
			added.Ahead += len(m.points)
		case !t.fits(m.points):
			added.Refused++
		default:
			closed, late := t.windows.take(t.state, t.thing, m.points)
			t.hold(closed)
			added.Late += late
			if m.ID != "" {
				known[hash] = struct{}{}
				t.tally = append(t.tally, talliedMessage{hash, t.until(m.points[0].Time)})
			}
		}
	}
	return done, added
}

// change applies a change to the state of a thing, which it may try several
// times, and returns the windows for the sink. A change that returns false is
// not written.
func (r *Rollups) change(ctx context.Context, id tenant.ID, t *rollupTask, change func(*thingRollup) bool) (held []ClosedWindow, err error) {
	apply := func(s *RollupState) error {
		state, err := t.rollup.open(id, &s.state)
		if err != nil {
			return err
		}
		changed := change(state)
		if held = state.held(); !changed {
			return errUnchanged
		}
		s.state = state.write(id, r.now(), r.options.Keep)
		return nil
	}
	for {
		_, err := tenant.Update(ctx, r.repository, id, rollupKey(t.rollup.Name, t.thing), apply)
		if !errors.Is(err, tenant.ErrNotFound) {
			return held, unchanged(err)
		}
		fresh := RollupState{rollupState{Rollup: t.rollup.Name, Thing: t.thing}}
		if err := apply(&fresh); err != nil {
			return held, unchanged(err)
		}
		if _, err = r.repository.Put(ctx, id, fresh, tenant.IfAbsent()); !errors.Is(err, tenant.ErrExists) {
			return held, err
		}
	}
}

// deliver gives the sinks what tasks have for them, and notes which failed to
// take it.
func (r *Rollups) deliver(ctx context.Context, id tenant.ID, tasks []*rollupTask, waiting map[*rollup]error) {
	for _, of := range r.rollups {
		var windows []ClosedWindow
		var from []*rollupTask
		for _, t := range tasks {
			if t.rollup == of && t.err == nil && len(t.held) > 0 {
				windows, from = append(windows, t.held...), append(from, t)
			}
		}
		if len(windows) == 0 {
			continue
		}
		err := of.Into(ctx, id, windows)
		if err != nil && !isPermanent(err) {
			waiting[of] = err
			continue
		}
		if err != nil {
			r.log(ctx, slog.LevelError, "roll-ups dropped: their sink refused them", id, of, err)
		}
		r.each(from, func(t *rollupTask) { t.err = r.delivered(ctx, id, t) })
	}
}

func (r *Rollups) log(ctx context.Context, level slog.Level, text string, id tenant.ID, of *rollup, err error) {
	r.options.Logger.LogAttrs(ctx, level, text, slog.String("tenant", id.String()), slog.String("rollup", of.Name), slog.Any("error", err))
}

// delivered notes what the sink has. If that fails, it is given it again.
func (r *Rollups) delivered(ctx context.Context, id tenant.ID, t *rollupTask) error {
	_, err := r.change(ctx, id, t, func(state *thingRollup) bool { return state.drop(t.held) })
	return err
}
