package lakeanalytics_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"unsafe"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// benchPipeline keeps about two thirds of the rows.
const benchPipeline = `{"pipelineName":"p","pipelineActivities":[
	{"channel":{"name":"c","channelName":"c","next":"a0"}},
	{"filter":{"name":"a0","filter":"temperature > 5 AND status <> 'off'","next":"a1"}},
	{"math":{"name":"a1","math":"temperature * 1.8 + 32","attribute":"fahrenheit","next":"a2"}},
	{"addAttributes":{"name":"a2","attributes":{"location.site":"site"},"next":"a3"}},
	{"selectAttributes":{"name":"a3","attributes":["device","site","status","ts","seq","temperature","fahrenheit","humidity","pressure"],"next":"d"}},
	{"datastore":{"name":"d","datastoreName":"s"}}]}`

var benchColumns = []pipeline.Column{
	{Name: "device", Type: "string"}, {Name: "site", Type: "string"}, {Name: "status", Type: "string"}, {Name: "ts", Type: "bigint"}, {Name: "seq", Type: "bigint"},
	{Name: "temperature", Type: "double"}, {Name: "fahrenheit", Type: "double"}, {Name: "humidity", Type: "double"}, {Name: "pressure", Type: "double"},
}

// benchRow is a row of those columns, for the typed writer.
type benchRow struct {
	Device      string  `parquet:"device,dict,zstd"`
	Site        string  `parquet:"site,dict,zstd"`
	Status      string  `parquet:"status,dict,zstd"`
	TS          int64   `parquet:"ts,delta,zstd"`
	Seq         int64   `parquet:"seq,delta,zstd"`
	Temperature float64 `parquet:"temperature,zstd"`
	Fahrenheit  float64 `parquet:"fahrenheit,zstd"`
	Humidity    float64 `parquet:"humidity,zstd"`
	Pressure    float64 `parquet:"pressure,zstd"`
}

// benchRows returns rows of about 300 bytes, whose values vary as those of
// sensors do.
func benchRows(n int) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([][]byte, n)
	ts := 1760000000000
	for i := range rows {
		ts += random.IntN(20)
		temperature, humidity, pressure := 20+8*random.NormFloat64(), 50+10*random.NormFloat64(), 1000+15*random.NormFloat64()
		rows[i] = fmt.Appendf(nil, `{"device":"device-%06d","ts":%d,"seq":%d,"temperature":%.2f,"humidity":%.1f,"pressure":%.2f,`+
			`"battery":%d,"rssi":-%d,"status":"%s","firmware":"2.4.%d","model":"therm-%d","line":"building-7/floor-2","location":{"site":"site-%02d","coord":[47.%04d,-122.%04d],"floor":%d},"tags":["indoor","line-%d"]}`,
			random.IntN(1000), ts, i, temperature, humidity, pressure,
			i%101, 40+i%50, []string{"ok", "ok", "warn", "off"}[random.IntN(4)], i%10, i%3, random.IntN(20), i%10000, i%9973, i%5, i%7)
	}
	return rows
}

// counter counts what is written.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// program turns rows into a file.
type program = func(w io.Writer, rows [][]byte)

const benchBatch = 1000

// engine is the pipeline with the sink of this package.
func engine(tb testing.TB) program {
	p, err := pipeline.Load([]byte(benchPipeline))
	require.NoError(tb, err)
	var batch pipeline.Batch
	return func(w io.Writer, rows [][]byte) {
		sink, err := lakeanalytics.NewParquetWriter(w, benchColumns)
		require.NoError(tb, err)
		for from := 0; from < len(rows); from += benchBatch {
			if err := p.Run(context.Background(), nil, &batch, rows[from:min(from+benchBatch, len(rows))]); err != nil {
				tb.Fatal(err)
			}
			for i := range batch.Len() {
				if err := sink.Write(batch.At(i)); err != nil {
					tb.Fatal(err)
				}
			}
		}
		require.NoError(tb, sink.Close())
	}
}

// hardCoded does the same for this pipeline only: one pass that checks all of
// the JSON, float64, and the typed writer of parquet-go.
func hardCoded(tb testing.TB) program {
	batch := make([]benchRow, 0, benchBatch)
	return func(w io.Writer, rows [][]byte) {
		sink := parquet.NewGenericWriter[benchRow](w)
		for _, row := range rows {
			r, ok := hardCodedRow(row)
			if !ok || r.Temperature <= 5 || r.Status == "off" {
				continue
			}
			r.Fahrenheit = r.Temperature*1.8 + 32
			if batch = append(batch, r); len(batch) == cap(batch) {
				if _, err := sink.Write(batch); err != nil {
					tb.Fatal(err)
				}
				batch = batch[:0]
			}
		}
		if _, err := sink.Write(batch); err != nil {
			tb.Fatal(err)
		}
		batch = batch[:0]
		require.NoError(tb, sink.Close())
	}
}

func hardCodedRow(row []byte) (r benchRow, ok bool) {
	if row[0] != '{' {
		return r, false
	}
	i := jsonscan.Space(row, 1)
	for i < len(row) && row[i] == '"' {
		end, _ := jsonscan.String(row, i+1)
		if end < 0 {
			return r, false
		}
		name := row[i+1 : end]
		from := jsonscan.Space(row, jsonscan.Space(row, end+1)+1)
		if i = jsonscan.Value(row, from, 64); i < 0 {
			return r, false
		}
		value := row[from:i]
		switch string(name) {
		case "device":
			r.Device = unquoted(value)
		case "ts":
			r.TS = shortInteger(value)
		case "seq":
			r.Seq = shortInteger(value)
		case "temperature":
			r.Temperature = shortFloat(value)
		case "humidity":
			r.Humidity = shortFloat(value)
		case "pressure":
			r.Pressure = shortFloat(value)
		case "status":
			r.Status = unquoted(value)
		case "location":
			r.Site = hardCodedSite(value)
		}
		if i = jsonscan.Space(row, i); i < len(row) && row[i] == ',' {
			i = jsonscan.Space(row, i+1)
		}
	}
	return r, i == len(row)-1 && row[i] == '}'
}

func hardCodedSite(raw []byte) string {
	for i := 1; raw[i] == '"'; {
		end, _ := jsonscan.String(raw, i+1)
		from := end + 2
		next := jsonscan.Value(raw, from, 64)
		if string(raw[i+1:end]) == "site" {
			return unquoted(raw[from:next])
		}
		if i = next; raw[i] == ',' {
			i++
		}
	}
	return ""
}

// unquoted refers to the row, which outlives the batch.
func unquoted(raw []byte) string { return unsafe.String(&raw[1], len(raw)-2) }

func shortInteger(text []byte) (n int64) {
	for _, c := range text {
		n = n*10 + int64(c-'0')
	}
	return n
}

func shortFloat(text []byte) float64 {
	mantissa, scale, point := 0.0, 1.0, false
	if text[0] == '-' {
		return -shortFloat(text[1:])
	}
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

// naive has a map for each row, and writes JSON lines through gzip.
func naive(tb testing.TB) program {
	return func(w io.Writer, rows [][]byte) {
		zipped := gzip.NewWriter(w)
		for _, row := range rows {
			var m map[string]any
			if err := json.Unmarshal(row, &m); err != nil {
				continue
			}
			temperature, ok := m["temperature"].(float64)
			if !ok || temperature <= 5 || m["status"] == "off" {
				continue
			}
			location, _ := m["location"].(map[string]any)
			text, err := json.Marshal(map[string]any{
				"device": m["device"], "site": location["site"], "status": m["status"], "ts": m["ts"], "seq": m["seq"],
				"temperature": temperature, "fahrenheit": temperature*1.8 + 32, "humidity": m["humidity"], "pressure": m["pressure"],
			})
			if err != nil {
				tb.Fatal(err)
			}
			if _, err = zipped.Write(append(text, '\n')); err != nil {
				tb.Fatal(err)
			}
		}
		require.NoError(tb, zipped.Close())
	}
}

// naiveStruct has a struct for each row and the typed writer.
func naiveStruct(tb testing.TB) program {
	type message struct {
		Device                          string
		TS, Seq                         int64
		Temperature, Humidity, Pressure *float64
		Status                          string
		Location                        struct{ Site string }
	}
	batch := make([]benchRow, 0, benchBatch)
	return func(w io.Writer, rows [][]byte) {
		sink := parquet.NewGenericWriter[benchRow](w)
		flush := func() {
			if _, err := sink.Write(batch); err != nil {
				tb.Fatal(err)
			}
			batch = batch[:0]
		}
		for _, row := range rows {
			var m message
			if err := json.Unmarshal(row, &m); err != nil || m.Temperature == nil || *m.Temperature <= 5 || m.Status == "off" {
				continue
			}
			batch = append(batch, benchRow{m.Device, m.Location.Site, m.Status, m.TS, m.Seq, *m.Temperature, *m.Temperature*1.8 + 32, *m.Humidity, *m.Pressure})
			if len(batch) == cap(batch) {
				flush()
			}
		}
		flush()
		require.NoError(tb, sink.Close())
	}
}

// The file of a job needs memory, its rows don't.
func TestNoAllocations(t *testing.T) {
	rows := benchRows(20_000)
	run := engine(t)
	var w counter
	run(&w, rows)
	perRow := testing.AllocsPerRun(3, func() { run(&w, rows) }) / float64(len(rows))
	require.Less(t, perRow, 0.1)
	t.Logf("%.4f allocations per row", perRow)
}

// The programs write the same rows, but for what float64 is not exact in.
func TestBenchmarkedProgramsAgree(t *testing.T) {
	t.Parallel()
	rows := benchRows(3000)
	own, limit := parquetRows(t, engine(t), rows), parquetRows(t, hardCoded(t), rows)
	require.NotEmpty(t, own)
	require.Len(t, own, len(limit))
	for i := range own {
		require.InDelta(t, limit[i].Fahrenheit, own[i].Fahrenheit, 1e-9)
		own[i].Fahrenheit = limit[i].Fahrenheit
	}
	require.Equal(t, limit, own)
	require.Equal(t, limit, parquetRows(t, naiveStruct(t), rows))
}

// parquetRows reads what a program wrote with the library.
func parquetRows(t *testing.T, f func(w io.Writer, rows [][]byte), rows [][]byte) []benchRow {
	t.Helper()
	var file bytes.Buffer
	f(&file, rows)
	read, err := parquet.Read[benchRow](bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	return read
}

const benchRowsPerFile = 200_000

func benchmark(b *testing.B, rounds, rowsPerFile int, subject, limit program) {
	rows := benchRows(rowsPerFile)
	var own, other counter
	runs := func(f program, w *counter) func(n int) {
		return func(n int) {
			w.n = 0
			f(w, rows[:n])
		}
	}
	bench.Ratio(b, rounds, runs(subject, &own), runs(limit, &other), rowsPerFile)
	b.ReportMetric(float64(own.n)/float64(rowsPerFile), "B/row")
	b.ReportMetric(float64(other.n)/float64(rowsPerFile), "limit-B/row")
}

func BenchmarkJobHardCoded(b *testing.B) {
	benchmark(b, 11, benchRowsPerFile, engine(b), hardCoded(b))
}
func BenchmarkJobNaive(b *testing.B) { benchmark(b, 3, benchRowsPerFile, engine(b), naive(b)) }
func BenchmarkJobNaiveStruct(b *testing.B) {
	benchmark(b, 5, benchRowsPerFile, engine(b), naiveStruct(b))
}

// sinkRows returns what the pipeline makes of rows, in JSON and as structs.
func sinkRows(tb testing.TB, n int) (payloads [][]byte, structs []benchRow) {
	for _, row := range benchRows(n) {
		r, ok := hardCodedRow(row)
		require.True(tb, ok)
		r.Fahrenheit = r.Temperature*1.8 + 32
		payloads = append(payloads, fmt.Appendf(nil, `{"device":"%s","site":"%s","status":"%s","ts":%d,"seq":%d,"temperature":%v,"fahrenheit":%s,"humidity":%v,"pressure":%v}`,
			r.Device, r.Site, r.Status, r.TS, r.Seq, r.Temperature, strconv.FormatFloat(r.Fahrenheit, 'f', 3, 64), r.Humidity, r.Pressure))
		structs = append(structs, r)
	}
	return payloads, structs
}

// BenchmarkSink writes messages that came out of a pipeline, against parquet-go
// with structs that are there already.
func BenchmarkSink(b *testing.B) {
	payloads, structs := sinkRows(b, benchRowsPerFile)
	p, err := pipeline.Load([]byte(`[{"channel":{"name":"c","channelName":"c","next":"d"}},{"datastore":{"name":"d","datastoreName":"s"}}]`))
	require.NoError(b, err)
	var batch pipeline.Batch
	require.NoError(b, p.Run(context.Background(), nil, &batch, payloads))
	var own, other counter
	bench.Ratio(b, 11, func(n int) {
		own.n = 0
		w, err := lakeanalytics.NewParquetWriter(&own, benchColumns)
		require.NoError(b, err)
		for i := range n {
			if err := w.Write(batch.At(i)); err != nil {
				b.Fatal(err)
			}
		}
		require.NoError(b, w.Close())
	}, func(n int) {
		other.n = 0
		typed(b, &other, structs[:n])
	}, benchRowsPerFile)
	b.ReportMetric(float64(own.n)/benchRowsPerFile, "B/row")
	b.ReportMetric(float64(other.n)/benchRowsPerFile, "limit-B/row")
}

// typed writes rows with the typed writer of parquet-go.
func typed(tb testing.TB, w io.Writer, rows []benchRow) {
	sink := parquet.NewGenericWriter[benchRow](w)
	for len(rows) > 0 {
		n, err := sink.Write(rows[:min(benchBatch, len(rows))])
		if err != nil {
			tb.Fatal(err)
		}
		rows = rows[n:]
	}
	require.NoError(tb, sink.Close())
}

// BenchmarkSinkJSON does so with messages in JSON, which it checks.
func BenchmarkSinkJSON(b *testing.B) {
	payloads, structs := sinkRows(b, benchRowsPerFile)
	var own, other counter
	bench.Ratio(b, 11, func(n int) {
		own.n = 0
		w, err := lakeanalytics.NewParquetWriter(&own, benchColumns)
		require.NoError(b, err)
		for _, payload := range payloads[:n] {
			if err := w.WriteJSON(payload); err != nil {
				b.Fatal(err)
			}
		}
		require.NoError(b, w.Close())
	}, func(n int) {
		other.n = 0
		typed(b, &other, structs[:n])
	}, benchRowsPerFile)
}
