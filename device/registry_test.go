package device_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// clock is a clock that is set by hand.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

type bundle struct {
	*device.Registry
	t           *testing.T
	clock       *clock
	things      tenant.Repository[device.Thing]
	credentials tenant.Repository[device.Credential]
	presences   tenant.Repository[device.Presence]
}

func newRegistry(t *testing.T) *bundle {
	t.Helper()
	store := memtenant.New(tenant.RandomCursorKeys())
	b := &bundle{
		t:           t,
		clock:       &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)},
		things:      memtenant.NewRepository(store, &device.ThingSchema),
		credentials: memtenant.NewRepository(store, &device.CredentialSchema),
		presences:   memtenant.NewRepository(store, &device.PresenceSchema),
	}
	b.open()
	return b
}

func (b *bundle) open() {
	b.Registry = device.NewRegistry(b.things, b.credentials, b.presences, func(o *device.RegistryOptions) { o.Now = b.clock.Now })
}

func (b *bundle) create(id tenant.ID, thing device.ID) tenant.Item[device.Thing] {
	b.t.Helper()
	item, err := b.Create(b.t.Context(), id, device.Thing{ID: thing})
	require.NoError(b.t, err)
	return item
}

func TestThings(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	ctx := t.Context()
	created, err := b.Create(ctx, acme, device.Thing{ID: pump, Type: "pump", Attributes: map[string]string{"site": "north"}})
	require.NoError(t, err)
	require.Equal(t, b.clock.now, created.Value.CreatedAt)
	_, err = b.Create(ctx, acme, device.Thing{ID: pump})
	require.ErrorIs(t, err, tenant.ErrExists)
	b.create(globex, pump) // the same id in another tenant is another thing
	got, err := b.Get(ctx, acme, pump)
	require.NoError(t, err)
	require.Equal(t, created, got)

	b.clock.now = b.clock.now.Add(time.Hour)
	updated, err := b.Update(ctx, acme, device.Thing{ID: pump, Type: "valve"}, created.Version)
	require.NoError(t, err)
	require.Equal(t, "valve", updated.Value.Type)
	require.Equal(t, created.Value.CreatedAt, updated.Value.CreatedAt)
	require.Equal(t, b.clock.now, updated.Value.UpdatedAt)
	_, err = b.Update(ctx, acme, device.Thing{ID: pump}, created.Version)
	require.ErrorIs(t, err, tenant.ErrVersion)
	_, err = b.Update(ctx, acme, device.Thing{ID: valve}, created.Version)
	require.ErrorIs(t, err, tenant.ErrNotFound)

	require.NoError(t, b.Delete(ctx, acme, pump))
	require.ErrorIs(t, b.Delete(ctx, acme, pump), tenant.ErrNotFound)
	_, err = b.Get(ctx, acme, pump)
	require.ErrorIs(t, err, tenant.ErrNotFound)
	_, err = b.Get(ctx, globex, pump)
	require.NoError(t, err)
}

func TestThingsAreListedByType(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	ctx := t.Context()
	for i := range 25 {
		thing := device.Thing{ID: device.MustParseID(fmt.Sprintf("thing-%02d", i)), Type: []string{"", "pump", "pump-2"}[i%3]}
		_, err := b.Create(ctx, acme, thing)
		require.NoError(t, err)
	}
	b.create(globex, pump)
	list := func(query device.ListQuery) (names []string) {
		query.Limit = 4
		for {
			page, err := b.List(ctx, acme, query)
			require.NoError(t, err)
			for _, item := range page.Items {
				names = append(names, item.Value.ID.String())
			}
			if query.Cursor = page.Next; query.Cursor == "" {
				return names
			}
		}
	}
	require.Len(t, list(device.ListQuery{}), 25)
	pumps := list(device.ListQuery{Type: "pump"})
	require.Len(t, pumps, 8)
	require.IsIncreasing(t, pumps)
	require.Empty(t, list(device.ListQuery{Type: "pum"}))
	count := 0
	for item, err := range b.All(ctx, acme) {
		require.NoError(t, err)
		require.NotEqual(t, pump, item.Value.ID)
		count++
	}
	require.Equal(t, 25, count)
	_, err := b.List(ctx, acme, device.ListQuery{Limit: -1})
	require.ErrorIs(t, err, tenant.ErrQuery)
}

func TestThingLimits(t *testing.T) {
	t.Parallel()
	many := func(n int) map[string]string {
		attributes := map[string]string{}
		for i := range n {
			attributes[fmt.Sprint("a", i)] = ""
		}
		return attributes
	}
	for _, thing := range []device.Thing{
		{ID: pump, Attributes: many(device.MaxAttributesUntyped)},
		{ID: pump, Type: "x", Attributes: many(device.MaxAttributes)},
		{ID: pump, Type: strings.Repeat("x", 128)},
		{ID: pump, Attributes: map[string]string{"a_.,@/:#-": "a_.,@/:#=[]-"}},
		{ID: pump, Attributes: map[string]string{strings.Repeat("x", 128): strings.Repeat("x", 800)}},
	} {
		require.NoError(t, thing.Check())
	}
	for _, thing := range []device.Thing{
		{ID: pump, Attributes: many(device.MaxAttributesUntyped + 1)},
		{ID: pump, Type: "x", Attributes: many(device.MaxAttributes + 1)},
		{ID: pump, Type: strings.Repeat("x", 129)},
		{ID: pump, Type: "a b"},
		{ID: pump, Attributes: map[string]string{"": "x"}},
		{ID: pump, Attributes: map[string]string{"a b": "x"}},
		{ID: pump, Attributes: map[string]string{"a": "x y"}},
		{ID: pump, Attributes: map[string]string{"a": "é"}},
		{ID: pump, Attributes: map[string]string{"tenant": "globex"}},
		{ID: pump, Attributes: map[string]string{strings.Repeat("x", 129): "x"}},
		{ID: pump, Attributes: map[string]string{"a": strings.Repeat("x", 801)}},
	} {
		require.ErrorIs(t, thing.Check(), device.ErrThing)
		_, err := newRegistry(t).Create(t.Context(), acme, thing)
		require.ErrorIs(t, err, device.ErrThing)
	}
	require.ErrorIs(t, (&device.Thing{}).Check(), device.ErrID)
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	ctx := t.Context()
	b.create(acme, pump)
	first, password, err := b.AddPassword(ctx, acme, pump)
	require.NoError(t, err)
	second, other, err := b.AddPassword(ctx, acme, pump)
	require.NoError(t, err)
	require.NotEqual(t, password, other)
	require.GreaterOrEqual(t, len(password), 64)
	require.NotContains(t, string(first.Hash), password)

	for _, p := range []string{password, other} { // both work while one is replaced
		_, err = b.Authenticate(ctx, acme, pump, device.Proof{Password: p})
		require.NoError(t, err)
	}
	require.NoError(t, b.Revoke(ctx, acme, pump, first.ID))
	require.ErrorIs(t, b.Revoke(ctx, acme, pump, first.ID), tenant.ErrNotFound)
	_, err = b.Authenticate(ctx, acme, pump, device.Proof{Password: password})
	require.ErrorIs(t, err, device.ErrCredential)
	credential, err := b.Authenticate(ctx, acme, pump, device.Proof{Password: other})
	require.NoError(t, err)
	require.Equal(t, second.ID, credential.ID)

	listed, err := b.Credentials(ctx, acme, pump)
	require.NoError(t, err)
	require.Len(t, listed, 1)
	require.Empty(t, listed[0].Hash)
	for len(listed) < device.MaxCredentials {
		_, _, err = b.AddPassword(ctx, acme, pump)
		require.NoError(t, err)
		listed, err = b.Credentials(ctx, acme, pump)
		require.NoError(t, err)
	}
	_, _, err = b.AddPassword(ctx, acme, pump)
	require.ErrorIs(t, err, device.ErrCredentialLimit)
	_, _, err = b.AddPassword(ctx, acme, valve)
	require.ErrorIs(t, err, tenant.ErrNotFound)
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	ctx := t.Context()
	b.create(acme, pump)
	b.create(acme, valve)
	authority, err := memdevice.NewAuthority(func(o *memdevice.AuthorityOptions) { o.Now, o.Validity = b.clock.Now, 24*time.Hour })
	require.NoError(t, err)
	pair, err := authority.IssueClient(acme, pump)
	require.NoError(t, err)
	credential, err := b.AddCertificate(ctx, acme, pump, pair.Leaf)
	require.NoError(t, err)
	require.Len(t, credential.ID, 64)
	require.Equal(t, pair.Leaf.NotAfter, credential.ExpiresAt)
	_, err = b.AddCertificate(ctx, acme, pump, pair.Leaf)
	require.ErrorIs(t, err, tenant.ErrExists)
	_, err = b.AddCertificate(ctx, acme, valve, pair.Leaf)
	require.ErrorIs(t, err, device.ErrCertificate)
	_, err = b.AddCertificate(ctx, acme, pump, nil)
	require.ErrorIs(t, err, device.ErrCertificate)

	_, err = b.Authenticate(ctx, acme, pump, device.Proof{Certificate: pair.Leaf})
	require.NoError(t, err)
	b.clock.now = b.clock.now.Add(-time.Hour)
	_, err = b.Authenticate(ctx, acme, pump, device.Proof{Certificate: pair.Leaf})
	require.ErrorContains(t, err, "not yet valid")
	b.clock.now = b.clock.now.Add(25 * time.Hour)
	_, err = b.Authenticate(ctx, acme, pump, device.Proof{Certificate: pair.Leaf})
	require.ErrorContains(t, err, "expired")
	require.ErrorIs(t, err, device.ErrCredential)
	_, err = b.AddCertificate(ctx, acme, pump, pair.Leaf)
	require.ErrorIs(t, err, device.ErrCertificate)
}

// A certificate from elsewhere may have any name, but belongs to one thing.
func TestAttackCertificateOfAnotherThing(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	b.create(acme, pump)
	b.create(acme, valve)
	certificate := &x509.Certificate{Raw: []byte("factory"), Subject: pkix.Name{CommonName: "SN 1234"}, NotAfter: b.clock.now.Add(time.Hour)}
	_, err := b.AddCertificate(t.Context(), acme, pump, certificate)
	require.NoError(t, err)
	_, err = b.AddCertificate(t.Context(), acme, valve, certificate)
	require.ErrorIs(t, err, tenant.ErrExists)
	_, err = b.Authenticate(t.Context(), acme, pump, device.Proof{Certificate: certificate})
	require.NoError(t, err)
	_, err = b.Authenticate(t.Context(), acme, valve, device.Proof{Certificate: certificate})
	require.ErrorIs(t, err, device.ErrCredential)
}

func TestAttackCredentials(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	ctx := t.Context()
	for _, id := range []tenant.ID{acme, globex} {
		b.create(id, pump)
		b.create(id, valve)
	}
	credential, password, err := b.AddPassword(ctx, acme, pump)
	require.NoError(t, err)
	_, foreign, err := b.AddPassword(ctx, globex, pump)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		id       tenant.ID
		thing    device.ID
		password string
	}{
		"password of another tenant":     {acme, pump, foreign},
		"at another tenant":              {globex, pump, password},
		"at another thing":               {acme, valve, password},
		"at a thing that does not exist": {acme, device.MustParseID("none"), password},
		"of nobody":                      {tenant.MustParseID("nobody"), pump, password},
		"empty":                          {acme, pump, ""},
		"only the id":                    {acme, pump, credential.ID + "."},
		"cut":                            {acme, pump, password[:len(password)-1]},
		"longer":                         {acme, pump, password + "A"},
		"the hash":                       {acme, pump, credential.ID + "." + string(credential.Hash)},
		"bad key":                        {acme, pump, "\x00." + password},
		"long":                           {acme, pump, strings.Repeat("x", 10_000) + "."},
	} {
		_, err := b.Authenticate(ctx, c.id, c.thing, device.Proof{Password: c.password})
		require.ErrorIs(t, err, device.ErrCredential, name)
		require.NotContains(t, err.Error(), "globex", name)
	}
	require.ErrorIs(t, b.Revoke(ctx, globex, pump, credential.ID), tenant.ErrNotFound)
	require.ErrorIs(t, b.Revoke(ctx, acme, valve, credential.ID), tenant.ErrNotFound)
	_, err = b.Authenticate(ctx, acme, pump, device.Proof{Password: password})
	require.NoError(t, err)

	// A stored credential that is moved to another tenant or thing is worth
	// nothing there.
	stolen := credential
	stolen.Thing = valve
	_, err = b.credentials.Put(ctx, acme, stolen, tenant.Always())
	require.NoError(t, err)
	_, err = b.Authenticate(ctx, acme, valve, device.Proof{Password: password})
	require.ErrorIs(t, err, device.ErrCredential)
	_, err = b.credentials.Put(ctx, globex, credential, tenant.Always())
	require.NoError(t, err)
	_, err = b.Authenticate(ctx, globex, pump, device.Proof{Password: password})
	require.ErrorIs(t, err, device.ErrCredential)
}

// A certificate that names a thing is worth nothing elsewhere, whatever is
// stored there.
func TestAttackCertificateOfAnotherTenant(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	b.create(acme, pump)
	b.create(globex, pump)
	authority, err := memdevice.NewAuthority(func(o *memdevice.AuthorityOptions) { o.Now = b.clock.Now })
	require.NoError(t, err)
	pair, err := authority.IssueClient(acme, pump)
	require.NoError(t, err)
	credential, err := b.AddCertificate(t.Context(), acme, pump, pair.Leaf)
	require.NoError(t, err)
	_, err = b.AddCertificate(t.Context(), globex, pump, pair.Leaf)
	require.ErrorIs(t, err, device.ErrCertificate)
	_, err = b.credentials.Put(t.Context(), globex, credential, tenant.Always())
	require.NoError(t, err)
	_, err = b.Authenticate(t.Context(), globex, pump, device.Proof{Certificate: pair.Leaf})
	require.ErrorIs(t, err, device.ErrCredential)
	require.NotContains(t, err.Error(), "acme")
}

// A thing that is made anew under an old name inherits nothing.
func TestAttackReusedName(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	ctx := t.Context()
	b.create(acme, pump)
	_, password, err := b.AddPassword(ctx, acme, pump)
	require.NoError(t, err)
	require.NoError(t, b.ReceivePresence(ctx, acme, connected(acme, pump, 1)))
	require.NoError(t, b.Delete(ctx, acme, pump))
	_, err = b.Authenticate(ctx, acme, pump, device.Proof{Password: password})
	require.ErrorIs(t, err, device.ErrCredential)
	b.create(acme, pump)
	_, err = b.Authenticate(ctx, acme, pump, device.Proof{Password: password})
	require.ErrorIs(t, err, device.ErrCredential)
	presence, err := b.Presence(ctx, acme, pump)
	require.NoError(t, err)
	require.Equal(t, device.Presence{Thing: pump}, presence)
	credentials, err := b.Credentials(ctx, acme, pump)
	require.NoError(t, err)
	require.Empty(t, credentials)
}

// The index by which a deletion finds credentials has not seen one yet.
func TestAttackReusedNameWhileIndexLags(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	ctx := t.Context()
	b.create(acme, pump)
	credential, password, err := b.AddPassword(ctx, acme, pump)
	require.NoError(t, err)
	missed, err := b.credentials.Get(ctx, acme, tenant.NewKey(credential.ID))
	require.NoError(t, err)
	require.NoError(t, b.Delete(ctx, acme, pump))
	_, err = b.credentials.Put(ctx, acme, missed.Value, tenant.IfAbsent())
	require.NoError(t, err)

	b.clock.now = b.clock.now.Add(time.Millisecond)
	b.create(acme, pump)
	_, err = b.Authenticate(ctx, acme, pump, device.Proof{Password: password})
	require.ErrorIs(t, err, device.ErrCredential)

	b.clock.now = b.clock.now.Add(-time.Minute) // another process, whose clock is behind
	_, password, err = b.AddPassword(ctx, acme, pump)
	require.NoError(t, err)
	_, err = b.Authenticate(ctx, acme, pump, device.Proof{Password: password})
	require.NoError(t, err)
}

func TestDeleteThatFailsInPartCanBeRepeated(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	ctx := t.Context()
	b.create(acme, pump)
	for range 3 {
		_, _, err := b.AddPassword(ctx, acme, pump)
		require.NoError(t, err)
	}
	second := func(position int) error {
		if position == 1 {
			return tenanttest.ErrFault
		}
		return nil
	}
	b.credentials = tenanttest.Faulty(b.credentials, tenanttest.Script(tenanttest.OpBatchWrite, tenanttest.Fault{Entry: second}))
	b.open()
	require.ErrorIs(t, b.Delete(ctx, acme, pump), tenanttest.ErrFault)
	credentials, err := b.Credentials(ctx, acme, pump)
	require.NoError(t, err, "the thing goes last")
	require.Len(t, credentials, 1)
	require.NoError(t, b.Delete(ctx, acme, pump))
	page, err := b.credentials.Query(ctx, acme, tenant.Query{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
}

// The thing is deleted while a credential is added.
func TestCredentialOfAThingThatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	b.create(acme, pump)
	raw := b.credentials
	b.credentials = tenanttest.Faulty(raw, func(call tenanttest.Call) tenanttest.Fault {
		if call.Operation == tenanttest.OpPut {
			require.NoError(t, b.things.Delete(t.Context(), acme, tenant.NewKey("pump"), tenant.Always()))
		}
		return tenanttest.Fault{}
	})
	b.open()
	_, _, err := b.AddPassword(t.Context(), acme, pump)
	require.ErrorIs(t, err, tenant.ErrNotFound)
	page, err := raw.Query(t.Context(), acme, tenant.Query{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
}

func TestFailuresAreNoDenials(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	b.create(acme, pump)
	_, password, err := b.AddPassword(t.Context(), acme, pump)
	require.NoError(t, err)
	fault := func(tenanttest.Call) tenanttest.Fault { return tenanttest.Fault{Before: tenanttest.ErrFault} }
	things, credentials := b.things, b.credentials
	for range 2 {
		b.credentials = tenanttest.Faulty(credentials, fault)
		b.open()
		_, err = b.Authenticate(t.Context(), acme, pump, device.Proof{Password: password})
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.NotErrorIs(t, err, iotenant.ErrDenied)
		b.credentials, b.things = credentials, tenanttest.Faulty(things, fault)
	}
	b.open()
	_, err = b.Authenticate(t.Context(), acme, pump, device.Proof{Password: password})
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.ErrorIs(t, b.Delete(t.Context(), acme, pump), iotenant.ErrUnavailable)
	require.ErrorIs(t, b.ReceivePresence(t.Context(), acme, connected(acme, pump, 1)), iotenant.ErrUnavailable)
}

func TestZeroIDsAreRefused(t *testing.T) {
	t.Parallel()
	b := newRegistry(t)
	ctx := t.Context()
	for _, call := range []func(tenant.ID, device.ID) error{
		func(id tenant.ID, thing device.ID) error {
			_, err := b.Create(ctx, id, device.Thing{ID: thing})
			return err
		},
		func(id tenant.ID, thing device.ID) error { _, err := b.Get(ctx, id, thing); return err },
		func(id tenant.ID, thing device.ID) error {
			_, err := b.Update(ctx, id, device.Thing{ID: thing}, 1)
			return err
		},
		func(id tenant.ID, thing device.ID) error { return b.Delete(ctx, id, thing) },
		func(id tenant.ID, thing device.ID) error { _, _, err := b.AddPassword(ctx, id, thing); return err },
		func(id tenant.ID, thing device.ID) error { _, err := b.Credentials(ctx, id, thing); return err },
		func(id tenant.ID, thing device.ID) error { return b.Revoke(ctx, id, thing, "x") },
		func(id tenant.ID, thing device.ID) error {
			_, err := b.Authenticate(ctx, id, thing, device.Proof{})
			return err
		},
		func(id tenant.ID, thing device.ID) error { _, err := b.Presence(ctx, id, thing); return err },
	} {
		require.ErrorIs(t, call(tenant.ID{}, pump), tenant.ErrID)
		require.ErrorIs(t, call(acme, device.ID{}), device.ErrID)
	}
	require.ErrorIs(t, b.ReceivePresence(ctx, tenant.ID{}, connected(acme, pump, 1)), tenant.ErrID)
	_, err := b.List(ctx, tenant.ID{}, device.ListQuery{})
	require.ErrorIs(t, err, tenant.ErrID)
}
