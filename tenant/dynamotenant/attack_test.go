package dynamotenant_test

import (
	"testing"

	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func TestAttackRepository(t *testing.T) {
	t.Parallel()
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenanttest.TestIsolation(t, open)
		})
	}
}
