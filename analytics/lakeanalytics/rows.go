package lakeanalytics

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Rows implements analytics.Lake. A page ends early when its payloads exceed
// 4 MiB.
func (l *Lake) Rows(ctx context.Context, id tenant.ID, name analytics.TableID, query analytics.RowQuery) (analytics.Page[analytics.Row], error) {
	page, err := l.rows(ctx, id, name, query)
	return page, kept("rows", err)
}

func (l *Lake) rows(ctx context.Context, id tenant.ID, name analytics.TableID, query analytics.RowQuery) (page analytics.Page[analytics.Row], err error) {
	err = l.opened(ctx, id, name, func(t *table) error {
		span, err := l.spanOf(id, name, &query)
		if err != nil {
			return err
		}
		page, err = t.page(ctx, span)
		if err == nil && page.Next != "" {
			page.Next = l.keys.Seal(id, scopeOf(name, &query), string(page.Next))
		}
		return err
	})
	return page, err
}

// span is what a query wants: rows after a position and before a time.
type span struct {
	after position
	to    int64
	limit int
}

// spanOf returns analytics.ErrQuery or tenant.ErrCursor.
func (l *Lake) spanOf(id tenant.ID, name analytics.TableID, query *analytics.RowQuery) (span, error) {
	limit, err := checkQuery(query)
	if err != nil {
		return span{}, err
	}
	if err := l.keys.Check(); err != nil {
		return span{}, err
	}
	s := span{after: position{at: -1, sequence: math.MaxUint64}, to: math.MaxInt64, limit: limit}
	if !query.From.IsZero() && query.From.After(minTime) {
		s.after.at = nanoseconds(query.From) - 1
	}
	if !query.To.IsZero() {
		s.to = nanoseconds(query.To)
	}
	if query.Cursor != "" {
		sealed, err := l.keys.Open(id, scopeOf(name, query), query.Cursor)
		if err != nil {
			return span{}, err
		}
		if len(sealed) != 16 {
			return span{}, tenant.ErrCursor
		}
		s.after.at = int64(binary.BigEndian.Uint64([]byte(sealed)))
		s.after.sequence = binary.BigEndian.Uint64([]byte(sealed[8:]))
	}
	return s, nil
}

// nanoseconds returns a time as Unix time; times that rows can't have as the
// nearest that they can.
func nanoseconds(t time.Time) int64 {
	if t.Before(minTime) {
		return 0
	}
	if t.After(maxTime) {
		return maxTime.UnixNano()
	}
	return t.UnixNano()
}

// scopeOf is what a cursor is bound to beside the tenant.
func scopeOf(name analytics.TableID, query *analytics.RowQuery) string {
	return fmt.Sprintf("lake rows %s %s %d %d", name.Kind, strings.ToLower(name.Name), bound(query.From), bound(query.To))
}

// bound tells a bound from none.
func bound(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return nanoseconds(t)
}

// maxReads is how often files may vanish under their reader, who begins again.
const maxReads = 8

// page reads a page. Its Next is not sealed.
func (t *table) page(ctx context.Context, s span) (analytics.Page[analytics.Row], error) {
	for range maxReads {
		p := &top{span: s}
		err := t.collect(ctx, p)
		if errors.Is(err, analytics.ErrNoObject) {
			if err := t.refresh(ctx); err != nil {
				return analytics.Page[analytics.Row]{}, err
			}
			continue
		}
		if err != nil {
			return analytics.Page[analytics.Row]{}, err
		}
		return p.page(), nil
	}
	return analytics.Page[analytics.Row]{}, fmt.Errorf("%w: %s: files are missing", analytics.ErrCorrupt, t.prefix)
}

// collect reads files in the order of their first rows, as long as they may
// have rows of the page. A few are opened at a time.
func (t *table) collect(ctx context.Context, p *top) error {
	declared, err := t.declaration()
	if err != nil {
		return err
	}
	files := t.overlapping(p.span)
	for len(files) > 0 && p.wants(files[0]) {
		n := 1
		for n < min(len(files), parallelReads) && p.wants(files[n]) {
			n++
		}
		if err := t.scanAll(ctx, &declared.table, files[:n], p); err != nil {
			return err
		}
		files = files[n:]
	}
	return ctx.Err()
}

// scanAll gives the rows of some files to the page.
func (t *table) scanAll(ctx context.Context, declared *analytics.Table, files []*file, p *top) error {
	objects := make([]analytics.Object, len(files))
	defer func() {
		for _, object := range objects {
			if object != nil {
				_ = object.Close() // it was read only
			}
		}
	}()
	var opening errgroup.Group
	for i, f := range files {
		opening.Go(func() (err error) {
			objects[i], err = t.openFile(ctx, f)
			return err
		})
	}
	if err := opening.Wait(); err != nil {
		return err
	}
	for i, f := range files {
		if !p.wants(f) {
			return nil
		}
		if err := t.scan(objects[i], declared, f, p); err != nil {
			return err
		}
	}
	return nil
}

// overlapping returns the files that may have rows of a span, by their first
// rows.
func (t *table) overlapping(s span) (files []*file) {
	t.mu.RLock()
	for _, of := range t.state.days {
		for _, f := range of {
			if f.last >= s.after.at && f.first < s.to {
				files = append(files, f)
			}
		}
	}
	t.mu.RUnlock()
	slices.SortFunc(files, func(a, b *file) int { return cmp.Compare(a.first, b.first) })
	return files
}

// scan gives the rows of a file to the page, up to the first that can't be in
// it.
func (t *table) scan(object analytics.Object, declared *analytics.Table, f *file, p *top) error {
	for r, err := range t.rowsOf(object, declared, f, p.after.at) {
		if err != nil {
			return err
		}
		at := position{r.At.UnixNano(), r.sequence}
		if at.at >= p.to || p.full && !at.less(p.last) {
			return nil
		}
		if p.after.less(at) {
			p.add(r.Row, at)
		}
	}
	return nil
}
