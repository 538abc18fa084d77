package memtenant_test

import (
	"testing"

	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func TestAttackRepository(t *testing.T) {
	t.Parallel()
	tenanttest.TestIsolation(t, openSuite)
}
