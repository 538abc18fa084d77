package bolttenant_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func openSuite(t *testing.T, setup tenanttest.Setup) tenanttest.Store {
	t.Helper()
	store, err := bolttenant.Open(filepath.Join(t.TempDir(), "store.db"), setup.Cursors, func(o *bolttenant.Options) { o.Now = setup.Now })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return tenanttest.Store{
		NewRepository: func(schema *tenant.Schema[tenanttest.Asset]) tenant.Repository[tenanttest.Asset] {
			return bolttenant.NewRepository(store, schema)
		},
		Transactor: store,
		Usages:     bolttenant.NewRepository(store, &tenant.UsageSchema),
	}
}

func TestRepository(t *testing.T) {
	t.Parallel()
	tenanttest.TestRepository(t, openSuite)
}

func TestRepositoryModel(t *testing.T) {
	t.Parallel()
	tenanttest.TestRepositoryModel(t, openSuite, 1, tenanttest.SoakOperations/100)
}

func TestSoakRepositoryModel(t *testing.T) {
	share, err := strconv.ParseFloat(os.Getenv("IOTENANT_SOAK"), 64)
	if err != nil {
		t.Skip("takes minutes: set IOTENANT_SOAK to a share of the full length; make soak does")
	}
	t.Parallel()
	tenanttest.TestRepositoryModel(t, openSuite, rand.Uint64(), int(share*tenanttest.SoakOperations))
}
