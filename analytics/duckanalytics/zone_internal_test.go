package duckanalytics

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// FuzzZoneName wants names that are put into SQL to hold nothing but a name.
func FuzzZoneName(f *testing.F) {
	for _, name := range []string{"UTC", "Asia/Tokyo", "+02:00", "gmt-0330", "America/Argentina/Buenos_Aires", "Etc/GMT+10", "'", "+99", "UTC+0", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		written, err := zoneName(name)
		if err != nil {
			require.ErrorIs(t, err, analytics.ErrSQL)
			return
		}
		require.Regexp(t, `^([+-]\d\d:[0-5]\d|[A-Za-z0-9_+/-]+)$`, written)
		again, err := zoneName(written)
		require.NoError(t, err)
		require.Equal(t, written, again)
		if minutes, ok := offsetMinutes(written); ok {
			require.NotZero(t, minutes)
			require.LessOrEqual(t, max(minutes, -minutes), 14*60+59)
		}
	})
}
