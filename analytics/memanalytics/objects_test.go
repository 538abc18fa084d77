package memanalytics_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
)

func openObjects(*testing.T) analytics.Objects { return memanalytics.NewObjects() }

func TestObjects(t *testing.T) {
	t.Parallel()
	analyticstest.TestObjects(t, openObjects)
}

func linked(o *memanalytics.ObjectsOptions) {
	o.Link = func(id tenant.ID, name string, valid time.Duration) (string, error) {
		return "mem://" + id.String() + "/" + name + "?valid=" + valid.String(), nil
	}
}

func TestObjectsWithLinks(t *testing.T) {
	t.Parallel()
	analyticstest.TestObjects(t, func(*testing.T) analytics.Objects { return memanalytics.NewObjects(linked) })
}

func TestObjectsModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		analyticstest.TestObjectsModel(t, openObjects, seed, 2000)
	}
}

func TestObjectsOptions(t *testing.T) {
	t.Parallel()
	id, now := tenant.MustParseID("acme"), time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	objects := memanalytics.NewObjects(linked, func(o *memanalytics.ObjectsOptions) { o.Now = func() time.Time { return now } })
	require.NoError(t, objects.Put(t.Context(), id, "x", strings.NewReader("abc")))
	list, err := objects.List(t.Context(), id, "", "", 1)
	require.NoError(t, err)
	require.Equal(t, []analytics.ObjectInfo{{Name: "x", Size: 3, Modified: now.UTC()}}, list)

	link, err := objects.Link(t.Context(), id, "x", time.Minute)
	require.NoError(t, err)
	require.Equal(t, "mem://acme/x?valid=1m0s", link)
	_, err = objects.Link(t.Context(), id, "y", time.Minute)
	require.ErrorIs(t, err, analytics.ErrNoObject)
}

var errLost = errors.New("lost")

// TestFaultyObjects has its place here because package analyticstest knows no
// backend.
func TestFaultyObjects(t *testing.T) {
	t.Parallel()
	ctx, id := t.Context(), tenant.MustParseID("acme")
	var fault analyticstest.Fault
	var calls []analyticstest.Call
	objects := analyticstest.FaultyObjects(memanalytics.NewObjects(), func(call analyticstest.Call) analyticstest.Fault {
		calls = append(calls, call)
		return fault
	})
	put := func(name string) error { return objects.Put(ctx, id, name, strings.NewReader("content")) }
	names := func() (names []string) {
		fault = analyticstest.Fault{}
		list, err := objects.List(ctx, id, "", "", 10)
		require.NoError(t, err)
		for _, info := range list {
			names = append(names, info.Name)
		}
		return names
	}

	fault = analyticstest.Fault{Before: errLost}
	require.ErrorIs(t, put("before"), errLost)
	fault = analyticstest.Fault{Before: errLost, Part: 3}
	require.ErrorIs(t, put("cut"), errLost)
	require.Empty(t, names())
	fault = analyticstest.Fault{After: errLost}
	require.ErrorIs(t, put("after"), errLost)
	require.ErrorIs(t, objects.Create(ctx, id, "created", strings.NewReader("x")), errLost)
	require.Equal(t, []string{"after", "created"}, names())

	object, err := objects.Open(ctx, id, "after")
	require.NoError(t, err)
	fault = analyticstest.Fault{Before: errLost}
	_, err = object.ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, errLost)
	_, err = objects.List(ctx, id, "p", "", 1)
	require.ErrorIs(t, err, errLost)
	fault = analyticstest.Fault{After: errLost}
	_, err = objects.Open(ctx, id, "after")
	require.ErrorIs(t, err, errLost)

	fault = analyticstest.Fault{Before: errLost, Part: 1}
	require.ErrorIs(t, objects.Delete(ctx, id, "after", "created"), errLost)
	require.Equal(t, []string{"created"}, names())
	fault = analyticstest.Fault{Delay: time.Nanosecond}
	require.NoError(t, objects.Delete(ctx, id))
	require.Equal(t, []string{"created"}, names())
	require.Contains(t, calls, analyticstest.Call{Operation: analyticstest.OpReadAt, Tenant: id, Name: "after"})
	require.Contains(t, calls, analyticstest.Call{Operation: analyticstest.OpList, Tenant: id, Name: "p"})
}
