package detector_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/internal/bench"
)

// conditionModel tests one condition per message, in a state that is never
// left.
const conditionModel = `{"initialStateName":"a","states":[{"stateName":"a","onInput":{"transitionEvents":[
	{"eventName":"high","condition":"$input.PressureInput.sensorData.pressure > 70 && $variable.count >= 3 || timeout(\"t\")","nextState":"b",
	 "actions":[{"setVariable":{"variableName":"count","value":"0"}},{"setTimer":{"timerName":"t","seconds":60}}]}]}},{"stateName":"b"}]}`

// telemetry returns a message whose wanted value stands near its end.
func telemetry(b []byte, device int, number int, pressure float64) []byte {
	b = fmt.Appendf(b, `{"messageId":"m-%07d","deviceId":"device-%05d","tenant":"tenant-%02d","timestamp":1763769600%03d,`+
		`"firmware":"2.14.7","location":{"latitude":52.520008,"longitude":13.404954},`+
		`"battery":{"voltage":3.71,"percent":87},"tags":["pump","north"],`, number, device, device%50, number%1000)
	b = append(b, `"sensorData":{"temperature":48.25,"vibration":0.0137,"pressure":`...)
	b = strconv.AppendFloat(b, pressure, 'f', 2, 64)
	return append(b, `}}`...)
}

func mustLoad(tb testing.TB, definition string) *detector.Model {
	tb.Helper()
	model, err := detector.Load([]byte(definition))
	require.NoError(tb, err)
	return model
}

// From bytes to the truth of a condition, beside a hand-written scan that
// validates the same bytes and picks the same value, and a Go closure.
func BenchmarkCondition(b *testing.B) {
	model := mustLoad(b, conditionModel)
	payload := telemetry(nil, 1, 1, 68.17)
	b.Logf("payload of %d bytes", len(payload))
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
	count, sink := 3, false
	closure := func(pressure float64, count int, timeout bool) bool { return pressure > 70 && count >= 3 || timeout }
	limit := func(n int) {
		for range n {
			var s handScan
			if !s.document(payload) {
				panic("refused")
			}
			sink = closure(s.pressure, count, false)
		}
	}
	require.Zero(b, testing.AllocsPerRun(100, func() { subject(1) }))
	bench.Ratio(b, 9, subject, limit, 200_000)
	runtime.KeepAlive(sink)
}

// The same against what a Go program does without a library: encoding/json
// into a struct.
func BenchmarkConditionStruct(b *testing.B) {
	model := mustLoad(b, conditionModel)
	payload := telemetry(nil, 1, 1, 68.17)
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	trigger := detector.Trigger{At: time.Unix(1763769600, 0), Message: &message}
	bench.Ratio(b, 5, func(n int) {
		for range n {
			if model.Read(&message, "PressureInput", payload) != nil || model.Evaluate(state, &trigger, &result) != nil {
				panic("refused")
			}
		}
	}, func(n int) {
		for range n {
			var t telemetryStruct
			if json.Unmarshal(payload, &t) != nil || t.SensorData.Pressure > 70 {
				panic("refused")
			}
		}
	}, 20_000)
}

// A message to an active alarm that stays active, beside the same limit.
func BenchmarkAlarm(b *testing.B) {
	model := mustLoad(b, `{"alarmModelName":"m","alarmRule":{"simpleRule":{"inputProperty":"$input.P.sensorData.pressure","comparisonOperator":"GREATER","threshold":"50"}},
		"alarmEventActions":{"alarmActions":[{"sns":{"targetArn":"a"}}]},"alarmCapabilities":{"initializationConfiguration":{"disabledOnInitialization":false}}}`)
	payload := telemetry(nil, 1, 1, 68.17)
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	trigger := detector.Trigger{At: time.Unix(1763769600, 0), Message: &message}
	subject := func(n int) {
		for range n {
			if model.Read(&message, "P", payload) != nil || model.Evaluate(state, &trigger, &result) != nil {
				panic("refused")
			}
		}
	}
	sink := false
	limit := func(n int) {
		for range n {
			var s handScan
			if !s.document(payload) {
				panic("refused")
			}
			sink = s.pressure > 50
		}
	}
	subject(1)
	require.Equal(b, detector.AlarmActive, state.Name())
	require.Zero(b, testing.AllocsPerRun(100, func() { subject(1) }))
	bench.Ratio(b, 9, subject, limit, 200_000)
	runtime.KeepAlive(sink)
}

type telemetryStruct struct {
	DeviceID   string `json:"deviceId"`
	Tenant     string `json:"tenant"`
	SensorData struct {
		Pressure float64 `json:"pressure"`
	} `json:"sensorData"`
}

// debounceModel alerts when the pressure is above 70 three times running.
const debounceModel = `{"detectorModelName":"debounce","key":"deviceId","evaluationMethod":"SERIAL","detectorModelDefinition":{"initialStateName":"clear","states":[
	{"stateName":"clear",
	 "onEnter":{"events":[{"eventName":"init","condition":"true","actions":[{"setVariable":{"variableName":"count","value":"0"}}]}]},
	 "onInput":{"events":[
	   {"eventName":"high","condition":"$input.PressureInput.sensorData.pressure > 70","actions":[{"setVariable":{"variableName":"count","value":"$variable.count + 1"}}]},
	   {"eventName":"low","condition":"$input.PressureInput.sensorData.pressure <= 70","actions":[{"setVariable":{"variableName":"count","value":"0"}}]}],
	  "transitionEvents":[{"eventName":"alarm","condition":"$variable.count >= 3","nextState":"alarm",
	   "actions":[{"sns":{"targetArn":"arn:aws:sns:eu-west-1:123456789012:alarms"}}]}]}},
	{"stateName":"alarm","onInput":{"transitionEvents":[
	   {"eventName":"cleared","condition":"$input.PressureInput.sensorData.pressure <= 70","nextState":"clear"}]}}]}}`

const (
	jobDevices  = 10_000
	jobMessages = 1_000_000
)

// job returns messages of all devices in turn, with pressures from a fixed
// pseudo-random sequence, and where each ends.
func job(messages int) (text []byte, ends []int) { return jobOf(messages, jobDevices) }

func jobOf(messages, devices int) (text []byte, ends []int) {
	seed := uint64(0x9e3779b97f4a7c15)
	for i := range messages {
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		text = telemetry(text, i%devices, i, 40+float64(seed%40000)/1000)
		ends = append(ends, len(text))
	}
	return text, ends
}

type debounce struct {
	count int
	alarm bool
}

func (d *debounce) apply(pressure float64) bool {
	switch {
	case pressure <= 70:
		d.count, d.alarm = 0, false
	case !d.alarm:
		if d.count++; d.count == 3 {
			d.alarm = true
			return true
		}
	}
	return false
}

// engineJob is the job done by the engine.
type engineJob struct {
	model  *detector.Model
	states map[string]*keyed
}

type keyed struct {
	key   string
	state *detector.State
}

func newEngineJob(model *detector.Model, devices int) *engineJob {
	return &engineJob{model, make(map[string]*keyed, devices)}
}

// run evaluates messages and returns the number of alerts.
func (j *engineJob) run(text []byte, ends []int) (alerts int) {
	var message detector.Message
	var result detector.Result
	trigger := detector.Trigger{At: time.Unix(1763769600, 0), Scope: "acme", Message: &message}
	start := 0
	for _, end := range ends {
		if err := j.model.Read(&message, "PressureInput", text[start:end]); err != nil {
			panic(err)
		}
		start = end
		e := j.states[string(message.Key())]
		if e == nil {
			e = &keyed{string(message.Key()), j.model.NewState()}
			j.states[e.key] = e
		}
		trigger.Key = e.key
		if err := j.model.Evaluate(e.state, &trigger, &result); err != nil {
			panic(err)
		}
		alerts += len(result.Actions)
	}
	return alerts
}

func runJob(model *detector.Model, text []byte, ends []int) (alerts int) {
	return newEngineJob(model, jobDevices).run(text, ends)
}

// handJob is the job done by a program that is written for it.
type handJob map[string]*debounce

func newHandJob(devices int) handJob { return make(handJob, devices) }

func (states handJob) run(text []byte, ends []int) (alerts int) {
	start := 0
	for _, end := range ends {
		var s handScan
		if !s.document(text[start:end]) {
			panic("refused")
		}
		start = end
		state := states[string(s.device)]
		if state == nil {
			state = &debounce{}
			states[string(s.device)] = state
		}
		if state.apply(s.pressure) {
			alerts++
		}
	}
	return alerts
}

func runHandJob(text []byte, ends []int) (alerts int) { return newHandJob(jobDevices).run(text, ends) }

func runStructJob(text []byte, ends []int) (alerts int) {
	states := make(map[string]*debounce, jobDevices)
	start := 0
	for _, end := range ends {
		var t telemetryStruct
		if err := json.Unmarshal(text[start:end], &t); err != nil {
			panic(err)
		}
		start = end
		state := states[t.DeviceID]
		if state == nil {
			state = &debounce{}
			states[t.DeviceID] = state
		}
		if state.apply(t.SensorData.Pressure) {
			alerts++
		}
	}
	return alerts
}

// telemetryMessage is the whole message, as a program declares it that is not
// written for one condition.
type telemetryMessage struct {
	MessageID string `json:"messageId"`
	DeviceID  string `json:"deviceId"`
	Tenant    string `json:"tenant"`
	Timestamp int64  `json:"timestamp"`
	Firmware  string `json:"firmware"`
	Location  struct {
		Latitude  float64 `json:"latitude"`
		Longitude float64 `json:"longitude"`
	} `json:"location"`
	Battery struct {
		Voltage float64 `json:"voltage"`
		Percent int     `json:"percent"`
	} `json:"battery"`
	Tags       []string `json:"tags"`
	SensorData struct {
		Temperature float64 `json:"temperature"`
		Vibration   float64 `json:"vibration"`
		Pressure    float64 `json:"pressure"`
	} `json:"sensorData"`
}

// runMessageJob is the job as people write it in an hour: the message as a
// struct, states in a map behind a mutex, alerts encoded to JSON.
func runMessageJob(text []byte, ends []int) (alerts int) {
	states := make(map[string]*debounce, jobDevices)
	var mu sync.Mutex
	start := 0
	for _, end := range ends {
		var t telemetryMessage
		if err := json.Unmarshal(text[start:end], &t); err != nil {
			panic(err)
		}
		start = end
		mu.Lock()
		state := states[t.DeviceID]
		if state == nil {
			state = &debounce{}
			states[t.DeviceID] = state
		}
		alert := state.apply(t.SensorData.Pressure)
		mu.Unlock()
		if !alert {
			continue
		}
		if _, err := json.Marshal(map[string]any{"device": t.DeviceID, "pressure": t.SensorData.Pressure}); err != nil {
			panic(err)
		}
		alerts++
	}
	return alerts
}

func TestJobAgrees(t *testing.T) {
	t.Parallel()
	text, ends := job(50_000)
	alerts := runJob(mustLoad(t, debounceModel), text, ends)
	require.NotZero(t, alerts)
	require.Equal(t, runHandJob(text, ends), alerts)
	require.Equal(t, runStructJob(text, ends), alerts)
	require.Equal(t, runMessageJob(text, ends), alerts)
	require.Equal(t, runExprJob(t, text, ends), alerts)
}

// The whole job: 1,000,000 messages of 10,000 devices, debounce of three,
// against a program written by hand for it that scans and validates in one
// pass.
func BenchmarkJob(b *testing.B) {
	model := mustLoad(b, debounceModel)
	text, ends := job(jobMessages)
	b.Logf("%d bytes per message", len(text)/jobMessages)
	bench.Ratio(b, 3, func(n int) { runJob(model, text, ends[:n]) }, func(n int) { runHandJob(text, ends[:n]) }, jobMessages)
}

// The same job against encoding/json into a struct of the message, a map and an
// if.
func BenchmarkJobMessage(b *testing.B) {
	model := mustLoad(b, debounceModel)
	text, ends := job(jobMessages)
	bench.Ratio(b, 3, func(n int) { runJob(model, text, ends[:n]) }, func(n int) { runMessageJob(text, ends[:n]) }, jobMessages)
}

// The same job against encoding/json into a struct of just the three members
// that it needs.
func BenchmarkJobStruct(b *testing.B) {
	model := mustLoad(b, debounceModel)
	text, ends := job(jobMessages)
	bench.Ratio(b, 3, func(n int) { runJob(model, text, ends[:n]) }, func(n int) { runStructJob(text, ends[:n]) }, jobMessages)
}

// Live memory per detector after a message, with keys and the map that holds
// the detectors.
func BenchmarkIdleDetector(b *testing.B) {
	model := mustLoad(b, debounceModel)
	const detectors = 1_000_000
	for b.Loop() {
		before := liveBytes()
		states := make(map[string]*detector.State, detectors)
		var message detector.Message
		var result detector.Result
		trigger := detector.Trigger{At: time.Unix(1763769600, 0), Message: &message}
		var payload []byte
		for i := range detectors {
			payload = telemetry(payload[:0], i, i, 71)
			require.NoError(b, model.Read(&message, "PressureInput", payload))
			trigger.Key = string(message.Key())
			state := model.NewState()
			require.NoError(b, model.Evaluate(state, &trigger, &result))
			states[trigger.Key] = state
		}
		b.ReportMetric(float64(liveBytes()-before)/detectors, "B/detector")
		runtime.KeepAlive(states)
	}
}

func liveBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func BenchmarkCodec(b *testing.B) {
	model := mustLoad(b, debounceModel)
	state := model.NewState()
	var message detector.Message
	require.NoError(b, model.Read(&message, "PressureInput", telemetry(nil, 1, 1, 71)))
	require.NoError(b, model.Evaluate(state, &detector.Trigger{At: time.Unix(1763769600, 0), Message: &message}, &detector.Result{}))
	encoded, err := state.AppendBinary(nil)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		encoded, _ = state.AppendBinary(encoded[:0])
		if err := state.UnmarshalBinary(encoded); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(encoded)), "B/state")
}
