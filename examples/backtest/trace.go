package main

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
)

// trace writes evaluations as JSON lines.
type trace struct {
	out    io.Writer
	line   []byte
	text   bytes.Buffer
	vars   []detector.Variable
	timers []detector.Timer
}

func (t *trace) write(ev *evaluation) error {
	b := append(t.line[:0], `{"at":`...)
	b = append(b, formatAt(ev.at)...)
	b = t.member(b, "kind", ev.kind)
	b = t.member(b, "key", ev.key)
	if ev.timerName != "" {
		b = t.member(b, "timerName", ev.timerName)
	}
	b = t.member(b, "state", stateName(ev))
	b = append(b, `,"variables":{`...)
	t.vars, t.timers = variables(ev, t.vars), running(ev, t.timers)
	for i, v := range t.vars {
		b = t.name(b, v.Name, i)
		b = v.Value.AppendJSON(b)
	}
	b = append(b, `},"timers":{`...)
	for i, timer := range t.timers {
		b = t.name(b, timer.Name, i)
		b = append(b, formatAt(timer.Due)...)
	}
	b = append(b, `},"actions":[`...)
	b = t.actions(b, ev)
	b = append(b, `],"errors":[`...)
	b = t.errors(b, ev)
	b = append(b, "]}\n"...)
	t.line = b
	_, err := t.out.Write(b)
	return err
}

// close implements view: each line is whole.
func (t *trace) close() error { return nil }

func (t *trace) actions(b []byte, ev *evaluation) []byte {
	if ev.result == nil {
		return b
	}
	for i := range ev.result.Actions {
		a := &ev.result.Actions[i]
		b = separate(b, i)
		b = append(append(b, `{"type":`...), t.quote(string(a.Kind))...)
		b = t.member(b, "target", a.Target)
		if isCustom(a) {
			b = t.member(b, "payload", string(a.Payload))
		}
		b = t.member(b, "eventName", a.EventName)
		b = append(t.member(b, "stateName", a.StateName), '}')
	}
	return b
}

func (t *trace) errors(b []byte, ev *evaluation) []byte {
	if ev.refusal != nil {
		b = append(b, `{"level":"ERROR"`...)
		b = t.member(b, "code", ev.refusal.code)
		return append(t.member(b, "message", ev.refusal.message), '}')
	}
	if ev.result == nil {
		return b
	}
	for i := range ev.result.Errors {
		e := &ev.result.Errors[i]
		b = separate(b, i)
		b = append(append(b, `{"level":`...), t.quote(string(e.Level))...)
		b = t.member(b, "message", e.Message)
		b = t.member(b, "path", e.Path)
		b = t.member(b, "eventName", e.EventName)
		b = append(t.member(b, "stateName", e.StateName), '}')
	}
	return b
}

func separate(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

// member appends a member that is not the first one.
func (t *trace) member(b []byte, name, value string) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	return append(b, t.quote(value)...)
}

func (t *trace) name(b []byte, name string, i int) []byte {
	b = append(separate(b, i), t.quote(name)...)
	return append(b, ':')
}

// quote returns a JSON string, valid until the next call.
func (t *trace) quote(value string) []byte {
	t.text.Reset()
	encoder := json.NewEncoder(&t.text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return []byte(`""`) // a string always encodes
	}
	return bytes.TrimSuffix(t.text.Bytes(), []byte("\n"))
}

// isCustom reports whether the model gives the payload.
func isCustom(a *detector.Action) bool {
	return a.PayloadType == detector.PayloadJSON || a.PayloadType == detector.PayloadString
}

func stateName(ev *evaluation) string {
	if ev.state == nil {
		return ""
	}
	return ev.state.Name()
}

// variables returns the variables of a detector, by name.
func variables(ev *evaluation, buffer []detector.Variable) []detector.Variable {
	if ev.state == nil {
		return buffer[:0]
	}
	buffer = ev.state.AppendVariables(buffer[:0])
	slices.SortFunc(buffer, func(x, y detector.Variable) int { return strings.Compare(x.Name, y.Name) })
	return buffer
}

// running returns the timers of a detector that have not elapsed, by name.
func running(ev *evaluation, buffer []detector.Timer) []detector.Timer {
	if _, isAlarm := alarmOf(ev); ev.state == nil || isAlarm {
		return buffer[:0]
	}
	buffer = slices.DeleteFunc(ev.state.AppendTimers(buffer[:0]), func(t detector.Timer) bool { return t.Elapsed })
	slices.SortFunc(buffer, func(x, y detector.Timer) int { return strings.Compare(x.Name, y.Name) })
	return buffer
}

func alarmOf(ev *evaluation) (detector.AlarmStatus, bool) {
	if ev.state == nil {
		return detector.AlarmStatus{}, false
	}
	return ev.state.Alarm()
}

// formatAt returns a time in seconds, with the decimals that it has.
func formatAt(at time.Time) string {
	micros := at.UnixMicro()
	sign := ""
	if micros < 0 {
		sign, micros = "-", -micros
	}
	whole := sign + strconv.FormatInt(micros/microsecondsPerSecond, 10)
	rest := micros % microsecondsPerSecond
	if rest == 0 {
		return whole
	}
	decimals := strconv.FormatInt(microsecondsPerSecond+rest, 10)[1:]
	return whole + "." + strings.TrimRight(decimals, "0")
}
