package memanalytics_test

import (
	"testing"

	"github.com/iotenant/iotenant/analytics/analyticstest"
)

func TestAttackStore(t *testing.T) {
	t.Parallel()
	analyticstest.TestIsolation(t, open)
}

func TestAttackObjects(t *testing.T) {
	t.Parallel()
	analyticstest.TestObjectsIsolation(t, openObjects)
}
