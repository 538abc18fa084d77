package device_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/devicetest"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/tenant"
)

func TestPayloadMessageID(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		`{"messageId":"m-1"}`: "m-1",
		" {\n\t\"a\" : [1,{\"messageId\":\"inner\"}] ,\r\"messageId\" : \"m-2\" }": "m-2",
		`{"a":"}","b":"\"","c":"\\","messageId":"m-3"}`:                            "m-3",
		`{"messageId":"first","messageId":"second"}`:                               "first",
		`{"messageId":"\u00e9\n"}`:                                                 "", // a control character
		`{"messageId":"\u00e9"}`:                                                   "é",
		`{"messageId":"x"`:                                                         "x", // the rest is not looked at
		`{"messageId":7}`:                                                          "",
		`{"messageId":null}`:                                                       "",
		`{"messageId":""}`:                                                         "",
		`{"messageId":"` + strings.Repeat("x", 128) + `"}`:                         strings.Repeat("x", 128),
		`{"messageId":"` + strings.Repeat("x", 129) + `"}`:                         "",
		`{"MessageID":"x"}`:                                                        "",
		`[{"messageId":"x"}]`:                                                      "",
		`"messageId"`:                                                              "",
		``:                                                                         "",
		`{`:                                                                        "",
		`{}`:                                                                       "",
		`{"a"`:                                                                     "",
		`{"a":`:                                                                    "",
		`{"a":"`:                                                                   "",
		`{"a":1`:                                                                   "",
		`{"a":1}`:                                                                  "",
		`{"a":1]`:                                                                  "",
		`{"a\`:                                                                     "",
		"\x00\x01\x02":                                                             "",
	} {
		require.Equal(t, want, device.PayloadMessageID([]byte(payload)), payload)
	}
}

// Against encoding/json, for JSON objects whose names differ.
func FuzzPayloadMessageID(f *testing.F) {
	for _, payload := range []string{
		`{"messageId":"m-1"}`, `{"a":[1,{"b":"}"}],"messageId":"x"}`, `{"a":"\\\"","messageId":"\u0041"}`, `{"a":1.5e3,"b":null}`, `[]`, `{"a`,
	} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		got := device.PayloadMessageID(payload)
		if got != "" {
			require.NoError(t, device.CheckMessageID(got))
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(payload, &object) != nil || object == nil || strings.Count(string(payload), "essageId") != 1 || strings.Contains(string(payload), `\`) {
			return
		}
		var want string
		if json.Unmarshal(object["messageId"], &want) != nil || device.CheckMessageID(want) != nil {
			want = ""
		}
		require.Equal(t, want, got)
	})
}

func TestMessageCheck(t *testing.T) {
	t.Parallel()
	good := device.Message{Topic: device.TelemetryTopic(acme, pump, ""), Payload: make([]byte, device.MaxPayload), ID: "m"}
	require.NoError(t, good.Check(acme))
	require.ErrorIs(t, good.Check(globex), device.ErrTopic)
	require.NotContains(t, good.Check(globex).Error(), "acme")
	require.ErrorIs(t, good.Check(tenant.ID{}), tenant.ErrID)
	big := good
	big.Payload = make([]byte, device.MaxPayload+1)
	require.ErrorIs(t, big.Check(acme), device.ErrMessage)
	for _, id := range []string{"\n", "\x7f", "\xff", strings.Repeat("x", 129)} {
		bad := good
		bad.ID = id
		require.ErrorIs(t, bad.Check(acme), device.ErrMessage, "%q", id)
	}
	clone := good.Clone()
	clone.Payload[0] = 1
	require.Zero(t, good.Payload[0])
}

func TestRequest(t *testing.T) {
	t.Parallel()
	bus := memdevice.NewBus()
	request := device.Message{Topic: device.CommandTopic(acme, pump, ""), Payload: []byte("ping")}
	cancel, err := bus.Subscribe(t.Context(), acme, device.Filter{Class: device.ClassCommand}, func(m device.Message) {
		for _, payload := range []string{"no", "yes", "too late"} {
			answer := device.Message{Topic: device.TelemetryTopic(acme, m.Topic.Thing, ""), Payload: []byte(payload)}
			require.NoError(t, bus.Publish(context.Background(), acme, answer))
		}
	})
	require.NoError(t, err)
	answers := device.Filter{Thing: pump, Class: device.ClassTelemetry}
	answer, err := device.Request(t.Context(), bus, acme, request, answers, func(m device.Message) bool { return string(m.Payload) != "no" })
	require.NoError(t, err)
	require.Equal(t, "yes", string(answer.Payload))

	cancel()
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	_, err = device.Request(ctx, bus, acme, request, answers, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = device.Request(t.Context(), bus, globex, request, answers, nil)
	require.ErrorIs(t, err, device.ErrTopic)
	_, err = device.Request(t.Context(), bus, tenant.ID{}, request, answers, nil)
	require.ErrorIs(t, err, tenant.ErrID)
	faulty := devicetest.FaultyBus(bus, devicetest.Script(devicetest.Fault{Before: devicetest.ErrFault}))
	_, err = device.Request(t.Context(), faulty, acme, request, answers, nil)
	require.ErrorIs(t, err, devicetest.ErrFault)
}
