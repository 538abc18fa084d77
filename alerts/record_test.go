package alerts_test

import (
	"encoding"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

var (
	_ encoding.BinaryAppender    = (*alerts.DetectorRecord)(nil)
	_ encoding.BinaryUnmarshaler = (*alerts.DetectorRecord)(nil)
)

// records returns encoded records of several shapes.
func records(t testing.TB) (all [][]byte) {
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("idle", 1, ""))
	p.put(t, north, reading("busy", 95, "m1"), reading("busy", 1, "m2"), reading("busy", 95, "m3"))
	for i := range 30 {
		p.put(t, north, reading("chatty", 1, "m"+strconv.Itoa(i)))
	}
	require.NoError(t, p.DeleteDetector(t.Context(), north, "boiler", "chatty"))
	repository := memtenant.NewRepository(d.store, &alerts.DetectorSchema)
	for item, err := range tenant.All(t.Context(), repository, north, tenant.Query{}) {
		require.NoError(t, err)
		data, err := item.Value.AppendBinary(nil)
		require.NoError(t, err)
		all = append(all, data)
	}
	require.Len(t, all, 3)
	return all
}

func TestRecordsReadBack(t *testing.T) {
	t.Parallel()
	for _, data := range records(t) {
		var record alerts.DetectorRecord
		require.NoError(t, record.UnmarshalBinary(data))
		again, err := record.AppendBinary([]byte("prefix"))
		require.NoError(t, err)
		require.Equal(t, "prefix"+string(data), string(again))
		for n := range data {
			err := record.UnmarshalBinary(data[:n])
			require.Equal(t, iotenant.ErrInvalid, iotenant.KindOf(err), "cut at %d", n)
		}
		require.Error(t, record.UnmarshalBinary(append(data, 0)))
	}
}

func TestIdleDetectorIsSmall(t *testing.T) {
	t.Parallel()
	for _, data := range records(t) {
		var record alerts.DetectorRecord
		require.NoError(t, record.UnmarshalBinary(data))
	}
	require.Less(t, len(records(t)[2]), 200, "a detector that has taken one message")
}

func FuzzRecord(f *testing.F) {
	for _, data := range records(f) {
		f.Add(data)
	}
	f.Add([]byte{})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var record, again alerts.DetectorRecord
		if err := record.UnmarshalBinary(data); err != nil {
			require.Equal(t, iotenant.ErrInvalid, iotenant.KindOf(err))
			return
		}
		encoded, err := record.AppendBinary(nil)
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalBinary(encoded))
		twice, err := again.AppendBinary(nil)
		require.NoError(t, err)
		require.Equal(t, encoded, twice)
	})
}
