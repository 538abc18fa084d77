package rule_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/examples/internal/rule"
)

func TestInput(t *testing.T) {
	t.Parallel()
	require.Equal(t, "telemetry", rule.Input(""))
	require.Equal(t, "machine", rule.Input("machine"))
}

func TestWithThing(t *testing.T) {
	t.Parallel()
	thing, err := device.ParseID("pump-1")
	require.NoError(t, err)
	for payload, want := range map[string]string{
		`{}`:                      `{"thing":"pump-1"}`,
		" { } \n":                 ` {"thing":"pump-1"}`,
		`{"a":1}`:                 `{"a":1,"thing":"pump-1"}`,
		`{"thing":"other","a":1}`: `{"thing":"other","a":1,"thing":"pump-1"}`,
		`[1]`:                     `[1]`,
		``:                        ``,
	} {
		require.Equal(t, want, string(rule.WithThing([]byte(payload), thing)))
	}
}
