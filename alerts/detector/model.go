package detector

import "time"

// Model is a loaded detector model or alarm model. It does not change and is safe for
// concurrent use.
type Model struct {
	name        string
	description string
	role        string
	version     string
	key         string // dotted path, as in the model
	method      EvaluationMethod
	initial     int32
	states      []state
	inputs      []input
	variables   []string // sorted; a variable's index is its slot
	timers      []string // sorted; a timer's index is its slot
	slots       int      // attributes of all inputs
	attributes  []string // their paths, by slot
	findings    []Finding
	alarm       *alarm // nil: a detector model

	semantics  Semantics
	minTimer   int64 // seconds
	maxPayload int   // 0: no limit
	maxDepth   int
}

// EvaluationMethod says when the actions of a lifecycle run.
type EvaluationMethod string

// The evaluation methods.
const (
	// Batch: all conditions of a lifecycle are tested before its actions run.
	Batch EvaluationMethod = "BATCH"
	// Serial: the actions of an event run before the next condition is tested.
	Serial EvaluationMethod = "SERIAL"
)

// input is an input that expressions read.
type input struct {
	name string
	root *node
}

// state of a model.
type state struct {
	name                     string
	onEnter, onInput, onExit lifecycle
	testsTimeout             bool // onInput calls timeout()
}

type lifecycle struct {
	name        Lifecycle
	events      []event
	transitions []event
}

// event is an event or a transition event.
type event struct {
	name      string
	condition condition // nil: always
	formula   *formula  // of the condition
	actions   []action
	next      int32 // of a transition
}

// Name returns the model's name, which a bare definition does not have.
func (m *Model) Name() string { return m.name }

// Description returns the model's description.
func (m *Model) Description() string { return m.description }

// RoleARN returns the model's role, which the engine does not use.
func (m *Model) RoleARN() string { return m.role }

// Version returns the model's version, see [Options.Version].
func (m *Model) Version() string { return m.version }

// IsAlarm reports whether this is an alarm model. Its states are those of
// alarms, and it has no variables.
func (m *Model) IsAlarm() bool { return m.alarm != nil }

// Severity returns the severity of an alarm model, 0 if it has none.
func (m *Model) Severity() int64 {
	if m.alarm == nil {
		return 0
	}
	return m.alarm.severity
}

// Key returns the path of the attribute that names the detector; empty if the
// model has a single detector.
func (m *Model) Key() string { return m.key }

// EvaluationMethod returns BATCH or SERIAL.
func (m *Model) EvaluationMethod() EvaluationMethod { return m.method }

// Inputs returns the names of the inputs that the model reads, sorted.
func (m *Model) Inputs() []string {
	names := make([]string, len(m.inputs))
	for i := range m.inputs {
		names[i] = m.inputs[i].name
	}
	return names
}

// States returns the names of the states, in order of definition.
func (m *Model) States() []string {
	names := make([]string, len(m.states))
	for i := range m.states {
		names[i] = m.states[i].name
	}
	return names
}

// MinTimer returns the shortest duration that a timer may have.
func (m *Model) MinTimer() time.Duration { return time.Duration(m.minTimer) * time.Second }

// Findings returns what was noticed while the model was loaded: warnings and
// information.
func (m *Model) Findings() []Finding { return append([]Finding(nil), m.findings...) }
