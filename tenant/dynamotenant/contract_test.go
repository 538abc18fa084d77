package dynamotenant_test

import (
	"testing"
	"time"

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
	}
}

func openFake(optFns ...func(*dynamotenant.Options)) tenanttest.Open {
	return func(_ *testing.T, setup tenanttest.Setup) tenanttest.Store {
		return suiteStore(newFake().client(), table, setup, optFns...)
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

// opens are the stores on which everything has to hold.
var opens = map[string]tenanttest.Open{
	"fake":     openFake(),
	"sharded":  openFake(sharded(4, 0)),
	"growing":  openFake(sharded(4, 2)),
	"moto":     openMoto,
	"dynalite": openDynalite,
	"dynamodb": openDynamoDB,
}

func TestRepository(t *testing.T) {
	t.Parallel()
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenanttest.TestRepository(t, open)
		})
	}
}

func TestRepositoryModel(t *testing.T) {
	t.Parallel()
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenanttest.TestRepositoryModel(t, open, 1, 500)
		})
	}
}
