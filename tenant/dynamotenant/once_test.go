package dynamotenant_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

func TestOnce(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) *dynamotenant.Store{
		"fake": func(*testing.T) *dynamotenant.Store {
			return dynamotenant.New(newFake().client(), table, tenant.RandomCursorKeys())
		},
		"moto": func(t *testing.T) *dynamotenant.Store {
			t.Helper()
			client, name := emulated(t, emulator.Moto(t))
			return dynamotenant.New(client, name, tenant.RandomCursorKeys())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records := dynamotenant.NewRepository(open(t), &tenant.OnceSchema)
			charge := tenant.NewOnce[int32](records, "charge")
			id, key := tenant.MustParseID("acme"), tenant.NewKey("order-1")
			var charged atomic.Int32
			var callers sync.WaitGroup
			for range 12 {
				callers.Go(func() {
					for {
						got, err := charge.Do(t.Context(), id, key, nil, func(context.Context) (int32, error) { return charged.Add(1), nil })
						if errors.Is(err, tenant.ErrInProgress) {
							time.Sleep(5 * time.Millisecond)
							continue
						}
						if err != nil || got != 1 {
							t.Errorf("got %d, %v", got, err)
						}
						return
					}
				})
			}
			callers.Wait()
			require.EqualValues(t, 1, charged.Load())
		})
	}
}
