package analytics_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var received = time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)

func pointsOf(payload string) []analytics.Point {
	m := analytics.Message{Thing: device.MustParseID("pump"), Channel: "c", At: received, Payload: []byte(payload)}
	return m.Points()
}

func TestPoints(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", analytics.MaxMetricLength)
	for _, c := range []struct {
		payload string
		want    string
	}{
		{`{"t": 1}`, "t=1"},
		{" \t\r\n{\"t\"\n:\t1 , \"u\":-0.5e+2}\n", "t=1 u=-50"},
		{`{}`, ""},
		{`{"a": {"b": {"c": 1}, "d": 2}, "e": 3}`, "a.b.c=1 a.d=2 e=3"},
		{`{"a": [1, {"b": 2}, [3]], "c": 4}`, "c=4"},
		{`{"s": "1", "b": true, "f": false, "n": null, "t": 1}`, "t=1"},
		{`{"t": 1, "t": 2}`, "t=2"},
		{`{"a.b": 1, "a": {"b": 2}}`, "a.b=2"},
		{`{"t": 1e999, "u": 1}`, "u=1"},
		{`{"": 1, "t": 2}`, "t=2"},
		{`{"t\u00e4\n\"\/": 1}`, "tä\n\"/=1"},
		{`{"tä": 1}`, "tä=1"},
		{"{\"\xff\": 1, \"t\": 2}", "t=2"},
		{`{"` + long + `": 1, "x` + long + `": 2}`, long + "=1"},
		{`{"x` + long + `": {"a": 1}, "t": 2}`, "t=2"},
		{`{"timestamp": 5}`, ""},
		{`{"a": {"timestamp": 5}}`, "a.timestamp=5"},

		{``, ""}, {`1`, ""}, {`[{"t": 1}]`, ""}, {`"t"`, ""}, {`null`, ""},
		{`{"t": 1`, ""}, {`{"t": 1}}`, ""}, {`{"t": 1} x`, ""}, {`{"t": 1,}`, ""}, {`{"t" 1}`, ""}, {`{t: 1}`, ""},
		{`{"t": 01}`, ""}, {`{"t": +1}`, ""}, {`{"t": .5}`, ""}, {`{"t": 1.}`, ""}, {`{"t": 1e}`, ""}, {`{"t": -}`, ""}, {`{"t": NaN}`, ""},
		{`{"t": 1, "u": "\x"}`, ""}, {`{"t": 1, "u": "\u12g4"}`, ""}, {"{\"t\": 1, \"u\": \"\n\"}", ""}, {`{"t": 1, "u": "`, ""},
		{`{"t": 1, "u": tru}`, ""}, {`{"t": 1, "u": [1,]}`, ""}, {`{"t": 1, "u": [1`, ""},
		{strings.Repeat(`{"a":`, analytics.MaxDepth) + `1` + strings.Repeat(`}`, analytics.MaxDepth), strings.Repeat("a.", analytics.MaxDepth-1) + "a=1"},
		{`{"a":` + strings.Repeat(`[`, analytics.MaxDepth) + strings.Repeat(`]`, analytics.MaxDepth) + `,"t":1}`, ""},
	} {
		var got []string
		for _, p := range pointsOf(c.payload) {
			require.Equal(t, received, p.Time)
			require.Equal(t, "c", p.Channel)
			require.Equal(t, "pump", p.Thing.String())
			got = append(got, fmt.Sprintf("%s=%g", p.Metric, p.Value))
		}
		require.Equal(t, c.want, strings.Join(got, " "), c.payload)
	}
}

func TestPointsAreLimited(t *testing.T) {
	t.Parallel()
	var payload strings.Builder
	payload.WriteString(`{"m0": 0`)
	for i := 1; i <= analytics.MaxMetrics; i++ {
		fmt.Fprintf(&payload, `, "m%d": %d`, i, i)
	}
	payload.WriteString(`, "m0": 7}`)
	points := pointsOf(payload.String())
	require.Len(t, points, analytics.MaxMetrics)
	require.InDelta(t, 7, points[0].Value, 0)
	require.Equal(t, "m99", points[99].Metric)
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ timestamp, want string }{
		{`1767225610`, "2026-01-01T00:00:10Z"},
		{`1767225610.25`, "2026-01-01T00:00:10.25Z"},
		{`1767225610.123456789987`, "2026-01-01T00:00:10.123456789Z"},
		{`1767225610250`, "2026-01-01T00:00:10.25Z"},
		{`1767225610250.5`, "2026-01-01T00:00:10.2505Z"},
		{`1.767225610e9`, "2026-01-01T00:00:10Z"},
		{`1.76722561e12`, "2026-01-01T00:00:10Z"},
		{`0`, "1970-01-01T00:00:00Z"},
		{`"2013-12-02 21:15:00"`, "2013-12-02T21:15:00Z"},
		{`"2013-12-02T21:15:00"`, "2013-12-02T21:15:00Z"},
		{`"2013-12-02T21:15:00.5Z"`, "2013-12-02T21:15:00.5Z"},
		{`"2013-12-02t21:15:00+02:00"`, "2013-12-02T19:15:00Z"},
		{`"2013-12-02 21:15:00.123456789-01:30"`, "2013-12-02T22:45:00.123456789Z"},
		{`"2013-12-02T21:15:00\u005a"`, "2013-12-02T21:15:00Z"},

		{`-1`, ""}, {`-0`, ""}, {`1e99`, ""}, {`1e999`, ""}, {`7258118400`, ""}, {`7258118400000`, ""}, {`99999999999999999999`, ""},
		{`"2013-12-02"`, ""}, {`"21:15"`, ""}, {`"1767225610"`, ""}, {`"2200-01-01T00:00:00Z"`, ""}, {`"1969-12-31T23:59:59Z"`, ""},
		{`"2013-02-30 00:00:00"`, ""}, {`""`, ""}, {`null`, ""}, {`true`, ""}, {`{"a": 1}`, ""}, {`[1]`, ""},
		{`"` + strings.Repeat("2", 100) + `"`, ""},
	} {
		want := received
		if c.want != "" {
			var err error
			want, err = time.Parse(time.RFC3339Nano, c.want)
			require.NoError(t, err)
		}
		points := pointsOf(`{"t": 1, "timestamp": ` + c.timestamp + `}`)
		require.Equal(t, want, points[0].Time, c.timestamp)
	}
}

func TestEachPointKeepsPlaces(t *testing.T) {
	t.Parallel()
	plan, err := (&analytics.Query{Metrics: []string{"c", "a"}}).PlanPoints(acme, tenant.RandomCursorKeys())
	require.NoError(t, err)
	for _, payload := range []string{`{"a": 1, "b": 2, "c": 3}`, `no JSON`, `{"c": 3, "timestamp": 5}`} {
		m := reading("pump", received, "%s", payload)
		plan.EachPoint(&m, func(place int, p analytics.Point) { require.Equal(t, m.Points()[place], p) })
	}
}

// FuzzPoints compares with encoding/json: what is taken is in the payload, and
// nothing is taken of what is not JSON.
func FuzzPoints(f *testing.F) {
	for _, seed := range []string{`{"t": 1.5, "a": {"b": [1, "x"], "timestamp": 7}}`, `{"timestamp": "2013-12-02 21:15:00", "v": 1e3}`, `{"a\u0062": -0, "x": {}}`, `[1]`, `{"a":1}x`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		m := analytics.Message{Thing: device.MustParseID("pump"), At: received, Payload: payload}
		points := m.Points()
		if len(points) == 0 {
			return
		}
		require.True(t, json.Valid(payload))
		require.LessOrEqual(t, len(points), analytics.MaxMetrics)
		var object map[string]any
		require.NoError(t, json.Unmarshal(payload, &object))
		plan, err := (&analytics.Query{}).PlanPoints(acme, tenant.RandomCursorKeys())
		require.NoError(t, err)
		for range 2 { // it reuses its memory
			var each []analytics.Point
			plan.EachPoint(&m, func(place int, p analytics.Point) {
				require.Equal(t, len(each), place)
				each = append(each, p)
			})
			require.Equal(t, points, each)
		}
		seen := map[string]bool{}
		for _, p := range points {
			require.False(t, seen[p.Metric])
			seen[p.Metric] = true
			require.True(t, utf8.ValidString(p.Metric) && p.Metric != "" && len(p.Metric) <= analytics.MaxMetricLength)
			require.False(t, math.IsInf(p.Value, 0) || math.IsNaN(p.Value))
			require.False(t, p.Time.Before(time.Unix(0, 0)) || p.Time.Year() >= 2200)
		}
		for name, value := range object {
			number, ok := value.(float64)
			if ok && name != "" && name != analytics.TimestampMember && len(name) <= analytics.MaxMetricLength && len(points) < analytics.MaxMetrics &&
				!strings.Contains(string(payload), ".") && !strings.Contains(name, "\ufffd") {
				require.Contains(t, points, analytics.Point{Thing: m.Thing, Metric: name, Time: points[0].Time, Value: number})
			}
		}
	})
}

// BenchmarkPoints takes the points of a payload of 300 bytes, beside
// encoding/json.
func BenchmarkPoints(b *testing.B) {
	payload := []byte(`{"messageId":"m-000000123","timestamp":1772366400000,"temperature":21.527,"humidity":40.20,"pressure":1013.2,"battery":3.412,"rssi":-71,"status":"running","firmware":"2.14.7-rc3","site":"plant-7/hall-3/line-12","note":"000000000000000000000000000000000000000000000000000000000000000000000000000"}`)
	m := analytics.Message{Thing: device.MustParseID("pump"), At: received, Payload: payload}
	b.Run("scan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Points()
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var object map[string]any
			if err := json.Unmarshal(payload, &object); err != nil {
				b.Fatal(err)
			}
		}
	})
}
