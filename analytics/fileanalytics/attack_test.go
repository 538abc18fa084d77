package fileanalytics_test

import (
	"testing"

	"github.com/iotenant/iotenant/analytics/analyticstest"
)

func TestAttackStore(t *testing.T) {
	t.Parallel()
	analyticstest.TestIsolation(t, open)
}

func TestAttackSegments(t *testing.T) {
	t.Parallel()
	analyticstest.TestIsolation(t, openSettled)
}
