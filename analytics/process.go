package analytics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// processed is what a pipeline made of a batch.
type processed struct {
	stored  int // rows
	failed  int // messages that a function failed on
	refused []PutFailure
}

// target is where a pipeline's rows go.
type target struct {
	table TableID
	// scope comes before the id of a message in that of its rows: two
	// pipelines may write to one data store, also what came from channels
	// with the same ids.
	scope string
}

// process sends messages through a pipeline to a data store, by default that of
// the pipeline.
func (n *Ingest) process(ctx context.Context, id tenant.ID, r *runner, rows []Row, to target) (processed, error) {
	if to.scope == "" {
		to = target{r.datastore, strings.ToLower(r.name)}
	}
	mine, err := n.shares.enter(ctx, id, func() {
		n.observe(ctx, id, Observation{Metric: ActionExecutionThrottled, Value: 1, Pipeline: r.name, Channel: r.channel.Name})
	})
	if err != nil {
		return processed{}, err
	}
	defer n.shares.leave(id, mine)
	n.observe(ctx, id, Observation{Metric: PipelineConcurrentExecutionCount, Value: int(r.running.Add(1)), Pipeline: r.name})
	defer func() {
		n.observe(ctx, id, Observation{Metric: PipelineConcurrentExecutionCount, Value: int(r.running.Add(-1)), Pipeline: r.name})
	}()
	a := n.arenas.Get().(*arena)
	done, err := n.processIn(ctx, id, r, rows, to, a)
	if err == nil { // else the lake may still be reading
		a.reset()
		n.arenas.Put(a)
	}
	return done, err
}

func (n *Ingest) processIn(ctx context.Context, id tenant.ID, r *runner, rows []Row, to target, a *arena) (done processed, err error) {
	env, err := n.environment(ctx, id)
	if err != nil {
		return done, err
	}
	for i := range rows {
		a.payloads = append(a.payloads, rows[i].Payload)
	}
	batch := r.batches.Get().(*pipeline.Batch)
	switch err := run(ctx, r.pipeline, env, batch, a.payloads); {
	case errors.Is(err, errPanic): // as when a function fails; the batch is not used again
		n.observe(ctx, id, Observation{Metric: ActivityExecutionError, Value: len(rows), Pipeline: r.name})
		return processed{failed: n.notifyFailures(ctx, id, r, rows, allFailed(rows, err))}, nil
	case err != nil:
		return done, err
	}
	defer r.batches.Put(batch)
	n.observeEvents(ctx, id, r, batch.Events())
	done.failed = n.notifyFailures(ctx, id, r, rows, batch.Failures())
	tooLarge := a.fill(batch, rows, to.scope)
	refused, err := n.keep(ctx, id, to.table, a)
	done.refused = append(tooLarge, refused...)
	for _, f := range done.refused {
		n.log(ctx, id, "what a pipeline made of a message can't be kept", r.name, f.Err)
		n.observe(ctx, id, Observation{Metric: ActivityExecutionError, Value: 1, Pipeline: r.name, Datastore: to.table.Name, Type: pipeline.TypeDatastore})
	}
	done.stored = len(a.rows) - len(refused)
	return done, err
}

var errPanic = errors.New("panic")

// run contains a panic, so that one pipeline can't take the process down.
func run(ctx context.Context, p *pipeline.Pipeline, env *pipeline.Environment, batch *pipeline.Batch, payloads [][]byte) (err error) {
	defer contain(&err)
	return p.Run(ctx, env, batch, payloads)
}

func allFailed(rows []Row, err error) []pipeline.Failure {
	sources := make([]int, len(rows))
	for i := range sources {
		sources[i] = i
	}
	return []pipeline.Failure{{Sources: sources, Err: err}}
}

func contain(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("%w: %v", errPanic, cause)
	}
}

// keep appends the rows to their table. Rows that the lake refuses are left out.
func (n *Ingest) keep(ctx context.Context, id tenant.ID, table TableID, a *arena) (refused []PutFailure, err error) {
	for rows, at := a.rows, 0; len(rows) > 0; {
		first, rest := cut(rows)
		switch err := n.append(ctx, id, table, first); {
		case errors.Is(err, ErrRow):
			some, err := n.keepEach(ctx, id, table, first, a.sources[at:])
			refused = append(refused, some...)
			if err != nil {
				return refused, err
			}
		case err != nil:
			return refused, err
		}
		rows, at = rest, at+len(first)
	}
	return refused, nil
}

// keepEach appends the rows of one id after the other, to find what is refused.
func (n *Ingest) keepEach(ctx context.Context, id tenant.ID, table TableID, rows []Row, sources []int) (refused []PutFailure, err error) {
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].ID == rows[from].ID {
			to++
		}
		switch err := n.append(ctx, id, table, rows[from:to]); {
		case errors.Is(err, ErrRow):
			refused = append(refused, PutFailure{Index: sources[from], Err: err})
		case err != nil:
			return refused, err
		}
		from = to
	}
	return refused, nil
}

func (n *Ingest) log(ctx context.Context, id tenant.ID, text, pipeline string, err error) {
	n.options.Logger.LogAttrs(ctx, slog.LevelError, text,
		slog.String("tenant", id.String()), slog.String("pipeline", pipeline), slog.Any("error", err))
}
