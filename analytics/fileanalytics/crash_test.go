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
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sender is a device that sends numbered messages, each again until it is
// acknowledged.
type sender struct {
	id    tenant.ID
	thing device.ID
	acked int
}

func (s *sender) message(n int) analytics.Message {
	return analytics.Message{
		Thing: s.thing,
		ID:    fmt.Sprint("m", n),
		// A day has 40 messages; every fifth is late by half a day.
		At:      noon.Add(time.Duration(n-n%5/4*20) * 36 * time.Minute),
		Payload: fmt.Appendf(nil, `{"n": %d, "filler": "%0*d"}`, n, n*97%1500, 0),
	}
}

// send sends up to n messages, in appends of up to three, until the first
// that fails.
func (s *sender) send(ctx context.Context, store analytics.Store, n int) error {
	for s.acked < n {
		var batch []analytics.Message
		for i := s.acked; i < min(n, s.acked+1+s.acked%3); i++ {
			batch = append(batch, s.message(i))
		}
		if _, err := store.Append(ctx, s.id, batch); err != nil {
			return err
		}
		s.acked += len(batch)
	}
	return nil
}

// check checks that everything acknowledged is there once and as it was, and
// nothing twice.
func (s *sender) check(t *testing.T, store analytics.Store) {
	t.Helper()
	seen := map[string]bool{}
	for m, err := range analytics.AllMessages(t.Context(), store, s.id, analytics.Query{Things: []device.ID{s.thing}, Limit: 37}) {
		require.NoError(t, err)
		require.False(t, seen[m.ID], "%s of %s is there twice", m.ID, s.thing)
		seen[m.ID] = true
		var n int
		_, err := fmt.Sscanf(m.ID, "m%d", &n)
		require.NoError(t, err)
		want := s.message(n)
		require.Equal(t, want, m)
	}
	for n := range s.acked {
		require.True(t, seen[s.message(n).ID], "acknowledged m%d of %s is lost", n, s.thing)
	}
	last, err := store.Last(t.Context(), s.id, "", s.thing)
	require.NoError(t, err)
	if s.acked > 0 {
		require.Len(t, last, 1)
	}
}

func fleet() (senders []*sender) {
	for i := range 6 {
		senders = append(senders, &sender{id: tenant.MustParseID(fmt.Sprint("tenant-", i%3)), thing: device.MustParseID(fmt.Sprint("thing-", i/3))})
	}
	return senders
}

func small(o *fileanalytics.Options) { o.JournalSize = 64 << 10 }

// TestPowerLoss cuts the power at a random operation, again and again, and
// lets the devices go on where they were.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	runs := 24
	if testing.Short() {
		runs = 6
	}
	for seed := range uint64(runs) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			powerLoss(t, rand.New(rand.NewPCG(seed, 1)))
		})
	}
}

func powerLoss(t *testing.T, random *rand.Rand) {
	const messages = 120
	senders, memory := fleet(), disktest.New()
	for cut := range 12 {
		if cut < 11 {
			memory.PowerOffAfter(random.IntN(120))
		}
		store, err := fileanalytics.Open("/data", tenant.RandomCursorKeys(), small, fileanalytics.OnDisk(memory))
		if err != nil {
			require.ErrorIs(t, err, disktest.ErrPower)
			memory = memory.Restart(random)
			continue
		}
		for _, s := range senders {
			if cut < 11 {
				checkUntilPowerLoss(t, s, store)
			}
		}
		sendAll(t, store, senders, messages, random.IntN(2) == 0)
		_ = store.Close() // the power may be off
		memory = memory.Restart(random)
	}
	store, err := fileanalytics.Open("/data", tenant.RandomCursorKeys(), small, fileanalytics.OnDisk(memory))
	require.NoError(t, err)
	for _, s := range senders {
		require.Equal(t, messages, s.acked)
		s.check(t, store)
		points, err := store.Points(t.Context(), s.id, analytics.Query{Things: []device.ID{s.thing}, Limit: 1000})
		require.NoError(t, err)
		require.Len(t, points.Items, 2*messages/2)
	}
	require.NoError(t, store.Close())
}

// checkUntilPowerLoss reads, which needs no power budget but may find the
// power off.
func checkUntilPowerLoss(t *testing.T, s *sender, store analytics.Store) {
	t.Helper()
	if _, err := store.Messages(t.Context(), s.id, analytics.Query{Limit: 1}); errors.Is(err, disktest.ErrPower) {
		return
	}
	s.check(t, store)
}

// sendAll lets all devices send at the same time, with or without Run.
func sendAll(t *testing.T, store *fileanalytics.Store, senders []*sender, messages int, run bool) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group, background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	if run {
		background.Go(func() { _ = store.Run(ctx) })
	}
	for _, s := range senders {
		group.Go(func() {
			if err := s.send(t.Context(), store, messages); err != nil && !errors.Is(err, disktest.ErrPower) {
				t.Errorf("append: %v", err)
			}
		})
	}
	group.Wait()
}

// TestDiskErrors lets operations fail at random while the power stays on.
func TestDiskErrors(t *testing.T) {
	t.Parallel()
	errFull := errors.New("no space left on device")
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 2))
			memory, senders := disktest.New(), fleet()
			store, err := fileanalytics.Open("/data", tenant.RandomCursorKeys(), small, fileanalytics.OnDisk(memory))
			require.NoError(t, err)
			memory.Fail(func(disktest.Operation, string) error {
				if random.IntN(20) == 0 {
					return errFull
				}
				return nil
			})
			for _, s := range senders {
				for tries := 0; s.acked < 60; tries++ {
					require.Less(t, tries, 1000)
					if err := s.send(t.Context(), store, 60); err != nil {
						require.ErrorIs(t, err, errFull)
					}
				}
			}
			for _, s := range senders {
				s.check(t, store)
			}
			memory.Fail(nil)
			memory = memory.Restart(random)
			store, err = fileanalytics.Open("/data", tenant.RandomCursorKeys(), small, fileanalytics.OnDisk(memory))
			require.NoError(t, err)
			for _, s := range senders {
				s.check(t, store)
			}
		})
	}
}
