package chartanalytics

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/go-analyze/charts/chartdraw"
	"github.com/go-analyze/charts/chartdraw/drawing"
)

// Render draws a chart. The error is [ErrChart], or that of w.
func Render(w io.Writer, format Format, chart Chart) error {
	chart.Width, chart.Height = cmp.Or(chart.Width, 960), cmp.Or(chart.Height, 400)
	if chart.Zone == nil {
		chart.Zone = time.UTC
	}
	if err := chart.check(format); err != nil {
		return err
	}
	provider := chartdraw.SVG
	if format == PNG {
		provider = chartdraw.PNG
	}
	if err := chart.picture().Render(provider, w); err != nil {
		return fmt.Errorf("chartanalytics: %w", err)
	}
	return nil
}

var (
	lineColors = []drawing.Color{
		{R: 31, G: 119, B: 180, A: 255}, {R: 44, G: 160, B: 44, A: 255}, {R: 148, G: 103, B: 189, A: 255}, {R: 140, G: 86, B: 75, A: 255},
		{R: 23, G: 190, B: 207, A: 255}, {R: 127, G: 127, B: 127, A: 255}, {R: 188, G: 189, B: 34, A: 255}, {R: 57, G: 59, B: 121, A: 255},
	}
	anomalyColor = drawing.Color{R: 255, G: 127, B: 14, A: 255}
	alertColor   = drawing.Color{R: 214, G: 39, B: 40, A: 255}
	textColor    = drawing.Color{R: 51, G: 51, B: 51, A: 255}
	gridColor    = drawing.Color{R: 225, G: 225, B: 225, A: 255}
)

// pixelsPerTick is the room for the text of a tick of time.
const pixelsPerTick = 110

func (c *Chart) picture() chartdraw.Chart {
	f := c.frame()
	grid := chartdraw.Style{StrokeColor: gridColor, StrokeWidth: 1}
	picture := chartdraw.Chart{
		Width: c.Width, Height: c.Height,
		Background: chartdraw.Style{Padding: chartdraw.Box{Top: 64, Left: 16, Right: 24, Bottom: 16, IsSet: true}},
		XAxis: chartdraw.XAxis{
			Ticks:          timeTicks(f, c.Zone, max(c.Width/pixelsPerTick, 2)),
			Range:          &chartdraw.ContinuousRange{Min: chartdraw.TimeToFloat64(f.from), Max: chartdraw.TimeToFloat64(f.to)},
			GridMajorStyle: grid,
		},
		YAxis: chartdraw.YAxis{
			Name: plain(c.Unit), Ticks: valueTicks(f), Range: &chartdraw.ContinuousRange{Min: f.least, Max: f.most}, GridMajorStyle: grid,
		},
		YAxisSecondary: chartdraw.HideYAxis(),
		Series:         c.series(f),
	}
	picture.Elements = []chartdraw.Renderable{c.heading}
	return picture
}

// heading draws the title, and below it the name of each line in its color, as
// many as there is room for.
func (c *Chart) heading(r chartdraw.Renderer, canvas chartdraw.Box, defaults chartdraw.Style) {
	const titleY, legendY, gap = 24, 48, 20
	style := chartdraw.Style{FontStyle: chartdraw.FontStyle{Font: defaults.Font, FontSize: 13, FontColor: textColor}}
	if title := plain(c.Title); title != "" {
		chartdraw.Draw.Text(r, title, canvas.Left, titleY, style)
	}
	x := canvas.Left
	style.FontSize = 9
	for i, line := range c.Lines {
		text := plain(line.Name)
		if text == "" {
			continue
		}
		style.FontColor = lineColors[i%len(lineColors)]
		width := chartdraw.Draw.MeasureText(r, text, style).Width()
		if x+width > canvas.Right {
			return
		}
		chartdraw.Draw.Text(r, text, x, legendY, style)
		x += width + gap
	}
}

// series returns what is drawn, marks above lines.
func (c *Chart) series(f frame) []chartdraw.Series {
	// An invisible line makes a chart without samples one.
	all := []chartdraw.Series{chartdraw.TimeSeries{
		Style:   chartdraw.Style{StrokeWidth: chartdraw.Disabled, StrokeColor: drawing.ColorTransparent, DotWidth: chartdraw.Disabled},
		XValues: []time.Time{f.from, f.to}, YValues: []float64{f.least, f.least},
	}}
	for i := range c.Lines {
		all = append(all, c.line(&c.Lines[i], lineColors[i%len(lineColors)])...)
	}
	for _, mark := range c.Marks {
		if !c.shows(mark.Time) {
			continue
		}
		if mark.Kind == Anomaly && !math.IsNaN(mark.Value) {
			all = append(all, dot(mark.Time, drawn(mark.Value), anomalyColor, 5))
		}
		if mark.Kind == Alert {
			all = append(all, alert(&mark, f)...)
		}
	}
	return all
}

// line returns a line as pieces, from NaN to NaN. The first carries the name.
func (c *Chart) line(l *Line, color drawing.Color) (pieces []chartdraw.Series) {
	name := plain(l.Name)
	var piece chartdraw.TimeSeries
	end := func() {
		switch len(piece.XValues) {
		case 0:
			return
		case 1:
			single := dot(piece.XValues[0], piece.YValues[0], color, 2)
			single.Name = name
			pieces = append(pieces, single)
		default:
			piece.Name, piece.Style = name, chartdraw.Style{StrokeColor: color, StrokeWidth: 1.5}
			pieces = append(pieces, piece)
		}
		name, piece = "", chartdraw.TimeSeries{}
	}
	for _, s := range l.Samples {
		if math.IsNaN(s.Value) {
			end()
			continue
		}
		if c.shows(s.Time) {
			piece.XValues, piece.YValues = append(piece.XValues, s.Time), append(piece.YValues, drawn(s.Value))
		}
	}
	end()
	return pieces
}

// dot is a series of one value, written twice: of one, nothing is drawn.
func dot(at time.Time, value float64, color drawing.Color, width float64) chartdraw.TimeSeries {
	return chartdraw.TimeSeries{
		Style:   chartdraw.Style{StrokeWidth: 1, StrokeColor: color, DotWidth: width, DotColor: color},
		XValues: []time.Time{at, at}, YValues: []float64{value, value},
	}
}

func alert(mark *Mark, f frame) []chartdraw.Series {
	drawn := []chartdraw.Series{chartdraw.TimeSeries{
		Style:   chartdraw.Style{StrokeColor: alertColor, StrokeWidth: 1.5, StrokeDashArray: []float64{5, 3}},
		XValues: []time.Time{mark.Time, mark.Time}, YValues: []float64{f.least, f.most},
	}}
	if label := plain(mark.Label); label != "" {
		drawn = append(drawn, chartdraw.AnnotationSeries{
			Style: chartdraw.Style{StrokeColor: alertColor, FontStyle: chartdraw.FontStyle{FontColor: alertColor, FontSize: 8}},
			Annotations: []chartdraw.Value2{{
				XValue: chartdraw.TimeToFloat64(mark.Time), YValue: f.most - (f.most-f.least)*0.06, Label: label,
			}},
		})
	}
	return drawn
}
