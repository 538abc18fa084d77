package analyticstest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// TestLakeModel runs random operations of two tenants on lakes and on a naive
// model, and compares every result. Several processes take turns, and are
// replaced by new ones. Calls may fail with kind iotenant.ErrUnavailable, which
// must have kept an append as a whole or not at all. The same seed makes the
// same operations; it is logged.
func TestLakeModel(t *testing.T, open OpenLake, seed uint64, operations int) {
	t.Helper()
	t.Logf("seed %d, %d operations", seed, operations)
	r := newLakeRun(t, open(t), seed)
	for i := range operations {
		r.step()
		if t.Failed() {
			t.Fatalf("seed %d: operation %d differs from the model", seed, i)
		}
	}
	for _, table := range r.tables {
		r.compare(table)
	}
}

// lakeRun is a run of the model.
type lakeRun struct {
	*testing.T
	random  *rand.Rand
	process func() analytics.Lake
	lakes   []analytics.Lake
	tables  []*modelTable
	walks   []*walk
	sent    int
}

// modelTable is a table of the model.
type modelTable struct {
	tenant   tenant.ID
	declared analytics.Table
	staging  *modelTable // what may replace its rows
	exists   bool
	rows     []modelRow // by time and sequence
	ids      map[string]bool
	sequence int
	sentRows [][]analytics.Row
}

type modelRow struct {
	analytics.Row
	sequence int
}

// walk is a query that is read page by page while the table changes.
type walk struct {
	table *modelTable
	query analytics.RowQuery
	start map[string]bool // payloads
	seen  map[string]int
}

func newLakeRun(t *testing.T, process func() analytics.Lake, seed uint64) *lakeRun {
	t.Helper()
	r := &lakeRun{T: t, random: rand.New(rand.NewPCG(seed, seed)), process: process}
	for range 3 {
		r.lakes = append(r.lakes, process())
	}
	columns := []pipeline.Column{{Name: "n", Type: "bigint"}, {Name: "site", Type: "string"}}
	sites := []pipeline.Partition{{Attribute: "site"}}
	for _, id := range []tenant.ID{tenant.MustParseID("acme"), tenant.MustParseID("acme-b")} {
		for _, table := range []analytics.Table{
			{TableID: analytics.TableID{Kind: analytics.ChannelTable, Name: "raw"}},
			{TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "raw"}, Format: pipeline.FormatJSON},
			{TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "Wide"}, Format: pipeline.FormatParquet, Columns: columns, Partitions: sites},
		} {
			staging := table
			staging.Name += "_new"
			into, from := &modelTable{tenant: id, declared: table}, &modelTable{tenant: id, declared: staging}
			into.staging = from
			r.tables = append(r.tables, into, from)
			r.declare(into)
		}
	}
	return r
}

func (r *lakeRun) lake() analytics.Lake { return r.lakes[r.random.IntN(len(r.lakes))] }

// until repeats a call until it does not fail for want of a backend. again
// tells that it was repeated, and may have had its effect before.
func (r *lakeRun) until(call func(lake analytics.Lake) error) (again bool, err error) {
	for range 100 {
		if err = call(r.lake()); !errors.Is(err, iotenant.ErrUnavailable) {
			return again, err
		}
		if errors.Is(err, analytics.ErrCorrupt) {
			r.Fatalf("corrupt: %v", err)
		}
		again = true
	}
	r.Fatalf("fails all the time: %v", err)
	return again, err
}

func (r *lakeRun) step() {
	r.Helper()
	table := r.tables[r.random.IntN(len(r.tables))]
	switch n := r.random.IntN(100); {
	case n < 50:
		r.stepAppend(table)
	case n < 62:
		r.compare(table)
	case n < 80:
		r.stepWalk(table)
	case n < 88:
		r.stepSweep(table)
	case n < 92:
		r.stepDelete(table)
	case n < 95:
		r.stepReplace(table)
	default:
		r.lakes[r.random.IntN(len(r.lakes))] = r.process()
	}
}

// declare declares a table, again perhaps.
func (r *lakeRun) declare(table *modelTable) {
	r.Helper()
	if _, err := r.until(func(lake analytics.Lake) error { return lake.Declare(r.Context(), table.tenant, table.declared) }); err != nil {
		r.Fatalf("Declare: %v", err)
	}
	if !table.exists {
		table.exists, table.ids, table.sequence, table.sentRows = true, map[string]bool{}, 0, nil
	}
}

func (r *lakeRun) stepAppend(table *modelTable) {
	r.Helper()
	if !table.exists {
		_, err := r.until(func(lake analytics.Lake) error {
			_, err := lake.Append(r.Context(), table.tenant, table.declared.TableID, r.fresh())
			return err
		})
		if !errors.Is(err, analytics.ErrNoTable) {
			r.Errorf("Append to no table: %v", err)
		}
		r.declare(table)
		return
	}
	rows := r.fresh()
	if n := len(table.sentRows); n > 0 && r.random.IntN(4) == 0 { // send some again, cut otherwise
		old := table.sentRows[r.random.IntN(n)]
		rows = append(rows[:r.random.IntN(len(rows))], old[r.random.IntN(len(old)):]...)
		rows = slices.DeleteFunc(slices.Clone(rows), func(row analytics.Row) bool { return row.ID == "" })
	}
	if len(rows) == 0 {
		return
	}
	table.sentRows = append(table.sentRows, rows)
	got, err := r.lake().Append(r.Context(), table.tenant, table.declared.TableID, rows)
	want, added := table.expect(rows)
	switch {
	case errors.Is(err, iotenant.ErrUnavailable) && !errors.Is(err, analytics.ErrCorrupt):
		if !r.kept(table, added) {
			return
		}
	case err != nil:
		r.Fatalf("Append: %v", err)
	case !slices.Equal(got, want):
		r.Errorf("outcomes %v, want %v", got, want)
	}
	table.add(added)
}

// fresh makes rows with payloads that there have not been.
func (r *lakeRun) fresh() []analytics.Row {
	rows := make([]analytics.Row, 1+r.random.IntN(6))
	for i := range rows {
		r.sent++
		rows[i] = analytics.Row{
			ID:      fmt.Sprint("m", r.sent),
			Thing:   device.MustParseID(fmt.Sprint("thing-", r.random.IntN(4))),
			At:      time.Date(2020, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(r.random.IntN(12)) * 5 * time.Hour),
			Payload: fmt.Appendf(nil, `{"n":%d,"site":"%c"}`, r.sent, 'a'+rune(r.random.IntN(3))),
		}
		switch r.random.IntN(8) {
		case 0:
			rows[i].ID = ""
		case 1:
			if i > 0 {
				rows[i].ID = rows[i-1].ID
			}
		case 2:
			rows[i].Thing = device.ID{}
		}
	}
	return rows
}

// expect returns the outcomes of an append, and the rows that it adds.
func (m *modelTable) expect(rows []analytics.Row) (want []analytics.Outcome, added []analytics.Row) {
	for _, row := range rows {
		if row.ID != "" && m.ids[row.ID] {
			want = append(want, analytics.Duplicate)
			continue
		}
		want = append(want, analytics.Stored)
		added = append(added, row)
	}
	return want, added
}

func (m *modelTable) add(rows []analytics.Row) {
	for _, row := range rows {
		m.insert(row)
	}
}

func (m *modelTable) insert(row analytics.Row) {
	if row.ID != "" {
		m.ids[row.ID] = true
	}
	m.rows = append(m.rows, modelRow{row, m.sequence})
	m.sequence++
	slices.SortStableFunc(m.rows, func(a, b modelRow) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return a.sequence - b.sequence
	})
}

// kept reports whether the rows of an append that failed are there: all or
// none.
func (r *lakeRun) kept(table *modelTable, rows []analytics.Row) bool {
	r.Helper()
	there := map[string]bool{}
	for _, row := range r.read(table, analytics.RowQuery{Limit: tenant.MaxLimit}) {
		there[string(row.Payload)] = true
	}
	n := 0
	for _, row := range rows {
		if there[string(row.Payload)] {
			n++
		}
	}
	if n > 0 && n < len(rows) {
		r.Errorf("%d of %d rows of a failed append are there", n, len(rows))
	}
	return n > 0
}

// read returns all rows that a query selects.
func (r *lakeRun) read(table *modelTable, query analytics.RowQuery) (rows []analytics.Row) {
	r.Helper()
	for {
		page := r.page(table, query)
		rows = append(rows, page.Items...)
		if query.Cursor = page.Next; page.Next == "" {
			return rows
		}
	}
}

func (r *lakeRun) page(table *modelTable, query analytics.RowQuery) (page analytics.Page[analytics.Row]) {
	r.Helper()
	if _, err := r.until(func(lake analytics.Lake) (err error) {
		page, err = lake.Rows(r.Context(), table.tenant, table.declared.TableID, query)
		return err
	}); err != nil {
		r.Fatalf("Rows: %v", err)
	}
	return page
}

// compare compares all rows, and what a snapshot says.
func (r *lakeRun) compare(table *modelTable) {
	r.Helper()
	var snapshot analytics.Snapshot
	_, err := r.until(func(lake analytics.Lake) (err error) {
		snapshot, err = lake.Snapshot(r.Context(), table.tenant, table.declared.TableID)
		return err
	})
	if !table.exists {
		if !errors.Is(err, analytics.ErrNoTable) {
			r.Errorf("Snapshot of no table: %v", err)
		}
		return
	}
	if err != nil {
		r.Fatalf("Snapshot: %v", err)
	}
	query := analytics.RowQuery{Limit: 1 + r.random.IntN(50)}
	got := r.read(table, query)
	if !slices.EqualFunc(got, table.rows, func(a analytics.Row, b modelRow) bool {
		return (a.ID == b.ID || table.declared.Kind == analytics.DatastoreTable) && a.Thing == b.Thing && a.At.Equal(b.At) && string(a.Payload) == string(b.Payload)
	}) {
		r.Errorf("rows of %s: %v, want %v", table.declared.Name, payloads(got), table.payloads())
	}
	rows := int64(0)
	for _, file := range snapshot.Files {
		rows += file.Rows
	}
	if rows != int64(len(table.rows)) {
		r.Errorf("a snapshot of %d rows, want %d", rows, len(table.rows))
	}
}

func (m *modelTable) payloads() (texts []string) {
	for _, row := range m.rows {
		texts = append(texts, string(row.Payload))
	}
	return texts
}

// stepWalk begins a walk, or reads a page of one.
func (r *lakeRun) stepWalk(table *modelTable) {
	r.Helper()
	if len(r.walks) < 4 && table.exists {
		w := &walk{table: table, query: analytics.RowQuery{Limit: 1 + r.random.IntN(8)}, start: map[string]bool{}, seen: map[string]int{}}
		for _, payload := range table.payloads() {
			w.start[payload] = true
		}
		r.walks = append(r.walks, w)
	}
	r.walks = slices.DeleteFunc(r.walks, func(w *walk) bool { return !w.table.exists })
	if len(r.walks) == 0 {
		return
	}
	w := r.walks[r.random.IntN(len(r.walks))]
	page := r.page(w.table, w.query)
	for _, row := range page.Items {
		if w.seen[string(row.Payload)]++; w.seen[string(row.Payload)] > 1 {
			r.Errorf("%s was found twice", row.Payload)
		}
	}
	if w.query.Cursor = page.Next; page.Next != "" {
		return
	}
	for _, payload := range w.table.payloads() {
		if w.start[payload] && w.seen[payload] == 0 {
			r.Errorf("%s was not found", payload)
		}
	}
	r.walks = slices.DeleteFunc(r.walks, func(other *walk) bool { return other == w })
}

func (r *lakeRun) stepSweep(table *modelTable) {
	r.Helper()
	// Whatever of it failed is done by a later one.
	if err := r.lake().Sweep(r.Context(), table.tenant); err != nil && (!errors.Is(err, iotenant.ErrUnavailable) || errors.Is(err, analytics.ErrCorrupt)) {
		r.Errorf("Sweep: %v", err)
	}
}

func (r *lakeRun) stepDelete(table *modelTable) {
	r.Helper()
	var deletion analytics.Deletion
	switch n := r.random.IntN(8); {
	case n == 0:
		deletion.Table = true
	case n < 3:
		deletion.Before = time.Date(2020, 3, 1+r.random.IntN(4), 7, 0, 0, 0, time.UTC)
	default:
		deletion.Things = []device.ID{device.MustParseID(fmt.Sprint("thing-", r.random.IntN(4)))}
	}
	again, err := r.until(func(lake analytics.Lake) error {
		return lake.Delete(r.Context(), table.tenant, table.declared.TableID, deletion)
	})
	if !table.exists || again && deletion.Table && err != nil {
		if !errors.Is(err, analytics.ErrNoTable) {
			r.Errorf("Delete of no table: %v", err)
		}
		table.drop()
		return
	}
	if err != nil {
		r.Fatalf("Delete: %v", err)
	}
	if deletion.Table {
		table.drop()
		return
	}
	table.rows = slices.DeleteFunc(table.rows, func(row modelRow) bool {
		return (deletion.Before.IsZero() || row.At.Before(deletion.Before.Truncate(24*time.Hour))) &&
			(len(deletion.Things) == 0 || slices.Contains(deletion.Things, row.Thing))
	})
}

func (m *modelTable) drop() { m.exists, m.rows = false, nil }

// stepReplace replaces the rows of some days. Those of the staging table that
// are of others are deleted first.
func (r *lakeRun) stepReplace(into *modelTable) {
	r.Helper()
	from := into.staging
	if from == nil || !into.exists || !from.exists {
		return
	}
	first := time.Date(2020, 3, 1+r.random.IntN(3), 0, 0, 0, 0, time.UTC)
	end := time.Date(2020, 3, 8, 0, 0, 0, 0, time.UTC)
	if _, err := r.until(func(lake analytics.Lake) error {
		return lake.Delete(r.Context(), from.tenant, from.declared.TableID, analytics.Deletion{Before: first})
	}); err != nil {
		r.Fatalf("Delete: %v", err)
	}
	from.rows = slices.DeleteFunc(from.rows, func(row modelRow) bool { return row.At.Before(first) })
	again, err := r.until(func(lake analytics.Lake) error {
		return lake.Replace(r.Context(), into.tenant, into.declared.TableID, from.declared.TableID, first, end)
	})
	if err != nil && (!again || !errors.Is(err, analytics.ErrNoTable)) {
		r.Fatalf("Replace: %v", err)
	}
	into.rows = slices.DeleteFunc(into.rows, func(row modelRow) bool { return !row.At.Before(first) })
	base := into.sequence
	for _, row := range from.rows {
		row.sequence += base
		into.rows = append(into.rows, row)
	}
	slices.SortStableFunc(into.rows, func(a, b modelRow) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return a.sequence - b.sequence
	})
	into.sequence += from.sequence
	maps.Copy(into.ids, from.ids)
	from.drop()
}
