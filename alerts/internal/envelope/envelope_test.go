package envelope_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/internal/envelope"
	"github.com/iotenant/iotenant/tenant"
)

func TestAttributes(t *testing.T) {
	t.Parallel()
	acme := tenant.MustParseID("acme")
	alert := &alerts.Alert{ID: "1", Model: "m", Event: "e", State: "s"}
	require.Equal(t, map[string]string{"tenant": "acme", "alertId": "1", "model": "m", "event": "e", "state": "s"}, envelope.Attributes(acme, alert))
}

// Groups are those of detectors: no two meet, also of tenants and names that
// begin alike.
func TestGroups(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, id := range []string{"acme", "acme-1"} {
		for _, model := range []string{"a", "ab", "b"} {
			for _, key := range []string{"", "b", "1"} {
				group := envelope.Group(tenant.MustParseID(id), &alerts.Alert{Model: model, Key: key})
				require.Len(t, group, 64)
				require.False(t, known[group])
				known[group] = true
			}
		}
	}
	require.True(t, envelope.IsFIFO("arn:aws:sns:eu-west-1:123456789012:a.fifo"))
	require.False(t, envelope.IsFIFO("a.fifo/b"))
}
