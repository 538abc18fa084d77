package fileanalytics_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disktest"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/tenant"
)

var lakeTable = analytics.TableID{Kind: analytics.ChannelTable, Name: "raw"}

// lakeSender sends numbered rows, each again until it is acknowledged.
type lakeSender struct{ number, acked int }

func (s *lakeSender) row(n int) analytics.Row {
	return analytics.Row{
		ID:      fmt.Sprint(s.number, "-", n),
		At:      noon.Add(time.Duration(n) * 36 * time.Minute),
		Payload: fmt.Appendf(nil, `{"sender":%d,"n":%d}`, s.number, n),
	}
}

// send sends rows until the first append that fails.
func (s *lakeSender) send(t *testing.T, lake analytics.Lake, rows int) {
	for s.acked < rows {
		var batch []analytics.Row
		for n := s.acked; n < min(rows, s.acked+1+s.acked%3); n++ {
			batch = append(batch, s.row(n))
		}
		if _, err := lake.Append(t.Context(), acmeTenant, lakeTable, batch); err != nil {
			if !isPower(err) {
				t.Errorf("Append: %v", err)
			}
			return
		}
		s.acked += len(batch)
	}
}

var acmeTenant = tenant.MustParseID("acme")

// TestLakePowerLoss cuts the power while a lake in a folder is written and
// swept, again and again, and lets senders go on where they were.
func TestLakePowerLoss(t *testing.T) {
	t.Parallel()
	runs := 12
	if testing.Short() {
		runs = 3
	}
	for seed := range uint64(runs) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			lakePowerLoss(t, rand.New(rand.NewPCG(seed, 3)))
		})
	}
}

func lakePowerLoss(t *testing.T, random *rand.Rand) {
	const rows, cuts = 40, 10
	senders := []*lakeSender{{number: 0}, {number: 1}, {number: 2}}
	memory, keys, clock := disktest.New(), tenant.RandomCursorKeys(), time.Now()
	open := func() *lakeanalytics.Lake {
		objects := newAging(t, fileanalytics.NewFolder("/data", fileanalytics.FolderOnDisk(memory)), clock)
		return lakeanalytics.New(objects, keys, func(o *lakeanalytics.Options) {
			o.Checkpoint, o.Now = 5, func() time.Time { return objects.now }
		})
	}
	require.NoError(t, open().Declare(t.Context(), acmeTenant, analytics.Table{TableID: lakeTable}))
	for range cuts {
		lake, other := open(), open()
		memory.PowerOffAfter(random.IntN(400))
		var group sync.WaitGroup
		for i, s := range senders {
			group.Go(func() { s.send(t, []analytics.Lake{lake, other}[i%2], rows) })
		}
		group.Go(func() {
			for range 3 {
				if err := other.Sweep(t.Context(), acmeTenant); err != nil && !isPower(err) {
					t.Errorf("Sweep: %v", err)
				}
			}
		})
		group.Wait()
		memory = memory.Restart(random)
		clock = clock.Add(2 * time.Hour)
		checkLake(t, open(), senders)
	}
	for _, s := range senders {
		s.send(t, open(), rows)
		require.Equal(t, rows, s.acked)
	}
	require.NoError(t, open().Sweep(t.Context(), acmeTenant))
	checkLake(t, open(), senders)
}

// aging lets grace pass between power cuts: what was there before is old, what
// is made afterwards is not.
type aging struct {
	analytics.Objects
	now time.Time
	old map[string]bool
}

func newAging(t *testing.T, objects analytics.Objects, now time.Time) *aging {
	t.Helper()
	a := &aging{objects, now, map[string]bool{}}
	for after := ""; ; {
		infos, err := objects.List(t.Context(), acmeTenant, "", after, analytics.MaxObjectList)
		require.NoError(t, err)
		for _, info := range infos {
			a.old[info.Name] = true
			after = info.Name
		}
		if len(infos) < analytics.MaxObjectList {
			return a
		}
	}
}

// List implements analytics.Objects.
func (a *aging) List(ctx context.Context, id tenant.ID, prefix, after string, limit int) ([]analytics.ObjectInfo, error) {
	infos, err := a.Objects.List(ctx, id, prefix, after, limit)
	for i := range infos {
		if infos[i].Modified = a.now; a.old[infos[i].Name] && infos[i].Name != "lake/clock" {
			infos[i].Modified = a.now.Add(-2 * time.Hour)
		}
	}
	return infos, err
}

// checkLake checks that everything acknowledged is there, and nothing twice.
func checkLake(t *testing.T, lake analytics.Lake, senders []*lakeSender) {
	t.Helper()
	seen := map[string]bool{}
	query := analytics.RowQuery{Limit: 100}
	for {
		page, err := lake.Rows(t.Context(), acmeTenant, lakeTable, query)
		require.NoError(t, err)
		for _, row := range page.Items {
			require.False(t, seen[row.ID], "%s is there twice", row.ID)
			seen[row.ID] = true
		}
		if query.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	for _, s := range senders {
		for n := range s.acked {
			require.True(t, seen[s.row(n).ID], "acknowledged row %d of %d is lost", n, s.number)
		}
	}
}

func isPower(err error) bool { return errors.Is(err, disktest.ErrPower) }
