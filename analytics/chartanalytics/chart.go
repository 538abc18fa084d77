package chartanalytics

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
)

// ErrChart: a chart breaks a limit of [Chart] or has an unknown format.
var ErrChart = fmt.Errorf("chartanalytics: %w chart", iotenant.ErrInvalid)

// Limits of a chart.
const (
	MaxLines   = 50
	MaxSamples = 100_000 // of all lines together
	MaxMarks   = 1_000
	// MaxText is the number of runes of a text that are drawn.
	MaxText = 80
	// MinSize and MaxSize are the limits of width and height, in pixels.
	MinSize = 100
	MaxSize = 4_000
)

// Chart is what to draw.
type Chart struct {
	// Title stands above the chart. Default none.
	Title string
	// Unit names the vertical axis. Default none.
	Unit string
	// From and To bound the horizontal axis. What lies outside is left out.
	// Default: from the first to the last sample or mark.
	From, To time.Time
	// Lines are at most [MaxLines], with [MaxSamples] together.
	Lines []Line
	// Marks are at most [MaxMarks].
	Marks []Mark
	// Zone is that of the times on the horizontal axis. Default UTC.
	Zone *time.Location
	// Width and Height are in pixels. Default 960 and 400.
	Width, Height int
}

// Line is a series of samples in order of time.
type Line struct {
	// Name stands in the legend. Default: not there.
	Name    string
	Samples []Sample
}

// Sample is a value at a time. NaN interrupts the line.
type Sample struct {
	Time  time.Time
	Value float64
}

// MarkKind says what a mark is about.
type MarkKind uint8

// The kinds of marks.
const (
	// Anomaly marks a value: a dot.
	Anomaly MarkKind = iota + 1
	// Alert marks a time: a vertical line.
	Alert
)

// Mark is something that happened.
type Mark struct {
	Kind MarkKind
	Time time.Time
	// Value of an anomaly.
	Value float64
	// Label is drawn beside the line of an alert. Default none.
	Label string
}

// Format is that of a picture.
type Format string

// The formats.
const (
	SVG Format = "svg"
	PNG Format = "png"
)

// ContentType returns the media type of the format.
func (f Format) ContentType() string {
	if f == PNG {
		return "image/png"
	}
	return "image/svg+xml"
}

// Lines makes a line of each group, channel and metric of buckets, by one of
// their statistics. A sample stands at the start of its bucket.
func Lines(buckets []analytics.Bucket, of func(*analytics.Bucket) float64) []Line {
	type key struct{ group, channel, metric string }
	places := map[key]int{}
	var lines []Line
	for i := range buckets {
		b := &buckets[i]
		k := key{b.Group, b.Channel, b.Metric}
		place, known := places[k]
		if !known {
			place = len(lines)
			places[k] = place
			lines = append(lines, Line{Name: name(b.Group, b.Channel, b.Metric)})
		}
		lines[place].Samples = append(lines[place].Samples, Sample{b.Start, of(b)})
	}
	return lines
}

// name joins those of its parts that there are.
func name(parts ...string) string {
	var some []string
	for _, part := range parts {
		if part != "" {
			some = append(some, part)
		}
	}
	return strings.Join(some, " ")
}

// check returns [ErrChart].
func (c *Chart) check(format Format) error {
	samples := 0
	for _, line := range c.Lines {
		samples += len(line.Samples)
	}
	switch {
	case format != SVG && format != PNG:
		return fmt.Errorf("%w: unknown format", ErrChart)
	case len(c.Lines) > MaxLines:
		return fmt.Errorf("%w: %d lines, limit %d", ErrChart, len(c.Lines), MaxLines)
	case samples > MaxSamples:
		return fmt.Errorf("%w: %d samples, limit %d", ErrChart, samples, MaxSamples)
	case len(c.Marks) > MaxMarks:
		return fmt.Errorf("%w: %d marks, limit %d", ErrChart, len(c.Marks), MaxMarks)
	case c.Width < MinSize || c.Width > MaxSize || c.Height < MinSize || c.Height > MaxSize:
		return fmt.Errorf("%w: %d by %d pixels, want %d to %d", ErrChart, c.Width, c.Height, MinSize, MaxSize)
	case !c.From.IsZero() && !c.To.IsZero() && !c.From.Before(c.To):
		return fmt.Errorf("%w: to is not after from", ErrChart)
	}
	for _, mark := range c.Marks {
		if mark.Kind != Anomaly && mark.Kind != Alert {
			return fmt.Errorf("%w: unknown kind of mark", ErrChart)
		}
	}
	return nil
}

// greatest is the greatest value that is drawn: differences stay finite.
const greatest = 1e300

func drawn(value float64) float64 { return min(max(value, -greatest), greatest) }

// plain returns a text as it is drawn: in one line, and not too long.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > MaxText {
		return string(runes[:MaxText-1]) + "…"
	}
	return text
}

// frame is the part of time and of values that a chart shows.
type frame struct {
	from, to    time.Time
	least, most float64
}

// frame returns what the chart shows.
func (c *Chart) frame() frame {
	f := frame{from: c.From, to: c.To, least: math.Inf(1), most: math.Inf(-1)}
	var first, last time.Time
	c.each(func(at time.Time, value float64) {
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if last.IsZero() || at.After(last) {
			last = at
		}
		if !math.IsNaN(value) && c.shows(at) {
			f.least, f.most = min(f.least, drawn(value)), max(f.most, drawn(value))
		}
	})
	if f.from.IsZero() {
		f.from = first
	}
	if f.to.IsZero() {
		f.to = last
	}
	if !f.from.Before(f.to) {
		f.from, f.to = f.from.Add(-time.Minute), f.from.Add(time.Minute)
	}
	if f.to.Sub(f.from) < time.Millisecond { // times are float64 when they are drawn
		f.to = f.from.Add(time.Millisecond)
	}
	if f.least > f.most {
		f.least, f.most = 0, 1
	}
	margin := (f.most - f.least) * 0.05
	if margin == 0 {
		margin = max(math.Abs(f.most)*0.05, 1e-9)
	}
	f.least, f.most = f.least-margin, f.most+margin
	return f
}

// each calls visit with all times; the value of an alert is NaN.
func (c *Chart) each(visit func(at time.Time, value float64)) {
	for _, line := range c.Lines {
		for _, s := range line.Samples {
			visit(s.Time, s.Value)
		}
	}
	for _, mark := range c.Marks {
		if mark.Kind == Anomaly {
			visit(mark.Time, mark.Value)
		} else {
			visit(mark.Time, math.NaN())
		}
	}
}

// shows reports whether a time lies within the bounds of the chart.
func (c *Chart) shows(at time.Time) bool {
	return (c.From.IsZero() || !at.Before(c.From)) && (c.To.IsZero() || !at.After(c.To))
}
