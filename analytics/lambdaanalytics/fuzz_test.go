package lambdaanalytics_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// FuzzDecode: a message is of the tenant and thing of the topic that encoding/json
// finds under exactly this name, and can be put.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"topic": "t/north/d/a/telemetry/oil", "messageId": "m"}`, `{"Topic": "t/south/d/a/telemetry", "topic": "t/north/d/a/telemetry"}`,
		`{"data": "e30=", "topic": "t/north/d/a/telemetry", "receivedAt": 1772366400000}`, `{"topi\u0063": "t\/north\/d\/a\/telemetry"}`, "{\"topic\": 1}\n",
	} {
		f.Add([]byte(seed), "record")
	}
	f.Fuzz(func(t *testing.T, data []byte, recordID string) {
		record := lambdaanalytics.Record{ID: recordID, Data: data, At: arrival}
		for name, decode := range map[string]lambdaanalytics.Decode{"topic": lambdaanalytics.FromTopic, "envelope": lambdaanalytics.FromEnvelope} {
			id, message, err := decode(record)
			if err != nil {
				require.ErrorIs(t, err, lambdaanalytics.ErrRecord)
				continue
			}
			var members map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(data, &members))
			var text string
			require.NoError(t, json.Unmarshal(members["topic"], &text))
			topic, err := device.ParseTopic(text)
			require.NoError(t, err)
			require.Equal(t, topic.Tenant, id)
			require.Equal(t, topic.Thing, message.Thing)
			require.NotEmpty(t, message.Channel)
			require.Empty(t, strings.Trim(message.Channel, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"))
			require.True(t, strings.HasPrefix(message.ID, topic.Thing.String()+"/") || message.ID == "/"+recordID || message.ID == "" && recordID == "", message.ID)
			if name == "envelope" {
				var encoded string
				require.NoError(t, json.Unmarshal(members["data"], &encoded))
				payload, err := base64.StdEncoding.DecodeString(encoded)
				require.NoError(t, err)
				require.Equal(t, string(payload), string(message.Payload))
			}
		}
	})
}

// taker takes everything.
type taker struct{}

func (taker) Put(context.Context, tenant.ID, string, []analytics.Row) error { return nil }

// FuzzIngest: no event makes the function panic, and what it answers is JSON.
func FuzzIngest(f *testing.F) {
	for _, name := range []string{"kinesis.json", "sqs-fifo.json", "firehose.json"} {
		payload, err := os.ReadFile("../../internal/lambdaevent/testdata/" + name)
		require.NoError(f, err)
		f.Add(payload)
	}
	f.Add([]byte(`{"topic": "t/north/d/a/telemetry"}`))
	function := lambdaanalytics.NewIngest(taker{}, func(o *lambdaanalytics.Options) { o.Forward = true })
	f.Fuzz(func(t *testing.T, payload []byte) {
		answer, err := function.Invoke(t.Context(), payload)
		if err != nil {
			require.ErrorIs(t, err, lambdaanalytics.ErrEvent)
			return
		}
		require.True(t, json.Valid(answer), string(answer))
	})
}
