package analytics

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// rollupRetry is when windows are given to the sink by another, if whoever
// closed them has not done so.
const rollupRetry = 10 * time.Second

// RollupsOptions are the options of [NewRollups]. A number or duration that is
// not positive means the default.
type RollupsOptions struct {
	// Tenants lists the tenants for [Rollups.Run]; tenant.Directory.Active does.
	Tenants func(ctx context.Context) iter.Seq2[tenant.ID, error]
	// Remember is how many messages of a thing are known again, at least, while
	// a window that they are in can change, of sessions always: the latest ones, and all of the
	// latest [Rollups.Add]. Each makes the state 10 bytes longer. Default 1,000,
	// at most [MaxRows].
	Remember int
	// Parallel is how many things a call works on at the same time. Default 16.
	Parallel int
	// SweepEvery is how often Run looks for what is due. Default 10 s.
	SweepEvery time.Duration
	// Workers is how many tenants Run works for at the same time. Default 8.
	Workers int
	// Keep is how long a thing is known after its latest message and the end of
	// its latest window, when no window waits for the clock or the sink. What it
	// sends later from before is not late. Default 30 days.
	Keep time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of windows that a sink refused or failed to take. Default:
	// silent.
	Logger *slog.Logger
}

func (o *RollupsOptions) setDefaults() {
	positive(&o.Remember, 1000)
	o.Remember = min(o.Remember, MaxRows)
	positive(&o.Parallel, 16)
	positive(&o.SweepEvery, 10*time.Second)
	positive(&o.Workers, 8)
	positive(&o.Keep, 30*24*time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Rollups keeps [Windows] of the stream in a repository, so that they survive
// restarts, and gives those that are closed to sinks: for roll-ups that are kept
// instead of the messages, and for rules over them.
//
// Each message with an id counts once, however often it is added, and each
// window that was closed or revised reaches its sink at least once, under an id
// that makes it one. For both the state of a thing is one item, written on the
// condition that nobody else has: the windows, the ids that count already, and
// the windows that the sink does not have yet.
//
// There is an item for each roll-up and thing, so that a batch rewrites what it
// is about and nothing else. Of a thing there may be 72 KB of windows that are
// open or can be revised: 700, or fewer with percentiles, which need a few
// kilobytes each. A message that would need more is refused, see [RolledUp].
//
// Several processes may work over the same repository. Messages of one thing
// should go through one of them at a time: what is added first is in order.
type Rollups struct {
	repository tenant.Repository[RollupState]
	rollups    []*rollup
	options    RollupsOptions
}

// NewRollups returns roll-ups whose state is kept in a repository made with
// [RollupSchema]. The error is [ErrRollup].
func NewRollups(repository tenant.Repository[RollupState], rollups []Rollup, optFns ...func(*RollupsOptions)) (*Rollups, error) {
	var options RollupsOptions
	for _, fn := range optFns {
		fn(&options)
	}
	options.setDefaults()
	r := &Rollups{repository: repository, options: options}
	names := map[string]bool{}
	for _, definition := range rollups {
		next, err := newRollup(definition)
		if err != nil {
			return nil, err
		}
		name := strings.ToLower(next.Name)
		if names[name] {
			return nil, fmt.Errorf("%w: two are called %s", ErrRollup, next.Name)
		}
		names[name] = true
		r.rollups = append(r.rollups, next)
	}
	return r, nil
}

// RolledUp is what became of the messages of [Rollups.Add], over all roll-ups.
type RolledUp struct {
	// Duplicates counts the messages that had been added before, Refused those
	// that a thing has no room for.
	Duplicates, Refused int
	// Late and Ahead count points, as in [Windowed].
	Late, Ahead int
}

func (r *RolledUp) add(other RolledUp) {
	r.Duplicates += other.Duplicates
	r.Refused += other.Refused
	r.Late += other.Late
	r.Ahead += other.Ahead
}

// Add adds messages, 1 to [MaxRows], in their order: of any things, and as they
// are kept, so that one that is added again is the same. A nil error means that
// they count, durably; so it is the moment to note that they were added. After
// any other error add the batch again. A message without id counts each time.
//
// Windows that this closes go to their sinks before Add returns. If a sink
// fails, they go there later, by [Rollups.Run]; then Add fails only if so many
// wait already that there can't be more.
//
// Errors: tenant.ErrID, [ErrBatch], a [*MessageError], [ErrState] if what is kept
// is of other windows, kind iotenant.ErrUnavailable, the error of ctx.
func (r *Rollups) Add(ctx context.Context, id tenant.ID, messages []Message) (RolledUp, error) {
	if err := checkTenant(id); err != nil {
		return RolledUp{}, fmt.Errorf("analytics: add to roll-ups: %w", err)
	}
	if len(messages) == 0 || len(messages) > MaxRows {
		return RolledUp{}, fmt.Errorf("analytics: add to roll-ups: %w: %d messages, want 1 to %d", ErrBatch, len(messages), MaxRows)
	}
	for i := range messages {
		if err := messages[i].Check(); err != nil {
			return RolledUp{}, fmt.Errorf("analytics: add to roll-ups: %w", &MessageError{Index: i, Err: err})
		}
	}
	added, waiting, err := r.work(ctx, id, r.share(messages))
	if err != nil {
		return added, fmt.Errorf("analytics: add to roll-ups: %w", err)
	}
	for of, err := range waiting {
		r.log(ctx, slog.LevelWarn, "roll-ups wait for their sink", id, of, err)
	}
	return added, nil
}

// Forget deletes what is kept of a thing. Windows that its sinks have are
// theirs. Error: tenant.ErrID, device.ErrID.
func (r *Rollups) Forget(ctx context.Context, id tenant.ID, thing device.ID) error {
	if err := errors.Join(checkTenant(id), thing.Check()); err != nil {
		return fmt.Errorf("analytics: forget roll-ups: %w", err)
	}
	for _, of := range r.rollups {
		if err := r.repository.Delete(ctx, id, rollupKey(of.Name, thing), tenant.Always()); err != nil {
			return fmt.Errorf("analytics: forget roll-ups: %w", err)
		}
	}
	return nil
}

// share parts messages among roll-ups and things.
func (r *Rollups) share(messages []Message) []*rollupTask {
	type place struct {
		rollup *rollup
		thing  device.ID
	}
	tasks := map[place]*rollupTask{}
	var order []*rollupTask
	for i := range messages {
		m := &messages[i]
		var points []Point
		for _, of := range r.rollups {
			if !of.selects(m) {
				continue
			}
			if points == nil {
				points = m.Points()
			}
			chosen := of.choose(points)
			if len(chosen) == 0 {
				continue
			}
			at := place{of, m.Thing}
			task := tasks[at]
			if task == nil {
				task = &rollupTask{rollup: of, thing: m.Thing}
				tasks[at], order = task, append(order, task)
			}
			task.messages = append(task.messages, pointsOf{m, chosen})
		}
	}
	return order
}

// work does tasks, and gives the windows that they close to the sinks. waiting
// are the sinks that failed to take them.
func (r *Rollups) work(ctx context.Context, id tenant.ID, tasks []*rollupTask) (added RolledUp, waiting map[*rollup]error, err error) {
	waiting = map[*rollup]error{}
	var failed []error
	for len(tasks) > 0 {
		r.each(tasks, func(t *rollupTask) { t.err = r.step(ctx, id, t) })
		r.deliver(ctx, id, tasks, waiting)
		var rest []*rollupTask
		for _, t := range tasks {
			switch refused := waiting[t.rollup]; {
			case t.err != nil:
				failed = append(failed, fmt.Errorf("%s: thing %s: %w", t.rollup.Name, t.thing, t.err))
			case t.done == len(t.messages):
				added.add(t.added)
			case refused != nil:
				failed = append(failed, fmt.Errorf("%s: thing %s: %w: %w", t.rollup.Name, t.thing, errRollupFull, refused))
			default:
				rest = append(rest, t)
			}
		}
		tasks = rest
	}
	return added, waiting, firstOf(failed)
}

// firstOf returns the first of errors, and how many there are.
func firstOf(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return fmt.Errorf("%w (and %d more)", errs[0], len(errs)-1)
}

var errRollupFull = fmt.Errorf("its sink has to take windows first: roll-up %w", iotenant.ErrUnavailable)

// each works on tasks, RollupsOptions.Parallel at a time.
func (r *Rollups) each(tasks []*rollupTask, work func(*rollupTask)) {
	parallel := min(r.options.Parallel, len(tasks))
	if parallel <= 1 {
		for _, t := range tasks {
			work(t)
		}
		return
	}
	var group sync.WaitGroup
	next := make(chan *rollupTask)
	for range parallel {
		group.Go(func() {
			for t := range next {
				work(t)
			}
		})
	}
	for _, t := range tasks {
		next <- t
	}
	close(next)
	group.Wait()
}

func (r *Rollups) now() time.Time { return r.options.Now().UTC() }
