package backtest_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/internal/backtest"
)

const counter = `{"key":"id","detectorModelDefinition":{"initialStateName":"a","states":[{"stateName":"a",
	"onEnter":{"events":[{"eventName":"in","actions":[{"setTimer":{"timerName":"t","seconds":60}}]}]},
	"onInput":{"events":[{"eventName":"e","condition":"$input.A.x > 0 || currentInput('B')","actions":[{"sns":{"targetArn":"arn:a"}}]}]}}]}}`

func load(tb testing.TB, definition string) *detector.Model {
	tb.Helper()
	model, err := detector.Load([]byte(definition))
	require.NoError(tb, err)
	return model
}

// Timers of several detectors fire between the lines, by time, then by key.
func TestReplayOrder(t *testing.T) {
	t.Parallel()
	var got []string
	run := backtest.New(load(t, counter), func(e *backtest.Evaluation) {
		got = append(got, fmt.Sprint(e.At, " ", e.Kind, " ", e.Key, " ", e.TimerName, " ", len(e.Actions)))
	})
	for _, text := range []string{
		`{"at":0,"inputName":"A","payload":{"id":"z","x":1}}`,
		`{"at":0,"inputName":"A","payload":{"id":"b","x":0}}`,
		`{"at":0.5,"inputName":"B","payload":{"id":"a"}}`,
		`{"at":60,"inputName":"A","payload":{"id":"b","x":1}}`,
	} {
		line, err := backtest.ParseLine([]byte(text))
		require.NoError(t, err)
		require.NoError(t, run.Apply(line))
	}
	require.NoError(t, run.Until(60.4))
	require.Len(t, got, 6)
	require.NoError(t, run.Until(60.5))
	require.Equal(t, []string{
		"0 message z  1", "0 message b  0", "0.5 message a  1", "60 timer b t 0", "60 timer z t 1", "60 message b  1", "60.5 timer a t 0",
	}, got)
	require.Equal(t, []string{"a", "b", "z"}, run.Keys())
	require.Equal(t, "a", run.State("z").Name())
}

func TestLineErrors(t *testing.T) {
	t.Parallel()
	for text, message := range map[string]string{
		`{`:                        "unexpected EOF",
		`{"at":1e300}`:             "at is 1e+300 seconds",
		`{"att":1}`:                `unknown field "att"`,
		`{"at":1,"kind":"Put"}`:    `unknown kind "Put"`,
		`{"at":1,"payload":"x",`:   "unexpected EOF",
		`{"at":"1","payload":"x"}`: "cannot unmarshal",
		`{"at":1,"kind":"BatchResetAlarm","payload":{}}`: "no payload",
	} {
		_, err := backtest.ParseLine([]byte(text))
		require.ErrorContains(t, err, message, text)
	}
	run := backtest.New(load(t, counter), func(*backtest.Evaluation) {})
	require.ErrorContains(t, run.Apply(&backtest.Line{At: 1}), "the model reads 2 inputs")
	require.ErrorContains(t, run.Apply(&backtest.Line{At: 1, Kind: "BatchUpdateDetector"}), "request")
	require.ErrorContains(t, run.Apply(&backtest.Line{At: 0.5}), "at is 0.5 seconds, but the line before is of 1")
}

// Old message ids are forgotten, so that a long replay needs no more memory.
func TestDuplicatesInALongReplay(t *testing.T) {
	t.Parallel()
	evaluations := 0
	run := backtest.New(load(t, counter), func(e *backtest.Evaluation) { evaluations += len(e.Actions) })
	for i := range 5000 {
		line := backtest.Line{At: float64(i), InputName: "B", MessageID: fmt.Sprint(i / 2), Payload: json.RawMessage(`{"id":"a"}`)}
		require.NoError(t, run.Apply(&line))
	}
	require.Equal(t, 2500, evaluations)
}

// Whatever lines hold: no panic, and an error or a line of trace for each.
func FuzzReplay(f *testing.F) {
	f.Add(`{"at":1,"inputName":"A","payload":{"id":"z","x":1}}`, `{"at":2,"kind":"BatchUpdateDetector","request":{"keyValue":"z","state":{"stateName":"a"}}}`)
	f.Add(`{"at":1,"payload":{}}`, `{"at":-1,"kind":"BatchSnoozeAlarm","request":{"snoozeDuration":5}}`)
	model := load(f, counter)
	f.Fuzz(func(t *testing.T, one, two string) {
		lines := 0
		run := backtest.New(model, func(e *backtest.Evaluation) {
			if e.Kind != "timer" {
				lines++
			}
			_, err := json.Marshal(e)
			require.NoError(t, err)
		})
		want := 0
		for _, text := range []string{one, two} {
			line, err := backtest.ParseLine([]byte(text))
			if err == nil && run.Apply(line) == nil {
				want++
			}
		}
		require.Equal(t, want, lines)
	})
}
