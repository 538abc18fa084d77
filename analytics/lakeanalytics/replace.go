package lakeanalytics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Replace implements analytics.Lake. The table from takes no more rows from
// the beginning on, and all its rows have to be of these days, else it is
// analytics.ErrTable.
func (l *Lake) Replace(ctx context.Context, id tenant.ID, into, from analytics.TableID, first, end time.Time) error {
	return kept("replace", l.replace(ctx, id, into, from, first, end))
}

func (l *Lake) replace(ctx context.Context, id tenant.ID, intoName, fromName analytics.TableID, first, end time.Time) error {
	into, err := l.acquire(ctx, id, intoName)
	if err != nil {
		return err
	}
	defer l.cache.release(into)
	from, err := l.acquire(ctx, id, fromName)
	if err != nil {
		return err
	}
	defer l.cache.release(from)
	if err := errors.Join(into.refresh(ctx), from.refresh(ctx)); err != nil {
		return err
	}
	r := &replacement{into: into, from: from, first: dayOfTime(first), end: dayOfTime(end)}
	if r.declared, err = from.declaration(); err != nil {
		return err
	}
	if r.target, err = into.declaration(); err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	return r.run(ctx)
}

// replacement is a call of Replace.
type replacement struct {
	into, from       *table
	target, declared declaration // of into and from
	first, end       int32       // days
}

func (r *replacement) check() error {
	a, b := r.target.table, r.declared.table
	switch {
	case r.into == r.from:
		return fmt.Errorf("%w: a table can't replace itself", analytics.ErrTable)
	case a.Kind != b.Kind || a.Format != b.Format || !slices.Equal(a.Columns, b.Columns) || !slices.Equal(a.Partitions, b.Partitions):
		return fmt.Errorf("%w: the tables are not declared alike", analytics.ErrTable)
	case r.first >= r.end:
		return fmt.Errorf("%w: no day to replace", analytics.ErrTable)
	case r.end > dayOfTime(r.into.lake.options.Now()):
		return fmt.Errorf("%w: the days have not ended", analytics.ErrTable)
	}
	return nil
}

// run takes three commits: from is closed, its files are copied and take their
// place, from is deleted. Each is skipped if it was done before.
func (r *replacement) run(ctx context.Context) error {
	if err := r.closeFrom(ctx); err != nil {
		return err
	}
	for {
		err := r.move(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, errStale) {
			return err
		}
	}
	if err := r.from.dropTable(ctx); err != nil {
		return err
	}
	return r.from.purge(ctx)
}

// closeFrom closes from, if all of its rows are of the days.
func (r *replacement) closeFrom(ctx context.Context) error {
	return r.from.change(ctx, func(s *state) (*entry, error) {
		if s.declared == nil || s.declared.nonce != r.declared.nonce {
			return nil, analytics.ErrNoTable
		}
		for day := range s.days {
			if day < r.first || day >= r.end {
				return nil, fmt.Errorf("%w: has rows of %s", analytics.ErrTable, startOfDay(day).Format(time.DateOnly))
			}
		}
		if s.leaving {
			return nil, nil
		}
		return &entry{leaving: true}, nil
	})
}

// move copies the files, which don't change any more, and puts them in place
// of those that are there.
func (r *replacement) move(ctx context.Context) error {
	r.into.mu.RLock()
	done := slices.Contains(r.into.state.replaced, r.declared.nonce)
	r.into.mu.RUnlock()
	if done {
		return nil
	}
	r.from.mu.RLock()
	files := r.from.state.snapshot()
	ids := slices.Collect(r.from.state.ids.oldestFirst())
	sequences := r.from.state.sequence
	r.from.mu.RUnlock()
	copies, err := r.copy(ctx, files)
	if err != nil {
		return err
	}
	err = r.into.change(ctx, func(s *state) (*entry, error) {
		switch {
		case slices.Contains(s.replaced, r.declared.nonce):
			return nil, nil
		case s.declared == nil || s.declared.nonce != r.target.nonce || s.leaving:
			return nil, analytics.ErrNoTable
		case r.into.drafts.lost(copies):
			return nil, errStale
		}
		e := &entry{appended: slices.Clone(copies), ids: ids, sequences: sequences, replaced: []nonce{r.declared.nonce}}
		for _, f := range s.snapshot() {
			if f.day >= r.first && f.day < r.end {
				e.removed = append(e.removed, removal{f.name, r.into.lake.now()})
			}
		}
		return e, nil
	})
	r.into.drafts.end(copies)
	return err
}

func (r *replacement) copy(ctx context.Context, files []*file) ([]file, error) {
	copies := make([]file, len(files))
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(parallelWrites)
	for i, f := range files {
		tasks.Go(func() error {
			copies[i] = *f
			copies[i].name = r.into.newName(folderOf(f.name), f.first, f.last, &r.target.table)
			source, err := r.from.lake.objects.Open(ctx, r.from.tenant, r.from.prefix+f.name)
			if err != nil {
				return err
			}
			defer source.Close()
			return r.into.put(ctx, copies[i].name, io.NewSectionReader(source, 0, source.Size()))
		})
	}
	if err := tasks.Wait(); err != nil {
		r.into.drafts.end(copies)
		return nil, err
	}
	return copies, nil
}
