package lakeanalytics_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var (
	raw  = analytics.TableID{Kind: analytics.ChannelTable, Name: "raw"}
	noon = time.Date(2020, 3, 1, 12, 0, 0, 0, time.UTC)
)

// rig is a lake over objects in memory, with one clock for both.
type rig struct {
	*testing.T
	objects analytics.Objects
	keys    tenant.CursorKeys
	mu      sync.Mutex
	now     time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, keys: tenant.RandomCursorKeys(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	r.objects = memanalytics.NewObjects(func(o *memanalytics.ObjectsOptions) { o.Now = r.clock })
	require.NoError(t, r.lake().Declare(t.Context(), acme, analytics.Table{TableID: raw}))
	return r
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *rig) lake(optFns ...func(*lakeanalytics.Options)) *lakeanalytics.Lake {
	return r.lakeOver(r.objects, optFns...)
}

func (r *rig) lakeOver(objects analytics.Objects, optFns ...func(*lakeanalytics.Options)) *lakeanalytics.Lake {
	options := append([]func(*lakeanalytics.Options){func(o *lakeanalytics.Options) { o.Now, o.Checkpoint = r.clock, 4 }}, optFns...)
	return lakeanalytics.New(objects, r.keys, options...)
}

func (r *rig) append(lake *lakeanalytics.Lake, n int) (analytics.Outcome, error) {
	outcomes, err := lake.Append(r.Context(), acme, raw, []analytics.Row{{ID: fmt.Sprint(n), Thing: device.MustParseID("pump"), At: noon.Add(time.Duration(n) * time.Second), Payload: fmt.Append(nil, n)}})
	if err != nil {
		return 0, err
	}
	return outcomes[0], nil
}

func (r *rig) mustAppend(lake *lakeanalytics.Lake, n int) {
	r.Helper()
	outcome, err := r.append(lake, n)
	require.NoError(r, err)
	require.Equal(r, analytics.Stored, outcome)
}

func (r *rig) rows(lake *lakeanalytics.Lake) (payloads []string) {
	r.Helper()
	page, err := lake.Rows(r.Context(), acme, raw, analytics.RowQuery{Limit: tenant.MaxLimit})
	require.NoError(r, err)
	for _, row := range page.Items {
		payloads = append(payloads, string(row.Payload))
	}
	return payloads
}

func numbers(n int) (texts []string) {
	for i := range n {
		texts = append(texts, fmt.Sprint(i))
	}
	return texts
}

// names returns the names of objects with a prefix.
func (r *rig) names(prefix string) (names []string) {
	r.Helper()
	infos, err := r.objects.List(r.Context(), acme, prefix, "", analytics.MaxObjectList)
	require.NoError(r, err)
	for _, info := range infos {
		names = append(names, info.Name)
	}
	return names
}

func TestTheLogIsShortenedAfterGrace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lake, stale := r.lake(), r.lake()
	for n := range 30 {
		r.mustAppend(lake, n)
		if n == 2 {
			require.Len(t, r.rows(stale), 3)
		}
	}
	require.NoError(t, lake.Sweep(t.Context(), acme))
	before := r.names("channel/raw/")
	require.Greater(t, len(before), 60, "files and commits stay for the time of grace")

	r.pass(2 * time.Hour)
	require.NoError(t, lake.Sweep(t.Context(), acme))
	require.Len(t, r.names("channel/raw/__dt="), 1)
	require.Less(t, len(r.names("channel/raw/_log/")), 12)

	// Whoever knew only what is gone knows what to do.
	require.Equal(t, numbers(30), r.rows(stale))
	require.Equal(t, numbers(30), r.rows(r.lake()))
	outcome, err := r.append(stale, 7)
	require.NoError(t, err)
	require.Equal(t, analytics.Duplicate, outcome)
	r.mustAppend(stale, 30)
	require.Equal(t, numbers(31), r.rows(lake))
}

// TestACommitThatComesAfterItsTimeDoesNotCount lets a process sleep between its
// look at the log and its commit, until the commits that it did not see are
// deleted: its commit takes the place of one of those.
func TestACommitThatComesAfterItsTimeDoesNotCount(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lake := r.lake()
	asleep := func(call analyticstest.Call) (fault analyticstest.Fault) {
		if call.Operation == analyticstest.OpCreate {
			for n := range 20 {
				r.mustAppend(lake, n)
			}
			for range 3 {
				r.pass(2 * time.Hour)
				require.NoError(t, lake.Sweep(t.Context(), acme))
			}
		}
		return fault
	}
	var once sync.Once
	sleeper := r.lakeOver(analyticstest.FaultyObjects(r.objects, func(call analyticstest.Call) (fault analyticstest.Fault) {
		if call.Operation == analyticstest.OpCreate {
			once.Do(func() { fault = asleep(call) })
		}
		return fault
	}))
	_, err := r.append(sleeper, 20)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	r.mustAppend(sleeper, 20)
	require.Equal(t, numbers(21), r.rows(lake))
	require.Equal(t, numbers(21), r.rows(sleeper))
	require.Equal(t, numbers(21), r.rows(r.lake()))
}

// TestADraftThatIsSweptIsWrittenAgain lets a process sleep between its file and
// its commit, until another takes the file for one that a crash left behind.
func TestADraftThatIsSweptIsWrittenAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := r.lake()
	var once sync.Once
	sleeper := r.lakeOver(analyticstest.FaultyObjects(r.objects, func(call analyticstest.Call) (fault analyticstest.Fault) {
		if call.Operation == analyticstest.OpCreate {
			once.Do(func() {
				require.Len(t, r.names("channel/raw/__dt="), 1)
				r.pass(2 * time.Hour)
				require.NoError(t, other.Sweep(t.Context(), acme))
				require.Empty(t, r.names("channel/raw/__dt="))
			})
		}
		return fault
	}))
	r.mustAppend(sleeper, 0)
	require.Equal(t, numbers(1), r.rows(other))
}

func TestWhatCrashesLeaveBehindIsSwept(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lake := r.lake()
	r.mustAppend(lake, 0)
	broken := r.lakeOver(analyticstest.FaultyObjects(r.objects, func(call analyticstest.Call) (fault analyticstest.Fault) {
		if call.Operation == analyticstest.OpCreate {
			fault.Before = analyticstest.ErrFault
		}
		return fault
	}))
	_, err := r.append(broken, 1)
	require.ErrorIs(t, err, analyticstest.ErrFault)
	strange := "channel/raw/__dt=2020-03-01/notes.txt"
	require.NoError(t, r.objects.Put(t.Context(), acme, strange, strings.NewReader("not of the lake")))
	require.Len(t, r.names("channel/raw/__dt="), 3)
	require.Equal(t, numbers(1), r.rows(lake))

	require.NoError(t, lake.Sweep(t.Context(), acme))
	require.Len(t, r.names("channel/raw/__dt="), 3, "it may still be on its way")
	r.pass(2 * time.Hour)
	require.NoError(t, lake.Sweep(t.Context(), acme))
	require.Len(t, r.names("channel/raw/__dt="), 2)
	require.Contains(t, r.names("channel/raw/__dt="), strange)
	require.Equal(t, numbers(1), r.rows(lake))
	outcome, err := r.append(lake, 1)
	require.NoError(t, err)
	require.Equal(t, analytics.Stored, outcome)
}

// TestALostAnswerIsNoDuplicate loses the answer to a commit, for ever or once.
func TestALostAnswerIsNoDuplicate(t *testing.T) {
	t.Parallel()
	for lost := 1; lost <= 2; lost++ {
		r := newRig(t)
		left := lost
		lake := r.lakeOver(analyticstest.FaultyObjects(r.objects, func(call analyticstest.Call) (fault analyticstest.Fault) {
			if call.Operation == analyticstest.OpCreate && left > 0 {
				left--
				fault.After = analyticstest.ErrFault
			}
			return fault
		}))
		outcome, err := r.append(lake, 0)
		if lost == 1 {
			require.NoError(t, err)
			require.Equal(t, analytics.Stored, outcome)
		} else {
			require.ErrorIs(t, err, analyticstest.ErrFault)
			outcome, err = r.append(lake, 0)
			require.NoError(t, err)
			require.Equal(t, analytics.Duplicate, outcome)
		}
		require.Equal(t, numbers(1), r.rows(r.lake()))
	}
}

// TestDamageOfTheLogIsTold takes objects of the log away, cuts them, and puts
// others in their place.
func TestDamageOfTheLogIsTold(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(r *rig, log []string) (where string){
		"a commit is missing": func(r *rig, log []string) string {
			require.NoError(r, r.objects.Delete(r.Context(), acme, log[len(log)-3]))
			return log[len(log)-3]
		},
		"a commit is torn": func(r *rig, log []string) string {
			require.NoError(r, r.objects.Put(r.Context(), acme, log[len(log)-2], strings.NewReader("itlake01 torn")))
			return log[len(log)-2]
		},
		"the checkpoint is torn": func(r *rig, log []string) string {
			for _, name := range log {
				if strings.HasSuffix(name, ".checkpoint") {
					require.NoError(r, r.objects.Put(r.Context(), acme, name, bytes.NewReader(nil)))
				}
			}
			return ".checkpoint"
		},
		"something else": func(r *rig, _ []string) string {
			require.NoError(r, r.objects.Put(r.Context(), acme, "channel/raw/_log/00000000000000000099.tmp", strings.NewReader("x")))
			return "_log/00000000000000000099.tmp"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			lake := r.lake()
			for n := range 6 { // a checkpoint at 4, commits up to 7
				r.mustAppend(lake, n)
			}
			where := damage(r, r.names("channel/raw/_log/"))
			for call, err := range map[string]error{
				"rows":   second(r.lake().Rows(t.Context(), acme, raw, analytics.RowQuery{})),
				"append": second(r.append(r.lake(), 9)),
				"sweep":  r.lake().Sweep(t.Context(), acme),
			} {
				require.ErrorIs(t, err, analytics.ErrCorrupt, call)
				require.ErrorContains(t, err, where, call)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

func TestAMissingOrTornFileIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lake := r.lake()
	r.mustAppend(lake, 0)
	name := r.names("channel/raw/__dt=")[0]
	require.NoError(t, r.objects.Put(t.Context(), acme, name, strings.NewReader("torn")))
	_, err := lake.Rows(t.Context(), acme, raw, analytics.RowQuery{})
	require.ErrorIs(t, err, analytics.ErrCorrupt)
	require.ErrorContains(t, err, name)
	require.NoError(t, r.objects.Delete(t.Context(), acme, name))
	_, err = lake.Rows(t.Context(), acme, raw, analytics.RowQuery{})
	require.ErrorIs(t, err, analytics.ErrCorrupt)
}

func TestAStrangePointerIsNoDamage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lake := r.lake()
	for n := range 6 {
		r.mustAppend(lake, n)
	}
	for _, content := range []string{"", "x", "00000000000000000099.checkpoint", "../../x"} {
		require.NoError(t, r.objects.Put(t.Context(), acme, "channel/raw/_log/latest", strings.NewReader(content)))
		require.Equal(t, numbers(6), r.rows(r.lake()))
	}
}

// TestDeletedRowsAreGone looks for what was deleted in all objects that are
// left.
func TestDeletedRowsAreGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lake := r.lake()
	for n := range 4 {
		r.mustAppend(lake, n)
		require.NoError(t, lake.Sweep(t.Context(), acme)) // leaves the files before it
	}
	require.Greater(t, len(r.names("channel/raw/__dt=")), 1)
	require.NoError(t, lake.Delete(t.Context(), acme, raw, analytics.Deletion{Things: []device.ID{device.MustParseID("pump")}}))
	require.Empty(t, r.names("channel/raw/__dt="))
	require.Empty(t, r.rows(lake))
}

func TestRunSweeps(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lake := r.lake()
	for n := range 8 {
		r.mustAppend(lake, n)
	}
	require.ErrorIs(t, lake.Run(t.Context()), iotenant.ErrInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	rounds := 0
	running := r.lake(func(o *lakeanalytics.Options) {
		o.SweepInterval = time.Millisecond
		o.Tenants = func(context.Context) iter.Seq2[tenant.ID, error] {
			return func(yield func(tenant.ID, error) bool) {
				if rounds++; rounds == 1 && !yield(tenant.ID{}, analyticstest.ErrFault) {
					return
				}
				if yield(acme, nil) && rounds == 3 {
					cancel()
				}
			}
		}
	})
	require.NoError(t, running.Run(ctx))
	snapshot, err := lake.Snapshot(t.Context(), acme, raw)
	require.NoError(t, err)
	require.Len(t, snapshot.Files, 1)
}

// TestAWaitEndsWithItsContext lets one of two appends of a commit give up.
// What one process takes for a duplicate is none if another has made the table
// anew.
func TestATableMadeAnewKnowsNoIDs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first, second := r.lake(), r.lake()
	r.mustAppend(first, 0)
	require.NoError(t, second.Delete(t.Context(), acme, raw, analytics.Deletion{Table: true}))
	require.NoError(t, second.Declare(t.Context(), acme, analytics.Table{TableID: raw}))
	r.mustAppend(first, 0)
	require.Equal(t, numbers(1), r.rows(second))
}

// Rows that wait for their turn don't end with those that nobody waits for any
// more.
func TestNobodyJoinsACancelledBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		release := make(chan struct{})
		var once sync.Once
		lake := r.lakeOver(analyticstest.FaultyObjects(r.objects, func(call analyticstest.Call) (fault analyticstest.Fault) {
			if call.Operation == analyticstest.OpPut {
				once.Do(func() { <-release })
			}
			return fault
		}))
		var all sync.WaitGroup
		all.Go(func() {
			_, err := r.append(lake, 0)
			require.NoError(t, err)
		})
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		all.Go(func() {
			_, err := lake.Append(ctx, acme, raw, []analytics.Row{{ID: "x", At: noon, Payload: []byte("x")}})
			require.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		all.Go(func() {
			_, err := r.append(lake, 1)
			require.NoError(t, err)
		})
		synctest.Wait()
		close(release)
		all.Wait()
		require.Equal(t, numbers(2), r.rows(lake))
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	lake := r.lakeOver(analyticstest.FaultyObjects(r.objects, func(call analyticstest.Call) (fault analyticstest.Fault) {
		if call.Operation == analyticstest.OpPut {
			once.Do(func() {
				close(entered)
				<-release
			})
		}
		return fault
	}))
	ctx, cancel := context.WithCancel(t.Context())
	impatient := make(chan error)
	go func() {
		_, err := lake.Append(ctx, acme, raw, []analytics.Row{{ID: "0", At: noon, Payload: []byte("0")}})
		impatient <- err
	}()
	<-entered
	cancel()
	require.ErrorIs(t, <-impatient, context.Canceled)
	close(release)
	_, err := r.append(lake, 0)
	require.NoError(t, err)
	require.Equal(t, numbers(1), r.rows(lake))
}

func TestZeroKeysAreRefused(t *testing.T) {
	t.Parallel()
	lake := lakeanalytics.New(memanalytics.NewObjects(), tenant.CursorKeys{})
	require.NoError(t, lake.Declare(t.Context(), acme, analytics.Table{TableID: raw}))
	_, err := lake.Rows(t.Context(), acme, raw, analytics.RowQuery{})
	require.ErrorIs(t, err, iotenant.ErrInvalid)
}

// TestAMergeOfWhatIsGoneDoesNotCount lets others merge, or delete, the files
// that are being merged.
func TestAMergeOfWhatIsGoneDoesNotCount(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]struct {
		do   func(r *rig, other *lakeanalytics.Lake) error
		want []string
	}{
		"merged": {func(r *rig, other *lakeanalytics.Lake) error { return other.Sweep(r.Context(), acme) }, numbers(4)},
		"deleted": {func(r *rig, other *lakeanalytics.Lake) error {
			return other.Delete(r.Context(), acme, raw, analytics.Deletion{Things: []device.ID{device.MustParseID("pump")}})
		}, nil},
		"declared again": {func(r *rig, other *lakeanalytics.Lake) error {
			if err := other.Delete(r.Context(), acme, raw, analytics.Deletion{Table: true}); err != nil {
				return err
			}
			return other.Declare(r.Context(), acme, analytics.Table{TableID: raw})
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			other := r.lake()
			for n := range 4 {
				r.mustAppend(other, n)
			}
			var once sync.Once
			slow := r.lakeOver(analyticstest.FaultyObjects(r.objects, func(call analyticstest.Call) (fault analyticstest.Fault) {
				if call.Operation == analyticstest.OpCreate {
					once.Do(func() { require.NoError(t, meanwhile.do(r, other)) })
				}
				return fault
			}))
			require.NoError(t, slow.Sweep(t.Context(), acme))
			require.Equal(t, meanwhile.want, r.rows(slow))
			require.Equal(t, meanwhile.want, r.rows(r.lake()))
		})
	}
}

// TestADeletionOutlastsMerges lets others merge files while things are deleted
// of them, each time.
func TestADeletionOutlastsMerges(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	other := r.lake()
	for n := range 3 {
		r.mustAppend(other, n)
	}
	merges := 0
	slow := r.lakeOver(analyticstest.FaultyObjects(r.objects, func(call analyticstest.Call) (fault analyticstest.Fault) {
		if call.Operation == analyticstest.OpCreate && merges < 3 {
			merges++
			r.mustAppend(other, 100+merges)
			require.NoError(t, other.Sweep(t.Context(), acme))
		}
		return fault
	}))
	require.NoError(t, slow.Delete(t.Context(), acme, raw, analytics.Deletion{Things: []device.ID{device.MustParseID("pump")}}))
	require.Equal(t, 3, merges)
	for _, payload := range r.rows(r.lake()) {
		require.NotContains(t, numbers(3), payload)
	}
}

func TestASweepGoesOnBehindDamage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lake := r.lake()
	for n := range 9 {
		r.mustAppend(lake, n)
	}
	require.NoError(t, r.objects.Put(t.Context(), acme, r.names("channel/raw/__dt=")[0], strings.NewReader("torn")))
	r.pass(2 * time.Hour)
	log := len(r.names("channel/raw/_log/"))
	require.ErrorIs(t, lake.Sweep(t.Context(), acme), analytics.ErrCorrupt)
	require.Less(t, len(r.names("channel/raw/_log/")), log)
}
