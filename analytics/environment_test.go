package analytics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// registry returns a registry in which both tenants have a pump, of a type that
// tells whose it is.
func (s *site) registry(t tb) *device.Registry {
	registry := device.NewRegistry(memtenant.NewRepository(s.store, &device.ThingSchema),
		memtenant.NewRepository(s.store, &device.CredentialSchema), memtenant.NewRepository(s.store, &device.PresenceSchema))
	for _, id := range []tenant.ID{north, south} {
		_, err := registry.Create(t.Context(), id, device.Thing{ID: device.MustParseID("pump"), Type: "of-" + id.String(), Attributes: map[string]string{"site": "a"}})
		require.NoError(t, err)
	}
	return registry
}

func shadowOf(_ context.Context, id tenant.ID, thing device.ID) ([]byte, error) {
	if thing != device.MustParseID("pump") {
		return nil, fmt.Errorf("shadow %w", iotenant.ErrNotFound)
	}
	return fmt.Appendf(nil, `{"state":{"reported":{"owner":%q}},"version":1}`, id), nil
}

const enriched = `{"pipelineName":"line","pipelineActivities":[{"channel":{"name":"c","channelName":"raw","next":"r"}},
  {"deviceRegistryEnrich":{"name":"r","attribute":"registry","thingName":"thing","roleArn":"arn:aws:iam::123456789012:role/r","next":"s"}},
  {"deviceShadowEnrich":{"name":"s","attribute":"shadow","thingName":"thing","roleArn":"arn:aws:iam::123456789012:role/r","next":"d"}},
  {"datastore":{"name":"d","datastoreName":"hot"}}]}`

func TestEnvironmentsEnrich(t *testing.T) {
	t.Parallel()
	s := newSite()
	registry := s.registry(t)
	environments := analytics.NewEnvironments(func(o *analytics.EnvironmentsOptions) {
		o.Things, o.Shadows, o.Now = registry, analytics.ThingShadowsFunc(shadowOf), s.clock.Now
	})
	p := s.start(func(o *analytics.IngestOptions) { o.Environment = environments.Of })
	p.define(t, north, rawChannel, hotStore, enriched)
	put := func(id, thing string) {
		require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{message(id, 0, fmt.Sprintf(`{"thing":%q}`, thing))}))
	}
	put("1", "pump")
	stored := p.lake.store(north, "hot")[0]
	var got struct {
		Registry struct {
			DefaultClientID, ThingName, ThingTypeName string
			Attributes                                map[string]string
			Version                                   int
		}
		Shadow struct {
			State struct{ Reported struct{ Owner string } }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(stored), &got))
	require.Equal(t, "north:pump", got.Registry.DefaultClientID)
	require.Equal(t, "pump", got.Registry.ThingName)
	require.Equal(t, "of-north", got.Registry.ThingTypeName)
	require.Equal(t, map[string]string{"site": "a"}, got.Registry.Attributes)
	require.Positive(t, got.Registry.Version)
	require.Equal(t, "north", got.Shadow.State.Reported.Owner)

	for i, thing := range []string{"nosuch", "not a thing", "south:pump"} {
		put(fmt.Sprint("other", i), thing)
		require.JSONEq(t, fmt.Sprintf(`{"thing":%q}`, thing), p.lake.store(north, "hot")[i+1], "what is not there is not added")
	}

	// The registry's answer is used for a while.
	item, err := registry.Get(t.Context(), north, device.MustParseID("pump"))
	require.NoError(t, err)
	item.Value.Type = "new"
	_, err = registry.Update(t.Context(), north, item.Value, item.Version)
	require.NoError(t, err)
	put("5", "pump")
	require.Contains(t, p.lake.store(north, "hot")[4], "of-north")
	s.clock.advance(5 * time.Minute)
	put("6", "pump")
	require.Contains(t, p.lake.store(north, "hot")[5], `"thingTypeName":"new"`)
}

func TestFunctionMap(t *testing.T) {
	t.Parallel()
	functions := analytics.FunctionMap{"clean": func(_ context.Context, id tenant.ID, event []byte) ([]byte, error) {
		return append([]byte(id.String()), event...), nil
	}}
	answer, err := functions.Invoke(t.Context(), north, "clean", []byte("!"))
	require.NoError(t, err)
	require.Equal(t, "north!", string(answer))
	_, err = functions.Invoke(t.Context(), north, "gone", nil)
	require.ErrorIs(t, err, iotenant.ErrNotFound)
}

// Tenants whose environments were used of late keep their caches, however many
// others there are.
func TestEnvironmentsOfManyTenants(t *testing.T) {
	t.Parallel()
	environments := analytics.NewEnvironments()
	of := func(name string) *pipeline.Environment {
		env, err := environments.Of(t.Context(), tenant.MustParseID(name))
		require.NoError(t, err)
		return env
	}
	first := of("north")
	for i := range 3_000 {
		of(fmt.Sprint("other-", i))
		if i%500 == 0 {
			require.Same(t, first, of("north"))
		}
	}
	forgotten := of("other-2999")
	for i := range 2_000 {
		of(fmt.Sprint("other-", i))
	}
	require.NotSame(t, forgotten, of("other-2999"))
}

func TestEnvironmentsWithoutParts(t *testing.T) {
	t.Parallel()
	environments := analytics.NewEnvironments()
	env, err := environments.Of(t.Context(), north)
	require.NoError(t, err)
	require.Nil(t, env.Functions)
	require.Nil(t, env.Registry)
	require.Nil(t, env.Shadows)
	again, err := environments.Of(t.Context(), north)
	require.NoError(t, err)
	require.Same(t, env, again, "caches live on")
	_, err = environments.Of(t.Context(), tenant.ID{})
	require.ErrorIs(t, err, tenant.ErrID)
}
