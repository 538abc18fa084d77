package tenant_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/tenant"
)

func TestNewKey(t *testing.T) {
	t.Parallel()
	key := tenant.NewKey("hall 1", "pump")
	require.NoError(t, key.Check())
	require.Equal(t, []string{"hall 1", "pump"}, key.Parts())
	require.Equal(t, "hall 1/pump", key.String())
	require.Equal(t, tenant.NewKey("hall 1", "pump"), key)
	require.True(t, tenant.Key{}.IsZero())
	require.Nil(t, tenant.Key{}.Parts())
	require.True(t, tenant.NewKey().IsZero())
}

func TestBadKeysSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, key := range map[string]tenant.Key{
		"empty":                            {},
		"part 2 is empty":                  tenant.NewKey("a", ""),
		"part 1 holds a control character": tenant.NewKey("a\x1fb"),
		"part 3 holds a control character": tenant.NewKey("a", "b", "\x7f"),
		"part 1 is not UTF-8":              tenant.NewKey("\xff"),
		"501 bytes long, limit 500":        tenant.NewKey(strings.Repeat("k", 250), strings.Repeat("k", 250)),
	} {
		err := key.Check()
		require.ErrorIs(t, err, tenant.ErrKey)
		require.ErrorContains(t, err, want)
		require.Empty(t, key.Encoded(), "a bad key has nothing to store")
	}
	require.NoError(t, tenant.NewKey(strings.Repeat("k", 250), strings.Repeat("k", 249)).Check())
}

// parts draws key parts that begin with each other and hold bytes near the
// separators.
func parts() *rapid.Generator[[]string] {
	part := rapid.StringOfN(rapid.SampledFrom([]rune("ab !/\u00e9")), 1, 4, -1)
	return rapid.SliceOfN(part, 1, 4)
}

func TestKeysAreOrderedPartByPartAndNeverCollide(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := parts().Draw(t, "a"), parts().Draw(t, "b")
		x, y := tenant.NewKey(a...), tenant.NewKey(b...)
		require.NoError(t, x.Check())
		require.Equal(t, slices.Compare(a, b), strings.Compare(x.Encoded(), y.Encoded()))
		require.Equal(t, slices.Equal(a, b), x == y)
		require.Equal(t, a, x.Parts())
	})
}

func FuzzNewKey(f *testing.F) {
	f.Add("a", "b", "a", "b")
	f.Add("a\x1fb", "c", "a", "b\x1fc")
	f.Add("ab", "c", "a", "bc")
	f.Add("\xff", " ", "", "\x7f")
	f.Fuzz(func(t *testing.T, a1, a2, b1, b2 string) {
		a, b := tenant.NewKey(a1, a2), tenant.NewKey(b1, b2)
		if a.Check() != nil {
			require.ErrorIs(t, a.Check(), tenant.ErrKey)
			return
		}
		require.LessOrEqual(t, len(a.Encoded()), tenant.MaxKeyLength)
		require.Equal(t, []string{a1, a2}, a.Parts())
		require.NotEqual(t, tenant.NewKey(a1+a2).Encoded(), a.Encoded())
		require.Equal(t, a1 == b1 && a2 == b2, a == b)
	})
}
