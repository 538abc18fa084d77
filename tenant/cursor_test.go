package tenant_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

func secret(c byte) []byte { return bytes.Repeat([]byte{c}, tenant.MinCursorKeyLength) }

func cursorKeys(t testing.TB, current []byte, previous ...[]byte) tenant.CursorKeys {
	t.Helper()
	keys, err := tenant.NewCursorKeys(current, previous...)
	require.NoError(t, err)
	return keys
}

func TestNewCursorKeysRefusesWeakKeys(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][][]byte{
		{nil}, {secret('a')[1:]}, {secret('a'), nil}, {secret('a'), secret('b'), secret('c')},
	} {
		keys, err := tenant.NewCursorKeys(secrets[0], secrets[1:]...)
		require.ErrorIs(t, err, iotenant.ErrInvalid)
		require.ErrorIs(t, keys.Check(), iotenant.ErrInvalid)
	}
	require.ErrorIs(t, tenant.CursorKeys{}.Check(), iotenant.ErrInvalid)
	require.NoError(t, tenant.RandomCursorKeys().Check())
}

func TestCursorHoldsItsPosition(t *testing.T) {
	t.Parallel()
	keys, acme := cursorKeys(t, secret('a')), tenant.MustParseID("acme")
	for _, position := range []string{"", "k", "a\x1fb\x1ec", string(make([]byte, 1001))} {
		cursor := keys.Seal(acme, "scope", position)
		require.Regexp(t, `^[A-Za-z0-9_-]+$`, string(cursor), "a cursor must be safe in a URL")
		opened, err := keys.Open(acme, "scope", cursor)
		require.NoError(t, err)
		require.Equal(t, position, opened)
		require.NotEqual(t, cursor, keys.Seal(acme, "scope", position), "equal positions must not be seen to be equal")
	}
}

func TestAttackCursorOfAnother(t *testing.T) {
	t.Parallel()
	keys, acme := cursorKeys(t, secret('a')), tenant.MustParseID("acme")
	cursor := keys.Seal(acme, "scope", "position")
	for name, open := range map[string]func() (string, error){
		"tenant":                func() (string, error) { return keys.Open(tenant.MustParseID("zeta"), "scope", cursor) },
		"platform":              func() (string, error) { return keys.Open(tenant.Platform(), "scope", cursor) },
		"query":                 func() (string, error) { return keys.Open(acme, "scop", cursor) },
		"store":                 func() (string, error) { return cursorKeys(t, secret('b')).Open(acme, "scope", cursor) },
		"shifted tenant, query": func() (string, error) { return keys.Open(tenant.MustParseID("acmes"), "cope", cursor) },
	} {
		position, err := open()
		require.ErrorIs(t, err, tenant.ErrCursor, name)
		require.Empty(t, position, name)
		require.Equal(t, tenant.ErrCursor.Error(), err.Error(), "the text must be the same for every cause")
	}
}

func TestCursorRotation(t *testing.T) {
	t.Parallel()
	acme := tenant.MustParseID("acme")
	before, during, after := cursorKeys(t, secret('a')), cursorKeys(t, secret('b'), secret('a')), cursorKeys(t, secret('c'), secret('b'))
	old, current := before.Seal(acme, "s", "p"), during.Seal(acme, "s", "p")
	_, err := during.Open(acme, "s", old)
	require.NoError(t, err)
	_, err = after.Open(acme, "s", current)
	require.NoError(t, err)
	_, err = after.Open(acme, "s", old)
	require.ErrorIs(t, err, tenant.ErrCursor)
	_, err = before.Open(acme, "s", current)
	require.ErrorIs(t, err, tenant.ErrCursor)
}

func TestAttackChangedCursor(t *testing.T) {
	t.Parallel()
	keys, acme := cursorKeys(t, secret('a')), tenant.MustParseID("acme")
	sealed, err := base64.RawURLEncoding.DecodeString(string(keys.Seal(acme, "scope", "position")))
	require.NoError(t, err)
	for i := range len(sealed) * 8 {
		changed := bytes.Clone(sealed)
		changed[i/8] ^= 1 << (i % 8)
		_, err := keys.Open(acme, "scope", tenant.Cursor(base64.RawURLEncoding.EncodeToString(changed)))
		require.ErrorIs(t, err, tenant.ErrCursor, "bit %d", i)
	}
}

func FuzzAttackForgedCursor(f *testing.F) {
	keys, acme := cursorKeys(f, secret('a')), tenant.MustParseID("acme")
	f.Add(string(cursorKeys(f, secret('b')).Seal(acme, "scope", "position")))
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("====")
	f.Fuzz(func(t *testing.T, cursor string) {
		_, err := keys.Open(acme, "scope", tenant.Cursor(cursor))
		require.ErrorIs(t, err, tenant.ErrCursor)
	})
}
