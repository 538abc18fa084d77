package memtenant_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func openSuite(_ *testing.T, setup tenanttest.Setup) tenanttest.Store {
	store := memtenant.New(setup.Cursors, func(o *memtenant.Options) { o.Now = setup.Now })
	return tenanttest.Store{
		NewRepository: func(schema *tenant.Schema[tenanttest.Asset]) tenant.Repository[tenanttest.Asset] {
			return memtenant.NewRepository(store, schema)
		},
		Transactor: store,
		Usages:     memtenant.NewRepository(store, &tenant.UsageSchema),
	}
}

func TestRepository(t *testing.T) {
	t.Parallel()
	tenanttest.TestRepository(t, openSuite)
}

func TestRepositoryModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		tenanttest.TestRepositoryModel(t, openSuite, seed, tenanttest.SoakOperations/100)
	}
}

func TestSoakRepositoryModel(t *testing.T) {
	share, err := strconv.ParseFloat(os.Getenv("IOTENANT_SOAK"), 64)
	if err != nil {
		t.Skip("takes minutes: set IOTENANT_SOAK to a share of the full length; make soak does")
	}
	t.Parallel()
	tenanttest.TestRepositoryModel(t, openSuite, rand.Uint64(), int(share*tenanttest.SoakOperations))
}
