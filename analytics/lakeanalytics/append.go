package lakeanalytics

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Append implements analytics.Lake. Appends to a table that come together
// share files and a commit.
func (l *Lake) Append(ctx context.Context, id tenant.ID, name analytics.TableID, rows []analytics.Row) ([]analytics.Outcome, error) {
	outcomes, err := l.append(ctx, id, name, rows)
	return outcomes, kept("append", err)
}

func (l *Lake) append(ctx context.Context, id tenant.ID, name analytics.TableID, rows []analytics.Row) ([]analytics.Outcome, error) {
	t, err := l.acquire(ctx, id, name)
	if err != nil {
		return nil, err
	}
	defer l.cache.release(t)
	if err := t.known(ctx); err != nil {
		return nil, err
	}
	if err := checkAppend(name.Kind, rows); err != nil {
		return nil, err
	}
	r := newRequest(rows)
	if err := t.await(ctx, r); err != nil {
		return nil, err
	}
	return r.outcomes, nil
}

// known returns analytics.ErrNoTable unless the table takes rows, or did when
// that was looked at last.
func (t *table) known(ctx context.Context) error {
	t.mu.RLock()
	known := t.state != nil && t.state.open()
	t.mu.RUnlock()
	if known {
		return nil
	}
	return t.confirmOpen(ctx)
}

// confirmOpen returns analytics.ErrNoTable unless the table takes rows now.
func (t *table) confirmOpen(ctx context.Context) error {
	if err := t.refresh(ctx); err != nil {
		return err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !t.state.open() {
		return analytics.ErrNoTable
	}
	return nil
}

// request is an append on its way to the log. It holds copies of all that it
// was given.
type request struct {
	rows     []analytics.Row
	digests  []digest
	size     int
	outcomes []analytics.Outcome
}

func newRequest(rows []analytics.Row) *request {
	r := &request{rows: slices.Clone(rows), digests: make([]digest, len(rows)), outcomes: make([]analytics.Outcome, len(rows))}
	for i := range rows {
		r.size += len(rows[i].Payload)
	}
	payloads := make([]byte, 0, r.size)
	for i := range r.rows {
		start := len(payloads)
		payloads = append(payloads, rows[i].Payload...)
		r.rows[i].Payload = payloads[start:len(payloads):len(payloads)]
		switch {
		case rows[i].ID == "":
		case i > 0 && rows[i].ID == rows[i-1].ID:
			r.digests[i] = r.digests[i-1]
		default:
			r.digests[i] = digestOf(rows[i].ID)
		}
	}
	return r
}

// Beyond these a batch takes no further request.
const (
	fullBatchRows  = analytics.MaxRows
	fullBatchBytes = 16 << 20
)

// batch is a group of requests that are committed together.
type batch struct {
	requests []*request
	rows     int
	size     int
	waiting  int             // requests whose callers wait
	ctx      context.Context //nolint:containedctx // it ends when nobody waits any more
	cancel   context.CancelFunc
	done     chan struct{}
	err      error // once done
}

// takes reports whether another request may join. One that nobody waits for any
// more is cancelled.
func (b *batch) takes() bool {
	return b.waiting > 0 && b.rows < fullBatchRows && b.size < fullBatchBytes
}

// queue holds the batches of a table that wait for their commit.
type queue struct {
	mu      sync.Mutex
	batches []*batch
	working bool
}

// await returns when the request is committed, or failed. There is a goroutine
// as long as there are batches.
func (t *table) await(ctx context.Context, r *request) error {
	b := t.enqueue(ctx, r)
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		t.leave(b)
		return ctx.Err()
	}
}

func (t *table) enqueue(ctx context.Context, r *request) *batch {
	q := &t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	var b *batch
	if n := len(q.batches); n > 0 && q.batches[n-1].takes() {
		b = q.batches[n-1]
	} else {
		b = &batch{done: make(chan struct{})}
		b.ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
		q.batches = append(q.batches, b)
	}
	b.requests = append(b.requests, r)
	b.rows += len(r.rows)
	b.size += r.size
	b.waiting++
	if !q.working {
		q.working = true
		go t.work()
	}
	return b
}

// leave ends the batch if nobody else waits for it.
func (t *table) leave(b *batch) {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	if b.waiting--; b.waiting == 0 {
		b.cancel()
	}
}

// work commits batches until there are none.
func (t *table) work() {
	for {
		b := t.dequeue()
		if b == nil {
			return
		}
		b.err = t.commitBatch(b.ctx, b.requests)
		b.cancel()
		close(b.done)
	}
}

// dequeue returns the batch that waits longest; nil if there is none.
func (t *table) dequeue() *batch {
	q := &t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.batches) == 0 {
		q.working = false
		return nil
	}
	b := q.batches[0]
	q.batches = slices.Delete(q.batches, 0, 1)
	return b
}

// errStale: what was written of a batch is not what has to be committed.
var errStale = errors.New("others changed the table")

// commitBatch decides on outcomes, and makes the fresh rows durable and
// visible. Files are written before the commit is made; if others then were
// faster with rows of the same ids, they are written again without those.
func (t *table) commitBatch(ctx context.Context, requests []*request) error {
	for {
		declared, err := t.declaration()
		if err != nil {
			return err
		}
		ids, rows := t.choose(requests)
		if len(rows) == 0 { // duplicates, of a table that has to be there still
			if err := t.confirmOpen(ctx); err != nil {
				return err
			}
			if now, err := t.declaration(); err != nil || now.nonce == declared.nonce {
				return err
			}
			continue
		}
		files, err := t.writeFiles(ctx, &declared.table, rows)
		if err != nil {
			return err
		}
		err = t.change(ctx, func(s *state) (*entry, error) {
			switch {
			case !s.open():
				return nil, analytics.ErrNoTable
			case s.declared.nonce != declared.nonce || slices.ContainsFunc(ids, s.ids.has):
				return nil, errStale
			case t.drafts.lost(files):
				return nil, errStale
			}
			return &entry{appended: slices.Clone(files), ids: ids, sequences: uint64(len(rows))}, nil
		})
		if !errors.Is(err, errStale) {
			t.drafts.end(files)
			return err
		}
		t.discard(ctx, files)
	}
}

// discard removes files that no commit refers to, nor one that may yet come to
// be. Those that stay are left to Sweep.
func (t *table) discard(ctx context.Context, files []file) {
	t.drafts.end(files)
	for chunk := range slices.Chunk(files, analytics.MaxObjectList) {
		names := make([]string, len(chunk))
		for i := range chunk {
			names[i] = t.prefix + chunk[i].name
		}
		if err := t.lake.objects.Delete(ctx, t.tenant, names...); err != nil {
			t.lake.options.Logger.WarnContext(ctx, "lakeanalytics: files not discarded", "table", t.prefix, "err", err)
		}
	}
}

// choose decides on the outcomes, and returns the ids and rows that are new.
// Rows of an id that came in one request belong together.
func (t *table) choose(requests []*request) (ids []digest, rows []storedRow) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	chosen := map[digest]*request{}
	for _, r := range requests {
		for i := range r.rows {
			if r.rows[i].ID != "" {
				d := r.digests[i]
				by := chosen[d]
				if by == nil && !t.state.ids.has(d) {
					by = r
					chosen[d] = r
					ids = append(ids, d)
				}
				if by != r {
					r.outcomes[i] = analytics.Duplicate
					continue
				}
			}
			r.outcomes[i] = analytics.Stored
			rows = append(rows, storedRow{r.rows[i], uint64(len(rows))})
		}
	}
	return ids, rows
}
