package analytics_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

var errFault = fmt.Errorf("injected fault: %w", iotenant.ErrUnavailable)

// fault is what happens to a call of a fakeLake: before stands for a call that
// never came, after for an answer that was lost.
type fault struct{ before, after error }

// fakeLake is a lake in memory that forgets ids as late as it may, and fails
// when it is told to.
type fakeLake struct {
	mu     sync.Mutex
	tables map[fakeKey]*fakeTable
	decide func(operation string, table analytics.TableID) fault
}

type fakeKey struct {
	id   tenant.ID
	kind analytics.TableKind
	name string
}

type fakeTable struct {
	analytics.Table
	rows    []analytics.Row
	ids     []string
	version uint64
}

func newFakeLake() *fakeLake { return &fakeLake{tables: map[fakeKey]*fakeTable{}} }

// fail sets what happens to calls from now on.
func (l *fakeLake) fail(decide func(operation string, table analytics.TableID) fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.decide = decide
}

// do makes a call, or not.
func (l *fakeLake) do(ctx context.Context, operation string, id tenant.ID, table analytics.TableID, call func(*fakeTable) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := id.Check(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var f fault
	if l.decide != nil {
		f = l.decide(operation, table)
	}
	if f.before != nil {
		return f.before
	}
	t := l.tables[keyOf(id, table)]
	if t == nil && operation != "Declare" && operation != "Sweep" {
		return analytics.ErrNoTable
	}
	return cmp.Or(call(t), f.after)
}

func keyOf(id tenant.ID, table analytics.TableID) fakeKey {
	return fakeKey{id, table.Kind, strings.ToLower(table.Name)}
}

func (l *fakeLake) Declare(ctx context.Context, id tenant.ID, table analytics.Table) error {
	return l.do(ctx, "Declare", id, table.TableID, func(t *fakeTable) error {
		if t == nil {
			l.tables[keyOf(id, table.TableID)] = &fakeTable{Table: table}
			return nil
		}
		if t.Format != table.Format || !slices.Equal(t.Partitions, table.Partitions) {
			return analytics.ErrTable
		}
		t.RetentionDays, t.Columns = table.RetentionDays, table.Columns
		return nil
	})
}

func (l *fakeLake) Append(ctx context.Context, id tenant.ID, table analytics.TableID, rows []analytics.Row) (outcomes []analytics.Outcome, err error) {
	err = l.do(ctx, "Append", id, table, func(t *fakeTable) error {
		known := map[string]bool{}
		for _, id := range t.ids {
			known[id] = true
		}
		for i := range rows {
			if len(rows[i].ID) > analytics.MaxRowID || len(rows[i].Payload) > analytics.MaxRow || strings.Contains(string(rows[i].Payload), "refuse me") && table.Kind == analytics.DatastoreTable {
				return analytics.ErrRow
			}
		}
		for i := range rows {
			if known[rows[i].ID] && rows[i].ID != "" {
				outcomes = append(outcomes, analytics.Duplicate)
				continue
			}
			row := rows[i]
			row.Payload, row.ID = slices.Clone(row.Payload), strings.Clone(row.ID)
			t.rows = append(t.rows, row)
			if row.ID != "" && !slices.Contains(t.ids, row.ID) {
				t.ids = append(t.ids, row.ID)
			}
			outcomes = append(outcomes, analytics.Stored)
		}
		t.ids = t.ids[max(0, len(t.ids)-analytics.Window):]
		t.version++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

func (l *fakeLake) Rows(ctx context.Context, id tenant.ID, table analytics.TableID, query analytics.RowQuery) (page analytics.Page[analytics.Row], err error) {
	err = l.do(ctx, "Rows", id, table, func(t *fakeTable) error {
		var selected []analytics.Row
		for _, row := range t.rows {
			if (query.From.IsZero() || !row.At.Before(query.From)) && (query.To.IsZero() || row.At.Before(query.To)) {
				selected = append(selected, row)
			}
		}
		slices.SortStableFunc(selected, func(a, b analytics.Row) int { return a.At.Compare(b.At) })
		from, _ := strconv.Atoi(string(query.Cursor))
		to := min(from+cmp.Or(query.Limit, tenant.DefaultLimit), len(selected))
		if page.Items = slices.Clone(selected[from:to]); to < len(selected) {
			page.Next = tenant.Cursor(strconv.Itoa(to))
		}
		return nil
	})
	return page, err
}

func (l *fakeLake) Snapshot(ctx context.Context, id tenant.ID, table analytics.TableID) (snapshot analytics.Snapshot, err error) {
	err = l.do(ctx, "Snapshot", id, table, func(t *fakeTable) error {
		snapshot = analytics.Snapshot{Table: t.Table, Version: t.version}
		days := map[time.Time]*analytics.File{}
		for _, row := range t.rows {
			day := row.At.UTC().Truncate(24 * time.Hour)
			f := days[day]
			if f == nil {
				f = &analytics.File{Name: fmt.Sprintf("%s/%s/%s", t.Kind, t.Name, day.Format(time.DateOnly)), Day: day, First: row.At, Last: row.At}
				days[day] = f
			}
			f.Rows++
			f.Bytes += int64(len(row.Payload))
			if row.At.Before(f.First) {
				f.First = row.At
			}
			if row.At.After(f.Last) {
				f.Last = row.At
			}
		}
		for _, f := range days {
			snapshot.Files = append(snapshot.Files, *f)
		}
		slices.SortFunc(snapshot.Files, func(a, b analytics.File) int { return a.Day.Compare(b.Day) })
		return nil
	})
	return snapshot, err
}

func (l *fakeLake) Replace(ctx context.Context, id tenant.ID, into, from analytics.TableID, first, end time.Time) error {
	return l.do(ctx, "Replace", id, from, func(t *fakeTable) error {
		target := l.tables[keyOf(id, into)]
		if target == nil {
			return analytics.ErrNoTable
		}
		outside := func(r analytics.Row) bool { return r.At.Before(first) || !r.At.Before(end) }
		kept := slices.DeleteFunc(slices.Clone(target.rows), func(r analytics.Row) bool { return !outside(r) })
		target.rows = append(kept, slices.DeleteFunc(slices.Clone(t.rows), outside)...)
		delete(l.tables, keyOf(id, from))
		return nil
	})
}

func (l *fakeLake) Delete(ctx context.Context, id tenant.ID, table analytics.TableID, deletion analytics.Deletion) error {
	return l.do(ctx, "Delete", id, table, func(t *fakeTable) error {
		if deletion.Table {
			delete(l.tables, keyOf(id, table))
		}
		if t != nil {
			t.rows = slices.DeleteFunc(t.rows, func(r analytics.Row) bool { return slices.Contains(deletion.Things, r.Thing) })
		}
		return nil
	})
}

func (l *fakeLake) Sweep(ctx context.Context, id tenant.ID) error {
	return l.do(ctx, "Sweep", id, analytics.TableID{}, func(*fakeTable) error { return nil })
}

// payloads returns the payloads of a table, sorted by time, nil if there is no
// such table.
func (l *fakeLake) payloads(id tenant.ID, kind analytics.TableKind, name string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tables[fakeKey{id, kind, strings.ToLower(name)}]
	if t == nil {
		return nil
	}
	rows := slices.Clone(t.rows)
	slices.SortStableFunc(rows, func(a, b analytics.Row) int { return a.At.Compare(b.At) })
	payloads := []string{}
	for i := range rows {
		payloads = append(payloads, string(rows[i].Payload))
	}
	return payloads
}

func (l *fakeLake) channel(id tenant.ID, name string) []string {
	return l.payloads(id, analytics.ChannelTable, name)
}

func (l *fakeLake) store(id tenant.ID, name string) []string {
	return l.payloads(id, analytics.DatastoreTable, name)
}

// tableNames returns the names of all tables of a tenant.
func (l *fakeLake) tableNames(id tenant.ID) (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.tables {
		if key.id == id {
			names = append(names, key.name)
		}
	}
	slices.Sort(names)
	return names
}

// dropping is a lake that acknowledges what it drops.
type dropping struct{ *fakeLake }

func (dropping) Append(_ context.Context, _ tenant.ID, _ analytics.TableID, _ []analytics.Row) ([]analytics.Outcome, error) {
	return nil, nil
}

// measuring is a lake that drops rows, and remembers how many came together.
type measuring struct {
	*fakeLake
	appends []int
}

func (m *measuring) Append(_ context.Context, _ tenant.ID, _ analytics.TableID, rows []analytics.Row) ([]analytics.Outcome, error) {
	size := 0
	for i := range rows {
		size += len(rows[i].Payload)
	}
	if len(rows) > analytics.MaxRows || size > analytics.MaxAppend {
		return nil, analytics.ErrRow
	}
	m.appends = append(m.appends, len(rows))
	return make([]analytics.Outcome, len(rows)), nil
}
