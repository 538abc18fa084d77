package tenant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

func TestSchemaCheck(t *testing.T) {
	t.Parallel()
	key := func(s *site) tenant.Key { return tenant.NewKey(s.Name) }
	index := func(name string) tenant.Index[site] { return tenant.Index[site]{Name: name, Key: key} }
	for want, schema := range map[string]tenant.Schema[site]{
		`entity name ""`:                   {Key: key},
		`entity name "Site"`:               {Entity: "Site", Key: key},
		`entity name "1site"`:              {Entity: "1site", Key: key},
		`entity name "a b"`:                {Entity: "a b", Key: key},
		`entity name "` + long(33) + `"`:   {Entity: long(33), Key: key},
		"entity site: Key is nil":          {Entity: "site"},
		"entity site: 6 indexes, limit 5":  {Entity: "site", Key: key, Indexes: make([]tenant.Index[site], 6)},
		"index x: Key is nil":              {Entity: "site", Key: key, Indexes: []tenant.Index[site]{{Name: "x"}}},
		`entity site: tenant: invalid sch`: {Entity: "site", Key: key, Indexes: []tenant.Index[site]{index("X")}},
		"index x declared twice":           {Entity: "site", Key: key, Indexes: []tenant.Index[site]{index("x"), index("y"), index("x")}},
	} {
		err := schema.Check()
		require.ErrorIs(t, err, iotenant.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
	good := tenant.Schema[site]{Entity: long(32), Key: key}
	for i := range tenant.MaxIndexes {
		good.Indexes = append(good.Indexes, index(fmt.Sprintf("i-%d", i)))
	}
	require.NoError(t, good.Check())
}

func long(n int) string { return strings.Repeat("e", n) }

func TestRecord(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 1, 2, 3, 4, 5, 999, time.UTC)
	record, err := siteSchema.Record(&site{Name: "north", City: "Oslo", Expires: until})
	require.NoError(t, err)
	require.Equal(t, tenant.Record{Key: "north", Index: []string{"Oslo\x1enorth"}, Expires: until.Truncate(time.Second)}, record)

	record, err = siteSchema.Record(&site{Name: "north"})
	require.NoError(t, err)
	require.Equal(t, tenant.Record{Key: "north", Index: []string{""}}, record)

	_, err = siteSchema.Record(&site{})
	require.ErrorIs(t, err, tenant.ErrKey)
	_, err = siteSchema.Record(&site{Name: "north", City: "\x00"})
	require.ErrorIs(t, err, tenant.ErrKey)
	require.ErrorContains(t, err, "index city")
}

func TestExpired(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	require.False(t, tenant.Expired(time.Time{}, at))
	require.False(t, tenant.Expired(at, at.Add(-1)))
	require.True(t, tenant.Expired(at, at))
	require.True(t, tenant.Expired(at, at.Add(1)))
}

func TestConditionCheck(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		cond            tenant.Condition
		kind            tenant.ConditionKind
		absent, present error // present has version 7
	}{
		{tenant.Condition{}, 0, tenant.ErrCondition, tenant.ErrCondition},
		{tenant.Always(), tenant.KindAlways, nil, nil},
		{tenant.IfAbsent(), tenant.KindAbsent, nil, tenant.ErrExists},
		{tenant.IfPresent(), tenant.KindPresent, tenant.ErrNotFound, nil},
		{tenant.IfVersion(7), tenant.KindVersion, tenant.ErrVersion, nil},
		{tenant.IfVersion(8), tenant.KindVersion, tenant.ErrVersion, tenant.ErrVersion},
		{tenant.IfVersion(0), tenant.KindVersion, tenant.ErrCondition, tenant.ErrCondition},
	} {
		require.Equal(t, test.kind, test.cond.Kind())
		require.ErrorIs(t, test.cond.Check(0), test.absent)
		require.ErrorIs(t, test.cond.Check(7), test.present)
	}
	require.Equal(t, tenant.Version(7), tenant.IfVersion(7).Version())
}

func TestErrorsWrapOneKind(t *testing.T) {
	t.Parallel()
	for err, kind := range map[error]error{
		tenant.ErrID: iotenant.ErrInvalid, tenant.ErrKey: iotenant.ErrInvalid, tenant.ErrQuery: iotenant.ErrInvalid,
		tenant.ErrCondition: iotenant.ErrInvalid, tenant.ErrCursor: iotenant.ErrInvalid, tenant.ErrTooLarge: iotenant.ErrInvalid,
		tenant.ErrNotFound: iotenant.ErrNotFound, tenant.ErrExists: iotenant.ErrExists, tenant.ErrVersion: iotenant.ErrConflict,
		tenant.ErrUnknownTenant: iotenant.ErrDenied, tenant.ErrSuspended: iotenant.ErrDenied,
	} {
		require.Equal(t, kind, iotenant.KindOf(err), err)
	}
}
