package alerts_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

// bootBolt opens a file and starts a process over it. The returned function
// ends both.
func bootBolt(t *testing.T, path string, clock *alertstest.Clock) (*process, func()) {
	store, err := bolttenant.Open(path, tenant.RandomCursorKeys(), func(o *bolttenant.Options) { o.Now = clock.Now })
	require.NoError(t, err)
	detectors := bolttenant.NewRepository(store, &alerts.DetectorSchema)
	raised := bolttenant.NewRepository(store, &alerts.AlertSchema)
	models := alerts.NewModels(bolttenant.NewRepository(store, &alerts.ModelSchema), detectors, func(o *alerts.ModelsOptions) { o.Now = clock.Now })
	recorder := &alertstest.Recorder{}
	runtime := alerts.NewRuntime(models, detectors, raised, recorder, func(o *alerts.Options) { o.Now = clock.Now })
	p := &process{Runtime: runtime, models: models, alerts: alerts.NewAlerts(raised), notified: recorder}
	return p, func() { require.NoError(t, store.Close()) }
}

func TestRestartOverAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "alerts.db")
	clock := alertstest.NewClock(start)
	p, end := bootBolt(t, path, clock)
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"), reading("b2", 1, "m1"))
	end()

	p, end = bootBolt(t, path, clock)
	p.put(t, north, reading("b1", 95, "m1"), reading("b2", 95, "m2"))
	clock.Advance(61 * time.Second)
	p.sweep(t, north)
	require.ElementsMatch(t, []string{"alarm", "alarm", "still hot", "still hot"}, p.events(north))
	require.Equal(t, uint64(2), p.detector(t, north, "boiler", "b1").Evaluations, "a message and a timer")
	end()

	p, end = bootBolt(t, path, clock)
	p.sweep(t, north)
	require.Empty(t, p.notified.Received(north), "what was delivered stays so")
	page, err := p.alerts.List(t.Context(), north, alerts.Filter{})
	require.NoError(t, err)
	require.Len(t, page.Items, 4)
	end()
}
