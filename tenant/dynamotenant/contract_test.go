package dynamotenant_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func suiteStore(api dynamotenant.API, name string, setup tenanttest.Setup, optFns ...func(*dynamotenant.Options)) tenanttest.Store {
	optFns = append(optFns, func(o *dynamotenant.Options) { o.Now = setup.Now })
	store := dynamotenant.New(api, name, setup.Cursors, optFns...)
	return tenanttest.Store{
		NewRepository: func(schema *tenant.Schema[tenanttest.Asset]) tenant.Repository[tenanttest.Asset] {
			return dynamotenant.NewRepository(store, schema)
		},
		Transactor: store,
		Usages:     dynamotenant.NewRepository(store, &tenant.UsageSchema),
	}
}

func openFake(optFns ...func(*dynamotenant.Options)) tenanttest.Open {
	return func(_ *testing.T, setup tenanttest.Setup) tenanttest.Store {
		store := suiteStore(newFake().client(), table, setup, optFns...)
		if len(optFns) > 0 {
			store.Writers = 100
		}
		return store
	}
}

// lag bounds how late a write can be seen whose caller has given up: no
// emulator notices that.
const lag = 5 * time.Second

// openMoto opens stores in moto.
func openMoto(t *testing.T, setup tenanttest.Setup) tenanttest.Store {
	t.Helper()
	client, name := emulated(t, emulator.Moto(t))
	store := suiteStore(client, name, setup)
	store.IndexLag, store.Writers = lag, 30
	return store
}

// openDynalite opens stores in dynalite, which has no transactions.
func openDynalite(t *testing.T, setup tenanttest.Setup) tenanttest.Store {
	t.Helper()
	client, name := emulated(t, emulator.Dynalite(t))
	store := suiteStore(client, name, setup)
	store.Transactor = nil
	store.IndexLag, store.Writers = lag, 100
	return store
}

// openDynamoDB opens stores in what the caller of the tests has started.
func openDynamoDB(t *testing.T, setup tenanttest.Setup) tenanttest.Store {
	t.Helper()
	client, name := emulated(t, emulator.DynamoDB(t))
	store := suiteStore(client, name, setup)
	store.IndexLag = lag
	return store
}

// The stores on which everything has to hold.
var (
	inMemory = map[string]tenanttest.Open{
		"fake":    openFake(),
		"sharded": openFake(sharded(4, 0)),
		"growing": openFake(sharded(4, 2)),
	}
	emulators = map[string]tenanttest.Open{
		"moto":     openMoto,
		"dynalite": openDynalite,
		"dynamodb": openDynamoDB,
	}
)

func TestRepository(t *testing.T) {
	t.Parallel()
	for _, opens := range []map[string]tenanttest.Open{inMemory, emulators} {
		for name, open := range opens {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tenanttest.TestRepository(t, open)
			})
		}
	}
}

// TestIncrements counts a thousand increments of concurrent writers.
func TestIncrements(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) string{"dynalite": emulator.Dynalite, "dynamodb": emulator.DynamoDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, table := emulated(t, start(t))
			r := dynamotenant.NewRepository(dynamotenant.New(client, table, tenant.RandomCursorKeys()), &siteSchema)
			_, err := r.Put(t.Context(), acme, site{Name: "north"}, tenant.IfAbsent())
			require.NoError(t, err)
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() {
					for range 100 {
						_, err := tenant.Update(t.Context(), r, acme, tenant.NewKey("north"), func(s *site) error { s.Count++; return nil })
						assertNoErr(t, err)
					}
				})
			}
			group.Wait()
			item, err := r.Get(t.Context(), acme, tenant.NewKey("north"), tenant.Consistent)
			require.NoError(t, err)
			require.Equal(t, 1000, item.Value.Count)
		})
	}
}

func TestRepositoryModel(t *testing.T) {
	t.Parallel()
	model(t, inMemory, tenanttest.SoakOperations/100)
}

func TestRepositoryModelEmulated(t *testing.T) {
	t.Parallel()
	model(t, emulators, 300)
}

func model(t *testing.T, opens map[string]tenanttest.Open, operations int) {
	t.Helper()
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenanttest.TestRepositoryModel(t, open, 1, operations)
		})
	}
}

func TestSoakRepositoryModel(t *testing.T) {
	share, err := strconv.ParseFloat(os.Getenv("IOTENANT_SOAK"), 64)
	if err != nil {
		t.Skip("takes minutes: set IOTENANT_SOAK to a share of the full length; make soak does")
	}
	t.Parallel()
	for name, open := range inMemory {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenanttest.TestRepositoryModel(t, open, rand.Uint64(), int(share*tenanttest.SoakOperations))
		})
	}
}
