package lakeanalytics

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

func TestTimePattern(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ pattern, text, want string }{
		{"yyyy-MM-dd HH:mm:ss", "2026-01-10 07:30:15", "2026-01-10T07:30:15Z"},
		{"yyyy-MM-dd'T'HH:mm:ss.SSSX", "2026-01-10T07:30:15.250+01", "2026-01-10T06:30:15.25Z"},
		{"yyyy-MM-dd'T'HH:mm:ss[.SSS][XX" + "X]", "2026-01-10T07:30:15", "2026-01-10T07:30:15Z"},
		{"yyyy-MM-dd'T'HH:mm:ss[.SSS][XX" + "X]", "2026-01-10T07:30:15Z", "2026-01-10T07:30:15Z"},
		{"yyyy-MM-dd'T'HH:mm:ss[.SSS][XX" + "X]", "2026-01-10T07:30:15.001-02:00", "2026-01-10T09:30:15.001Z"},
		{"yyyy-MM-dd'T'HH:mm:ss[.SSS][XX" + "X]", "2026-01-10T07:30:15.001-0200", ""},
		{"yyyyMMddHHmmss", "20260110073015", "2026-01-10T07:30:15Z"},
		{"yyyyMMddHHmmssSSS", "20260110073015123", "2026-01-10T07:30:15.123Z"},
		{"dd/MM/yy", "10/01/26", "2026-01-10T00:00:00Z"},
		{"d.M.u H:m", "1.2.2026 3:04", "2026-02-01T03:04:00Z"},
		{"EEE, d MMM yyyy HH:mm:ss Z", "Sat, 10 Jan 2026 07:30:15 +0100", "2026-01-10T06:30:15Z"},
		{"EEE, d MMM yyyy HH:mm:ss Z", "Sun, 10 Jan 2026 07:30:15 +0100", ""},
		{"EEEE d MMMM yyyy", "Saturday 10 January 2026", "2026-01-10T00:00:00Z"},
		{"MM/dd/yyyy hh:mm a", "01/10/2026 12:05 AM", "2026-01-10T00:05:00Z"},
		{"MM/dd/yyyy hh:mm a", "01/10/2026 01:05 PM", "2026-01-10T13:05:00Z"},
		{"yyyy-MM-dd HH:mm z", "2026-07-10 07:30 UTC", "2026-07-10T07:30:00Z"},
		{"yyyy-MM-dd HH:mm VV", "2026-07-10 07:30 Europe/Berlin", "2026-07-10T05:30:00Z"},
		{"yyyy-MM-dd HH:mm z", "2026-07-10 07:30 PDT", "2026-07-10T14:30:00Z"},
		{"yyyy-DDD", "2026-032", "2026-02-01T00:00:00Z"},
		{"yyyy", "2026", "2026-01-01T00:00:00Z"},
		{"'it''s' yyyy", "it's 2026", "2026-01-01T00:00:00Z"},
		{"yyyy-MM-dd HH:mm:ss.n", "2026-01-10 07:30:15.5", "2026-01-10T07:30:15.000000005Z"},
		{"yyyy-MM-dd O", "2026-01-10 GMT+8", "2026-01-09T16:00:00Z"},
		{"yyyy-MM-dd", "2026-13-10", ""},
		{"yyyy-MM-dd", "2026-1-10", ""},
		{"yyyy-MM-dd", "2026-01-10 ", ""},
		{"yyyy-MM-dd", "2026-02-30", "2026-02-28T00:00:00Z"},
		{"HH:mm", "24:00", ""},
		{"yyyy-MM-dd VV", "2026-01-10 Local", ""},
		{"yyyy-MM-dd VV", "2026-01-10 ../../etc/passwd", ""},
	} {
		p, err := parseTimePattern(test.pattern)
		require.NoError(t, err, test.pattern)
		at, ok := p.parse(test.text)
		require.Equal(t, test.want != "", ok, "%s: %s: %v", test.pattern, test.text, at)
		if ok {
			require.Equal(t, test.want, at.Format(time.RFC3339Nano), "%s: %s", test.pattern, test.text)
		}
	}
	for _, pattern := range []string{"", "q", "yyyy'", "[yyyy", "yyyy]", "MMMMMM", "ddd", "{", "V", "SSSSSSSSSS", strings.Repeat("'a'", 20)} {
		_, err := parseTimePattern(pattern)
		require.Error(t, err, pattern)
	}
}

func FuzzTimePattern(f *testing.F) {
	f.Add("yyyy-MM-dd'T'HH:mm:ss[.SSS][XX"+"X]", "2026-01-10T07:30:15.001-02:00")
	f.Add("EEE, d MMM yyyy hh:mm a z", "Sat, 10 Jan 2026 07:30 PM CET")
	f.Add("[[[y]M]d][G]", "1")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		p, err := parseTimePattern(pattern)
		if err != nil {
			return
		}
		if at, ok := p.parse(text); ok {
			require.True(t, at.Year() >= 0 && at.Year() <= 9999)
			require.Equal(t, time.UTC, at.Location())
		}
	})
}

func TestDimensions(t *testing.T) {
	t.Parallel()
	table := &analytics.Table{Partitions: []pipeline.Partition{{Attribute: "Site"}, {Attribute: "ts", Timestamp: true}}}
	partitions, err := newPartitioner(table.Partitions)
	require.NoError(t, err)
	for payload, want := range map[string]string{
		`{"site":"a/b","ts":1768030200}`:               "__dt=1970-01-01/__partition_site=a%2Fb/__year=2026/__month=01/__day=10/__hour=07/",
		`{"SITE":5,"ts":"1768030200.9"}`:               "__dt=1970-01-01/__partition_site=5/__year=2026/__month=01/__day=10/__hour=07/",
		`{"site":"a","Site":"b","ts":-1}`:              "__dt=1970-01-01/__partition_site=b/__year=1969/__month=12/__day=31/__hour=23/",
		`{"ts":"x"}`:                                   "__dt=1970-01-01/__partition_site=__HIVE_DEFAULT_PARTITION__/__year=__HIVE_DEFAULT_PARTITION__/__month=__HIVE_DEFAULT_PARTITION__/__day=__HIVE_DEFAULT_PARTITION__/__hour=__HIVE_DEFAULT_PARTITION__/",
		`{"site":"__HIVE_DEFAULT_PARTITION__","ts":0}`: "__dt=1970-01-01/__partition_site=__HIVE_DEFAULT_PARTITION__/__year=1970/__month=01/__day=01/__hour=00/",
		`{"site":"..","ts":0}`:                         "__dt=1970-01-01/__partition_site=../__year=1970/__month=01/__day=01/__hour=00/",
	} {
		dimensions, err := partitions.of([]byte(payload))
		require.NoError(t, err)
		require.Equal(t, want, folder(0, dimensions))
		require.NoError(t, analytics.CheckObjectName(want+"file"))
	}
	_, err = partitions.of([]byte(`[]`))
	require.ErrorIs(t, err, analytics.ErrRow)
	table.Partitions[1].TimestampFormat = "qq"
	_, err = newPartitioner(table.Partitions)
	require.ErrorIs(t, err, analytics.ErrTable)
}
