package bolttenant_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

// batchSize is the number of entries of the batches that are measured.
const batchSize = 100

// BenchmarkBatchWrite measures batches of one writer.
func BenchmarkBatchWrite(b *testing.B) {
	store, db := benchStores(b)
	require.NoError(b, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(bareBucket)
		return err
	}))
	readings := bolttenant.NewRepository(store, &readingSchema)
	batches := func(n int) {
		for start := 0; start < n; start += batchSize {
			var writes []tenant.Write[reading]
			for i := range batchSize {
				writes = append(writes, tenant.PutWrite(newReading(start+i)))
			}
			if _, err := readings.BatchWrite(context.Background(), acme, writes); err != nil {
				panic(err)
			}
		}
	}
	b.Run("single puts", func(b *testing.B) {
		singles := func(n int) {
			for i := range n {
				if _, err := readings.Put(context.Background(), acme, newReading(i), tenant.Always()); err != nil {
					panic(err)
				}
			}
		}
		bench.Ratio(b, 9, batches, singles, 2*batchSize)
		wallRatio(b, 5, func() { batches(2 * batchSize) }, func() { singles(2 * batchSize) })
	})
	b.Run("bare", func(b *testing.B) {
		bench.Ratio(b, 21, batches, func(n int) {
			for start := 0; start < n; start += batchSize {
				if err := db.Update(func(tx *bbolt.Tx) error { return putBare(tx, start, batchSize) }); err != nil {
					panic(err)
				}
			}
		}, 10*batchSize)
	})
}

// putBare puts readings as the store does, in their barest form.
func putBare(tx *bbolt.Tx, start, n int) error {
	bucket := tx.Bucket(bareBucket)
	for i := start; i < start+n; i++ {
		item := newReading(i)
		text, err := json.Marshal(item)
		if err != nil {
			return err
		}
		if err := bucket.Put([]byte("acme\x1freading\x1fi"+item.Device), text); err != nil {
			return err
		}
	}
	return nil
}

// wallRatio reports how many times as long the limit takes as the subject, in
// wall time, since the disk is what single writes wait for.
func wallRatio(b *testing.B, rounds int, subject, limit func()) {
	b.Helper()
	var ratios []float64
	for range rounds {
		start := time.Now()
		subject()
		middle := time.Now()
		limit()
		ratios = append(ratios, float64(time.Since(middle))/float64(middle.Sub(start)))
	}
	b.ReportMetric(bench.Median(ratios), "x-faster")
}

// BenchmarkBatchGet measures batches against single gets.
func BenchmarkBatchGet(b *testing.B) {
	store, _ := benchStores(b)
	readings := bolttenant.NewRepository(store, &readingSchema)
	const items = 100 * batchSize
	keys := make([]tenant.Key, items)
	for start := 0; start < items; start += batchSize {
		var writes []tenant.Write[reading]
		for i := start; i < start+batchSize; i++ {
			item := newReading(i)
			keys[i], writes = tenant.NewKey(item.Device), append(writes, tenant.PutWrite(item))
		}
		_, err := readings.BatchWrite(b.Context(), acme, writes)
		require.NoError(b, err)
	}
	bench.Ratio(b, 21, func(n int) {
		for i := 0; i < n; i += batchSize {
			start := i % items
			if _, err := readings.BatchGet(context.Background(), acme, keys[start:start+batchSize]); err != nil {
				panic(err)
			}
		}
	}, func(n int) {
		getAll(readings, keys, n, func(i int) int { return i % items })
	}, items)
}

// BenchmarkTransact measures transactions of two puts and a check against a
// bare transaction with the same two puts.
func BenchmarkTransact(b *testing.B) {
	store, db := benchStores(b)
	require.NoError(b, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket(bareBucket)
		return err
	}))
	bench.Ratio(b, 21, func(n int) {
		for i := range n {
			_, err := store.Transact(context.Background(), acme,
				tenant.PutOp(&readingSchema, newReading(2*i), tenant.Always()),
				tenant.PutOp(&readingSchema, newReading(2*i+1), tenant.Always()),
				tenant.CheckOp(&readingSchema, tenant.NewKey(fmt.Sprint("none-", i)), tenant.IfAbsent()),
			)
			if err != nil {
				panic(err)
			}
		}
	}, func(n int) {
		for i := range n {
			if err := db.Update(func(tx *bbolt.Tx) error { return putBare(tx, 2*i, 2) }); err != nil {
				panic(err)
			}
		}
	}, 300)
}
