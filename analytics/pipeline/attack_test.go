package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// tenantThings are the things of one tenant, which is all that its environment
// knows.
func tenantThings(secret string) *pipeline.Environment {
	known := things(func(thing string) ([]byte, error) {
		if thing != secret {
			return nil, fmt.Errorf("thing: %w", iotenant.ErrNotFound)
		}
		return []byte(`{"secret":"` + secret + `"}`), nil
	})
	echo := functions(func(_ string, event []byte) ([]byte, error) { return event, nil })
	return &pipeline.Environment{Functions: echo, Registry: known, Shadows: known}
}

const enrichAll = `{"deviceRegistryEnrich":{"name":"a0","attribute":"thing","thingName":"id",` + role + `,"next":"a1"}}`

// A definition and its messages name things of another tenant; the environment
// is bound to its own.
func TestAttackEnrichOfAnotherTenant(t *testing.T) {
	t.Parallel()
	p := load(t, enrichAll, `{"deviceShadowEnrich":{"name":"a1","attribute":"shadow","thingName":"id",`+role+`,"next":"d"}}`)
	var b pipeline.Batch
	for _, name := range []string{"victim-thing", "victim:victim-thing", "../victim/victim-thing", "victim-thing\\u0000"} {
		require.NoError(t, p.Run(context.Background(), tenantThings("own-thing"), &b, payloads(`{"id":"`+name+`"}`)))
		require.NotContains(t, string(b.At(0).AppendJSON(nil)), "secret")
		require.Len(t, b.Events(), 2)
	}
}

// What is no JSON follows messages with names of all kinds, at the place of each.
func TestAttackAfterEscapedNames(t *testing.T) {
	t.Parallel()
	p := load(t, `{"math":{"name":"a0","math":"a + 1","attribute":"sum","next":"d"}}`)
	var b pipeline.Batch
	for _, name := range []string{`a`, `\u0061`, `x\"`, ``, `\u0000`, `attribute_of_more_bytes_than_two_words`, `\n234567`} {
		for _, rest := range []string{"", "\x00", "\x00\x00\x00\x00\x00\x00\x00\x00\x00", `"`, `":`, `:`, `:1}`, "\x00:1}", `1}`, ``, "\"\x00\":1}"} {
			first := `{"a":1,"` + name + `":2}`
			require.NotPanics(t, func() {
				require.NoError(t, p.Run(context.Background(), nil, &b, payloads(first, first, `{"a":1,`+rest, `{`+rest, first)))
			}, "%s %q", name, rest)
			var invalid []int
			for _, event := range b.Events() {
				if event.Reason == pipeline.InvalidMessage {
					invalid = append(invalid, event.Source)
				}
			}
			require.Equal(t, []int{2, 3}, invalid, "%s %q", name, rest)
		}
	}
}

// A batch that held the messages of one tenant is used for another one, after
// runs that ended in every way.
func TestAttackUsedBatch(t *testing.T) {
	t.Parallel()
	p := load(t, enrichAll,
		`{"lambda":{"name":"a1","lambdaName":"f","batchSize":2,"next":"a2"}}`,
		`{"math":{"name":"a2","math":"a + 1","attribute":"sum","next":"a3"}}`,
		`{"addAttributes":{"name":"a3","attributes":{"secret":"copy","thing.secret":"copy2"},"next":"d"}}`,
	)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	victim := payloads(`{"id":"victim-thing","secret":"victim-secret","a":41}`, `{"id":"victim-thing","s\u0065cret":"victim-secret"}`, `victim-secret`)
	var b pipeline.Batch
	for name, run := range map[string]func() error{
		"done":      func() error { return p.Run(context.Background(), tenantThings("victim-thing"), &b, victim) },
		"cancelled": func() error { return p.Run(cancelled, tenantThings("victim-thing"), &b, victim) },
		"failed":    func() error { return p.Run(context.Background(), nil, &b, victim) },
	} {
		_ = run()
		require.NoError(t, p.Run(context.Background(), tenantThings("own-thing"), &b, payloads(`{"id":"victim-thing","a":1}`, `{}`, `{"id":7}`)))
		var seen strings.Builder
		for _, line := range outputs(&b) {
			seen.WriteString(line)
		}
		fmt.Fprint(&seen, b.Events(), b.Failures())
		require.NotContains(t, seen.String(), "victim-secret", name)
		require.NotContains(t, seen.String(), `"secret"`, name)
		require.Contains(t, seen.String(), `"sum":2`)
		require.ErrorIs(t, p.Run(cancelled, nil, &b, payloads(`{}`)), context.Canceled)
		require.Zero(t, b.Len(), "a run that was cancelled shows nothing of the one before")
	}
}
