package bolttenant_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

// reading is an item of about 300 bytes of JSON.
type reading struct {
	Device string            `json:"device"`
	At     int64             `json:"at"`
	Values map[string]string `json:"values"`
}

var readingSchema = tenant.Schema[reading]{
	Entity: "reading",
	Key:    func(r *reading) tenant.Key { return tenant.NewKey(r.Device) },
}

// blob is an item that is its own encoding.
type blob struct {
	name string
	data []byte
}

func (b *blob) AppendBinary(dst []byte) ([]byte, error) { return append(dst, b.data...), nil }

func (b *blob) UnmarshalBinary(data []byte) error {
	b.data = append([]byte(nil), data...)
	return nil
}

var blobSchema = tenant.Schema[blob]{
	Entity: "blob",
	Key:    func(b *blob) tenant.Key { return tenant.NewKey(b.name) },
}

func newReading(i int) reading {
	return reading{Device: fmt.Sprintf("dev-%06d", i), At: int64(i), Values: map[string]string{
		"temperature": "21.5", "pressure": "1013", "text": fmt.Sprintf("%0200d", i),
	}}
}

const (
	benchItems   = 100_000
	benchWriters = 1000
)

// benchStores returns a store with many items, and a bare database with the
// same.
func benchStores(b *testing.B) (*bolttenant.Store, *bbolt.DB) {
	b.Helper()
	folder := b.TempDir()
	store, err := bolttenant.Open(filepath.Join(folder, "store.db"), tenant.RandomCursorKeys())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, store.Close()) })
	db, err := bbolt.Open(filepath.Join(folder, "bare.db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoStatistics: true})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	return store, db
}

var bareBucket = []byte("items")

func BenchmarkGet(b *testing.B) {
	store, db := benchStores(b)
	readings, blobs := bolttenant.NewRepository(store, &readingSchema), bolttenant.NewRepository(store, &blobSchema)
	keys := make([]tenant.Key, benchItems)
	names := make([]string, benchItems)
	var group sync.WaitGroup
	for worker := range benchWriters {
		group.Go(func() {
			for i := worker; i < benchItems; i += benchWriters {
				item := newReading(i)
				text, _ := json.Marshal(item)
				keys[i], names[i] = tenant.NewKey(item.Device), item.Device
				if _, err := readings.Put(b.Context(), acme, item, tenant.Always()); err != nil {
					panic(err)
				}
				if _, err := blobs.Put(b.Context(), acme, blob{item.Device, text}, tenant.Always()); err != nil {
					panic(err)
				}
			}
		})
	}
	group.Wait()
	fillBare(b, db, names)
	pick := func(i int) int { return int(uint64(i) * 0x9E3779B97F4A7C15 % benchItems) }
	bare := func(prefix string, decode func([]byte)) func(int) {
		return func(n int) {
			for i := range n {
				err := db.View(func(tx *bbolt.Tx) error {
					key := append(append(make([]byte, 0, 64), prefix...), names[pick(i)]...)
					decode(tx.Bucket(bareBucket).Get(key))
					return nil
				})
				if err != nil {
					panic(err)
				}
			}
		}
	}
	b.Run("json", func(b *testing.B) {
		bench.Ratio(b, 9, func(n int) { getAll(readings, keys, n, pick) }, bare("acme\x1freading\x1fi", func(text []byte) {
			var item reading
			if err := json.Unmarshal(text, &item); err != nil {
				panic(err)
			}
		}), 20_000)
	})
	b.Run("bytes", func(b *testing.B) {
		var item blob
		bench.Ratio(b, 9, func(n int) { getAll(blobs, keys, n, pick) }, bare("acme\x1fblob\x1fi", func(text []byte) {
			_ = item.UnmarshalBinary(text)
		}), 100_000)
	})
}

// fillBare stores what the store holds in the bare database.
func fillBare(b *testing.B, db *bbolt.DB, names []string) {
	b.Helper()
	for start := 0; start < len(names); start += benchWriters {
		require.NoError(b, db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists(bareBucket)
			if err != nil {
				return err
			}
			for i := start; i < start+benchWriters; i++ {
				text, err := json.Marshal(newReading(i))
				if err != nil {
					return err
				}
				for _, entity := range []string{"reading", "blob"} {
					if err := bucket.Put([]byte("acme\x1f"+entity+"\x1fi"+names[i]), text); err != nil {
						return err
					}
				}
			}
			return nil
		}))
	}
}

func getAll[T any](repository tenant.Repository[T], keys []tenant.Key, n int, pick func(int) int) {
	for i := range n {
		if _, err := repository.Get(context.Background(), acme, keys[pick(i)]); err != nil {
			panic(err)
		}
	}
}

// bareCommitter is a group commit in its shortest form over a bare bbolt: the
// physical limit of bolttenant's.
type bareCommitter struct {
	db    *bbolt.DB
	mu    sync.Mutex
	queue []*bareWrite
	led   bool
}

type bareWrite struct {
	key, value []byte
	wake       chan bool
}

func (c *bareCommitter) put(key, value []byte) {
	w := &bareWrite{key, value, make(chan bool, 1)}
	c.mu.Lock()
	c.queue = append(c.queue, w)
	leads := !c.led
	c.led = true
	c.mu.Unlock()
	if !leads && !<-w.wake {
		return
	}
	runtime.Gosched()
	c.mu.Lock()
	batch := c.queue
	c.queue = nil
	c.mu.Unlock()
	err := c.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bareBucket)
		for _, w := range batch {
			if err := bucket.Put(w.key, w.value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	for _, w := range batch {
		w.wake <- false
	}
	c.mu.Lock()
	if c.led = len(c.queue) > 0; c.led {
		c.queue[0].wake <- true
	}
	c.mu.Unlock()
}

// BenchmarkPut64 measures durable writes from 64 writers in wall time, since
// the disk is the limit: puts per second of the store, of a bare group commit
// and of plain transactions, in interleaved rounds.
func BenchmarkPut64(b *testing.B) {
	store, db := benchStores(b)
	require.NoError(b, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(bareBucket)
		return err
	}))
	blobs, committer := bolttenant.NewRepository(store, &blobSchema), &bareCommitter{db: db}
	value := make([]byte, 300)
	var stored, bared, plained atomic.Int64
	writers := []struct {
		name string
		n    int
		next *atomic.Int64
		put  func(name string)
	}{
		{"puts/s", 3200, &stored, func(name string) {
			if _, err := blobs.Put(context.Background(), acme, blob{name, value}, tenant.Always()); err != nil {
				panic(err)
			}
		}},
		{"bare-puts/s", 3200, &bared, func(name string) { committer.put([]byte("acme\x1fblob\x1fi"+name), value) }},
		{"plain-puts/s", 128, &plained, func(name string) {
			err := db.Update(func(tx *bbolt.Tx) error {
				return tx.Bucket(bareBucket).Put([]byte("acme\x1fplain\x1fi"+name), value)
			})
			if err != nil {
				panic(err)
			}
		}},
	}
	rates := make([][]float64, len(writers))
	for b.Loop() {
		for round := range 30 { // each is first, second and last equally often
			for i := range writers {
				i = (i + round) % len(writers)
				w := writers[i]
				rates[i] = append(rates[i], putRate(w.n, w.next, w.put))
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	ratio := func(i int) (ratios []float64) {
		for round := range rates[0] {
			ratios = append(ratios, rates[0][round]/rates[i][round])
		}
		return ratios
	}
	b.ReportMetric(bench.Median(ratio(1)), "x-bare")
	b.ReportMetric(bench.Median(ratio(2)), "x-plain")
	for i, w := range writers {
		b.ReportMetric(bench.Median(rates[i]), w.name)
	}
}

func putRate(n int, next *atomic.Int64, put func(name string)) float64 {
	start := time.Now()
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			for range n / 64 {
				put(fmt.Sprintf("dev-%08d", next.Add(1)))
			}
		})
	}
	group.Wait()
	return float64(n) / time.Since(start).Seconds()
}
