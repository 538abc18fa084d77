package s3analytics_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/analytics/s3analytics"
	"github.com/iotenant/iotenant/tenant"
)

var (
	rawTable   = analytics.TableID{Kind: analytics.ChannelTable, Name: "raw"}
	cleanTable = analytics.TableID{Kind: analytics.DatastoreTable, Name: "clean"}
)

// untilDone repeats a call as a caller does that has to get through.
func untilDone(t *testing.T, call func() error) {
	t.Helper()
	for range 200 {
		err := call()
		if err == nil {
			return
		}
		if !errors.Is(err, iotenant.ErrUnavailable) {
			t.Errorf("kind %v: %v", iotenant.KindOf(err), err)
			return
		}
	}
	t.Error("it never got through")
}

// lakeUnderFaults lets several processes append to the same tables, with a
// client that repeats nothing, so that the lake and its callers see the faults.
// Appends are sent again until they are acknowledged.
func lakeUnderFaults(t *testing.T, client *s3.Client, name string, appends int) {
	t.Helper()
	const processes, rows = 3, 3
	keys := tenant.RandomCursorKeys()
	lake := func() analytics.Lake {
		return lakeanalytics.New(s3analytics.New(client, name), keys, func(o *lakeanalytics.Options) { o.Checkpoint = 7 })
	}
	tables := []analytics.Table{{TableID: rawTable}, {TableID: cleanTable, Format: pipeline.FormatJSON}}
	var group sync.WaitGroup
	for p := range processes {
		group.Go(func() {
			lake := lake()
			for _, table := range tables {
				untilDone(t, func() error { return lake.Declare(t.Context(), acme, table) })
			}
			for n := range appends {
				batch := make([]analytics.Row, rows)
				for i := range batch {
					id := fmt.Sprintf("%d-%d-%d", p, n, i)
					batch[i] = analytics.Row{ID: id, At: time.Unix(1_772_366_400+int64(n), 0), Payload: fmt.Appendf(nil, `{"id":%q}`, id)}
				}
				for _, table := range tables {
					untilDone(t, func() error {
						_, err := lake.Append(t.Context(), acme, table.TableID, batch)
						return err
					})
				}
				if n%10 == p {
					untilDone(t, func() error { return lake.Sweep(t.Context(), acme) })
				}
			}
		})
	}
	group.Wait()
	for _, table := range tables {
		seen := rowsOf(t, lake(), table.TableID)
		require.Len(t, seen, processes*rows*appends)
		for payload, times := range seen {
			require.Equal(t, 1, times, payload)
		}
	}
}

// rowsOf returns the payloads of a table, and how often each is there.
func rowsOf(t *testing.T, lake analytics.Lake, table analytics.TableID) map[string]int {
	t.Helper()
	seen := map[string]int{}
	query := analytics.RowQuery{Limit: 100}
	for {
		var page analytics.Page[analytics.Row]
		untilDone(t, func() (err error) {
			page, err = lake.Rows(t.Context(), acme, table, query)
			return err
		})
		for _, row := range page.Items {
			seen[string(row.Payload)]++
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			return seen
		}
	}
}

// lakesOver makes lakes over the same objects.
func lakesOver(open func(t *testing.T) analytics.Objects) analyticstest.OpenLake {
	return func(t *testing.T) func() analytics.Lake {
		t.Helper()
		objects, keys := open(t), tenant.RandomCursorKeys()
		return func() analytics.Lake { return lakeanalytics.New(objects, keys) }
	}
}

// withFaults opens objects in a fake that is reached over a bad network.
func withFaults(*testing.T) analytics.Objects {
	server := newFake()
	return s3analytics.New(server.client(patient, through(newFaults(server, 1, 0.1))), bucket)
}

// TestLake holds that a bucket is as good for a lake as a folder, also when
// requests fail and are repeated.
func TestLake(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]analyticstest.OpenObjects{"fake": openFake(), "faults": withFaults, "moto": openMoto} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			analyticstest.TestLake(t, lakesOver(open))
		})
	}
}

func TestLakeUnderFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			server := newFake()
			f := newFaults(server, seed, 0.08)
			lakeUnderFaults(t, server.client(through(f)), bucket, 25)
			require.NotZero(t, f.counts[lostAnswer])
			require.NotZero(t, f.counts[cutUpload])
			require.Equal(t, f.orphans, server.unfinished())
		})
	}
}

func TestLakeUnderFaultsAtMoto(t *testing.T) {
	t.Parallel()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	f := newFaults(&http.Client{Transport: transport}, 1, 0)
	client, name := atMoto(t, through(f), func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	f.rate = 0.08
	lakeUnderFaults(t, client, name, 12)
}
