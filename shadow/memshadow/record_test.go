package memshadow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/shadow/memshadow"
)

func TestRecordSchema(t *testing.T) {
	t.Parallel()
	require.NoError(t, memshadow.RecordSchema.Check())
}

func FuzzRecord(f *testing.F) {
	request, err := shadow.Rules{}.ParseRequest([]byte(`{"state":{"desired":{"a":[1,{"b":"c"}]},"reported":{"d":{}}}}`))
	require.NoError(f, err)
	change, err := shadow.Rules{}.Update(shadow.State{}, request, time.Unix(1_800_000_000, 0))
	require.NoError(f, err)
	for _, record := range []memshadow.Record{
		{Thing: lamp, Name: config, State: change.Current},
		{Thing: device.MustParseID("a:b"), State: shadow.Rules{}.Delete(change.Current), Expires: time.Unix(1_800_172_800, 0).UTC()},
	} {
		encoded, err := record.AppendBinary(nil)
		require.NoError(f, err)
		f.Add(encoded)
		for cut := range encoded {
			require.ErrorIs(f, new(memshadow.Record).UnmarshalBinary(encoded[:cut]), shadow.ErrState)
		}
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		var record, again memshadow.Record
		if err := record.UnmarshalBinary(encoded); err != nil {
			require.ErrorIs(t, err, shadow.ErrState)
			return
		}
		encoded, err := record.AppendBinary(nil)
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalBinary(encoded))
		require.Equal(t, record.Thing, again.Thing)
		require.Equal(t, record.Name, again.Name)
		require.Equal(t, record.Expires, again.Expires)
		require.Equal(t, string(record.State.Desired()), string(again.State.Desired()))
	})
}
