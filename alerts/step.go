package alerts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// Bounds of one step, which is what is evaluated between two writes.
const (
	// stepOutbox is the size of waiting actions, in bytes, after which a step
	// ends. It leaves room for the state in an item.
	stepOutbox = 128 << 10
	// stepTimers is the number of timers that a step fires: a detector that
	// has slept for long catches up expiry by expiry.
	stepTimers = 1000
)

// Bounds of attempts to write what other processes write too.
const (
	stepAttempts = 30
	stepPause    = time.Millisecond
	stepPauseMax = 50 * time.Millisecond
)

var (
	// errReplaced: the detector runs under a newer version of the model.
	errReplaced = errors.New("alerts: model was replaced")
	// errTimer: a timer can't be evaluated.
	errTimer = errors.New("alerts: timer failed")
)

// step is one use of a detector: what is evaluated and then written at once.
type step struct {
	runtime *Runtime
	held    *held
	model   *compiled
	at      time.Time
	// skipTimers leaves due timers alone, after one has failed.
	skipTimers bool

	size  int  // of the outbox, in bytes
	dirty bool // there is something to write
}

// runTask evaluates the messages of a task. It reports what failed, and
// whether the model was replaced, with what is left of the task.
func (r *Runtime) runTask(ctx context.Context, t *task) (failures []Failure, replaced bool) {
	defer r.recycle(t.messages)
	fail := func(n int, err error) {
		for i := range t.messages[:n] {
			failures = append(failures, Failure{Index: t.messages[i].index, Model: t.ref.model, Err: err})
		}
		t.messages = t.messages[n:]
	}
	limit, attempt, skipTimers := len(t.messages), 0, false
	for len(t.messages) > 0 {
		n, err := r.putStep(ctx, t, min(limit, len(t.messages)), skipTimers)
		var bad *badMessage
		switch {
		case err == nil:
			t.messages = t.messages[n:]
			attempt = 0
		case errors.As(err, &bad):
			failures = append(failures, Failure{Index: t.messages[bad.place].index, Model: t.ref.model, Err: bad.err})
			t.messages = slices.Delete(slices.Clone(t.messages), bad.place, bad.place+1)
		case errors.Is(err, errTimer):
			r.log(ctx, t.ref.id, "timer failed", err, t.ref.attrs()...)
			skipTimers = true
		case errors.Is(err, errReplaced):
			return failures, true
		case errors.Is(err, tenant.ErrTooLarge) && limit > 1:
			limit = 1
		case errors.Is(err, tenant.ErrTooLarge):
			fail(1, err)
		case isConflict(err) && attempt < stepAttempts:
			attempt++
			if err := pause(ctx, attempt); err != nil {
				fail(len(t.messages), err)
			}
		case isConflict(err):
			fail(len(t.messages), ErrContention)
		default:
			fail(len(t.messages), err)
		}
	}
	return failures, false
}

func (r *Runtime) recycle(messages []taskMessage) {
	for i := range messages {
		r.messages.Put(messages[i].message)
	}
}

// badMessage is the failure of one message of a step. Nothing was written.
type badMessage struct {
	place int // in the task
	err   error
}

func (e *badMessage) Error() string { return e.err.Error() }

// isConflict reports whether a write met the write of another process.
func isConflict(err error) bool {
	return errors.Is(err, tenant.ErrVersion) || errors.Is(err, tenant.ErrExists)
}

func pause(ctx context.Context, attempt int) error {
	longest := min(stepPause<<min(attempt, 10), stepPauseMax)
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// putStep evaluates up to limit messages of the task, and returns how many it
// evaluated and wrote.
func (r *Runtime) putStep(ctx context.Context, t *task, limit int, skipTimers bool) (n int, err error) {
	h, err := r.cache.acquire(ctx, t.ref)
	if err != nil {
		return 0, err
	}
	defer r.cache.release(h)
	s, err := r.begin(ctx, h, t.model)
	if err != nil {
		return 0, err
	}
	s.skipTimers = skipTimers
	defer func() {
		if err != nil {
			h.forget()
		}
	}()
	for n < limit && s.size < stepOutbox {
		more, err := s.fireTimers()
		if err != nil {
			return 0, err
		}
		if more {
			break
		}
		if err := s.message(&t.messages[n]); err != nil {
			return 0, &badMessage{n, err}
		}
		n++
	}
	return n, s.commit(ctx)
}

// begin reads the detector if need be, and brings it under the model's
// version.
func (r *Runtime) begin(ctx context.Context, h *held, model *compiled) (*step, error) {
	if err := r.load(ctx, h); err != nil {
		return nil, err
	}
	s := &step{runtime: r, held: h, model: model, at: latest(r.now(), h.record.updated)}
	if h.record.version > model.version {
		return nil, errReplaced
	}
	if len(h.record.outbox) > 0 {
		if s.size = outboxSize(h.record.outbox); s.size >= stepOutbox {
			if err := s.relieve(ctx); err != nil {
				return nil, err
			}
		}
	}
	if err := s.decode(); err != nil {
		h.forget()
		return nil, err
	}
	return s, nil
}

// load makes the record known.
func (r *Runtime) load(ctx context.Context, h *held) error {
	if h.known {
		return nil
	}
	item, err := r.detectors.Get(ctx, h.ref.id, detectorKey(h.ref.model, h.ref.key), tenant.Consistent)
	switch {
	case err == nil:
		h.record, h.version = item.Value, item.Version
	case errors.Is(err, tenant.ErrNotFound):
		h.record, h.version = DetectorRecord{model: h.ref.model, key: h.ref.key}, 0
	default:
		return fmt.Errorf("alerts: read detector: %w", err)
	}
	h.known = true
	return nil
}

// decode makes the state of the record one of the model's version.
func (s *step) decode() error {
	h, record := s.held, &s.held.record
	if h.state != nil && h.engine == s.model.engine {
		return nil
	}
	h.engine, h.state = s.model.engine, s.model.engine.NewState()
	kept := record.version == s.model.version || record.version >= s.model.keepFrom
	if !kept {
		record.state, record.timer, record.generation = nil, time.Time{}, 0
	}
	if len(record.state) > 0 {
		err := h.state.UnmarshalBinary(record.state)
		switch {
		case err == nil:
		case record.version == s.model.version:
			return fmt.Errorf("alerts: detector: %w", err)
		default: // the new version has no such state
			h.state = s.model.engine.NewState()
			record.generation = 0
		}
	}
	record.version = s.model.version
	return nil
}

// fireTimers evaluates the timers that are due, each as of its own time. It
// reports whether there are more than a step takes.
func (s *step) fireTimers() (more bool, err error) {
	if s.skipTimers {
		return false, nil
	}
	for range stepTimers {
		timer, ok := s.held.state.NextTimer()
		if !ok || timer.Due.After(s.at) {
			return false, nil
		}
		if s.size >= stepOutbox {
			return true, nil
		}
		trigger := detector.Trigger{At: timer.Due, Timer: timer.Name, Due: timer.Due}
		if err := s.evaluate(&trigger, 0); err != nil {
			return false, fmt.Errorf("%w: %s: %w", errTimer, timer.Name, err)
		}
	}
	return true, nil
}

// message evaluates a message, unless the detector has accepted it before.
func (s *step) message(m *taskMessage) error {
	record := &s.held.record
	if m.id != "" {
		record.seen = record.seen.prune(s.at)
		if record.seen.has(m.hash) {
			return nil
		}
	}
	trigger := detector.Trigger{At: s.at, Message: m.message, MessageID: m.id}
	if err := s.evaluate(&trigger, m.hops); err != nil {
		return err
	}
	if m.id != "" {
		record.seen = record.seen.add(m.hash, s.at)
	}
	return nil
}

// evaluate runs the engine and keeps the actions that it decides.
func (s *step) evaluate(trigger *detector.Trigger, hops int) (err error) {
	defer recovered(&err)
	s.dirty = true
	trigger.Scope, trigger.Key = s.scope(), s.held.ref.key
	result := s.runtime.results.Get().(*detector.Result)
	err = s.model.engine.Evaluate(s.held.state, trigger, result)
	switch {
	case err != nil && trigger.Operation != nil:
		return err // what an operator can't do is no failure of the model
	case err != nil:
		return fmt.Errorf("%w: %w", ErrEvaluation, err)
	}
	s.logErrors(result.Errors)
	for i := range result.Actions {
		alert, err := newAlert(&result.Actions[i], result.At, result.Number)
		if err != nil {
			return err
		}
		alert.Model, alert.Version, alert.Key, alert.Hops = s.model.name, s.model.version, s.held.ref.key, hops
		s.held.record.outbox = append(s.held.record.outbox, alert)
		s.size += alertSize(&alert)
	}
	s.runtime.results.Put(result)
	return nil
}

// logErrors tells of actions that the model got wrong. The evaluation goes on
// without them.
func (s *step) logErrors(errs []detector.ActionError) {
	for i := range errs {
		attrs := append(s.held.ref.attrs(),
			slog.String("tenant", s.held.ref.id.String()), slog.String("level", string(errs[i].Level)), slog.Any("error", &errs[i]))
		s.runtime.options.Logger.LogAttrs(context.Background(), slog.LevelWarn, "action failed in its model", attrs...)
	}
}

// scope keeps the ids of actions apart: those of tenants, and those of the
// detectors that the same key had one after the other.
func (s *step) scope() string {
	scope := s.held.ref.id.String()
	if generation := s.held.record.generation; generation > 0 {
		scope += "#" + strconv.Itoa(generation)
	}
	return scope
}

// commit writes the detector if anything changed, on the condition that
// nobody else did.
func (s *step) commit(ctx context.Context) error {
	if !s.dirty {
		return nil
	}
	h := s.held
	state, err := h.state.AppendBinary(h.record.state[:0])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrEvaluation, err)
	}
	h.record.state, h.record.updated, h.record.timer = state, s.at, time.Time{}
	if timer, ok := h.state.NextTimer(); ok {
		h.record.timer = timer.Due
	}
	if err := s.runtime.write(ctx, h); err != nil {
		return err
	}
	s.dirty = false
	return nil
}

// write puts the record, and tells Run when there is something to do.
func (r *Runtime) write(ctx context.Context, h *held) error {
	condition := tenant.IfAbsent()
	if h.version != 0 {
		condition = tenant.IfVersion(h.version)
	}
	due, isDue := h.record.due()
	if isDue {
		if err := r.wakeAt(ctx, h.ref.id, due); err != nil {
			h.forget()
			return err
		}
	}
	version, err := r.detectors.Put(ctx, h.ref.id, h.record, condition)
	if err != nil {
		h.forget()
		return fmt.Errorf("alerts: write detector: %w", err)
	}
	h.version = version
	if isDue {
		r.later(detectorJob(h.ref), due)
	}
	return nil
}

// wakeAt asks for a sweep at a time, if that is somebody's job.
func (r *Runtime) wakeAt(ctx context.Context, id tenant.ID, at time.Time) error {
	if r.options.Waker == nil {
		return nil
	}
	if err := r.options.Waker.Wake(ctx, id, at); err != nil {
		return fmt.Errorf("alerts: wake: %w", err)
	}
	return nil
}

func alertSize(a *Alert) int {
	const rest = 600 // names of members, times, numbers, id
	size := rest + len(a.Payload) + len(a.Target) + len(a.Event) + len(a.State)
	for name, value := range a.Settings {
		size += len(name) + len(value)
	}
	return size
}

func outboxSize(outbox []Alert) (size int) {
	for i := range outbox {
		size += alertSize(&outbox[i])
	}
	return size
}

// latest returns the later of two times.
func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
