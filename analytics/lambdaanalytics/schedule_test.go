package lambdaanalytics_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/tenant"
)

var errNoDataset = fmt.Errorf("data set %w", iotenant.ErrNotFound)

func tenants(ids ...tenant.ID) func(context.Context) iter.Seq2[tenant.ID, error] {
	return func(context.Context) iter.Seq2[tenant.ID, error] {
		return func(yield func(tenant.ID, error) bool) {
			for _, id := range ids {
				if id.IsZero() {
					yield(id, errPassing)
					return
				}
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

// swept records who was swept.
type swept struct {
	mu  sync.Mutex
	ids []tenant.ID
	err map[tenant.ID]error
}

func (s *swept) sweep(_ context.Context, id tenant.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = append(s.ids, id)
	return s.err[id]
}

func TestSweeper(t *testing.T) {
	t.Parallel()
	one, two := &swept{err: map[tenant.ID]error{north: errPassing}}, &swept{}
	sweeper := lambdaanalytics.NewSweeper(lambdaanalytics.Sweeps(one.sweep, two.sweep), tenants(north, south))
	answer, err := sweeper.Invoke(t.Context(), []byte(`{"tenant": "south"}`))
	require.NoError(t, err)
	require.Equal(t, "null", string(answer))
	require.Equal(t, []tenant.ID{south}, one.ids)
	require.Equal(t, []tenant.ID{south}, two.ids)

	_, err = sweeper.Invoke(t.Context(), []byte(`{"source": "aws.scheduler"}`))
	require.ErrorIs(t, err, errPassing, "and goes on after a failure")
	require.ElementsMatch(t, []tenant.ID{south, north, south}, one.ids)
	require.ElementsMatch(t, []tenant.ID{south, north, south}, two.ids)

	for _, payload := range []string{``, `[]`, `{"tenant": ""}`, `{"tenant": "_platform"}`, `{"tenant": 1}`} {
		_, err := sweeper.Invoke(t.Context(), []byte(payload))
		require.ErrorIs(t, err, lambdaanalytics.ErrEvent, payload)
	}
	_, err = lambdaanalytics.NewSweeper(two.sweep, tenants(north, tenant.ID{}, south)).Invoke(t.Context(), []byte(`{}`))
	require.ErrorContains(t, err, "ended early")
}

func TestSweeperEndsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		busy, most, n := 0, 0, 0
		sweep := func(context.Context, tenant.ID) error {
			mu.Lock()
			busy, n = busy+1, n+1
			most = max(most, busy)
			mu.Unlock()
			time.Sleep(5 * time.Second)
			mu.Lock()
			busy--
			mu.Unlock()
			return nil
		}
		var many []tenant.ID
		for i := range 40 {
			many = append(many, tenant.MustParseID(fmt.Sprintf("tenant-%d", i)))
		}
		sweeper := lambdaanalytics.NewSweeper(sweep, tenants(many...), func(o *lambdaanalytics.SweepOptions) { o.Parallel = 4 })
		ctx, cancel := context.WithTimeout(t.Context(), 22*time.Second)
		defer cancel()
		_, err := sweeper.Invoke(ctx, []byte(`{}`))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 4, most)
		require.Equal(t, 12, n)
	})
}

// datasets are one data set of north, which is called daily.
type datasets struct {
	created  []string
	produce  func(ctx context.Context) error
	content  analytics.Content
	contents error
}

func (d *datasets) CreateContent(_ context.Context, id tenant.ID, dataset, version string) (string, error) {
	if id != north || dataset != "daily" {
		return "", errNoDataset
	}
	d.created = append(d.created, version)
	return "v-1", nil
}

func (d *datasets) Produce(ctx context.Context, _ tenant.ID, _ string) error { return d.produce(ctx) }

func (d *datasets) Content(ctx context.Context, id tenant.ID, dataset, version string) (analytics.Content, error) {
	if id != north || dataset != "daily" || version != "v-1" || ctx.Err() != nil {
		return analytics.Content{}, errNoDataset
	}
	return d.content, d.contents
}

func TestDatasetRunner(t *testing.T) {
	t.Parallel()
	d := &datasets{produce: func(context.Context) error { return nil }, content: analytics.Content{State: analytics.ContentSucceeded}}
	runner := lambdaanalytics.NewDatasetRunner(d)
	run := func(event, want string) {
		t.Helper()
		answer, err := runner.Invoke(t.Context(), []byte(event))
		require.NoError(t, err)
		require.JSONEq(t, want, string(answer))
	}
	run(`{"tenant": "north", "datasetName": "daily"}`, `{"versionId": "v-1", "state": "SUCCEEDED"}`)
	run(`{"tenant": "north", "datasetName": "daily", "versionId": "v-1"}`, `{"versionId": "v-1", "state": "SUCCEEDED"}`)
	require.Equal(t, []string{"", "v-1"}, d.created)

	d.content = analytics.Content{State: analytics.ContentFailed, Reason: "line 1: SELEC"}
	run(`{"tenant": "north", "datasetName": "daily"}`, `{"versionId": "v-1", "state": "FAILED", "reason": "line 1: SELEC"}`)
	d.content, d.produce = analytics.Content{State: analytics.ContentCreating}, func(context.Context) error { return errPassing }
	run(`{"tenant": "north", "datasetName": "daily"}`, `{"versionId": "v-1", "state": "CREATING"}`)
	d.contents = errPassing
	run(`{"tenant": "north", "datasetName": "daily"}`, `{"versionId": "v-1", "state": "CREATING"}`)

	for _, event := range []string{``, `[]`, `{}`, `{"tenant": "north"}`, `{"datasetName": "daily"}`, `{"tenant": "_platform", "datasetName": "daily"}`} {
		_, err := runner.Invoke(t.Context(), []byte(event))
		require.ErrorIs(t, err, lambdaanalytics.ErrEvent, event)
	}
	_, err := runner.Invoke(t.Context(), []byte(`{"tenant": "south", "datasetName": "daily"}`))
	require.ErrorIs(t, err, iotenant.ErrNotFound, "it is north's")
}

// TestDatasetRunnerAnswersInTime: what takes too long stays asked for.
func TestDatasetRunnerAnswersInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &datasets{content: analytics.Content{State: analytics.ContentCreating}, produce: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		answer, err := lambdaanalytics.NewDatasetRunner(d).Invoke(ctx, []byte(`{"tenant": "north", "datasetName": "daily"}`))
		require.NoError(t, err)
		require.JSONEq(t, `{"versionId": "v-1", "state": "CREATING"}`, string(answer))
		require.Equal(t, 50*time.Second, time.Since(start))
	})
}

func TestSweepsGoOn(t *testing.T) {
	t.Parallel()
	last := &swept{}
	errFirst := errors.New("first")
	err := lambdaanalytics.Sweeps(func(context.Context, tenant.ID) error { return errFirst }, last.sweep)(t.Context(), north)
	require.ErrorIs(t, err, errFirst)
	require.Equal(t, []tenant.ID{north}, last.ids)
}
