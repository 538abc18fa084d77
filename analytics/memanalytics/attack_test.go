package memanalytics_test

import (
	"testing"

	"github.com/iotenant/iotenant/analytics/analyticstest"
)

func TestAttackStore(t *testing.T) {
	t.Parallel()
	analyticstest.TestIsolation(t, open)
}
