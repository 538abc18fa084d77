package chartanalytics_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/chartanalytics"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func day() chartanalytics.Chart {
	chart := chartanalytics.Chart{Title: "pump-1 <&>", Unit: "°C"}
	for n, name := range []string{"temperature", "setpoint"} {
		line := chartanalytics.Line{Name: name}
		for i := range 288 {
			value := 40 + 10*math.Sin(float64(i)/40+float64(n)) + float64(n)*5
			if n == 0 && (i == 150 || i == 151) {
				value = 75
			}
			if n == 0 && i > 200 && i < 220 {
				value = math.NaN()
			}
			line.Samples = append(line.Samples, chartanalytics.Sample{Time: noon.Add(time.Duration(i) * 5 * time.Minute), Value: value})
		}
		chart.Lines = append(chart.Lines, line)
	}
	chart.Marks = []chartanalytics.Mark{
		{Kind: chartanalytics.Anomaly, Time: noon.Add(150 * 5 * time.Minute), Value: 75},
		{Kind: chartanalytics.Alert, Time: noon.Add(152 * 5 * time.Minute), Label: "overheating"},
	}
	return chart
}

func render(t require.TestingT, format chartanalytics.Format, chart chartanalytics.Chart) []byte {
	var picture bytes.Buffer
	require.NoError(t, chartanalytics.Render(&picture, format, chart))
	return picture.Bytes()
}

func TestPictures(t *testing.T) {
	t.Parallel()
	image, err := png.Decode(bytes.NewReader(render(t, chartanalytics.PNG, day())))
	require.NoError(t, err)
	require.Equal(t, 960, image.Bounds().Dx())
	require.Equal(t, 400, image.Bounds().Dy())
	colors := map[[3]uint8]int{}
	for y := range 400 {
		for x := range 960 {
			r, g, b, _ := image.At(x, y).RGBA()
			colors[[3]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}]++
		}
	}
	require.NotZero(t, colors[[3]uint8{31, 119, 180}], "the first line")
	require.NotZero(t, colors[[3]uint8{44, 160, 44}], "the second line")

	require.NotZero(t, colors[[3]uint8{255, 127, 14}], "the anomaly")
	require.NotZero(t, colors[[3]uint8{214, 39, 40}], "the alert")

	texts := textsOf(t, render(t, chartanalytics.SVG, day()))
	for _, want := range []string{"pump-1 <&>", "°C", "temperature", "setpoint", "overheating", "60", "03-01 18:00"} {
		require.Contains(t, texts, want)
	}
}

// textsOf returns the texts of an SVG, which must be well-formed XML without
// anything that runs.
func textsOf(t require.TestingT, picture []byte) (texts []string) {
	decoder := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			require.Contains(t, []string{"svg", "path", "text", "circle", "g", "style"}, token.Name.Local)
			for _, attribute := range token.Attr {
				require.False(t, strings.HasPrefix(strings.ToLower(attribute.Name.Local), "on"))
			}
		case xml.CharData:
			texts = append(texts, strings.TrimSpace(string(token)))
		}
	}
}

// TestAttackTextsInPictures: what a device calls its metrics does not become
// part of the picture's code.
func TestAttackTextsInPictures(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`</text><script>alert(1)</script>`, `" onload="alert(1)`, "]]>", "\x00\x1b", "<!--", "\xff", "\uffff"})).Draw(t, "text")
		chart := day()
		chart.Title, chart.Unit, chart.Lines[0].Name, chart.Marks[1].Label = text, text, text, text
		textsOf(t, render(t, chartanalytics.SVG, chart))
	})
}

// TestAnyValues: there are no values of which no picture can be made.
func TestAnyValues(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		chart := chartanalytics.Chart{Width: 200, Height: 100}
		values := rapid.SliceOfN(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 0, 5e-324})), 0, 8).Draw(t, "values")
		var line chartanalytics.Line
		at := noon
		for _, value := range values {
			at = at.Add(time.Duration(rapid.Int64Range(0, int64(100*24*time.Hour)).Draw(t, "later")))
			line.Samples = append(line.Samples, chartanalytics.Sample{Time: at, Value: value})
			chart.Marks = append(chart.Marks, chartanalytics.Mark{Kind: chartanalytics.Anomaly, Time: at, Value: value}, chartanalytics.Mark{Kind: chartanalytics.Alert, Time: at})
		}
		chart.Lines = []chartanalytics.Line{line}
		if rapid.Bool().Draw(t, "bounded") {
			chart.From, chart.To = noon.Add(time.Hour), noon.AddDate(rapid.IntRange(1, 500).Draw(t, "years"), 0, 0)
		}
		textsOf(t, render(t, chartanalytics.SVG, chart))
	})
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*chartanalytics.Chart){
		"lines": func(c *chartanalytics.Chart) { c.Lines = make([]chartanalytics.Line, chartanalytics.MaxLines+1) },
		"samples": func(c *chartanalytics.Chart) {
			c.Lines[0].Samples = make([]chartanalytics.Sample, chartanalytics.MaxSamples+1)
		},
		"marks":  func(c *chartanalytics.Chart) { c.Marks = make([]chartanalytics.Mark, chartanalytics.MaxMarks+1) },
		"kind":   func(c *chartanalytics.Chart) { c.Marks[0].Kind = 0 },
		"width":  func(c *chartanalytics.Chart) { c.Width = chartanalytics.MaxSize + 1 },
		"height": func(c *chartanalytics.Chart) { c.Height = 1 },
		"bounds": func(c *chartanalytics.Chart) { c.From, c.To = noon, noon },
	} {
		chart := day()
		spoil(&chart)
		require.ErrorIs(t, chartanalytics.Render(io.Discard, chartanalytics.SVG, chart), chartanalytics.ErrChart, name)
	}
	require.ErrorIs(t, chartanalytics.Render(io.Discard, "gif", day()), chartanalytics.ErrChart)
}

func TestLines(t *testing.T) {
	t.Parallel()
	bucket := func(group, metric string, hour int, mean float64) analytics.Bucket {
		return analytics.Bucket{Group: group, Metric: metric, Start: noon.Add(time.Duration(hour) * time.Hour), Statistics: analytics.Statistics{Mean: mean}}
	}
	lines := chartanalytics.Lines([]analytics.Bucket{bucket("a", "t", 0, 1), bucket("b", "t", 0, 2), bucket("a", "t", 1, 3)}, func(b *analytics.Bucket) float64 { return b.Mean })
	require.Len(t, lines, 2)
	require.Equal(t, "a t", lines[0].Name)
	require.Equal(t, []chartanalytics.Sample{{Time: noon, Value: 1}, {Time: noon.Add(time.Hour), Value: 3}}, lines[0].Samples)
}

func ExampleRender() {
	chart := chartanalytics.Chart{
		Title: "pump-1",
		Lines: []chartanalytics.Line{{Name: "rpm", Samples: []chartanalytics.Sample{{Time: noon, Value: 900}, {Time: noon.Add(time.Hour), Value: 950}}}},
		Marks: []chartanalytics.Mark{{Kind: chartanalytics.Alert, Time: noon.Add(30 * time.Minute), Label: "too fast"}},
	}
	var picture strings.Builder
	err := chartanalytics.Render(&picture, chartanalytics.SVG, chart)
	fmt.Println(strings.Contains(picture.String(), "too fast"), err)
	// Output: true <nil>
}
