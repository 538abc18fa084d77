package lakeanalytics_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
)

func inMemory(*testing.T) analytics.Objects { return memanalytics.NewObjects() }

func inFolder(t *testing.T) analytics.Objects {
	t.Helper()
	return fileanalytics.NewFolder(t.TempDir())
}

// over makes lakes over the same objects.
func over(open analyticstest.OpenObjects, optFns ...func(*lakeanalytics.Options)) analyticstest.OpenLake {
	return func(t *testing.T) func() analytics.Lake {
		t.Helper()
		objects, keys := open(t), tenant.RandomCursorKeys()
		return func() analytics.Lake { return lakeanalytics.New(objects, keys, optFns...) }
	}
}

func TestLake(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]analyticstest.OpenObjects{"memory": inMemory, "folder": inFolder} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			analyticstest.TestLake(t, over(open))
		})
	}
	t.Run("small", func(t *testing.T) {
		t.Parallel()
		analyticstest.TestLake(t, over(inMemory, func(o *lakeanalytics.Options) {
			o.Window, o.Checkpoint, o.Tables, o.CacheSize = 0, 2, 1, 1
		}))
	})
}

func TestLakeModel(t *testing.T) {
	t.Parallel()
	operations := 500
	if testing.Short() {
		operations = 300
	}
	for seed := range uint64(2) {
		for name, open := range map[string]analyticstest.OpenObjects{"memory": inMemory, "folder": inFolder} {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				t.Parallel()
				analyticstest.TestLakeModel(t, over(open), seed, operations)
			})
		}
	}
}

// leaping is a clock that makes everything old at times.
type leaping struct {
	mu     sync.Mutex
	random *rand.Rand
	now    time.Time
}

func newLeaping(seed uint64) *leaping {
	return &leaping{random: rand.New(rand.NewPCG(seed, 7)), now: time.Now()}
}

func (l *leaping) Now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(time.Second)
	if l.random.IntN(300) == 0 {
		l.now = l.now.Add(45 * time.Minute)
	}
	return l.now
}

// TestLakeModelFaults lets calls of the objects fail, also after they had
// their effect, and makes files and commits old in the middle of a call.
func TestLakeModelFaults(t *testing.T) {
	t.Parallel()
	operations, seeds := 600, 3
	if testing.Short() {
		operations, seeds = 300, 2
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			clock, faults := newLeaping(seed), newFaults(seed)
			open := func(*testing.T) analytics.Objects {
				objects := memanalytics.NewObjects(func(o *memanalytics.ObjectsOptions) { o.Now = clock.Now })
				return analyticstest.FaultyObjects(objects, faults.next)
			}
			analyticstest.TestLakeModel(t, over(open, func(o *lakeanalytics.Options) {
				o.Now, o.Checkpoint, o.FileSize, o.Tables = clock.Now, 3, 20_000, int(seed)
			}), seed, operations)
		})
	}
}

// faults chooses faults.
type faults struct {
	mu     sync.Mutex
	random *rand.Rand
}

func newFaults(seed uint64) *faults { return &faults{random: rand.New(rand.NewPCG(seed, 9))} }

func (f *faults) next(call analyticstest.Call) (fault analyticstest.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rarely := 1000 // a page takes many files
	switch call.Operation {
	case analyticstest.OpCreate:
		rarely = 12
	case analyticstest.OpPut, analyticstest.OpDelete:
		rarely = 150
	}
	switch f.random.IntN(rarely) {
	case 0:
		fault.Before = analyticstest.ErrFault
	case 1:
		fault.Before, fault.Part = analyticstest.ErrFault, 1+f.random.Int64N(200)
	case 2, 3:
		fault.After = analyticstest.ErrFault
	}
	return fault
}
