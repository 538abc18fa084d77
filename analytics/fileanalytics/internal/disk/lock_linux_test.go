package disk_test

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
)

// A fork shares the lock's open file until its exec. Duplicates of the
// descriptor stand for it.
func TestReleaseDespiteFork(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "lock")
	release, err := disk.OS{}.Lock(name)
	require.NoError(t, err)
	require.NotZero(t, duplicate(t, name))
	_, err = disk.OS{}.Lock(name)
	require.ErrorIs(t, err, disk.ErrLocked)

	require.NoError(t, release())
	release, err = disk.OS{}.Lock(name)
	require.NoError(t, err)
	require.NoError(t, release())
}

// duplicate duplicates the open descriptors of a file, and returns how many
// there are.
func duplicate(t *testing.T, name string) (count int) {
	t.Helper()
	file, err := os.Stat(name)
	require.NoError(t, err)
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, entry := range entries {
		opened, err := os.Stat(filepath.Join("/proc/self/fd", entry.Name()))
		if err != nil || !os.SameFile(file, opened) {
			continue // also the descriptor that listed the others
		}
		number, err := strconv.Atoi(entry.Name())
		require.NoError(t, err)
		descriptor, err := syscall.Dup(number)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, syscall.Close(descriptor)) })
		count++
	}
	return count
}
