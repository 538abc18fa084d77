package detector

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// Quotas of the service.
const (
	maxNameLength        = 128
	maxDescriptionLength = 1024
	maxConditionLength   = 512
	maxExpressionLength  = 1024
	maxContentBytes      = 1024
	maxTopicExpression   = 128
	maxARNLength         = 2048
	maxDefinitionBytes   = 512 << 10
	maxStates            = 20
	maxEvents            = 20
	maxActions           = 10
	maxVariables         = 50
	maxTimers            = 5
)

// Load compiles a model. A detector model is the body of CreateDetectorModel,
// the answer of DescribeDetectorModel (which is what the console exports), or a
// bare definition; an alarm model is the body of CreateAlarmModel, with or
// without a name, or the answer of DescribeAlarmModel. Members that are null
// are absent. The error is a [*ModelError] with everything that was found.
func Load(data []byte, optFns ...func(*Options)) (*Model, error) {
	var o Options
	for _, fn := range optFns {
		fn(&o)
	}
	r := newReader(&o)
	members, ok := parseDocument(data, &r.findings)
	if !ok {
		return nil, r.error()
	}
	r.checkSize(data)
	r.document(r.object("", members))
	r.link() // also after errors: it finds others
	if r.findings.errors > 0 {
		return nil, r.error()
	}
	r.model.findings = r.findings.all
	return r.model, nil
}

// reader turns a document into a model: first it reads everything and collects
// names and expressions, then it links them.
type reader struct {
	options  *Options
	findings findings
	symbols  *symbols
	model    *Model
	formulas []*formula
	later    []func() // what needs the places of names
	keyPath  []string
	states   map[string]int32
	tested   bool // a condition reads an input
	// stateName and place name the state, and the event in it, that are being
	// read.
	stateName, place string
}

func newReader(o *Options) *reader {
	m := &Model{
		version: o.Version, semantics: o.Semantics, method: Batch,
		maxDepth: o.MaxDepth, minTimer: int64(o.MinTimer / time.Second),
	}
	if m.maxDepth <= 0 {
		m.maxDepth = DefaultMaxDepth
	}
	if o.Strict {
		m.maxPayload = strictMaxPayload
	}
	switch {
	case o.MinTimer > 0:
		m.minTimer = max(m.minTimer, 1)
	case o.Strict:
		m.minTimer = int64(strictMinTimer / time.Second)
	default:
		m.minTimer = int64(MinTimer / time.Second)
	}
	return &reader{options: o, model: m, symbols: newSymbols(o), findings: findings{strict: o.Strict}}
}

func (r *reader) checkSize(data []byte) {
	if len(data) > maxDefinitionBytes {
		r.findings.add(r.findings.quota(), ServiceLimits, "", "model is %d bytes long, want at most %d", len(data), maxDefinitionBytes)
	}
}

func (r *reader) error() error { return &ModelError{Findings: r.findings.all} }

// document reads any of the envelopes.
func (r *reader) document(top *object) {
	if isAlarm(top) {
		r.alarmDocument(top)
		return
	}
	if top.has("detectorModel") {
		top.ignore("schemaVersion")
		if export := top.child("detectorModel"); export != nil {
			r.export(export)
		}
		top.end()
		return
	}
	if top.has("states") || top.has("initialStateName") {
		r.definition(top)
		top.end()
		return
	}
	top.ignore("schemaVersion", "tags")
	r.configuration(top)
	if definition := top.child("detectorModelDefinition"); definition != nil {
		r.nested(definition)
	} else if !top.has("detectorModelDefinition") {
		r.findings.add(LevelError, Structure, "", "no model: want detectorModelDefinition, detectorModel, states, or alarmRule")
	}
	top.end()
}

func (r *reader) export(export *object) {
	if configuration := export.child("detectorModelConfiguration"); configuration != nil {
		if version := configuration.text("detectorModelVersion"); r.model.version == "" {
			r.model.version = version
		}
		configuration.ignore("detectorModelArn", "creationTime", "lastUpdateTime", "status")
		r.configuration(configuration)
		configuration.end()
	}
	if definition := export.child("detectorModelDefinition"); definition != nil {
		r.nested(definition)
	} else if !export.has("detectorModelDefinition") {
		export.missing("detectorModelDefinition")
	}
	export.end()
}

// nested reads a definition whose paths begin at the definition itself.
func (r *reader) nested(definition *object) {
	definition.path = ""
	r.definition(definition)
	definition.end()
}

func (r *reader) configuration(o *object) {
	m := r.model
	m.name = r.modelName(o, "detectorModelName")
	m.description = o.text("detectorModelDescription")
	o.limit("detectorModelDescription", m.description, maxDescriptionLength)
	m.role = o.text("roleArn")
	if method := o.text("evaluationMethod"); method != "" {
		m.method = EvaluationMethod(method)
		if m.method != Batch && m.method != Serial {
			r.findings.add(LevelError, Structure, o.at("evaluationMethod"), "unknown evaluation method %q, want BATCH or SERIAL", method)
		}
	}
	r.key(o)
}

// modelName reads the name of a model, which a bare one does not have.
func (r *reader) modelName(o *object, member string) string {
	name := o.text(member)
	o.limit(member, name, maxNameLength)
	if !isModelName(name) {
		r.findings.add(r.findings.quota(), Structure, o.at(member), "%s is %q, want letters, digits, '_' and '-'", member, name)
	}
	return name
}

// isModelName reports whether name matches ^[a-zA-Z0-9_-]*$, which holds for
// models, and which the service asked of states too.
func isModelName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isKeyByte(c) && c != '_' || c == ':' {
			return false
		}
	}
	return true
}

// key reads the path of the attribute that names the detector.
func (r *reader) key(o *object) {
	m := r.model
	if m.key = o.text("key"); m.key != "" {
		var ok bool
		if r.keyPath, ok = splitAttribute(m.key); !ok {
			r.findings.add(LevelError, Structure, o.at("key"), "%q is no attribute path such as device.id", m.key)
		}
		o.limit("key", m.key, maxNameLength)
	}
}

func (r *reader) definition(o *object) {
	states := o.children("states")
	if len(states) == 0 {
		r.findings.add(LevelError, Structure, o.at("states"), "The definition has no states.")
	}
	if len(states) > maxStates {
		r.findings.add(r.findings.quota(), ServiceLimits, o.at("states"), "Number of states allowed in detector model definition exceeded the limit %d.", maxStates)
	}
	r.nameStates(states)
	r.model.states = make([]state, len(states))
	for i, s := range states {
		r.state(s, &r.model.states[i])
	}
	initial := o.required("initialStateName")
	index, ok := r.states[initial]
	if !ok && initial != "" {
		r.findings.add(LevelError, Structure, o.at("initialStateName"), "The Definition's initialStateName %s did not correspond to a defined State.", initial)
	}
	r.model.initial = index
	r.checkUse(o)
}

// nameStates collects the names of the states, which transitions refer to.
func (r *reader) nameStates(states []*object) {
	r.states = map[string]int32{}
	counts := map[string]int{}
	for i, s := range states {
		name, _ := s.members["stateName"].(string)
		if counts[name]++; counts[name] == 1 {
			r.states[name] = int32(i)
		}
	}
	delete(r.states, "")
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] > 1 && name != "" {
			r.findings.add(LevelError, Structure, "states", "The DetectorModelDefinition had a shared state name: found state %s with %d repetitions.", name, counts[name])
		}
	}
}

func (r *reader) state(o *object, s *state) {
	s.name = o.name("stateName")
	r.stateName = s.name
	if !isModelName(s.name) {
		r.findings.add(LevelWarning, Structure, o.at("stateName"), "stateName is %q, the service wanted letters, digits, '_' and '-'", s.name)
	}
	for _, part := range []struct {
		member    string
		lifecycle *lifecycle
		name      Lifecycle
	}{{"onEnter", &s.onEnter, OnEnter}, {"onInput", &s.onInput, OnInput}, {"onExit", &s.onExit, OnExit}} {
		part.lifecycle.name = part.name
		child := o.child(part.member)
		if child == nil {
			continue
		}
		part.lifecycle.events = r.events(child, "events")
		if part.name == OnInput {
			part.lifecycle.transitions = r.events(child, "transitionEvents")
		}
		child.end()
	}
	s.testsTimeout = testsTimeout(&s.onInput)
	o.end()
}

func (r *reader) events(o *object, member string) []event {
	children := o.children(member)
	if len(children) > maxEvents {
		kind := "events"
		if member == "transitionEvents" {
			kind = "transition events"
		}
		r.findings.add(r.findings.quota(), ServiceLimits, o.at(member), "Number of %s allowed per state exceeded the limit %d.", kind, maxEvents)
	}
	events := make([]event, len(children))
	for i, child := range children {
		r.event(child, &events[i], member == "transitionEvents")
	}
	return events
}

func (r *reader) event(o *object, e *event, transition bool) {
	e.name = o.name("eventName")
	r.place = fmt.Sprintf(" in event %s in state %s", e.name, r.stateName)
	if text := o.text("condition"); text != "" {
		o.limit("condition", text, maxConditionLength)
		e.formula = r.formula(text, o.at("condition"), booleans, fmt.Sprintf("Failed to parse expression '%s' for condition", text))
		r.tested = r.tested || e.formula != nil && readsInput(e.formula.node)
		if e.formula != nil {
			r.later = append(r.later, func() { e.condition = e.formula.test })
		}
	} else if transition && !o.has("condition") {
		r.findings.add(r.findings.quota(), Structure, o.at("condition"), "condition is required in a transition event; without it the transition is always taken.")
	}
	if transition {
		next := o.required("nextState")
		index, ok := r.states[next]
		if !ok && next != "" {
			r.findings.add(LevelError, Structure, o.at("nextState"), "The TransitionEvent %s transitions to a non-existent state %s.", e.name, next)
		}
		e.next = index
	}
	actions := o.children("actions")
	if len(actions) > maxActions {
		r.findings.add(r.findings.quota(), ServiceLimits, o.at("actions"), "Number of actions allowed per event exceeded the limit %d in detector model definition", maxActions)
	}
	for _, child := range actions {
		if a, ok := r.action(child); ok {
			e.actions = append(e.actions, a)
		}
	}
	o.end()
}

// formula parses an expression and notes its names. It returns nil, and adds
// findings that begin with the message, if there is a problem.
func (r *reader) formula(source, path string, want types, message string) *formula {
	node, err := dialect.Parse(source)
	if err != nil {
		at := err.(*exprlang.Error) //nolint:errorlint // the documented type
		r.findings.expression(LevelError, ExpressionSyntax, path, at, message+": "+at.Message)
		return nil
	}
	f := &formula{source: source, path: path, node: node, want: want}
	failed := false
	for _, p := range r.symbols.check(node) {
		level, text := LevelError, message+": "+p.message
		switch {
		case p.kind == ReferencedData:
			level, text = LevelWarning, p.message
		case p.kind == ReferencedResource:
			level, text = r.findings.quota(), p.message
		default:
			failed = true
		}
		at := &exprlang.Error{Source: source, Offset: p.node.Offset()}
		r.findings.expression(level, p.kind, path, at, text)
	}
	if failed {
		return nil
	}
	r.add(f)
	return f
}

func (r *reader) add(f *formula) {
	r.symbols.register(f)
	r.formulas = append(r.formulas, f)
}

func readsInput(node exprlang.Node) bool {
	found := false
	exprlang.Walk(node, func(node exprlang.Node) {
		switch n := node.(type) {
		case *exprlang.Path:
			_, _, ok := inputReference(n)
			found = found || ok
		case *exprlang.Call:
			found = found || n.Name == "currentInput"
		}
	})
	return found
}

func testsTimeout(l *lifecycle) bool {
	for _, events := range [][]event{l.events, l.transitions} {
		for i := range events {
			if f := events[i].formula; f != nil && calls(f.node, "timeout") {
				return true
			}
		}
	}
	return false
}

func calls(node exprlang.Node, function string) bool {
	found := false
	exprlang.Walk(node, func(node exprlang.Node) {
		call, ok := node.(*exprlang.Call)
		found = found || ok && call.Name == function
	})
	return found
}

// checkKey reports inputs that do not declare the key. The service looked it up
// in the payload all the same.
func (r *reader) checkKey() {
	if r.options.Attributes == nil || len(r.keyPath) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.symbols.inputs)) {
		declared, ok := r.symbols.attributes[name]
		if ok && !slices.ContainsFunc(declared, func(prefix []string) bool { return isPrefix(prefix, r.keyPath) }) {
			r.findings.add(LevelWarning, ReferencedData, "", "The key %s is no declared attribute of input '%s'.", r.model.key, name)
		}
	}
}

func isPrefix(prefix, path []string) bool {
	return len(prefix) <= len(path) && slices.Equal(prefix, path[:len(prefix)])
}

// checkUse reports names that are read but never set, and quotas on names.
func (r *reader) checkUse(o *object) {
	r.checkKey()
	for _, name := range slices.Sorted(maps.Keys(r.symbols.variables)) {
		if u := r.symbols.variables[name]; !u.set && u.read != "" {
			r.findings.add(r.findings.quota(), ReferencedData, u.read, "Detected broken Variable: variable %s is used in an expression but is never set.", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.symbols.timers)) {
		if u := r.symbols.timers[name]; !u.set && u.read != "" {
			r.findings.add(r.findings.quota(), ReferencedData, u.read, "Detected broken Timer: timer %s is used in an expression but is never set.", name)
		}
	}
	if n := len(r.symbols.variables); n > maxVariables {
		r.findings.add(r.findings.quota(), ServiceLimits, o.at("states"), "Number of variables exceeded the limit %d: %d", maxVariables, n)
	}
	if n := len(r.symbols.timers); n > maxTimers {
		r.findings.add(r.findings.quota(), ServiceLimits, o.at("states"), "Number of timers exceeded the limit %d: %d", maxTimers, n)
	}
	if !r.tested && r.findings.errors == 0 {
		level := r.findings.quota()
		if len(r.symbols.inputs) == 0 {
			level = LevelError
		}
		r.findings.add(level, Structure, o.at("states"), "Detector Model Definition must use at least one Input in a condition.")
	}
}

// link gives names their places and compiles the expressions.
func (r *reader) link() {
	m := r.model
	if m.version == "" {
		m.version = "1"
	}
	m.slots = r.symbols.number(r.keyPath)
	m.attributes = r.symbols.paths(m.slots)
	m.variables, m.timers = r.symbols.variableNames, r.symbols.timerNames
	for _, name := range r.symbols.inputNames {
		m.inputs = append(m.inputs, input{name, r.symbols.inputs[name]})
	}
	c := &compiler{model: m, symbols: r.symbols, findings: &r.findings}
	for _, f := range r.formulas {
		c.compile(f)
	}
	for _, fn := range r.later {
		fn()
	}
}

// number reads a whole number of JSON.
func number(value any) (int64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}
