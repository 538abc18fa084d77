package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// benchPipeline keeps half of the rows.
var benchPipeline = definition(
	`{"filter":{"name":"a0","filter":"temperature > 15 AND status <> 'off'","next":"a1"}}`,
	`{"math":{"name":"a1","math":"temperature * 1.8 + 32","attribute":"fahrenheit","next":"a2"}}`,
	`{"addAttributes":{"name":"a2","attributes":{"location.site":"site","location.coord[0]":"lat"},"next":"a3"}}`,
	`{"selectAttributes":{"name":"a3","attributes":["device","site","lat","ts","temperature","fahrenheit","humidity","pressure","status"],"next":"d"}}`,
)

// benchRows returns rows of about 300 bytes.
func benchRows(n int) [][]byte {
	rows := make([][]byte, n)
	for i := range rows {
		rows[i] = fmt.Appendf(nil, `{"device":"device-%06d","ts":%d,"seq":%d,"temperature":%d.%02d,"humidity":%d.%d,"pressure":%d.%02d,`+
			`"battery":%d,"rssi":-%d,"status":"%s","firmware":"2.4.%d","model":"therm-%d","line":"building-7/floor-2","location":{"site":"site-%02d","coord":[47.%04d,-122.%04d],"floor":%d},"tags":["indoor","line-%d"]}`,
			i%1000, 1760000000000+i, i, i%45, i%100, 30+i%40, i%10, 990+i%30, i%100, i%101, 40+i%50, []string{"ok", "ok", "warn", "off"}[i%4], i%10, i%3, i%20, i%10000, i%9973, i%5, i%7)
	}
	return rows
}

// naive does the same with a map for each row. Its numbers are float64.
func naive(rows [][]byte, out []byte) []byte {
	for _, row := range rows {
		var m map[string]any
		if err := json.Unmarshal(row, &m); err != nil {
			continue
		}
		temperature, ok := m["temperature"].(float64)
		if !ok || temperature <= 15 || m["status"] == "off" {
			continue
		}
		location, _ := m["location"].(map[string]any)
		coord, _ := location["coord"].([]any)
		text, err := json.Marshal(map[string]any{
			"device": m["device"], "site": location["site"], "lat": coord[0], "ts": m["ts"], "temperature": temperature, "fahrenheit": temperature*1.8 + 32,
			"humidity": m["humidity"], "pressure": m["pressure"], "status": m["status"],
		})
		if err == nil {
			out = append(append(out, text...), '\n')
		}
	}
	return out
}

// hardCoded does the same for this pipeline only: one pass that checks all of
// the JSON and keeps what is wanted, a float64, and text appended.
func hardCoded(rows [][]byte, out []byte) []byte {
	var device, ts, temperature, humidity, pressure, status, site, lat []byte
	for _, row := range rows {
		temperature = nil
		if row[0] != '{' {
			continue
		}
		i := jsonscan.Space(row, 1)
		for i > 0 && i < len(row) && row[i] == '"' {
			end, _ := jsonscan.String(row, i+1)
			if end < 0 {
				break
			}
			name := row[i+1 : end]
			from := jsonscan.Space(row, jsonscan.Space(row, end+1)+1)
			i = jsonscan.Value(row, from, 64)
			if i < 0 {
				break
			}
			value := row[from:i]
			switch string(name) {
			case "device":
				device = value
			case "ts":
				ts = value
			case "temperature":
				temperature = value
			case "humidity":
				humidity = value
			case "pressure":
				pressure = value
			case "status":
				status = value
			case "location":
				site, lat = hardCodedLocation(value)
			}
			if i = jsonscan.Space(row, i); i < len(row) && row[i] == ',' {
				i = jsonscan.Space(row, i+1)
			}
		}
		t := shortFloat(temperature)
		if t <= 15 || string(status) == `"off"` {
			continue
		}
		out = append(append(out, `{"device":`...), device...)
		out = append(append(out, `,"site":`...), site...)
		out = append(append(out, `,"lat":`...), lat...)
		out = append(append(out, `,"ts":`...), ts...)
		out = append(append(out, `,"temperature":`...), temperature...)
		out = strconv.AppendFloat(append(out, `,"fahrenheit":`...), t*1.8+32, 'f', -1, 64)
		out = append(append(out, `,"humidity":`...), humidity...)
		out = append(append(out, `,"pressure":`...), pressure...)
		out = append(append(out, `,"status":`...), status...)
		out = append(out, '}', '\n')
	}
	return out
}

func hardCodedLocation(raw []byte) (site, lat []byte) {
	for i := 1; raw[i] == '"'; {
		end, _ := jsonscan.String(raw, i+1)
		from := end + 2
		next := jsonscan.Value(raw, from, 64)
		switch string(raw[i+1 : end]) {
		case "site":
			site = raw[from:next]
		case "coord":
			lat = raw[from+1 : jsonscan.Value(raw, from+1, 64)]
		}
		if i = next; raw[i] == ',' {
			i++
		}
	}
	return site, lat
}

func shortFloat(text []byte) float64 {
	mantissa, scale, point := 0.0, 1.0, false
	for _, c := range text {
		if c == '.' {
			point = true
			continue
		}
		mantissa = mantissa*10 + float64(c-'0')
		if point {
			scale *= 10
		}
	}
	return mantissa / scale
}

const (
	benchBatch   = 1000
	benchRepeats = 10
)

// engine sends rows through the pipeline in batches and appends what comes out.
func engine(b testing.TB) func(rows [][]byte, out []byte) []byte {
	p, err := pipeline.Load(benchPipeline)
	require.NoError(b, err)
	var batch pipeline.Batch
	return func(rows [][]byte, out []byte) []byte {
		for from := 0; from < len(rows); from += benchBatch {
			if err := p.Run(context.Background(), nil, &batch, rows[from:min(from+benchBatch, len(rows))]); err != nil {
				b.Fatal(err)
			}
			for i := range batch.Len() {
				out = append(batch.At(i).AppendJSON(out), '\n')
			}
		}
		return out
	}
}

// All three make the same of the rows, but for what float64 is not exact in.
func TestBenchmarkedProgramsAgree(t *testing.T) {
	t.Parallel()
	rows := benchRows(500)
	own, limit, peer := engine(t)(rows, nil), hardCoded(rows, nil), naive(rows, nil)
	require.NotEmpty(t, own)
	read := func(text []byte) (all []map[string]any) {
		decoder := json.NewDecoder(bytes.NewReader(text))
		for decoder.More() {
			var m map[string]any
			require.NoError(t, decoder.Decode(&m))
			m["fahrenheit"] = fmt.Sprintf("%.9f", m["fahrenheit"])
			all = append(all, m)
		}
		return all
	}
	require.Equal(t, read(own), read(limit))
	require.Equal(t, read(own), read(peer))
}

// Rows that go through filter, math, addAttributes and selectAttributes need no
// memory once a batch has grown.
func TestNoAllocations(t *testing.T) {
	rows := benchRows(benchBatch)
	run := engine(t)
	out := run(rows, nil)
	perRow := testing.AllocsPerRun(20, func() { out = run(rows, out[:0]) }) / benchBatch
	require.Less(t, perRow, 0.001)

	// Division without end, and shapes that alternate.
	p, err := pipeline.Load(definition(`{"math":{"name":"a0","math":"temperature / 7.0 - 1 / 3.0 * b","attribute":"x","next":"d"}}`))
	require.NoError(t, err)
	for i := range rows {
		rows[i] = fmt.Appendf(nil, `{"temperature":%d.5,"%c":%d,"n":{"m":[1,2]}}`, i, "bBcd"[i%4], i)
	}
	var batch pipeline.Batch
	perRow = testing.AllocsPerRun(20, func() {
		if err := p.Run(context.Background(), nil, &batch, rows); err != nil {
			t.Error(err)
		}
	}) / benchBatch
	require.Less(t, perRow, 0.1)
}

func benchmark(b *testing.B, rounds int, limit func(rows [][]byte, out []byte) []byte) {
	rows := benchRows(10_000)
	var out []byte
	repeat := func(f func(rows [][]byte, out []byte) []byte) func(n int) {
		return func(n int) {
			for ; n > 0; n -= len(rows) {
				out = f(rows[:min(n, len(rows))], out[:0])
			}
		}
	}
	bench.Ratio(b, rounds, repeat(engine(b)), repeat(limit), benchRepeats*len(rows))
	b.ReportMetric(float64(len(rows[0])), "B/row")
}

func BenchmarkPipelineNaive(b *testing.B)     { benchmark(b, 7, naive) }
func BenchmarkPipelineHardCoded(b *testing.B) { benchmark(b, 21, hardCoded) }

// BenchmarkPipelineScan compares with nothing but the check of the JSON.
func BenchmarkPipelineScan(b *testing.B) {
	benchmark(b, 21, func(rows [][]byte, out []byte) []byte {
		for _, row := range rows {
			if jsonscan.Value(row, 0, 64) != len(row) {
				b.Fatal("wrong")
			}
		}
		return out
	})
}
