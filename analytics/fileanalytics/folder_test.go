package fileanalytics_test

import (
	"testing"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
)

func openFolder(t *testing.T) analytics.Objects {
	t.Helper()
	return fileanalytics.NewFolder(t.TempDir())
}

func TestFolder(t *testing.T) {
	t.Parallel()
	analyticstest.TestObjects(t, openFolder)
}

func TestFolderModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		analyticstest.TestObjectsModel(t, openFolder, seed, 400)
	}
}
