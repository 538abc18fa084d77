package analytics_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// TestDatasetWindows follows the example of the service's guide: every quarter of
// an hour, with three minutes for what is on its way.
func TestDatasetWindows(t *testing.T) {
	t.Parallel()
	p := newMill("10:20:00")
	p.definitions.put(north, defineDelta("d", quarterly), at("10:20:00"))
	p.engine.put(north, storedRow{at("10:11:59"), "before"}, storedRow{at("10:12:00"), "first"}, storedRow{at("10:26:59"), "last"}, storedRow{at("10:27:00"), "next"})
	p.engine.put(south, storedRow{at("10:15:00"), "foreign"})
	d := p.start()

	p.sweepAt(t, d, "10:29:59")
	require.Empty(t, listed(t, d, "d"), "a schedule has no times before the data set was defined")

	p.sweepAt(t, d, "10:30:05")
	p.sweepAt(t, d, "10:44:59")
	content, err := d.Content(t.Context(), north, "D", "")
	require.NoError(t, err)
	require.Equal(t, "10:12:00 10:27:00", window(&content))
	require.Equal(t, analytics.ContentSucceeded, content.State)
	require.Equal(t, at("10:30:00"), content.Scheduled)
	require.Equal(t, at("10:30:05"), content.Created)
	require.Equal(t, at("10:30:05"), content.Completed)
	require.Equal(t, "\"what\"\n\"first\"\n\"last\"\n", resultOf(t, d, north, "d", content.Version))
	require.Len(t, content.Files, 1)
	require.EqualValues(t, len("\"what\"\n\"first\"\n\"last\"\n"), content.Files[0].Bytes)
	require.Equal(t, []analytics.ContentEntry{{URI: "https://north.example/" + content.Files[0].Object + "?valid=2h0m0s"}}, content.Entries)
	require.True(t, strings.HasPrefix(content.Files[0].Object, "results/d/"+content.Version))
	require.Equal(t, at("10:30:05"), p.engine.statements[0].Now)

	windows := func() (all []string) {
		for _, c := range listed(t, d, "d") {
			all = append(all, c.Scheduled.Format("15:04:05")+" "+string(c.State)+" "+window(&c))
		}
		return all
	}
	p.sweepAt(t, d, "10:45:00")
	p.sweepAt(t, d, "12:01:00") // nobody was there for a while: one content catches up
	require.Equal(t, []string{"10:30:00 SUCCEEDED 10:12:00 10:27:00", "10:45:00 SUCCEEDED 10:27:00 10:42:00", "12:00:00 SUCCEEDED 10:42:00 11:57:00"}, windows())

	p.engine.before = func(context.Context, tenant.ID, analytics.Statement) error {
		return fmt.Errorf("%w: line 1: no column t", analytics.ErrSQL)
	}
	p.sweepAt(t, d, "12:15:00")
	p.engine.before = nil
	failed, err := d.Content(t.Context(), north, "d", analytics.Latest)
	require.NoError(t, err)
	require.Equal(t, analytics.ContentFailed, failed.State)
	require.Equal(t, "invalid SQL: line 1: no column t", failed.Reason)
	require.Empty(t, failed.Entries)
	require.Equal(t, "11:57:00 12:12:00", window(&failed))
	latest, err := d.Content(t.Context(), north, "d", analytics.LatestSucceeded)
	require.NoError(t, err)
	require.Equal(t, at("12:00:00"), latest.Scheduled)
	_, err = d.Open(t.Context(), north, "d", failed.Version, "")
	require.ErrorIs(t, err, analytics.ErrNoContent)

	// By hand: from the end of the last that succeeded to now; the schedule goes
	// on from there.
	p.clock.Set(at("12:20:30"))
	version, err := d.CreateContent(t.Context(), north, "d", "")
	require.NoError(t, err)
	creating, err := d.Content(t.Context(), north, "d", version)
	require.NoError(t, err)
	require.Equal(t, analytics.ContentCreating, creating.State)
	require.Empty(t, creating.Entries)
	p.sweepAt(t, d, "12:20:40")
	p.sweepAt(t, d, "12:30:00")
	require.Equal(t, []string{"12:15:00 FAILED 11:57:00 12:12:00", "12:20:30 SUCCEEDED 11:57:00 12:17:30", "12:30:00 SUCCEEDED 12:17:30 12:27:00"}, windows()[3:])
}

func TestDatasetWindowsAtFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ definition, sweep, want string }{
		"by hand, no schedule":         {defineDelta("d", ""), "", "… 10:17:07"},
		"by hand, before the schedule": {defineDelta("d", quarterly), "", "10:12:00 10:17:07"},
		"rate":                         {defineDelta("d", `,"triggers":[{"schedule":{"expression":"rate(5 minutes)"}}]`), "10:26:00", "10:17:07 10:22:07"},
		"two schedules": {defineDelta("d", `,"triggers":[{"schedule":{"expression":"cron(0/15 * * * ? *)"}},{"schedule":{"expression":"cron(25 * * * ? *)"}}]`),
			"10:27:00", "10:12:00 10:22:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newMill("10:20:07")
			p.definitions.put(north, c.definition, at("10:20:07"))
			d := p.start()
			sweep := c.sweep
			if sweep == "" {
				_, err := d.CreateContent(t.Context(), north, "d", "")
				require.NoError(t, err)
				sweep = "10:20:08"
			}
			p.sweepAt(t, d, sweep)
			contents := listed(t, d, "d")
			require.Len(t, contents, 1)
			require.Equal(t, c.want, window(&contents[0]))
		})
	}
}

// A content that is made again has the same window, and its result until then.
func TestDatasetContentAgain(t *testing.T) {
	t.Parallel()
	p := newMill("10:20:00")
	p.definitions.put(north, defineDelta("d", quarterly), at("10:20:00"))
	p.definitions.put(north, define("whole", ""), at("10:20:00"))
	p.engine.put(north, storedRow{at("10:15:00"), "early"})
	d := p.start()
	p.sweepAt(t, d, "10:30:00")
	p.sweepAt(t, d, "10:45:00")
	version := listed(t, d, "d")[0].Version

	p.engine.put(north, storedRow{at("10:16:00"), "late"})
	again, err := d.CreateContent(t.Context(), north, "d", version)
	require.NoError(t, err)
	require.Equal(t, version, again)
	again, err = d.CreateContent(t.Context(), north, "d", version)
	require.NoError(t, err, "it is waiting already")
	require.Equal(t, version, again)
	content, err := d.Content(t.Context(), north, "d", version)
	require.NoError(t, err)
	require.Equal(t, analytics.ContentCreating, content.State)
	require.Contains(t, resultOf(t, d, north, "d", version), "early")

	p.engine.before = func(context.Context, tenant.ID, analytics.Statement) error { return analytics.ErrSQLLimit }
	p.sweepAt(t, d, "10:46:00")
	content, err = d.Content(t.Context(), north, "d", version)
	require.NoError(t, err)
	require.Equal(t, analytics.ContentSucceeded, content.State, "with the result that it had")
	require.Contains(t, content.Reason, "beyond the limit")
	require.Len(t, content.Entries, 1)

	p.engine.before = nil
	_, err = d.CreateContent(t.Context(), north, "d", version)
	require.NoError(t, err)
	p.sweepAt(t, d, "10:47:00")
	content, err = d.Content(t.Context(), north, "d", version)
	require.NoError(t, err)
	require.Empty(t, content.Reason)
	require.Equal(t, "10:12:00 10:27:00", window(&content))
	require.Equal(t, "\"what\"\n\"early\"\n\"late\"\n", resultOf(t, d, north, "d", version))
	latest, err := d.Content(t.Context(), north, "d", "")
	require.NoError(t, err)
	require.Equal(t, at("10:45:00"), latest.Scheduled, "it is not the latest because it was made again")
	p.sweepAt(t, d, "11:00:00")
	contents := listed(t, d, "d")
	require.Equal(t, "10:42:00 10:57:00", window(&contents[2]), "nor does it move the windows")

	again, err = d.CreateContent(t.Context(), north, "d", analytics.Latest)
	require.NoError(t, err)
	require.Equal(t, contents[2].Version, again)
	_, err = d.CreateContent(t.Context(), north, "d", "7d7d9ad1-0000-4000-8000-000000000000")
	require.ErrorIs(t, err, analytics.ErrNoContent)
	whole, err := d.CreateContent(t.Context(), north, "whole", "")
	require.NoError(t, err)
	_, err = d.CreateContent(t.Context(), north, "whole", whole)
	require.ErrorIs(t, err, analytics.ErrContent)
	require.ErrorIs(t, err, iotenant.ErrInvalid)
}

// While the engine is away contents wait; the reasons hold nothing of it.
func TestDatasetRetries(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.definitions.put(north, define("d", ""), at("10:00:00"))
	p.engine.before = func(context.Context, tenant.ID, analytics.Statement) error { return errDown }
	d := p.start(func(o *analytics.DatasetsOptions) {
		o.Attempts, o.RetryAfter, o.RetryAtMost = 4, 10*time.Second, 30*time.Second
	})
	version, err := d.CreateContent(t.Context(), north, "d", "")
	require.NoError(t, err)
	for _, clock := range []string{"10:00:00", "10:00:09", "10:00:10", "10:00:29", "10:00:30"} {
		p.sweepAt(t, d, clock)
		content, err := d.Content(t.Context(), north, "d", version)
		require.NoError(t, err)
		require.Equal(t, analytics.ContentCreating, content.State, clock)
	}
	_, err = d.Content(t.Context(), north, "d", "")
	require.ErrorIs(t, err, analytics.ErrNoContent)
	p.sweepAt(t, d, "10:01:00")
	content, err := d.Content(t.Context(), north, "d", version)
	require.NoError(t, err)
	require.Equal(t, analytics.ContentFailed, content.State)
	require.Equal(t, "the SQL engine or the storage is unavailable", content.Reason)

	p.engine.before = nil
	again, err := d.CreateContent(t.Context(), north, "d", "")
	require.NoError(t, err)
	require.NoError(t, d.Produce(t.Context(), north, "d"))
	content, err = d.Content(t.Context(), north, "d", "")
	require.NoError(t, err)
	require.Equal(t, again, content.Version)
}

// An engine that others keep busy fails no content, however long it lasts.
func TestDatasetBusyEngine(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.definitions.put(north, define("d", ""), at("10:00:00"))
	p.engine.before = func(context.Context, tenant.ID, analytics.Statement) error {
		return fmt.Errorf("%w: no turn", analytics.ErrSQLBusy)
	}
	throttled := 0
	d := p.start(func(o *analytics.DatasetsOptions) {
		o.Attempts = 2
		o.Observe = func(_ context.Context, _ tenant.ID, seen analytics.Observation) {
			if seen.Metric == analytics.ActionExecutionThrottled {
				throttled++
			}
		}
	})
	version, err := d.CreateContent(t.Context(), north, "d", "")
	require.NoError(t, err)
	for i := range 10 {
		p.sweepAt(t, d, at("10:00:00").Add(time.Duration(i)*5*time.Second).Format(time.TimeOnly))
		content, err := d.Content(t.Context(), north, "d", version)
		require.NoError(t, err)
		require.Equal(t, analytics.ContentCreating, content.State)
		require.Equal(t, i+1, throttled)
	}
	p.sweepAt(t, d, "10:00:49")
	require.Equal(t, 10, throttled, "it pauses")
	p.engine.before = nil
	p.sweepAt(t, d, "10:00:50")
	content, err := d.Content(t.Context(), north, "d", version)
	require.NoError(t, err)
	require.Equal(t, analytics.ContentSucceeded, content.State)
}

func TestDatasetFailures(t *testing.T) {
	t.Parallel()
	for want, failure := range map[string]error{
		"data store not found":                         statementOf(analytics.ErrNoTable),
		"the statement was refused":                    fmt.Errorf("/var/lib/x of south: %w", iotenant.ErrDenied),
		"SQL is not available here":                    fmt.Errorf("/opt/duck: %w", iotenant.ErrUnsupported),
		"SQL beyond the limit: invalid: memory":        fmt.Errorf("%w: memory", analytics.ErrSQLLimit),
		"invalid SQL: line 1: what?":                   nil,
		"it took longer than 15m0s":                    context.DeadlineExceeded,
		"the SQL engine or the storage is unavailable": errors.New("/tmp/worker.sock: connection refused"),
		"stored data can't be read":                    fmt.Errorf("%w: /data/south/x.parquet", analytics.ErrCorrupt),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			p := newMill("10:00:00")
			p.definitions.put(north, strings.Replace(define("d", ""), "SELECT * FROM s", "SELECT x FROM s", 1), at("10:00:00"))
			d := p.start(func(o *analytics.DatasetsOptions) { o.Attempts = 1 })
			if errors.Is(failure, context.DeadlineExceeded) {
				d = p.start(func(o *analytics.DatasetsOptions) { o.Timeout = time.Nanosecond })
				want = "it took longer than 1ns"
			} else if failure != nil {
				p.engine.before = func(context.Context, tenant.ID, analytics.Statement) error { return failure }
			}
			_, err := d.CreateContent(t.Context(), north, "d", "")
			require.NoError(t, err)
			require.NoError(t, d.Sweep(t.Context(), north))
			content, err := d.Content(t.Context(), north, "d", analytics.Latest)
			require.NoError(t, err)
			require.Equal(t, analytics.ContentFailed, content.State)
			require.Contains(t, content.Reason, strings.TrimPrefix(want, "data store "))
			for _, secret := range []string{"/", "south"} {
				require.NotContains(t, content.Reason, secret)
			}
		})
	}
}

func statementOf(err error) error { return err }

// A sweep that is told to end leaves the content as if it had not begun.
func TestDatasetCancelled(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.definitions.put(north, define("d", ""), at("10:00:00"))
	begun := make(chan struct{}, 1)
	p.engine.before = func(ctx context.Context, _ tenant.ID, _ analytics.Statement) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	d := p.start(func(o *analytics.DatasetsOptions) { o.Attempts = 1 })
	version, err := d.CreateContent(t.Context(), north, "d", "")
	require.NoError(t, err)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Sweep(ctx, north) }()
		<-begun
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	}
	content, err := d.Content(t.Context(), north, "d", version)
	require.NoError(t, err)
	require.Equal(t, analytics.ContentCreating, content.State)
	p.engine.before = nil
	p.sweepAt(t, d, "10:00:00")
	content, err = d.Content(t.Context(), north, "d", version)
	require.NoError(t, err)
	require.Equal(t, analytics.ContentSucceeded, content.State)
}

// A content that takes longer than any sweep may is given up in the end.
func TestDatasetNeverEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newMill("10:00:00")
		p.definitions.put(north, define("d", ""), at("10:00:00"))
		p.engine.before = func(ctx context.Context, _ tenant.ID, _ analytics.Statement) error {
			<-ctx.Done()
			return ctx.Err()
		}
		d := p.start(func(o *analytics.DatasetsOptions) { o.Attempts = 3 })
		_, err := d.CreateContent(t.Context(), north, "d", "")
		require.NoError(t, err)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			require.ErrorIs(t, d.Sweep(ctx, north), context.DeadlineExceeded)
			cancel()
		}
		require.NoError(t, d.Sweep(t.Context(), north))
		content, err := d.Content(t.Context(), north, "d", analytics.Latest)
		require.NoError(t, err)
		require.Equal(t, analytics.ContentFailed, content.State)
		require.Equal(t, "the last attempt did not end", content.Reason)
	})
}

// At most two contents of a tenant are made at a time, whoever makes them, and
// one of a data set.
func TestDatasetsConcurrent(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	release := make(chan struct{})
	var begun = make(chan struct{}, 100)
	p.engine.before = func(ctx context.Context, _ tenant.ID, _ analytics.Statement) error {
		begun <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	}
	one, other := p.start(), p.start(func(o *analytics.DatasetsOptions) { o.Concurrent = 2 })
	for i := range 5 {
		name := fmt.Sprint("d", i)
		p.definitions.put(north, define(name, ""), at("10:00:00"))
		_, err := one.CreateContent(t.Context(), north, name, "")
		require.NoError(t, err)
	}
	ended := make(chan error, 2)
	go func() { ended <- one.Sweep(t.Context(), north) }()
	<-begun
	<-begun
	require.NoError(t, other.Sweep(t.Context(), north), "it leaves to others what they are at work on")
	close(release)
	require.NoError(t, <-ended)
	require.LessOrEqual(t, p.engine.most, 2)
	for i := range 5 {
		content, err := one.Content(t.Context(), north, fmt.Sprint("d", i), "")
		require.NoError(t, err)
		require.Equal(t, analytics.ContentSucceeded, content.State)
	}
	require.Len(t, p.engine.statements, 5)
}

func TestDatasetsMinInterval(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.definitions.put(north, define("d", `,"triggers":[{"schedule":{"expression":"cron(* * * * ? *)"}}],"versioningConfiguration":{"unlimited":true}`), at("10:00:00"))
	d := p.start(func(o *analytics.DatasetsOptions) { o.MinInterval = 15 * time.Minute })
	for minute := range 40 {
		p.sweepAt(t, d, fmt.Sprintf("10:%02d:10", minute))
	}
	var times []string
	for _, content := range listed(t, d, "d") {
		times = append(times, content.Scheduled.Format("15:04"))
	}
	require.Equal(t, []string{"10:15", "10:30"}, times)
}

// A schedule that was changed has no times before the change.
func TestDatasetScheduleChanged(t *testing.T) {
	t.Parallel()
	p := newMill("09:50:00")
	p.definitions.put(north, define("d", `,"triggers":[{"schedule":{"expression":"cron(0 10 * * ? *)"}}]`), at("09:50:00"))
	d := p.start()
	p.sweepAt(t, d, "10:00:30")
	p.definitions.put(north, define("d", `,"triggers":[{"schedule":{"expression":"cron(30 10,11 * * ? *)"}}]`), at("10:45:00"))
	p.sweepAt(t, d, "10:46:00")
	require.Equal(t, at("10:00:00"), listed(t, d, "d")[0].Scheduled)
	p.sweepAt(t, d, "11:30:00")
	require.Len(t, listed(t, d, "d"), 1, "versioning keeps the latest")
	require.Equal(t, at("11:30:00"), listed(t, d, "d")[0].Scheduled)
	p.definitions.put(north, define("d", ""), at("11:40:00"))
	p.sweepAt(t, d, "23:00:00")
	require.Equal(t, at("11:30:00"), listed(t, d, "d")[0].Scheduled)
}

func TestDatasetBacklog(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.definitions.put(north, define("d", quarterly), at("10:00:00"))
	d := p.start()
	for range analytics.MaxQueued {
		_, err := d.CreateContent(t.Context(), north, "d", "")
		require.NoError(t, err)
	}
	_, err := d.CreateContent(t.Context(), north, "d", "")
	require.ErrorIs(t, err, analytics.ErrContentBacklog)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	p.sweepAt(t, d, "10:16:00")
	p.sweepAt(t, d, "10:17:00")
	contents := listed(t, d, "d")
	require.Len(t, contents, analytics.MaxQueued+1, "the schedule time that found no place comes after")
	require.Len(t, p.engine.statements, analytics.MaxQueued+1)
}

func TestContentsPages(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.definitions.put(north, define("d", quarterly), at("10:00:00"))
	d := p.start()
	for _, clock := range []string{"10:15:00", "10:30:00", "10:45:00", "11:00:00", "11:15:00"} {
		p.sweepAt(t, d, clock)
	}
	query := analytics.ContentQuery{ScheduledFrom: at("10:30:00"), ScheduledTo: at("11:15:00"), Limit: 2}
	var times []string
	for {
		page, err := d.Contents(t.Context(), north, "d", query)
		require.NoError(t, err)
		for _, content := range page.Items {
			times = append(times, content.Scheduled.Format("15:04"))
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			break
		}
	}
	require.Equal(t, []string{"11:00", "10:45", "10:30"}, times)
	_, err := d.Contents(t.Context(), north, "d", analytics.ContentQuery{Limit: tenant.MaxLimit + 1})
	require.ErrorIs(t, err, analytics.ErrQuery)
	_, err = d.Contents(t.Context(), north, "d", analytics.ContentQuery{Cursor: "made up"})
	require.ErrorIs(t, err, tenant.ErrCursor)

	require.NoError(t, d.DeleteContent(t.Context(), north, "d", ""))
	latest, err := d.Content(t.Context(), north, "d", "")
	require.NoError(t, err)
	require.Equal(t, at("11:00:00"), latest.Scheduled)
	latest, err = d.Content(t.Context(), north, "d", analytics.Latest)
	require.NoError(t, err)
	require.Equal(t, at("11:00:00"), latest.Scheduled)
	p.sweepAt(t, d, "11:16:00")
	require.Len(t, listed(t, d, "d"), 4, "what was deleted stays deleted")
	for _, version := range []string{"7d7d9ad1-0000-4000-8000-000000000000", "short", "no/version", "\x00\x00\x00\x00\x00\x00\x00\x00"} {
		require.ErrorIs(t, d.DeleteContent(t.Context(), north, "d", version), analytics.ErrNoContent)
	}
}

// What is left of a data set that was deleted: nothing.
func TestDatasetsDelete(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.definitions.put(north, define("d", quarterly), at("10:00:00"))
	p.definitions.put(north, define("dd", quarterly), at("10:00:00"))
	d := p.start()
	p.sweepAt(t, d, "10:15:00")
	p.sweepAt(t, d, "10:30:00")
	p.definitions.delete(north, "d")
	require.NoError(t, d.Delete(t.Context(), north, "D"))
	require.NoError(t, d.Delete(t.Context(), north, "d"), "again")
	require.ErrorIs(t, d.Delete(t.Context(), north, "../dd"), analytics.ErrDefinition)
	objects, err := p.objects.List(t.Context(), north, "", "", 100)
	require.NoError(t, err)
	require.Len(t, objects, 2, "those of the other data set")
	require.Len(t, listed(t, d, "dd"), 2)
	_, err = d.Contents(t.Context(), north, "d", analytics.ContentQuery{})
	require.ErrorIs(t, err, iotenant.ErrNotFound)

	p.definitions.put(north, define("d", quarterly), at("10:40:00"))
	p.sweepAt(t, d, "10:41:00")
	require.Empty(t, listed(t, d, "d"))
	p.sweepAt(t, d, "10:45:00")
	require.Len(t, listed(t, d, "d"), 1)
}

// A data set that is deleted while its content is made leaves nothing.
func TestDatasetsDeleteAtWork(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.definitions.put(north, define("d", ""), at("10:00:00"))
	d := p.start()
	p.engine.before = func(ctx context.Context, id tenant.ID, _ analytics.Statement) error {
		p.definitions.delete(id, "d")
		return d.Delete(ctx, id, "d")
	}
	_, err := d.CreateContent(t.Context(), north, "d", "")
	require.NoError(t, err)
	p.sweepAt(t, d, "10:00:01")
	objects, err := p.objects.List(t.Context(), north, "", "", 100)
	require.NoError(t, err)
	require.Empty(t, objects)
	p.definitions.put(north, define("d", ""), at("10:10:00"))
	require.Empty(t, listed(t, d, "d"))
}
