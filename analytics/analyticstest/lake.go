package analyticstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// OpenLake makes an empty lake for one test, and returns what another process
// would have: lakes over the same files, with the same cursor keys.
type OpenLake func(t *testing.T) (process func() analytics.Lake)

// TestLake checks the contract of analytics.Lake on the lakes that open makes.
func TestLake(t *testing.T, open OpenLake) {
	for _, group := range []struct {
		name  string
		tests []lakeTest
	}{
		{"Isolation", lakeIsolationTests},
		{"Declare", declareTests},
		{"Append", lakeAppendTests},
		{"Rows", rowTests},
		{"Paging", rowPagingTests},
		{"Snapshot", snapshotTests},
		{"Replace", replaceTests},
		{"Delete", lakeDeleteTests},
		{"Sweep", sweepTests},
		{"Calls", lakeCallTests},
		{"Columns", columnTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			runLake(t, open, group.tests)
		})
	}
}

// TestLakeIsolation checks that tenants are apart. It is part of [TestLake].
func TestLakeIsolation(t *testing.T, open OpenLake) { runLake(t, open, lakeIsolationTests) }

func runLake(t *testing.T, open OpenLake, tests []lakeTest) {
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			test.check(newLakeFixture(t, open))
		})
	}
}

// lakeTest checks one sentence of the contract.
type lakeTest struct {
	sentence string
	check    func(*lakeFixture)
}

// lakeFixture is a lake as two processes have it, and what a test needs to
// speak to it.
type lakeFixture struct {
	*testing.T
	ctx         context.Context
	process     func() analytics.Lake
	lake, other analytics.Lake
	a, b        tenant.ID
	pump, fan   device.ID
	noon        time.Time
	channel     analytics.TableID
	store       analytics.TableID
}

// newLakeFixture declares a channel and a data store of JSON for tenant a.
func newLakeFixture(t *testing.T, open OpenLake) *lakeFixture {
	t.Helper()
	process := open(t)
	f := &lakeFixture{
		T:       t,
		ctx:     t.Context(),
		process: process,
		lake:    process(),
		other:   process(),
		a:       tenant.MustParseID("acme"),
		b:       tenant.MustParseID("acme-b"),
		pump:    device.MustParseID("pump"),
		fan:     device.MustParseID("fan"),
		noon:    time.Date(2020, 3, 1, 12, 0, 0, 0, time.UTC),
		channel: analytics.TableID{Kind: analytics.ChannelTable, Name: "raw"},
		store:   analytics.TableID{Kind: analytics.DatastoreTable, Name: "clean"},
	}
	f.declare(f.a, analytics.Table{TableID: f.channel})
	f.declare(f.a, analytics.Table{TableID: f.store, Format: pipeline.FormatJSON})
	return f
}

func (f *lakeFixture) declare(id tenant.ID, table analytics.Table) {
	f.Helper()
	if err := f.lake.Declare(f.ctx, id, table); err != nil {
		f.Fatalf("Declare: %v", err)
	}
}

// parquet declares a data store of Parquet, wide.
func (f *lakeFixture) parquet(columns ...pipeline.Column) analytics.TableID {
	f.Helper()
	id := analytics.TableID{Kind: analytics.DatastoreTable, Name: "wide"}
	f.declare(f.a, analytics.Table{TableID: id, Format: pipeline.FormatParquet, Columns: columns})
	return id
}

// row returns a row of the pump, received so many hours after noon.
func (f *lakeFixture) row(id string, hours float64, payload string) analytics.Row {
	return analytics.Row{ID: id, Thing: f.pump, At: f.after(hours), Payload: []byte(payload)}
}

func (f *lakeFixture) after(hours float64) time.Time {
	return f.noon.Add(time.Duration(hours * float64(time.Hour)))
}

// append appends rows, which must succeed.
func (f *lakeFixture) append(id tenant.ID, table analytics.TableID, rows ...analytics.Row) []analytics.Outcome {
	f.Helper()
	return f.appendBy(f.lake, id, table, rows...)
}

func (f *lakeFixture) appendBy(lake analytics.Lake, id tenant.ID, table analytics.TableID, rows ...analytics.Row) []analytics.Outcome {
	f.Helper()
	outcomes, err := lake.Append(f.ctx, id, table, rows)
	if err != nil {
		f.Fatalf("Append: %v", err)
	}
	if len(outcomes) != len(rows) {
		f.Fatalf("Append of %d rows: %d outcomes", len(rows), len(outcomes))
	}
	return outcomes
}

// wantOutcomes checks the outcomes of an append.
func (f *lakeFixture) wantOutcomes(got []analytics.Outcome, want ...analytics.Outcome) {
	f.Helper()
	if !slices.Equal(got, want) {
		f.Errorf("outcomes %v, want %v", got, want)
	}
}

// rows returns all rows that a query selects.
func (f *lakeFixture) rows(lake analytics.Lake, id tenant.ID, table analytics.TableID, query analytics.RowQuery) (rows []analytics.Row) {
	f.Helper()
	for {
		page, err := lake.Rows(f.ctx, id, table, query)
		if err != nil {
			f.Fatalf("Rows: %v", err)
		}
		rows = append(rows, page.Items...)
		if query.Cursor = page.Next; page.Next == "" {
			return rows
		}
	}
}

// wantRows checks the payloads of all rows, as both processes see them.
func (f *lakeFixture) wantRows(id tenant.ID, table analytics.TableID, want ...string) {
	f.Helper()
	f.wantSelected(id, table, analytics.RowQuery{}, want...)
}

func (f *lakeFixture) wantSelected(id tenant.ID, table analytics.TableID, query analytics.RowQuery, want ...string) {
	f.Helper()
	for name, lake := range map[string]analytics.Lake{"the process": f.lake, "another process": f.other} {
		if got := payloads(f.rows(lake, id, table, query)); !slices.Equal(got, want) {
			f.Errorf("rows of %s by %s: %q, want %q", table.Name, name, got, want)
		}
	}
}

func payloads(rows []analytics.Row) (texts []string) {
	for _, r := range rows {
		texts = append(texts, string(r.Payload))
	}
	return texts
}

func (f *lakeFixture) snapshot(id tenant.ID, table analytics.TableID) analytics.Snapshot {
	f.Helper()
	snapshot, err := f.lake.Snapshot(f.ctx, id, table)
	if err != nil {
		f.Fatalf("Snapshot: %v", err)
	}
	return snapshot
}

// delete deletes, which must succeed.
func (f *lakeFixture) delete(id tenant.ID, table analytics.TableID, deletion analytics.Deletion) {
	f.Helper()
	if err := f.lake.Delete(f.ctx, id, table, deletion); err != nil {
		f.Fatalf("Delete: %v", err)
	}
}

func (f *lakeFixture) sweep(id tenant.ID) {
	f.Helper()
	if err := f.lake.Sweep(f.ctx, id); err != nil {
		f.Fatalf("Sweep: %v", err)
	}
}

func (f *lakeFixture) wantErr(call string, err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Errorf("%s: %v, want %v", call, err, want)
	}
}

// lakeCalls makes a call of each method about a table, and returns the errors
// by the method.
func (f *lakeFixture) lakeCalls(ctx context.Context, id tenant.ID, table analytics.TableID) map[string]error {
	errs := map[string]error{}
	_, errs["Append"] = f.lake.Append(ctx, id, table, []analytics.Row{f.row("", 0, "{}")})
	_, errs["Rows"] = f.lake.Rows(ctx, id, table, analytics.RowQuery{})
	_, errs["Snapshot"] = f.lake.Snapshot(ctx, id, table)
	errs["Replace"] = f.lake.Replace(ctx, id, table, f.channel, f.noon, f.after(24))
	errs["Replace from"] = f.lake.Replace(ctx, id, f.channel, table, f.noon, f.after(24))
	errs["Delete"] = f.lake.Delete(ctx, id, table, analytics.Deletion{Things: []device.ID{f.fan}})
	return errs
}

// number returns a payload that is a JSON object.
func number(n int) string { return fmt.Sprintf(`{"n":%d}`, n) }
