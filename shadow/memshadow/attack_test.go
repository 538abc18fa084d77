package memshadow_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/shadow/shadowtest"
	"github.com/iotenant/iotenant/tenant"
)

func TestAttackShadows(t *testing.T) {
	t.Parallel()
	shadowtest.TestIsolation(t, func(t *testing.T) shadow.Shadows { return setup(t) })
}

// A device that is connected for one tenant publishes to topics of another.
func TestAttackTopics(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.update(t, `{"state":{"desired":{"secret":1}}}`)
	b.messages()
	for _, operation := range []string{"get", "update", "delete"} {
		for _, name := range []string{"", "config"} {
			err := b.Receive(t.Context(), zeta, message(acme, lamp, name, operation, `{"state":{"desired":{"secret":2}}}`))
			require.ErrorIs(t, err, device.ErrTopic, "refused for good")
			require.NotContains(t, err.Error(), "acme")
		}
	}
	err := b.Receive(t.Context(), tenant.ID{}, message(tenant.ID{}, lamp, "", "get", ""))
	require.ErrorIs(t, err, tenant.ErrID)
	require.Empty(t, b.messages())
	require.Equal(t, int64(1), versionOf(t, b, acme))
}

// A device whose id looks like another tenant's thing name, or like a topic,
// reaches its own shadow only.
func TestAttackThingNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.update(t, `{"state":{"desired":{"secret":1}}}`)
	b.messages()
	for _, text := range []string{"acme:lamp-1", ":lamp-1", "acme::lamp-1", "lamp-1:shadow"} {
		thing := device.MustParseID(text)
		require.NoError(t, b.Receive(t.Context(), zeta, message(zeta, thing, "", "get", "")))
		answers := b.messages()
		require.Len(t, answers, 1)
		require.True(t, strings.HasPrefix(answers[0], `get/rejected {"code":404`), answers[0])
		require.NotContains(t, answers[0], "secret")
		require.NoError(t, b.Receive(t.Context(), zeta, message(zeta, thing, "", "update", `{"state":null}`)))
		require.Len(t, b.messages(), 2)
	}
	require.Equal(t, int64(1), versionOf(t, b, acme))
}

// Topics as texts, parsed the way a broker does.
func TestAttackTopicTexts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.update(t, `{"state":{"desired":{"secret":1}}}`)
	b.messages()
	for _, text := range []string{
		"$aws/things/acme:lamp-1/shadow/get",
		"$aws/things/acme:lamp-1/shadow/name/classic/get",
		"$aws/things/acme:lamp-1/shadow/name/named/update",
		"$aws/things/zeta:/shadow/get",
		"$aws/things/zeta:acme/lamp-1/shadow/get",
		"$aws/things/zeta:x/shadow/name/../shadow/get",
		"$aws/things/zeta:x/shadow/get/accepted",
		"$aws/things/+/shadow/get",
		"$share/group/$aws/things/acme:lamp-1/shadow/get",
	} {
		topic, err := device.ParseTopic(text)
		if err == nil {
			err = b.Receive(t.Context(), zeta, device.Message{Topic: topic})
		}
		require.Equal(t, iotenant.ErrInvalid, iotenant.KindOf(err), text)
	}
	require.Empty(t, b.messages())
}

// Messages about a shadow reach subscribers of its tenant only.
func TestAttackSubscriptions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	leaked := 0
	_, err := b.bus.Subscribe(t.Context(), zeta, device.Filter{}, func(device.Message) { leaked++ })
	require.NoError(t, err)
	b.update(t, `{"state":{"desired":{"secret":1}}}`)
	b.receive(t, "get", "")
	b.receive(t, "update", "bad")
	b.receive(t, "delete", "")
	require.NotEmpty(t, b.messages())
	require.Zero(t, leaked)
}

func versionOf(t *testing.T, b *bundle, id tenant.ID) int64 {
	t.Helper()
	document, err := b.Get(t.Context(), id, lamp, classic)
	require.NoError(t, err)
	state, err := shadow.ParseState(document)
	require.NoError(t, err)
	return state.Version()
}
