package tenant_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

type receipt struct{ Number int }

var (
	order   = tenant.NewKey("order-1")
	payload = []byte(`{"amount":7}`)
)

// till charges, and counts how often it did.
type till struct{ charged atomic.Int32 }

func (c *till) charge(context.Context) (receipt, error) {
	return receipt{int(c.charged.Add(1))}, nil
}

func onceRecords() tenant.Repository[tenant.OnceRecord] {
	return memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &tenant.OnceSchema)
}

func newCharge(records tenant.Repository[tenant.OnceRecord], optFns ...func(*tenant.OnceOptions)) *tenant.Once[receipt] {
	return tenant.NewOnce[receipt](records, "charge", optFns...)
}

// holding returns a function that begins, and ends when release is called.
func holding() (fn func(context.Context) (receipt, error), began chan struct{}, release func()) {
	began, end := make(chan struct{}), make(chan struct{})
	return func(context.Context) (receipt, error) {
		close(began)
		<-end
		return receipt{99}, nil
	}, began, sync.OnceFunc(func() { close(end) })
}

func TestOnceReturnsTheFirstResult(t *testing.T) {
	t.Parallel()
	records, c := onceRecords(), till{}
	for range 3 {
		got, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge) // each as another process
		require.NoError(t, err)
		require.Equal(t, receipt{1}, got)
	}
	got, err := newCharge(records).Do(t.Context(), acme, tenant.NewKey("order-2"), payload, c.charge)
	require.NoError(t, err)
	require.Equal(t, receipt{2}, got)
}

func TestOnceOperationsShareARepository(t *testing.T) {
	t.Parallel()
	records, c := onceRecords(), till{}
	_, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
	require.NoError(t, err)
	_, err = tenant.NewOnce[receipt](records, "refund").Do(t.Context(), acme, order, payload, c.charge)
	require.NoError(t, err)
	require.EqualValues(t, 2, c.charged.Load())
}

func TestOnceAmongConcurrentCallers(t *testing.T) {
	t.Parallel()
	file, err := bolttenant.Open(filepath.Join(t.TempDir(), "once.db"), tenant.RandomCursorKeys())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	for name, records := range map[string]tenant.Repository[tenant.OnceRecord]{
		"memtenant":  onceRecords(),
		"bolttenant": bolttenant.NewRepository(file, &tenant.OnceSchema),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c till
			var callers sync.WaitGroup
			for range 64 {
				callers.Go(func() {
					for {
						got, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
						if errors.Is(err, tenant.ErrInProgress) {
							continue
						}
						if err != nil || got != (receipt{1}) {
							t.Errorf("got %v, %v", got, err)
						}
						return
					}
				})
			}
			callers.Wait()
			require.EqualValues(t, 1, c.charged.Load())
		})
	}
}

func TestOnceWithoutResult(t *testing.T) {
	t.Parallel()
	records, calls := onceRecords(), 0
	for range 2 {
		_, err := tenant.NewOnce[struct{}](records, "notify").Do(t.Context(), acme, order, nil, func(context.Context) (struct{}, error) {
			calls++
			return struct{}{}, nil
		})
		require.NoError(t, err)
		got, err := tenant.NewOnce[*receipt](records, "look-up").Do(t.Context(), acme, order, nil, func(context.Context) (*receipt, error) {
			calls++
			return nil, nil
		})
		require.NoError(t, err)
		require.Nil(t, got)
	}
	require.Equal(t, 2, calls, "each of the two operations has to be called once")
}

func TestOncePayload(t *testing.T) {
	t.Parallel()
	records, c := onceRecords(), till{}
	body := []byte("before")
	_, err := newCharge(records).Do(t.Context(), acme, order, body, func(ctx context.Context) (receipt, error) {
		copy(body, "AFTER!") // the digest was taken before
		return c.charge(ctx)
	})
	require.NoError(t, err)
	_, err = newCharge(records).Do(t.Context(), acme, order, []byte("before"), c.charge)
	require.NoError(t, err)
	for _, other := range [][]byte{[]byte("AFTER!"), nil} {
		_, err = newCharge(records).Do(t.Context(), acme, order, other, c.charge)
		require.ErrorIs(t, err, tenant.ErrPayload)
		require.ErrorIs(t, err, iotenant.ErrInvalid)
	}
	require.EqualValues(t, 1, c.charged.Load())
}

func TestOncePayloadWhileRunningAndAfterACrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records, c := onceRecords(), till{}
		crash(t, records)
		for range 2 {
			_, err := newCharge(records).Do(t.Context(), acme, order, []byte("another"), c.charge)
			require.ErrorIs(t, err, tenant.ErrPayload)
			time.Sleep(15 * time.Minute)
		}
	})
}

// crash leaves a record of a holder that has died while executing.
func crash(t *testing.T, records tenant.Repository[tenant.OnceRecord], optFns ...func(*tenant.OnceOptions)) {
	t.Helper()
	dead := tenanttest.Faulty(records, func(call tenanttest.Call) tenanttest.Fault {
		if call.Operation == tenanttest.OpDelete {
			return tenanttest.Fault{Before: tenanttest.ErrFault}
		}
		return tenanttest.Fault{}
	})
	_, err := newCharge(dead, optFns...).Do(t.Context(), acme, order, payload, func(context.Context) (receipt, error) {
		return receipt{}, errors.New("crash")
	})
	require.ErrorIs(t, err, tenanttest.ErrFault)
}

func TestOnceFailureFreesTheKey(t *testing.T) {
	t.Parallel()
	records, c, failure := onceRecords(), till{}, errors.New("no money")
	_, err := newCharge(records).Do(t.Context(), acme, order, payload, func(context.Context) (receipt, error) { return receipt{5}, failure })
	require.ErrorIs(t, err, failure)
	got, err := newCharge(records).Do(t.Context(), acme, order, []byte("also another payload"), c.charge)
	require.NoError(t, err)
	require.Equal(t, receipt{1}, got)
}

func TestOnceFailureFreesTheKeyWhenTheCallerIsGone(t *testing.T) {
	t.Parallel()
	records, c := onceRecords(), till{}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := newCharge(records).Do(ctx, acme, order, payload, func(ctx context.Context) (receipt, error) {
		cancel()
		return receipt{}, ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)
	_, err = newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
	require.NoError(t, err)
}

func TestOnceKeepsAResultWhoseCallerIsGone(t *testing.T) {
	t.Parallel()
	records, c := onceRecords(), till{}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := newCharge(records).Do(ctx, acme, order, payload, func(ctx context.Context) (receipt, error) {
		defer cancel()
		return c.charge(ctx)
	})
	require.NoError(t, err)
	_, err = newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
	require.NoError(t, err)
	require.EqualValues(t, 1, c.charged.Load())
}

func TestOncePanicFreesTheKey(t *testing.T) {
	t.Parallel()
	records, c := onceRecords(), till{}
	require.PanicsWithValue(t, "broken", func() {
		_, _ = newCharge(records).Do(t.Context(), acme, order, payload, func(context.Context) (receipt, error) { panic("broken") })
	})
	_, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
	require.NoError(t, err)
}

func TestOnceFinalError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ failure, kind error }{
		"with a kind":    {tenant.ErrSuspended, iotenant.ErrDenied},
		"without a kind": {errors.New("card stolen"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records, c := onceRecords(), till{}
			_, err := newCharge(records).Do(t.Context(), acme, order, payload, func(context.Context) (receipt, error) {
				return receipt{}, tenant.Final(test.failure)
			})
			require.ErrorIs(t, err, test.failure)
			for range 2 {
				_, err = newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
				var final *tenant.FinalError
				require.ErrorAs(t, err, &final)
				require.EqualError(t, err, test.failure.Error())
				require.Equal(t, test.kind, iotenant.KindOf(err))
			}
			require.Zero(t, c.charged.Load())
		})
	}
	require.NoError(t, tenant.Final(nil))
}

func TestOnceFinalErrorOfAnyLengthIsKept(t *testing.T) {
	t.Parallel()
	records := onceRecords()
	_, err := newCharge(records).Do(t.Context(), acme, order, payload, func(context.Context) (receipt, error) {
		return receipt{}, tenant.Final(errors.New(strings.Repeat("é", tenant.MaxItemSize)))
	})
	require.Len(t, err.Error(), 2*tenant.MaxItemSize)
	_, err = newCharge(records).Do(t.Context(), acme, order, payload, nil)
	require.Len(t, err.Error(), 4096)
}

func TestOnceInProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records, c := onceRecords(), till{}
		fn, began, release := holding()
		done := make(chan error)
		go func() {
			_, err := newCharge(records).Do(t.Context(), acme, order, payload, fn)
			done <- err
		}()
		<-began
		time.Sleep(15*time.Minute - 1)
		_, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.ErrorIs(t, err, tenant.ErrInProgress)
		require.ErrorIs(t, err, iotenant.ErrConflict)
		release()
		require.NoError(t, <-done)
		got, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.NoError(t, err)
		require.Equal(t, receipt{99}, got)
	})
}

func TestOnceCrashedHolderIsReplacedByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records, c := onceRecords(), till{}
		crash(t, records)
		_, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.ErrorIs(t, err, tenant.ErrInProgress)
		time.Sleep(15 * time.Minute)
		var callers sync.WaitGroup
		var executed atomic.Int32
		for range 32 {
			callers.Go(func() {
				_, err := newCharge(records).Do(t.Context(), acme, order, payload, func(ctx context.Context) (receipt, error) {
					executed.Add(1)
					time.Sleep(time.Minute)
					return c.charge(ctx)
				})
				if err != nil && !errors.Is(err, tenant.ErrInProgress) {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		require.EqualValues(t, 1, executed.Load())
	})
}

func TestOnceHolderThatLostItsLeaseCantOverwrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records, c := onceRecords(), till{}
		fn, began, release := holding()
		slow := make(chan error)
		go func() {
			_, err := newCharge(records).Do(t.Context(), acme, order, payload, fn)
			slow <- err
		}()
		<-began
		time.Sleep(15 * time.Minute)
		got, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.NoError(t, err)
		require.Equal(t, receipt{1}, got)
		release()
		err = <-slow
		require.ErrorIs(t, err, tenant.ErrLeaseLost)
		require.ErrorIs(t, err, iotenant.ErrConflict)
		got, err = newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.NoError(t, err)
		require.Equal(t, receipt{1}, got)
	})
}

func TestOnceFailureOfWhoLostItsLeaseFreesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records, c, failure := onceRecords(), till{}, errors.New("too late")
		_, err := newCharge(records).Do(t.Context(), acme, order, payload, func(context.Context) (receipt, error) {
			time.Sleep(15 * time.Minute)
			_, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
			require.NoError(t, err)
			return receipt{}, failure
		})
		require.Equal(t, failure, err)
		_, err = newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.NoError(t, err)
		require.EqualValues(t, 1, c.charged.Load())
	})
}

func TestOnceSlowHolderThatNobodyReplacedMayFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records, c := onceRecords(), till{}
		_, err := newCharge(records).Do(t.Context(), acme, order, payload, func(ctx context.Context) (receipt, error) {
			<-ctx.Done() // the function's context ends with the lease
			return c.charge(ctx)
		})
		require.NoError(t, err)
		_, err = newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.NoError(t, err)
		require.EqualValues(t, 1, c.charged.Load())
	})
}

// remaining is a context with a deadline that has come, before its timer noticed.
type remaining struct {
	context.Context //nolint:containedctx // it is one
	deadline        time.Time
}

func (r remaining) Deadline() (time.Time, bool) { return r.deadline, true }

func withinDeadline(o *tenant.OnceOptions) { o.LeaseWithinDeadline = true }

func TestOnceNoTimeLeftIsNotNoDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records, c := onceRecords(), till{}
		for _, left := range []time.Duration{0, -time.Second} {
			_, err := newCharge(records, withinDeadline).Do(remaining{t.Context(), time.Now().Add(left)}, acme, order, payload, c.charge)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		require.Zero(t, c.charged.Load())
		for _, out := range []func(*tenant.OnceOptions){
			func(o *tenant.OnceOptions) { o.Lease = 0 },
			func(o *tenant.OnceOptions) { o.Lease = -1 },
			func(o *tenant.OnceOptions) { o.Keep = 0 },
		} {
			_, err := newCharge(records, out).Do(t.Context(), acme, order, payload, c.charge)
			require.ErrorIs(t, err, iotenant.ErrInvalid)
		}
		_, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.NoError(t, err, "a call that was refused must leave no record")
	})
}

func TestOnceLease(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lease   time.Duration // 0 means the default
		within  bool
		timeout time.Duration // of the caller, 0 means none
		want    time.Duration
	}{
		"default":                        {want: 15 * time.Minute},
		"configured":                     {lease: 30 * time.Second, want: 30 * time.Second},
		"longer than the caller has":     {lease: time.Hour, timeout: 5 * time.Second, want: time.Hour},
		"within the deadline":            {within: true, timeout: 5 * time.Second, want: 5 * time.Second},
		"within a fraction of a second":  {within: true, timeout: 1500 * time.Millisecond, want: 1500 * time.Millisecond},
		"deadline after the lease":       {lease: time.Second, within: true, timeout: time.Minute, want: time.Second},
		"within no deadline":             {within: true, want: 15 * time.Minute},
		"milliseconds are not seconds":   {lease: 50 * time.Millisecond, want: 50 * time.Millisecond},
		"seconds are not milliseconds":   {lease: 7200 * time.Second, want: 2 * time.Hour},
		"less than what a store rounds":  {lease: time.Nanosecond, want: time.Nanosecond},
		"longer than an outcome is kept": {lease: 100 * time.Hour, want: 100 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				records := onceRecords()
				ctx := t.Context()
				if test.timeout != 0 {
					limited, cancel := context.WithTimeout(ctx, test.timeout)
					defer cancel()
					ctx = limited
				}
				fn, began, release := holding()
				done := make(chan error)
				once := newCharge(records, func(o *tenant.OnceOptions) {
					o.LeaseWithinDeadline = test.within
					if test.lease != 0 {
						o.Lease = test.lease
					}
				})
				go func() {
					_, err := once.Do(ctx, acme, order, payload, fn)
					done <- err
				}()
				<-began
				time.Sleep(test.want - 1)
				var c till
				_, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
				require.ErrorIs(t, err, tenant.ErrInProgress)
				time.Sleep(time.Nanosecond)
				_, err = newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
				require.NoError(t, err)
				release()
				require.ErrorIs(t, <-done, tenant.ErrLeaseLost)
			})
		})
	}
}

func TestOnceForgets(t *testing.T) {
	t.Parallel()
	for _, keep := range []time.Duration{time.Millisecond, 1500 * time.Millisecond, time.Hour} {
		t.Run(keep.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				records, c := onceRecords(), till{}
				once := newCharge(records, func(o *tenant.OnceOptions) { o.Keep = keep })
				for want := range 3 {
					got, err := once.Do(t.Context(), acme, order, payload, c.charge)
					require.NoError(t, err)
					require.Equal(t, receipt{want + 1}, got)
					time.Sleep(keep - 1)
					got, err = once.Do(t.Context(), acme, order, payload, c.charge)
					require.NoError(t, err)
					require.Equal(t, receipt{want + 1}, got)
					time.Sleep(time.Nanosecond) // at its expiry, not after it
				}
			})
		})
	}
}

func TestOnceForgetsThePayloadToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records, c := onceRecords(), till{}
		_, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.NoError(t, err)
		time.Sleep(24 * time.Hour)
		_, err = newCharge(records).Do(t.Context(), acme, order, []byte("another"), c.charge)
		require.NoError(t, err)
	})
}

func TestOnceTooLargeResult(t *testing.T) {
	t.Parallel()
	records, calls := onceRecords(), 0
	for range 3 {
		once := tenant.NewOnce[string](records, "export")
		_, err := once.Do(t.Context(), acme, order, payload, func(context.Context) (string, error) {
			calls++
			return strings.Repeat("x", tenant.MaxItemSize), nil
		})
		require.ErrorIs(t, err, tenant.ErrTooLarge)
	}
	require.Equal(t, 1, calls)
}

func TestOnceResultWithoutEncoding(t *testing.T) {
	t.Parallel()
	records, calls := onceRecords(), 0
	for range 2 {
		_, err := tenant.NewOnce[func()](records, "export").Do(t.Context(), acme, order, payload, func(context.Context) (func(), error) {
			calls++
			return func() {}, nil
		})
		require.ErrorIs(t, err, iotenant.ErrInvalid)
	}
	require.Equal(t, 1, calls)
}

func TestOnceResultOfAnotherType(t *testing.T) {
	t.Parallel()
	records, c := onceRecords(), till{}
	_, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
	require.NoError(t, err)
	_, err = tenant.NewOnce[string](records, "charge").Do(t.Context(), acme, order, payload, nil)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

func TestOnceRefusesBadArguments(t *testing.T) {
	t.Parallel()
	var c till
	_, err := newCharge(onceRecords()).Do(t.Context(), tenant.ID{}, order, payload, c.charge)
	require.ErrorIs(t, err, tenant.ErrID)
	_, err = newCharge(onceRecords()).Do(t.Context(), acme, tenant.NewKey(""), payload, c.charge)
	require.ErrorIs(t, err, tenant.ErrKey)
	_, err = tenant.NewOnce[receipt](onceRecords(), "").Do(t.Context(), acme, order, payload, c.charge)
	require.ErrorIs(t, err, tenant.ErrKey)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = newCharge(onceRecords()).Do(ctx, acme, order, payload, c.charge)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, c.charged.Load())
}

// lostAnswer is a write that was made, and whose answer did not come.
var lostAnswer = tenanttest.Fault{After: tenanttest.ErrFault}

// repeated is a write whose first answer was lost and that the client of the
// store repeated: the condition fails on what it wrote itself.
func repeated(err error) tenanttest.Fault { return tenanttest.Fault{After: err} }

func TestOnceBearsLostAnswers(t *testing.T) {
	t.Parallel()
	refused := tenanttest.Fault{Before: tenanttest.ErrFault}
	for name, test := range map[string]struct{ puts, gets []tenanttest.Fault }{
		"of the claim":                         {puts: []tenanttest.Fault{lostAnswer}},
		"of the claim, repeated by the client": {puts: []tenanttest.Fault{repeated(tenant.ErrExists)}},
		"of the outcome":                       {puts: []tenanttest.Fault{{}, lostAnswer}},
		"of the outcome, repeated":             {puts: []tenanttest.Fault{{}, repeated(tenant.ErrVersion)}},
		"of the outcome, after failures":       {puts: []tenanttest.Fault{{}, refused, refused, lostAnswer, refused}},
		"of the outcome, and of the question":  {puts: []tenanttest.Fault{{}, lostAnswer}, gets: []tenanttest.Fault{refused, refused}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				records, c := onceRecords(), till{}
				faulty := tenanttest.Faulty(records, tenanttest.Script(tenanttest.OpPut, test.puts...))
				faulty = tenanttest.Faulty(faulty, tenanttest.Script(tenanttest.OpGet, test.gets...))
				got, err := newCharge(faulty).Do(t.Context(), acme, order, payload, c.charge)
				require.NoError(t, err)
				require.Equal(t, receipt{1}, got)
				got, err = newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
				require.NoError(t, err)
				require.Equal(t, receipt{1}, got)
			})
		})
	}
}

func TestOnceLostAnswerOfTheKeyMadeFree(t *testing.T) {
	t.Parallel()
	records, c, failure := onceRecords(), till{}, errors.New("no money")
	_, err := newCharge(tenanttest.Faulty(records, tenanttest.Script(tenanttest.OpDelete, lostAnswer))).Do(t.Context(), acme, order, payload,
		func(context.Context) (receipt, error) { return receipt{}, failure })
	require.Equal(t, failure, err)
	_, err = newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
	require.NoError(t, err)
}

func TestOnceStoreThatStaysAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records, c := onceRecords(), till{}
		puts := 0
		dead := tenanttest.Faulty(records, func(call tenanttest.Call) tenanttest.Fault {
			if call.Operation == tenanttest.OpPut {
				puts++
			}
			return tenanttest.Fault{Before: map[bool]error{true: tenanttest.ErrFault}[puts > 1]}
		})
		_, err := newCharge(dead).Do(t.Context(), acme, order, payload, c.charge)
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.ErrorContains(t, err, "was executed")
		_, err = newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.ErrorIs(t, err, tenant.ErrInProgress)
		time.Sleep(15 * time.Minute)
		got, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.NoError(t, err)
		require.Equal(t, receipt{2}, got)
	})
}

func TestOnceStoreThatCantClaim(t *testing.T) {
	t.Parallel()
	var c till
	for _, operation := range []tenanttest.Operation{tenanttest.OpPut, tenanttest.OpGet} {
		records := onceRecords()
		_, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.NoError(t, err)
		faulty := tenanttest.Faulty(records, tenanttest.Script(operation, tenanttest.Fault{Before: tenanttest.ErrFault}))
		key := map[tenanttest.Operation]tenant.Key{tenanttest.OpPut: tenant.NewKey("order-2"), tenanttest.OpGet: order}[operation]
		_, err = newCharge(faulty).Do(t.Context(), acme, key, payload, c.charge)
		require.ErrorIs(t, err, tenanttest.ErrFault)
	}
}

func TestAttackOnceKeyOfAnotherTenant(t *testing.T) {
	t.Parallel()
	records, c := onceRecords(), till{}
	got, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
	require.NoError(t, err)
	require.Equal(t, receipt{1}, got)
	// zeta sends the same key: it must neither get acme's result nor be
	// refused for acme's payload.
	got, err = newCharge(records).Do(t.Context(), zeta, order, []byte("another payload"), c.charge)
	require.NoError(t, err)
	require.Equal(t, receipt{2}, got)
	// Nor may a holder of zeta block or free the key for acme.
	_, err = newCharge(records).Do(t.Context(), zeta, tenant.NewKey("order-2"), payload, func(ctx context.Context) (receipt, error) {
		return newCharge(records).Do(ctx, acme, tenant.NewKey("order-2"), payload, c.charge)
	})
	require.NoError(t, err)
	_, err = newCharge(records).Do(t.Context(), acme, order, []byte("x"), c.charge)
	require.NotContains(t, err.Error(), "zeta")
}

func TestOnceCostsTwoCalls(t *testing.T) {
	t.Parallel()
	var calls []tenanttest.Operation
	records := tenanttest.Faulty(onceRecords(), func(call tenanttest.Call) tenanttest.Fault {
		calls = append(calls, call.Operation)
		return tenanttest.Fault{}
	})
	var c till
	for _, want := range [][]tenanttest.Operation{{tenanttest.OpPut, tenanttest.OpPut}, {tenanttest.OpPut, tenanttest.OpGet}} {
		calls = nil
		_, err := newCharge(records).Do(t.Context(), acme, order, payload, c.charge)
		require.NoError(t, err)
		require.Equal(t, want, calls)
	}
}
