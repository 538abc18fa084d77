package fileanalytics_test

import (
	"testing"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
)

func TestAttackStore(t *testing.T) {
	t.Parallel()
	analyticstest.TestIsolation(t, open)
}

func TestAttackSegments(t *testing.T) {
	t.Parallel()
	analyticstest.TestIsolation(t, func(t *testing.T) analytics.Store { return settled{openIn(t, t.TempDir())} })
}
