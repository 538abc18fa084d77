package wire_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// FuzzFrames reads what a worker might have written.
func FuzzFrames(f *testing.F) {
	var good bytes.Buffer
	require.NoError(f, wire.WriteMessage(&good, wire.KindError, wire.Failure{Kind: wire.FailSQL, Message: "x"}))
	require.NoError(f, wire.WriteFrame(&good, wire.KindRows, wire.AppendField(wire.AppendField(nil, []byte("a"), false), nil, true)))
	f.Add(good.Bytes())
	f.Add([]byte{'d', 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{'d', 0, 0, 0, 2, 9, 'x'})
	f.Fuzz(func(t *testing.T, data []byte) {
		frames := wire.NewReader(bytes.NewReader(data))
		for {
			_, payload, err := frames.Next()
			if err != nil {
				require.True(t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, wire.ErrProtocol), err)
				return
			}
			require.LessOrEqual(t, len(payload), len(data))
			row := make([]analytics.Field, 2)
			for rest := string(payload); rest != ""; {
				before := len(rest)
				if rest, err = wire.ReadRow(rest, row); err != nil {
					require.ErrorIs(t, err, wire.ErrProtocol)
					break
				}
				require.Less(t, len(rest), before)
			}
		}
	})
}
