package detector_test

import (
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/internal/bench"
)

// exprProgram compiles an expression that tells true or false.
func exprProgram(tb testing.TB, source string) *vm.Program {
	tb.Helper()
	program, err := expr.Compile(source, expr.AsBool(), expr.AllowUndefinedVariables())
	require.NoError(tb, err)
	return program
}

// exprHolds evaluates a program over decoded JSON.
func exprHolds(machine *vm.VM, program *vm.Program, environment map[string]any) bool {
	result, err := machine.Run(program, environment)
	if err != nil {
		panic(err)
	}
	return result.(bool)
}

// From bytes to the truth of a condition, against what a generic Go program
// does: encoding/json into maps, and expr-lang over them.
func BenchmarkConditionExpr(b *testing.B) {
	model := mustLoad(b, conditionModel)
	payload := telemetry(nil, 1, 1, 68.17)
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	trigger := detector.Trigger{At: time.Unix(1763769600, 0), Key: "device-00001", Message: &message}
	subject := func(n int) {
		for range n {
			if model.Read(&message, "PressureInput", payload) != nil || model.Evaluate(state, &trigger, &result) != nil {
				panic("refused")
			}
		}
	}
	program := exprProgram(b, `input.sensorData.pressure > 70 && variable.count >= 3 || timeout`)
	variables, machine, sink := map[string]any{"count": 3}, vm.VM{}, false
	peer := func(n int) {
		for range n {
			var input map[string]any
			if err := json.Unmarshal(payload, &input); err != nil {
				panic(err)
			}
			sink = exprHolds(&machine, program, map[string]any{"input": input, "variable": variables, "timeout": false})
		}
	}
	require.Zero(b, testing.AllocsPerRun(100, func() { subject(1) }))
	bench.Ratio(b, 9, subject, peer, 20_000)
	runtime.KeepAlive(sink)
}

// runExprJob is the job as a generic Go program does it: messages as maps,
// conditions as expressions, states in a map.
func runExprJob(tb testing.TB, text []byte, ends []int) (alerts int) {
	high, alarm := exprProgram(tb, "input.sensorData.pressure > 70"), exprProgram(tb, "highs >= 3 && !alarmed")
	states := make(map[string]*debounce, jobDevices)
	var machine vm.VM
	start := 0
	for _, end := range ends {
		var input map[string]any
		if err := json.Unmarshal(text[start:end], &input); err != nil {
			panic(err)
		}
		start = end
		device, _ := input["deviceId"].(string)
		state := states[device]
		if state == nil {
			state = &debounce{}
			states[device] = state
		}
		environment := map[string]any{"input": input}
		if !exprHolds(&machine, high, environment) {
			*state = debounce{}
			continue
		}
		state.count++
		environment["highs"], environment["alarmed"] = state.count, state.alarm
		if exprHolds(&machine, alarm, environment) {
			state.alarm = true
			alerts++
		}
	}
	return alerts
}

// The job against encoding/json into maps and expr-lang over them.
func BenchmarkJobExpr(b *testing.B) {
	model := mustLoad(b, debounceModel)
	text, ends := job(jobMessages)
	bench.Ratio(b, 3, func(n int) { runJob(model, text, ends[:n]) }, func(n int) { runExprJob(b, text, ends[:n]) }, jobMessages)
}

// All programs find the same alerts in the whole job.
func BenchmarkJobAlerts(b *testing.B) {
	model := mustLoad(b, debounceModel)
	text, ends := job(jobMessages)
	for b.Loop() {
		alerts := runJob(model, text, ends)
		require.Equal(b, runHandJob(text, ends), alerts)
		require.Equal(b, runStructJob(text, ends), alerts)
		require.Equal(b, runMessageJob(text, ends), alerts)
		require.Equal(b, runExprJob(b, text, ends), alerts)
		b.ReportMetric(float64(alerts), "alerts")
	}
}

// What a message costs does not grow with the number of detectors, beyond what
// the map and the caches of the machine cost the hand-written program too.
func BenchmarkKeys(b *testing.B) {
	model := mustLoad(b, debounceModel)
	for _, test := range []struct {
		name string
		keys int
	}{{"10k", 10_000}, {"100k", 100_000}, {"1M", 1_000_000}} {
		b.Run(test.name, func(b *testing.B) {
			const messages = 1_000_000
			text, ends := jobOf(messages, test.keys)
			engine, hand := newEngineJob(model, test.keys), newHandJob(test.keys)
			engine.run(text, ends)
			hand.run(text, ends)
			bench.Ratio(b, 3, func(n int) { engine.run(text, ends[:n]) }, func(n int) { hand.run(text, ends[:n]) }, messages)
		})
	}
}
