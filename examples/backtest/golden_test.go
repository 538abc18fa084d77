package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/alerts/detector"
)

// outcome is what a run of the program left.
type outcome struct {
	status   int
	out, err string
}

func backtest(in string, args ...string) outcome {
	var out, errOut bytes.Buffer
	status := run(context.Background(), args, strings.NewReader(in), &out, &errOut)
	return outcome{status: status, out: out.String(), err: errOut.String()}
}

// TestGolden runs the models in testdata. What is wanted was derived by hand.
func TestGolden(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/*/want.jsonl")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	for _, want := range folders {
		folder := filepath.Dir(want)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			models, err := filepath.Glob(filepath.Join(folder, "model.*"))
			require.NoError(t, err)
			args := []string{"detector", "-model", models[0], "-messages", filepath.Join(folder, "messages.jsonl")}
			if more, err := os.ReadFile(filepath.Join(folder, "args")); err == nil {
				args = append(args, strings.Fields(string(more))...)
			}
			wanted, err := os.ReadFile(want)
			require.NoError(t, err)
			got := backtest("", args...)
			require.Equal(t, statusDone, got.status, got.err)
			require.Equal(t, string(wanted), got.out)
		})
	}
}

// lineWanted is a line of the output, as a naive program makes it.
type lineWanted struct {
	At        float64                   `json:"at"`
	Kind      string                    `json:"kind"`
	Key       string                    `json:"key"`
	TimerName string                    `json:"timerName"`
	State     string                    `json:"state"`
	Variables map[string]detector.Value `json:"variables"`
	Timers    map[string]float64        `json:"timers"`
	Actions   []actionWanted            `json:"actions"`
	Errors    []errorWanted             `json:"errors"`
}

type actionWanted struct {
	Type      string  `json:"type"`
	Target    string  `json:"target"`
	Payload   *string `json:"payload"`
	EventName string  `json:"eventName"`
	StateName string  `json:"stateName"`
}

type errorWanted struct {
	Level   string `json:"level"`
	Message string `json:"message"`
}

// naive drives the engine in the plainest way.
type naive struct {
	model  *detector.Model
	states map[string]*detector.State
	lines  []lineWanted
}

func (n *naive) until(at time.Time) {
	for {
		var key string
		var next detector.Timer
		for k, s := range n.states {
			timer, ok := s.NextTimer()
			if ok && !timer.Due.After(at) && (next.Name == "" || timer.Due.Before(next.Due) || timer.Due.Equal(next.Due) && k < key) {
				key, next = k, timer
			}
		}
		if next.Name == "" {
			return
		}
		n.evaluate(detector.Trigger{At: next.Due, Key: key, Timer: next.Name, Due: next.Due}, "timer", next.Name)
	}
}

func (n *naive) evaluate(trigger detector.Trigger, kind, timer string) {
	var result detector.Result
	state := n.states[trigger.Key]
	if err := n.model.Evaluate(state, &trigger, &result); err != nil {
		panic(err)
	}
	line := lineWanted{
		At: float64(trigger.At.UnixMicro()) / 1e6, Kind: kind, Key: trigger.Key, TimerName: timer, State: state.Name(),
		Variables: map[string]detector.Value{}, Timers: map[string]float64{}, Actions: []actionWanted{}, Errors: []errorWanted{},
	}
	for _, v := range state.AppendVariables(nil) {
		line.Variables[v.Name] = v.Value
	}
	for _, timer := range state.AppendTimers(nil) {
		if !timer.Elapsed {
			line.Timers[timer.Name] = float64(timer.Due.UnixMicro()) / 1e6
		}
	}
	for _, a := range result.Actions {
		wanted := actionWanted{Type: string(a.Kind), Target: a.Target, EventName: a.EventName, StateName: a.StateName}
		if a.PayloadType != detector.PayloadDefault {
			text := string(a.Payload)
			wanted.Payload = &text
		}
		line.Actions = append(line.Actions, wanted)
	}
	for _, e := range result.Errors {
		line.Errors = append(line.Errors, errorWanted{Level: string(e.Level), Message: e.Message})
	}
	n.lines = append(n.lines, line)
}

// TestTheProgramIsTheEngine compares the program with an engine that is driven
// directly.
func TestTheProgramIsTheEngine(t *testing.T) {
	t.Parallel()
	const modelFile = "testdata/heartbeat/model.json"
	text, err := os.ReadFile(modelFile)
	require.NoError(t, err)
	model, err := detector.Load(text)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		n := naive{model: model, states: map[string]*detector.State{}}
		var messages strings.Builder
		now := 0
		for range rapid.IntRange(1, 30).Draw(t, "messages") {
			now += rapid.IntRange(0, 120_000).Draw(t, "milliseconds")
			payload := fmt.Sprintf(`{"id":"d%d","every":%s}`, rapid.IntRange(0, 3).Draw(t, "device"),
				rapid.SampledFrom([]string{"20", "7.5", "null", `"x"`, "1e9"}).Draw(t, "every"))
			at := time.UnixMilli(int64(now)).UTC()
			fmt.Fprintf(&messages, `{"at":%s,"payload":%s}`+"\n", formatAt(at), payload)

			n.until(at)
			var message detector.Message
			require.NoError(t, model.Read(&message, "beat", []byte(payload)))
			key := string(message.Key())
			if n.states[key] == nil {
				n.states[key] = model.NewState()
			}
			n.evaluate(detector.Trigger{At: at, Key: key, Message: &message, MessageID: "x"}, "message", "")
		}
		end := time.UnixMilli(int64(now + rapid.IntRange(0, 500_000).Draw(t, "rest"))).UTC()
		n.until(end)

		got := backtest(messages.String(), "detector", "-model", modelFile, "-messages", "-", "-until", formatAt(end))
		require.Equal(t, statusDone, got.status, got.err)
		lines := strings.Split(strings.TrimSuffix(got.out, "\n"), "\n")
		require.Len(t, lines, len(n.lines))
		for i, line := range lines {
			require.Equal(t, canonical(t, n.lines[i]), reread(t, line))
		}
	})
}

// canonical returns a line as JSON, a Decimal as a Decimal.
func canonical(t require.TestingT, line lineWanted) string {
	text, err := json.Marshal(line)
	require.NoError(t, err)
	return string(text)
}

// reread returns a line of the program in the form of canonical.
func reread(t require.TestingT, text string) string {
	var line struct {
		lineWanted

		Variables map[string]json.RawMessage `json:"variables"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &line))
	line.lineWanted.Variables = map[string]detector.Value{}
	for name, value := range line.Variables {
		parsed, err := detector.ParseValue(string(value))
		require.NoError(t, err)
		line.lineWanted.Variables[name] = parsed
	}
	return canonical(t, line.lineWanted)
}
