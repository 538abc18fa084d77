package main

import (
	"cmp"
	"fmt"
	"html"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iotenant/iotenant/alerts/detector"
)

// Bounds of a timeline.
const (
	shownLanes  = 30
	knownLanes  = 1000 // detectors that are remembered
	maxSegments = 1000 // per detector, before the short ones are merged
	maxMarks    = 1000 // per detector
)

// timeline draws the states of detectors over time, as SVG.
type timeline struct {
	model  *detector.Model
	path   string
	lanes  map[string]*lane
	others int // evaluations of detectors beyond knownLanes
	first  time.Time
	last   time.Time
}

// lane is one detector.
type lane struct {
	key      string
	segments []segment
	marks    []mark
	actions  int
	errors   int
}

// segment is a time in one state; it ends where the next one begins.
type segment struct {
	start time.Time
	state string
	mixed bool // several short ones
}

// mark is an evaluation with actions or errors.
type mark struct {
	at      time.Time
	actions int
	failed  bool
	text    string
}

func newTimeline(model *detector.Model, path string) *timeline {
	return &timeline{model: model, path: path, lanes: map[string]*lane{}}
}

func (t *timeline) write(ev *evaluation) error {
	if t.first.IsZero() || ev.at.Before(t.first) {
		t.first = ev.at
	}
	if ev.at.After(t.last) {
		t.last = ev.at
	}
	if ev.state == nil {
		return nil
	}
	l := t.lanes[ev.key]
	if l == nil {
		if len(t.lanes) == knownLanes {
			t.others++
			return nil
		}
		l = &lane{key: ev.key}
		t.lanes[strings.Clone(ev.key)] = l
	}
	l.add(ev)
	return nil
}

func (l *lane) add(ev *evaluation) {
	state := ev.state.Name()
	if n := len(l.segments); n == 0 || l.segments[n-1].state != state {
		l.segments = append(l.segments, segment{start: ev.at, state: state})
	}
	if len(l.segments) > maxSegments {
		l.merge(ev.at)
	}
	m := mark{at: ev.at, failed: ev.refusal != nil}
	if ev.result != nil {
		m.actions, m.failed = len(ev.result.Actions), len(ev.result.Errors) > 0
		for i := range ev.result.Actions {
			a := &ev.result.Actions[i]
			m.text += fmt.Sprintf("\n%s %s", a.Kind, a.Target)
		}
	}
	l.actions += m.actions
	if m.failed {
		l.errors++
	}
	if (m.actions > 0 || m.failed) && len(l.marks) < maxMarks {
		l.marks = append(l.marks, m)
	}
}

// merge makes one mixed segment of short ones that follow each other, so that
// at least half of the room is free again. What is short grows as needed.
func (l *lane) merge(now time.Time) {
	short := now.Sub(l.segments[0].start) / maxSegments
	for len(l.segments) > maxSegments/2 {
		var merged []segment
		for i, s := range l.segments {
			end := now
			if i+1 < len(l.segments) {
				end = l.segments[i+1].start
			}
			brief := s.mixed || end.Sub(s.start) <= short
			if last := len(merged) - 1; brief && last >= 0 && merged[last].mixed {
				continue
			}
			s.mixed = brief && i+1 < len(l.segments)
			merged = append(merged, s)
		}
		l.segments = merged
		short = 2*short + 1
	}
}

// Measures of the drawing, in pixels.
const (
	width      = 1200.0
	right      = 24.0
	top        = 64.0
	laneHeight = 40.0
	barHeight  = 22.0
	charWidth  = 6.6
	bottom     = 40.0
)

// colors tell states apart, also for those who see few colors (after Okabe and
// Ito), and on paper.
var colors = []string{"#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2", "#999999", "#8dd3c7", "#bebada", "#fb8072", "#b3de69"}

// alarmColors are those of the states of alarms.
var alarmColors = map[string]string{
	detector.AlarmDisabled: "#bbbbbb", detector.AlarmNormal: "#009e73", detector.AlarmActive: "#d55e00",
	detector.AlarmAcknowledged: "#f0e442", detector.AlarmSnoozed: "#56b4e9", detector.AlarmLatched: "#cc79a7",
}

// close writes the file.
func (t *timeline) close() error {
	lanes := t.chosen()
	d := drawing{timeline: t, span: t.last.Sub(t.first), left: 16}
	for _, l := range lanes {
		d.left = max(d.left, min(16+charWidth*float64(utf8.RuneCountInString(l.label())+1), 280))
	}
	legend := d.legend()
	d.top = top + 20*float64(strings.Count(legend, "<!-- row -->"))
	height := d.top + laneHeight*float64(max(len(lanes), 1)) + bottom
	fmt.Fprintf(&d.b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="11">`+"\n", width, height, width, height)
	d.b.WriteString(`<rect width="100%" height="100%" fill="#ffffff"/>` + "\n")
	fmt.Fprintf(&d.b, `<text x="16" y="26" font-size="15" font-weight="bold">%s</text>`+"\n", html.EscapeString(t.title(len(lanes))))
	d.b.WriteString(legend)
	d.axis(d.top, height-bottom)
	for i, l := range lanes {
		d.lane(l, d.top+laneHeight*float64(i))
	}
	d.b.WriteString("</svg>\n")
	return os.WriteFile(t.path, []byte(d.b.String()), 0o644) //nolint:gosec // a picture to show around
}

func (t *timeline) title(shown int) string {
	title := cmp.Or(t.model.Name(), "model")
	if shown < len(t.lanes) || t.others > 0 {
		title += fmt.Sprintf(": %d detectors of %d", shown, len(t.lanes))
		if t.others > 0 {
			title += " and more"
		}
	}
	return title
}

// chosen returns the detectors to draw: those with the most actions, then
// changes, by key.
func (t *timeline) chosen() []*lane {
	all := slices.SortedFunc(maps.Values(t.lanes), func(x, y *lane) int {
		return cmp.Or(cmp.Compare(y.actions, x.actions), cmp.Compare(len(y.segments), len(x.segments)), cmp.Compare(x.key, y.key))
	})
	all = all[:min(len(all), shownLanes)]
	slices.SortFunc(all, func(x, y *lane) int { return cmp.Compare(x.key, y.key) })
	return all
}

func (l *lane) label() string { return cmp.Or(l.key, "detector") }

// drawing is an SVG being written.
type drawing struct {
	*timeline

	b         strings.Builder
	span      time.Duration
	left, top float64
}

func (d *drawing) x(at time.Time) float64 {
	if d.span <= 0 {
		return d.left
	}
	share := float64(at.Sub(d.first)) / float64(d.span)
	return d.left + share*(width-right-d.left)
}

func (d *drawing) color(state string) string {
	if d.model.IsAlarm() {
		return alarmColors[state]
	}
	i := slices.Index(d.model.States(), state)
	return colors[max(i, 0)%len(colors)]
}

// legend returns the states with their colors, and the marks.
func (d *drawing) legend() string {
	var b strings.Builder
	x, y := 16.0, 44.0
	entry := func(shape, text string) {
		need := 24 + charWidth*float64(utf8.RuneCountInString(text)+2)
		if x+need > width-right {
			x, y = 16, y+20
			b.WriteString("<!-- row -->")
		}
		fmt.Fprintf(&b, `<g transform="translate(%g %g)">%s<text x="20" y="11">%s</text></g>`+"\n", x, y, shape, html.EscapeString(text))
		x += need
	}
	for _, state := range d.model.States() {
		entry(fmt.Sprintf(`<rect width="14" height="14" rx="2" fill="%s"/>`, d.color(state)), state)
	}
	entry(`<path d="M7 2 L12 12 L2 12 Z" fill="#111111"/>`, "actions")
	entry(`<path d="M3 3 L11 11 M11 3 L3 11" stroke="#c00000" stroke-width="2.5"/>`, "error")
	return b.String()
}

// axis draws the time with about ten ticks.
func (d *drawing) axis(from, to float64) {
	seconds := d.span.Seconds()
	step := tick(seconds / 8)
	start := float64(d.first.UnixMicro()) / microsecondsPerSecond
	for s := math.Ceil(start/step) * step; s <= start+seconds; s += step {
		at, ok := instant(s)
		if !ok {
			break
		}
		x := d.x(at)
		fmt.Fprintf(&d.b, `<path d="M%.1f %.1f V%.1f" stroke="#dddddd"/>`, x, from, to)
		anchor := "middle"
		if x > width-80 {
			anchor = "end"
		}
		fmt.Fprintf(&d.b, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="#444444">%s</text>`+"\n", x, to+18, anchor, d.tickText(at, step))
	}
}

// tick returns the step between ticks: a round number of seconds, minutes,
// hours or days, not below least.
func tick(least float64) float64 {
	const minute, hour, day = 60, 3600, 86400
	for _, step := range []float64{
		0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 15, 30, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute,
		hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day, 30 * day, 90 * day, 365 * day,
	} {
		if step >= least {
			return step
		}
	}
	return math.Ceil(least/(365*day)) * 365 * day
}

func (d *drawing) tickText(at time.Time, step float64) string {
	switch {
	case at.Unix() < firstDate:
		return formatAt(at) + " s"
	case step >= 86400:
		return at.Format(time.DateOnly)
	case step >= 60:
		return at.Format("01-02 15:04")
	}
	return at.Format(time.TimeOnly)
}

func (d *drawing) lane(l *lane, y float64) {
	fmt.Fprintf(&d.b, `<text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n", d.left-8, y+15, html.EscapeString(clip(l.label(), (d.left-16)/charWidth)))
	for i, s := range l.segments {
		end := d.last
		if i+1 < len(l.segments) {
			end = l.segments[i+1].start
		}
		d.segment(s, d.x(s.start), d.x(end), y, end)
	}
	for _, m := range l.marks {
		d.mark(m, y+barHeight)
	}
}

func (d *drawing) segment(s segment, from, to, y float64, end time.Time) {
	name, opacity := s.state, 1.0
	if s.mixed {
		name, opacity = "several states", 0.45
	}
	wide := max(to-from, 1)
	fmt.Fprintf(&d.b, `<g><title>%s, %s to %s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%g" fill="%s" fill-opacity="%g" stroke="#ffffff" stroke-width="0.5"/>`,
		html.EscapeString(name), readable(s.start), readable(end), from, y, wide, barHeight, d.color(s.state), opacity)
	if text := clip(name, (wide-8)/charWidth); utf8.RuneCountInString(text) > 2 {
		fmt.Fprintf(&d.b, `<text x="%.1f" y="%.1f">%s</text>`, from+4, y+15, html.EscapeString(text))
	}
	d.b.WriteString("</g>\n")
}

func (d *drawing) mark(m mark, y float64) {
	x := d.x(m.at)
	fmt.Fprintf(&d.b, `<g><title>%s%s</title>`, readable(m.at), html.EscapeString(m.text))
	if m.actions > 0 {
		fmt.Fprintf(&d.b, `<path d="M%.1f %.1f l4 8 h-8 Z" fill="#111111"/>`, x, y+2)
	}
	if m.failed {
		fmt.Fprintf(&d.b, `<path d="M%.1f %.1f l8 8 m0 -8 l-8 8" stroke="#c00000" stroke-width="2"/>`, x-4, y+2)
	}
	d.b.WriteString("</g>\n")
}

// clip shortens a text to so many characters.
func clip(text string, most float64) string {
	runes := []rune(text)
	if float64(len(runes)) <= most {
		return text
	}
	if most < 2 {
		return ""
	}
	return string(runes[:int(most)-1]) + "…"
}
