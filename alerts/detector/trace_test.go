package detector_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
)

// A trace file holds a model and what happens with it, line by line:
//
//	# comment
//	option NAME                a Semantics field to set, or Strict
//	model {...}                the model, up to the first line that is no JSON
//	> 10 Input {"payload":1}   a message at second 10
//	~ 60                       timers fire that are due until second 60
//	= state name=value | timer@due
//	+ kind target payload      an action; payload only if the model gives one
//	- kind event               an action error; -w for a warning
//	? lifecycle event outcome  conditions, if the file has the line "trace"
//
// Each message and each timer gives one = line, with the lines below it.
func TestTraces(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/traces/*.trace")
	require.NoError(t, err)
	require.Greater(t, len(files), 40)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".trace"), func(t *testing.T) {
			t.Parallel()
			runTrace(t, file)
		})
	}
}

func runTrace(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	tr := &trace{t: t, states: map[string]*detector.State{}}
	var want []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		switch verb, rest, _ := strings.Cut(line, " "); verb {
		case "option":
			tr.options = append(tr.options, rest)
		case "trace":
			tr.result.Trace = true
		case ">":
			tr.message(rest)
		case "~":
			tr.until(rest)
		case "=", "+", "-", "-w", "?":
			want = append(want, line)
		case "model":
			tr.definition = rest
		default:
			tr.definition += line
		}
	}
	require.NotEmpty(t, want)
	require.Equal(t, strings.Join(want, "\n"), strings.Join(tr.got, "\n"))
}

type trace struct {
	t          *testing.T
	definition string
	options    []string
	model      *detector.Model
	states     map[string]*detector.State
	msg        detector.Message
	result     detector.Result
	messages   int
	got        []string
}

func (tr *trace) load() {
	if tr.model != nil {
		return
	}
	model, err := detector.Load([]byte(tr.definition), func(o *detector.Options) {
		for _, name := range tr.options {
			setOption(tr.t, o, name)
		}
	})
	require.NoError(tr.t, err)
	tr.model = model
}

func (tr *trace) message(line string) {
	tr.load()
	fields := strings.SplitN(line, " ", 3)
	require.Len(tr.t, fields, 3, line)
	at := tr.at(fields[0])
	if err := tr.model.Read(&tr.msg, fields[1], []byte(fields[2])); err != nil {
		tr.got = append(tr.got, "= "+err.Error())
		return
	}
	key := string(tr.msg.Key())
	if tr.states[key] == nil {
		tr.states[key] = tr.model.NewState()
	}
	tr.messages++
	tr.evaluate(tr.states[key], &detector.Trigger{
		At: at, Scope: "acme", Key: key, Message: &tr.msg, MessageID: strconv.Itoa(tr.messages),
	})
}

func (tr *trace) at(seconds string) time.Time {
	s, err := strconv.ParseFloat(seconds, 64)
	require.NoError(tr.t, err)
	return time.UnixMicro(int64(s * 1e6))
}

func (tr *trace) until(seconds string) {
	require.Len(tr.t, tr.states, 1)
	for key, state := range tr.states {
		for {
			timer, ok := state.NextTimer()
			if !ok || timer.Due.After(tr.at(seconds)) {
				return
			}
			tr.evaluate(state, &detector.Trigger{At: timer.Due, Scope: "acme", Key: key, Timer: timer.Name, Due: timer.Due})
		}
	}
}

func (tr *trace) evaluate(state *detector.State, trigger *detector.Trigger) {
	require.NoError(tr.t, tr.model.Evaluate(state, trigger, &tr.result))
	// Every state of every trace passes through its encoding.
	encoded, err := state.AppendBinary(nil)
	require.NoError(tr.t, err)
	require.NoError(tr.t, state.UnmarshalBinary(encoded))

	line := "= " + state.Name()
	for _, v := range state.AppendVariables(nil) {
		value, err := v.Value.MarshalJSON()
		require.NoError(tr.t, err)
		line += fmt.Sprintf(" %s=%s", v.Name, value)
	}
	for i, timer := range state.AppendTimers(nil) {
		if i == 0 {
			line += " |"
		}
		line += " " + timer.Name + "@" + strconv.FormatFloat(float64(timer.Due.UnixMicro())/1e6, 'f', -1, 64)
		if timer.Elapsed {
			line += "!"
		}
	}
	tr.got = append(tr.got, line)
	tr.details()
}

func (tr *trace) details() {
	for _, action := range tr.result.Actions {
		line := fmt.Sprintf("+ %s %s", action.Kind, action.Target)
		for _, field := range action.Fields {
			value, err := field.Value.MarshalJSON()
			require.NoError(tr.t, err)
			line += fmt.Sprintf(" %s=%s", field.Name, value)
		}
		if action.PayloadType == detector.PayloadDefault {
			require.True(tr.t, json.Valid(action.Payload))
		} else if len(action.Payload) > 0 {
			line += " " + string(action.Payload)
		}
		tr.got = append(tr.got, line)
	}
	for _, e := range tr.result.Errors {
		mark := "-"
		if e.Level == detector.LevelWarning {
			mark = "-w"
		}
		tr.got = append(tr.got, fmt.Sprintf("%s %s %s", mark, e.Kind, e.EventName))
	}
	for _, c := range tr.result.Conditions {
		tr.got = append(tr.got, fmt.Sprintf("? %s %s %s", c.Lifecycle, c.EventName, c.Outcome))
	}
}

func setOption(t *testing.T, o *detector.Options, name string) {
	t.Helper()
	s := &o.Semantics
	flags := map[string]*bool{
		"Strict":                      &o.Strict,
		"ForgetInputs":                &s.ForgetInputs,
		"MergeInputs":                 &s.MergeInputs,
		"KeepInputsOnUpdate":          &s.KeepInputsOnUpdate,
		"UndefinedUnequalIsUndefined": &s.UndefinedUnequalIsUndefined,
		"MismatchIsError":             &s.MismatchIsError,
		"TimeoutReadOnce":             &s.TimeoutReadOnce,
		"SkipUntestedTimers":          &s.SkipUntestedTimers,
		"SnapshotActions":             &s.SnapshotActions,
		"ResetAfterClearFails":        &s.ResetAfterClearFails,
		"ResetAfterExpiryFails":       &s.ResetAfterExpiryFails,
		"RoundDivision":               &s.RoundDivision,
		"WrapOverflow":                &s.WrapOverflow,
		"StringOrderFails":            &s.StringOrderFails,
		"BareTimerPayload":            &s.BareTimerPayload,
		"StopOnSetVariableError":      &s.StopOnSetVariableError,
		"LiteralTopics":               &s.LiteralTopics,
		"QuietSelfTransition":         &s.QuietSelfTransition,
		"UndefinedIsNull":             &s.UndefinedIsNull,
	}
	require.Contains(t, flags, name)
	*flags[name] = true
}
