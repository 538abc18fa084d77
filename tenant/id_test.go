package tenant_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

func TestParseID(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"abc", "a-b", "0-9", "7f1d9c1e-1b1a-4f66-9c1e-0d3b5f7a9c11", strings.Repeat("z", tenant.MaxIDLength)} {
		id, err := tenant.ParseID(good)
		require.NoError(t, err, good)
		require.Equal(t, good, id.String())
		require.False(t, id.IsZero())
		require.NoError(t, id.Check())
	}
	for _, bad := range []string{
		"", "a", "ab", "-ab", "ab-", "---", "Abc", "a_b", "a b", "a/b", "a#b", "a:b", "a\x1fb", "a.b", "a+b", "äbc", "abc\x00", "_platform",
		strings.Repeat("z", tenant.MaxIDLength+1),
	} {
		id, err := tenant.ParseID(bad)
		require.ErrorIs(t, err, tenant.ErrID, bad)
		require.ErrorIs(t, err, iotenant.ErrInvalid)
		require.True(t, id.IsZero())
	}
}

func TestParseIDKeepsNothingOfItsArgument(t *testing.T) {
	t.Parallel()
	text := []byte("acme")
	var id tenant.ID
	require.NoError(t, id.UnmarshalText(text))
	text[0] = 'X'
	require.Equal(t, "acme", id.String())
}

func TestIDAsJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(map[tenant.ID]tenant.ID{tenant.MustParseID("acme"): tenant.MustParseID("zeta")})
	require.NoError(t, err)
	require.JSONEq(t, `{"acme":"zeta"}`, string(text))
	var back map[tenant.ID]tenant.ID
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, tenant.MustParseID("zeta"), back[tenant.MustParseID("acme")])
	_, err = json.Marshal(tenant.ID{})
	require.ErrorIs(t, err, tenant.ErrID)
	require.ErrorIs(t, json.Unmarshal([]byte(`{"a b":"acme"}`), &back), tenant.ErrID)
}

func TestMustParseIDPanics(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { tenant.MustParseID("") })
}

func TestAttackNamePlatform(t *testing.T) {
	t.Parallel()
	_, err := tenant.ParseID(tenant.Platform().String())
	require.ErrorIs(t, err, tenant.ErrID)
	var id tenant.ID
	require.ErrorIs(t, json.Unmarshal([]byte(`"_platform"`), &id), tenant.ErrID)
	require.True(t, id.IsZero())
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"acme", "a-b", "-", "_platform", "ab\x1f", "ACME"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := tenant.ParseID(text)
		if err != nil {
			require.ErrorIs(t, err, tenant.ErrID)
			require.True(t, id.IsZero())
			return
		}
		require.Equal(t, text, id.String())
		require.NotEqual(t, tenant.Platform(), id)
		require.False(t, strings.ContainsAny(text, "_/+#:.$ \x1e\x1f"), "a separator passed: %q", text)
	})
}
