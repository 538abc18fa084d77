package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iotenant/iotenant/alerts/detector"
)

// table writes evaluations as text, and a summary at the end.
type table struct {
	out   io.Writer
	model *detector.Model
	// widths of time, key, trigger and state.
	widths [4]int
	headed bool

	vars   []detector.Variable
	timers []detector.Timer
	states map[string]string // by key, before the evaluation at hand
	totals totals
}

// totals is what the summary counts.
type totals struct {
	kinds       map[string]int
	transitions map[[2]string]int
	actions     map[firing]int
	days        map[string]int // actions by date, if times are dates
	errors      int
	first, last time.Time
}

// firing is an action of the model, whoever's detector runs it.
type firing struct {
	kind          detector.ActionKind
	target, event string
}

// Widths of columns, in characters.
const (
	minTimeWidth = 10
	minKeyWidth  = 12
	maxKeyWidth  = 32
	maxText      = 100
)

func newTable(model *detector.Model, out io.Writer) *table {
	t := &table{out: out, model: model, states: map[string]string{}, totals: totals{
		kinds: map[string]int{}, transitions: map[[2]string]int{}, actions: map[firing]int{}, days: map[string]int{},
	}}
	longest := 0
	for _, name := range model.States() {
		longest = max(longest, utf8.RuneCountInString(name))
	}
	t.widths = [4]int{minTimeWidth, minKeyWidth, len("message"), min(2*longest+len(" > "), 48)}
	return t
}

func (t *table) write(ev *evaluation) error {
	var b strings.Builder
	if !t.headed {
		t.headed = true
		t.row(&b, "TIME", "KEY", "TRIGGER", "STATE", "VARIABLES  TIMERS")
	}
	trigger := ev.kind
	if ev.timerName != "" {
		trigger += " " + ev.timerName
	}
	t.row(&b, readable(ev.at), ev.key, trigger, t.change(ev), t.values(ev))
	t.details(&b, ev)
	_, err := io.WriteString(t.out, b.String())
	return err
}

// row writes columns. One that is too long pushes the others, and widens its
// column up to a limit.
func (t *table) row(b *strings.Builder, columns ...string) {
	for i, text := range columns {
		if i == len(columns)-1 {
			b.WriteString(text)
			break
		}
		width := utf8.RuneCountInString(text)
		t.widths[i] = max(t.widths[i], min(width, maxKeyWidth))
		b.WriteString(text + strings.Repeat(" ", max(t.widths[i]-width, 0)+2))
	}
	trimmed := strings.TrimRight(b.String(), " ")
	b.Reset()
	b.WriteString(trimmed + "\n")
}

// change returns the state, with the one before if it is another.
func (t *table) change(ev *evaluation) string {
	after := stateName(ev)
	before, known := t.states[ev.key]
	t.totals.kinds[ev.kind]++
	if t.totals.first.IsZero() {
		t.totals.first = ev.at
	}
	t.totals.last = ev.at
	if ev.state == nil {
		return "-"
	}
	t.states[ev.key] = after
	switch {
	case !known && ev.result != nil && ev.result.Before != after:
		before = ev.result.Before
	case !known || before == after && (ev.result == nil || !ev.result.Transition):
		return after
	}
	t.totals.transitions[[2]string{before, after}]++
	return before + " > " + after
}

func (t *table) values(ev *evaluation) string {
	var parts []string
	t.vars, t.timers = variables(ev, t.vars), running(ev, t.timers)
	for _, v := range t.vars {
		parts = append(parts, v.Name+"="+shorten(string(v.Value.AppendJSON(nil))))
	}
	for _, timer := range t.timers {
		parts = append(parts, timer.Name+"@"+readable(timer.Due))
	}
	return strings.Join(parts, "  ")
}

// details writes actions and errors below the row.
func (t *table) details(b *strings.Builder, ev *evaluation) {
	const indent = "            "
	if ev.refusal != nil {
		t.totals.errors++
		fmt.Fprintf(b, "%s! %s: %s\n", indent, ev.refusal.code, ev.refusal.message)
	}
	if ev.result == nil {
		return
	}
	for i := range ev.result.Actions {
		a := &ev.result.Actions[i]
		t.totals.count(ev.at, firing{a.Kind, a.Target, a.EventName})
		fmt.Fprintf(b, "%s* %s %s", indent, a.Kind, a.Target)
		if a.EventName != "" {
			fmt.Fprintf(b, "  by %q", a.EventName)
		}
		if isCustom(a) {
			b.WriteString("  " + shorten(string(a.Payload)))
		}
		b.WriteString("\n")
	}
	for i := range ev.result.Errors {
		t.totals.errors++
		e := &ev.result.Errors[i]
		fmt.Fprintf(b, "%s! %s %s: %s\n", indent, e.Level, e.Path, shorten(e.Message))
	}
}

// count counts an action.
func (s *totals) count(at time.Time, f firing) {
	s.actions[f]++
	if at.Unix() >= firstDate {
		s.days[at.UTC().Format(time.DateOnly)]++
	}
}

// shorten bounds a text and keeps it on one line.
func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= maxText {
		return text
	}
	return string([]rune(text)[:maxText]) + "…"
}

// firstDate is from when on seconds are shown as dates.
const firstDate = 100_000_000

func readable(at time.Time) string {
	if at.Unix() < firstDate {
		return formatAt(at)
	}
	return at.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
}

// close writes the summary.
func (t *table) close() error {
	var b strings.Builder
	s := &t.totals
	fmt.Fprintf(&b, "\n%s: %d detectors", cmp.Or(t.model.Name(), "model"), len(t.states))
	if !s.first.IsZero() {
		fmt.Fprintf(&b, ", from %s to %s", readable(s.first), readable(s.last))
	}
	b.WriteString("\n")
	for _, kind := range slices.Sorted(maps.Keys(s.kinds)) {
		fmt.Fprintf(&b, "%10d  %s\n", s.kinds[kind], kind)
	}
	if s.errors > 0 {
		fmt.Fprintf(&b, "%10d  errors\n", s.errors)
	}
	b.WriteString("\nchanges of state\n")
	for _, change := range slices.SortedFunc(maps.Keys(s.transitions), func(x, y [2]string) int {
		return cmp.Or(cmp.Compare(s.transitions[y], s.transitions[x]), slices.Compare(x[:], y[:]))
	}) {
		fmt.Fprintf(&b, "%10d  %s > %s\n", s.transitions[change], change[0], change[1])
	}
	b.WriteString("\nactions: how often the rule fired\n")
	for _, f := range slices.SortedFunc(maps.Keys(s.actions), func(x, y firing) int {
		return cmp.Or(cmp.Compare(s.actions[y], s.actions[x]), cmp.Compare(x.kind, y.kind), cmp.Compare(x.target, y.target), cmp.Compare(x.event, y.event))
	}) {
		fmt.Fprintf(&b, "%10d  %s %s", s.actions[f], f.kind, f.target)
		if f.event != "" {
			fmt.Fprintf(&b, "  by %q", f.event)
		}
		b.WriteString("\n")
	}
	if len(s.actions) == 0 {
		b.WriteString("         0  never\n")
	}
	if len(s.days) > 1 {
		b.WriteString("\nactions by day\n")
		for _, day := range slices.Sorted(maps.Keys(s.days)) {
			fmt.Fprintf(&b, "%10d  %s\n", s.days[day], day)
		}
	}
	_, err := io.WriteString(t.out, b.String())
	return err
}
