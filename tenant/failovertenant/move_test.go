package failovertenant_test

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/failovertenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func TestWriterThatHasNotHeardOfTheMoveIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld()
	operator, writer := w.process(), w.process()
	version := writer.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	operator.move(t, w, ireland, frankfurt)

	_, err := writer.sites.Put(t.Context(), acme, site{"north", "Bergen"}, tenant.IfVersion(version))
	require.ErrorIs(t, err, failovertenant.ErrMoved)
	require.ErrorIs(t, err, iotenant.ErrConflict)
	require.Equal(t, "Oslo", w.snapshot(t, ireland, acme)["north"].City, "nothing is written at the old home")

	// It has heard now.
	require.Equal(t, "Oslo", writer.city(t, acme, tenant.Consistent))
	writer.put(t, acme, site{"north", "Bergen"}, tenant.IfPresent())
	require.Equal(t, "Bergen", w.snapshot(t, frankfurt, acme)["north"].City)
	require.Equal(t, "Oslo", w.snapshot(t, ireland, acme)["north"].City)
}

func TestEveryWriteIsFenced(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*testing.T, process) error{
		"Put": func(t *testing.T, p process) error {
			_, err := p.sites.Put(t.Context(), acme, site{"new", "Oslo"}, tenant.IfAbsent())
			return err
		},
		"Delete": func(t *testing.T, p process) error {
			return p.sites.Delete(t.Context(), acme, north, tenant.Always())
		},
		"BatchWrite": func(t *testing.T, p process) error {
			_, err := p.sites.BatchWrite(t.Context(), acme, []tenant.Write[site]{tenant.PutWrite(site{"new", "Oslo"})})
			return err
		},
		"Transact": func(t *testing.T, p process) error {
			_, err := p.Transact(t.Context(), acme, tenant.DeleteOp(&siteSchema, north, tenant.Always()))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			operator, writer := w.process(), w.process()
			writer.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
			home, err := operator.Drain(t.Context(), acme)
			require.NoError(t, err)
			require.Equal(t, failovertenant.Home{Region: ireland, Epoch: 1, Draining: true}, home)
			before := w.snapshot(t, ireland, acme)
			require.ErrorIs(t, write(t, writer), failovertenant.ErrMoved)
			require.ErrorIs(t, write(t, writer), failovertenant.ErrDraining)
			require.ErrorIs(t, write(t, operator), failovertenant.ErrDraining)
			require.Equal(t, before, w.snapshot(t, ireland, acme))
			require.Equal(t, "Oslo", writer.city(t, acme, tenant.Consistent), "reads go on")

			_, err = operator.Move(t.Context(), acme, ireland) // taken back
			require.NoError(t, err)
			require.NoError(t, write(t, writer))
			require.NotEqual(t, before, w.snapshot(t, ireland, acme))
		})
	}
}

func TestConsistentReadOfAReaderThatHasNotHeard(t *testing.T) {
	t.Parallel()
	w := newWorld()
	operator, reader, another := w.process(), w.process(), w.process()
	operator.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	require.Equal(t, "Oslo", reader.city(t, acme))
	require.Equal(t, "Oslo", another.city(t, acme))
	operator.move(t, w, ireland, frankfurt)
	operator.put(t, acme, site{"north", "Bergen"}, tenant.Always())
	operator.put(t, acme, site{"south", "Bergen"}, tenant.Always())

	require.Equal(t, "Oslo", reader.city(t, acme), "others may be old")
	require.Equal(t, "Bergen", reader.city(t, acme, tenant.Consistent))

	_, err := another.sites.Get(t.Context(), acme, tenant.NewKey("south"), tenant.Consistent)
	require.NoError(t, err, "not found at the old home is no answer")
}

func TestHomeIsForgottenAfterAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		operator, reader := w.process(), w.process()
		operator.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
		require.Equal(t, "Oslo", reader.city(t, acme))
		operator.move(t, w, ireland, frankfurt)
		operator.put(t, acme, site{"north", "Bergen"}, tenant.Always())
		time.Sleep(10*time.Second - 1)
		require.Equal(t, "Oslo", reader.city(t, acme))
		time.Sleep(time.Nanosecond)
		require.Equal(t, "Bergen", reader.city(t, acme))
	})
}

func TestMoveNeedsADrainedTenant(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process()
	_, err := p.Move(t.Context(), acme, frankfurt)
	require.ErrorIs(t, err, failovertenant.ErrNotDrained)
	moved, err := p.Move(t.Context(), acme, ireland)
	require.NoError(t, err)
	require.Equal(t, failovertenant.Home{Region: ireland}, moved.Home, "it is there")
	_, err = p.Move(t.Context(), acme, "us-east-1")
	require.ErrorIs(t, err, failovertenant.ErrRegion)
	home, err := p.Home(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, failovertenant.Home{Region: ireland}, home)
}

func TestMoveThereAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process()
	p.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	p.move(t, w, ireland, frankfurt)
	p.put(t, acme, site{"north", "Bergen"}, tenant.IfPresent())
	p.move(t, w, frankfurt, ireland)
	p.put(t, acme, site{"south", "Malmö"}, tenant.IfAbsent())
	require.Equal(t, map[string]site{"north": {"north", "Bergen"}, "south": {"south", "Malmö"}}, w.snapshot(t, ireland, acme))
	home, err := w.process().Home(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, failovertenant.Home{Region: ireland, Epoch: 4}, home)
}

func TestDrainAndMoveNeedAllRegions(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process()
	w[frankfurt].lose()
	_, err := p.Drain(t.Context(), acme)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	p.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	_, err = p.Move(t.Context(), acme, frankfurt)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	_, err = p.Move(t.Context(), acme, frankfurt, failovertenant.Force)
	require.ErrorIs(t, err, iotenant.ErrUnavailable, "the new home has to answer")
}

func TestForcedMove(t *testing.T) {
	t.Parallel()
	w := newWorld()
	operator, writer := w.process(), w.process()
	writer.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	w.replicate(t, ireland, frankfurt, acme)
	writer.put(t, acme, site{"south", "Bergen"}, tenant.IfAbsent()) // does not arrive
	w[ireland].lose()
	moved, err := operator.Move(t.Context(), acme, frankfurt, failovertenant.Force)
	require.NoError(t, err)
	require.Equal(t, failovertenant.Moved{Home: failovertenant.Home{Region: frankfurt, Epoch: 1}, Untold: []string{ireland}}, moved)

	// Whoever reaches the new home writes there, also before the old one is back.
	operator.put(t, acme, site{"north", "Malmö"}, tenant.IfPresent())
	w.process().put(t, acme, site{"west", "Malmö"}, tenant.IfAbsent())

	// The old home is back, and does not know. Who believes it is its business
	// could write there; who starts now asks all Regions, and does not.
	w[ireland].restore()
	late := w.process()
	late.put(t, acme, site{"east", "Malmö"}, tenant.IfAbsent())
	require.NotContains(t, w.snapshot(t, ireland, acme), "east")
	require.Equal(t, "Malmö", late.city(t, acme, tenant.Consistent))

	// The operator tells it.
	moved, err = late.Move(t.Context(), acme, frankfurt)
	require.NoError(t, err)
	require.Equal(t, failovertenant.Moved{Home: failovertenant.Home{Region: frankfurt, Epoch: 1}}, moved)
	_, err = writer.sites.Put(t.Context(), acme, site{"north", "Oslo"}, tenant.Always())
	require.ErrorIs(t, err, failovertenant.ErrMoved)
}

func TestMoveThatWasCutShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// Whichever call fails, with or without effect: nobody writes in two
		// Regions, and moving again ends it.
		for call := int32(1); call <= 6; call++ {
			for name, fault := range map[string]tenanttest.Fault{"before": {Before: tenanttest.ErrFault}, "after": {After: tenanttest.ErrFault}} {
				for _, lost := range []string{ireland, frankfurt} {
					w := newWorld()
					writer := w.process()
					writer.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
					fail := w[lost].calls.Load() + call
					operator := w.failing(lost, fail, fault)
					_, drainErr := operator.Drain(t.Context(), acme)
					_, moveErr := operator.Move(t.Context(), acme, frankfurt)
					if drainErr == nil && moveErr == nil {
						continue
					}
					message := fmt.Sprint(call, name, lost)
					w.wantOneWriter(t, message)
					w.finish(t)
					home, err := w.process().Home(t.Context(), acme)
					require.NoError(t, err, message)
					require.Equal(t, frankfurt, home.Region, message)
					w.process().put(t, acme, site{"north", "Bergen"}, tenant.Always())
					require.NotEqual(t, "Bergen", w.snapshot(t, ireland, acme)["north"].City, message)
				}
			}
		}
	})
}

// failing is a process of which one call to a Region fails.
func (w world) failing(lost string, number int32, fault tenanttest.Fault) process {
	regions := []failovertenant.Region{w[ireland].region(ireland), w[frankfurt].region(frankfurt)}
	for i, region := range regions {
		if region.Name == lost {
			decide := func(tenanttest.Call) tenanttest.Fault {
				if w[lost].calls.Load() == number-1 {
					w[lost].calls.Add(1)
					return fault
				}
				return tenanttest.Fault{}
			}
			regions[i].Transactor = tenanttest.FaultyTransactor(region.Transactor, decide)
			regions[i].Homes = tenanttest.Faulty(region.Homes, decide)
		}
	}
	return process{Store: failovertenant.New(regions)}
}

// wantOneWriter checks that no two processes write in different Regions.
func (w world) wantOneWriter(t *testing.T, message string) {
	t.Helper()
	for _, p := range []process{w.process(), w.process()} {
		_, _ = p.sites.Put(t.Context(), acme, site{"probe", "x"}, tenant.Always())
	}
	written := 0
	for region := range w {
		if _, ok := w.snapshot(t, region, acme)["probe"]; ok {
			written++
		}
	}
	require.LessOrEqual(t, written, 1, message)
}

// finish does what an operator does after an error: everything again.
func (w world) finish(t *testing.T) {
	t.Helper()
	operator := w.process()
	for {
		home, err := operator.Home(t.Context(), acme)
		require.NoError(t, err)
		if home.Region != frankfurt && !home.Draining {
			_, err = operator.Drain(t.Context(), acme)
			require.NoError(t, err)
		}
		if _, err = operator.Move(t.Context(), acme, frankfurt); err == nil {
			return
		}
	}
}

func TestTwoOperators(t *testing.T) {
	t.Parallel()
	for range 20 {
		w := newWorld()
		errs := make([]error, 8)
		var operators sync.WaitGroup
		for i := range errs {
			operators.Go(func() { _, errs[i] = w.process().Drain(t.Context(), acme) })
		}
		operators.Wait()
		for _, err := range errs {
			if err != nil && !errors.Is(err, failovertenant.ErrMoved) {
				t.Error(err)
			}
		}
		home, err := w.process().Home(t.Context(), acme)
		require.NoError(t, err)
		require.Equal(t, failovertenant.Home{Region: ireland, Epoch: 1, Draining: true}, home)
	}
}

func TestFenceThatWasWrittenAgainIsNoMove(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process()
	p.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	p.move(t, w, ireland, frankfurt)
	p.put(t, acme, site{"north", "Bergen"}, tenant.Always())
	// Replication brings the same homes from the other Region.
	homes := repositories(map[string]*memtenant.Store{frankfurt: w[frankfurt].store}, &failovertenant.HomeSchema)[frankfurt]
	for item, err := range tenant.All(t.Context(), homes, acme, tenant.Query{}) {
		require.NoError(t, err)
		_, err = homes.Put(t.Context(), acme, item.Value, tenant.Always())
		require.NoError(t, err)
	}
	p.put(t, acme, site{"north", "Malmö"}, tenant.Always())
}

func TestNothingIsLostOrWrittenTwiceWhileATenantMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const lag = 700 * time.Millisecond
		w := newWorld()
		w.process().put(t, acme, site{"north", "0"}, tenant.IfAbsent())
		stop := w.replicating(t, lag)

		var acknowledged, refused atomic.Int64
		end := make(chan struct{})
		var writers sync.WaitGroup
		for range 4 {
			writers.Go(func() {
				p := w.process()
				for {
					select {
					case <-end:
						return
					default:
					}
					_, err := tenant.Update(t.Context(), p.sites, acme, north, func(s *site) error {
						var n int
						if _, err := fmt.Sscan(s.City, &n); err != nil {
							return err
						}
						s.City = fmt.Sprint(n + 1)
						return nil
					})
					switch {
					case err == nil:
						acknowledged.Add(1)
					case errors.Is(err, iotenant.ErrConflict):
						refused.Add(1)
					default:
						t.Error(err)
					}
					time.Sleep(25 * time.Millisecond)
				}
			})
		}
		operator := w.process()
		for _, to := range []string{frankfurt, ireland, frankfurt} {
			time.Sleep(2 * time.Second)
			_, err := operator.Drain(t.Context(), acme)
			require.NoError(t, err)
			time.Sleep(3 * lag)
			_, err = operator.Move(t.Context(), acme, to)
			require.NoError(t, err)
		}
		time.Sleep(time.Second)
		close(end)
		writers.Wait()
		stop()
		require.Equal(t, fmt.Sprint(acknowledged.Load()), w.process().city(t, acme, tenant.Consistent))
		require.Positive(t, refused.Load())
		t.Logf("%d increments acknowledged, %d refused, none lost", acknowledged.Load(), refused.Load())
	})
}

// replicating copies the items of acme from its home to the other Region, as
// they were some time ago, until it is stopped.
func (w world) replicating(t *testing.T, lag time.Duration) (stop func()) {
	t.Helper()
	end := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		p := w.process()
		for {
			home, err := p.Home(t.Context(), acme)
			if err != nil {
				t.Error(err)
				return
			}
			state := w.snapshot(t, home.Region, acme)
			select {
			case <-end:
				return
			case <-time.After(lag):
			}
			if now, err := p.Home(t.Context(), acme); err != nil || now.Region != home.Region {
				continue // what is on its way back must not replace what is there
			}
			for other := range maps.Keys(w) {
				if other != home.Region {
					w.apply(t, other, acme, state)
				}
			}
		}
	})
	return func() { close(end); done.Wait() }
}

func TestAttackMoveOfAnotherTenant(t *testing.T) {
	t.Parallel()
	w := newWorld()
	p := w.process()
	p.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	p.put(t, zeta, site{"north", "Essen"}, tenant.IfAbsent())
	_, err := p.Drain(t.Context(), zeta)
	require.NoError(t, err)
	// What is done to zeta neither moves nor stops acme, and the other way round.
	p.put(t, acme, site{"north", "Bergen"}, tenant.Always())
	home, err := p.Home(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, failovertenant.Home{Region: ireland}, home)
	_, err = p.sites.Put(t.Context(), zeta, site{"north", "Bonn"}, tenant.Always())
	require.ErrorIs(t, err, failovertenant.ErrDraining)
	require.NotContains(t, err.Error(), "zeta")
	for _, call := range []func() error{
		func() error { _, err := p.Home(t.Context(), tenant.ID{}); return err },
		func() error { _, err := p.Drain(t.Context(), tenant.ID{}); return err },
		func() error { _, err := p.Move(t.Context(), tenant.ID{}, ireland); return err },
	} {
		require.ErrorIs(t, call(), tenant.ErrID)
	}
}
