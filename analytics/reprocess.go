package analytics

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// errLost: somebody else works on it, or has ended it.
var errLost = errors.New("analytics: reprocessing was taken over")

// work is a reprocessing in the hands of this process.
type work struct {
	*Reprocessings
	id     tenant.ID
	item   tenant.Item[Reprocessing]
	runner *runner
}

// claim takes a reprocessing, unless somebody has it or it has ended.
func (r *Reprocessings) claim(ctx context.Context, id tenant.ID, of *Reprocessing) (*work, error) {
	item, err := r.get(ctx, id, of.Pipeline, of.ID)
	if errors.Is(err, ErrNoReprocessing) {
		return nil, errLost
	}
	if err != nil {
		return nil, err
	}
	now := r.now()
	if !item.Value.isBusy() || item.Value.Worker != "" && item.Value.Worker != r.worker && now.Before(item.Value.LeasedUntil) {
		return nil, errLost
	}
	w := &work{Reprocessings: r, id: id, item: item}
	item.Value.Worker = r.worker
	if err := w.save(ctx, item.Value); err != nil {
		return nil, err
	}
	return w, nil
}

// save writes the record, if nobody has since.
func (w *work) save(ctx context.Context, next Reprocessing) error {
	now := w.now()
	if next.UpdatedAt = now; next.Worker != "" {
		next.LeasedUntil = now.Add(w.options.LeaseFor)
	}
	version, err := w.repository.Put(ctx, w.id, next, tenant.IfVersion(w.item.Version))
	if errors.Is(err, tenant.ErrVersion) || errors.Is(err, tenant.ErrNotFound) {
		return errLost
	}
	if err != nil {
		return err
	}
	w.item = tenant.Item[Reprocessing]{Value: next, Version: version}
	return nil
}

// workOn works on a reprocessing until it ends or until passes, and reports
// whether it ended or is in other hands. An error may pass.
func (r *Reprocessings) workOn(ctx context.Context, id tenant.ID, of *Reprocessing, until time.Time) (ended bool, err error) {
	w, err := r.claim(ctx, id, of)
	if errors.Is(err, errLost) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	err = w.prepare(ctx)
	for err == nil && w.item.Value.isBusy() {
		if !r.now().Before(until) {
			return false, w.release(ctx)
		}
		err = w.step(ctx)
	}
	return w.finish(ctx, err)
}

// finish decides about what went wrong, if anything did.
func (w *work) finish(ctx context.Context, err error) (ended bool, _ error) {
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, errLost):
		w.unstageIfCancelled(ctx)
		return true, nil
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case mayPass(err):
		return false, errors.Join(err, w.release(ctx))
	}
	failed := w.item.Value
	failed.end(ReprocessingFailed, err.Error(), w.now(), w.options.Keep)
	if err := w.save(ctx, failed); err != nil && !errors.Is(err, errLost) {
		return false, err
	}
	w.unstage(ctx, w.id, &failed)
	return true, nil
}

// mayPass reports whether it is worth to go on later. Corrupt data does not
// heal.
func mayPass(err error) bool {
	if errors.Is(err, ErrCorrupt) {
		return false
	}
	switch iotenant.KindOf(err) {
	case nil, iotenant.ErrUnavailable, iotenant.ErrConflict:
		return true
	default:
		return false
	}
}

// release leaves the reprocessing to whoever is next.
func (w *work) release(ctx context.Context) error {
	free := w.item.Value
	free.Worker, free.LeasedUntil = "", time.Time{}
	if err := w.save(ctx, free); err != nil && !errors.Is(err, errLost) {
		return err
	}
	return nil
}

// prepare loads the pipeline, and declares where its rows go.
func (w *work) prepare(ctx context.Context) error {
	definitions, of := w.ingest.definitions, &w.item.Value
	l, err := load(pipeline.ResourcePipeline, of.Definition, definitions.options.Pipeline)
	if err != nil {
		return err
	}
	l.definition.Name = of.Pipeline
	w.runner = newRunner(&l)
	if of.Staging == "" || of.Replacing {
		return nil
	}
	snapshot, err := w.ingest.lake.Snapshot(ctx, w.id, TableID{DatastoreTable, of.Datastore})
	if err != nil {
		return err
	}
	table := snapshot.Table
	table.Name = of.Staging
	return w.ingest.lake.Declare(ctx, w.id, table)
}

// step reads and stores a page, or does what is to be done at the end.
func (w *work) step(ctx context.Context) error {
	if len(w.item.Value.Spans) == 0 {
		return w.conclude(ctx)
	}
	next := w.item.Value
	span := next.Spans[0]
	query := RowQuery{From: span.From, To: span.To, Limit: w.options.PageSize, Cursor: next.Cursor}
	page, err := w.ingest.lake.Rows(ctx, w.id, TableID{ChannelTable, next.Channel}, query)
	if err != nil {
		return err
	}
	if len(page.Items) > 0 {
		for i := range page.Items {
			page.Items[i].ID = sourceID(page.Items[i].ID, next.Position, i)
		}
		done, err := w.ingest.process(ctx, w.id, w.runner, page.Items, w.target())
		if err != nil {
			return err
		}
		next.Read += int64(len(page.Items))
		next.Stored += int64(done.stored)
		next.Failed += int64(done.failed + len(done.refused))
	}
	next.Position++
	if next.Cursor = page.Next; next.Cursor == "" {
		next.Spans = next.Spans[1:]
	}
	return w.save(ctx, next)
}

func (w *work) target() target {
	of := &w.item.Value
	to := target{table: TableID{DatastoreTable, of.Datastore}, scope: of.ID}
	if of.Staging != "" {
		to.table.Name = of.Staging
	}
	return to
}

// sourceID returns the id of a message, or its place if it has none.
func sourceID(id string, position, index int) string {
	switch {
	case id == "":
		return "@" + strconv.Itoa(position) + "." + strconv.Itoa(index)
	case strings.HasPrefix(id, "@"):
		return "@" + id
	}
	return id
}

// conclude puts staged rows in their place, and ends the reprocessing.
func (w *work) conclude(ctx context.Context) error {
	if of := &w.item.Value; of.Staging != "" {
		if err := w.replace(ctx, of); err != nil {
			return err
		}
	}
	done := w.item.Value
	done.end(ReprocessingSucceeded, "", w.now(), w.options.Keep)
	return w.save(ctx, done)
}

func (w *work) replace(ctx context.Context, of *Reprocessing) error {
	if !of.Replacing {
		if err := w.checkAlone(ctx, w.id, of.Datastore); err != nil {
			return err // somebody put another pipeline meanwhile
		}
		next := *of
		next.Replacing = true
		if err := w.save(ctx, next); err != nil {
			return err
		}
	}
	err := w.ingest.lake.Replace(ctx, w.id,
		TableID{DatastoreTable, of.Datastore}, TableID{DatastoreTable, of.Staging}, of.Days.From, of.Days.To)
	if errors.Is(err, ErrNoTable) {
		// It has taken effect, unless the data store is gone.
		_, err = w.ingest.lake.Snapshot(ctx, w.id, TableID{DatastoreTable, of.Datastore})
	}
	return err
}

func (w *work) unstageIfCancelled(ctx context.Context) {
	item, err := w.get(ctx, w.id, w.item.Value.Pipeline, w.item.Value.ID)
	if err == nil && item.Value.Status == ReprocessingCancelled {
		w.unstage(ctx, w.id, &item.Value)
	}
}

// unstage removes the staged rows of a reprocessing that did not succeed.
func (r *Reprocessings) unstage(ctx context.Context, id tenant.ID, of *Reprocessing) {
	if of.Staging == "" {
		return
	}
	err := r.ingest.lake.Delete(ctx, id, TableID{DatastoreTable, of.Staging}, Deletion{Table: true})
	if err != nil && !errors.Is(err, ErrNoTable) {
		r.log(ctx, id, of, "the staged rows of a reprocessing are left", err)
	}
}

// Sweep works on the reprocessings of a tenant in turn, until none is left or
// ReprocessingsOptions.SweepFor has passed. It is for programs that can't have
// Run: a function that is started on a schedule. It goes on after failures and
// returns them together. Error: tenant.ErrID.
func (r *Reprocessings) Sweep(ctx context.Context, id tenant.ID) error {
	if err := checkTenant(id); err != nil {
		return fmt.Errorf("analytics: sweep reprocessings: %w", err)
	}
	if _, err := r.sweep(ctx, id, r.now().Add(r.options.SweepFor)); err != nil {
		return fmt.Errorf("analytics: sweep reprocessings: %w", err)
	}
	return nil
}

// turn is how long one of several reprocessings is worked on before the next.
const turn = 10 * time.Second

// sweep works until a time and reports whether work is left.
func (r *Reprocessings) sweep(ctx context.Context, id tenant.ID, until time.Time) (more bool, err error) {
	var busy []Reprocessing
	for item, err := range tenant.All(ctx, r.repository, id, tenant.Query{Index: reprocessingsRunning}) {
		if err != nil {
			return false, err
		}
		busy = append(busy, item.Value)
	}
	var errs []error
	for len(busy) > 0 && r.now().Before(until) && ctx.Err() == nil {
		of := busy[0]
		busy = busy[1:]
		end := r.now().Add(turn)
		if until.Before(end) || len(busy) == 0 {
			end = until
		}
		switch ended, err := r.workOn(ctx, id, &of, end); {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s of pipeline %s: %w", of.ID, of.Pipeline, err))
		case !ended:
			busy = append(busy, of)
		}
	}
	if err := ctx.Err(); err != nil {
		errs = append(errs, context.Cause(ctx))
	}
	return len(busy) > 0, errors.Join(errs...)
}
