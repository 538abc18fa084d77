package memanalytics_test

import (
	"testing"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/memanalytics"
)

func open(*testing.T) analytics.Store { return memanalytics.New() }

func TestStore(t *testing.T) {
	t.Parallel()
	analyticstest.TestStore(t, open)
}

func TestStoreModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		analyticstest.TestStoreModel(t, open, seed, 500)
	}
}
