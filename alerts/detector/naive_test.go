package detector_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"sort"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// naive is a second, independent reading of the documentation: it walks syntax
// trees over maps, keeps no types but Go's, and does everything the slow way.
type naive struct {
	model  naiveModel
	state  string
	exists bool
	vars   map[string]any
	timers map[string]*naiveTimer
	inputs map[string]any

	at      int64 // seconds
	input   string
	isTimer bool
	frozen  map[string]bool
	reads   map[string]bool
	actions []string
	errors  []string
}

type naiveTimer struct {
	due, duration             int64
	running, elapsed, pending bool
}

type naiveModel struct {
	EvaluationMethod        string          `json:"evaluationMethod"`
	DetectorModelDefinition naiveDefinition `json:"detectorModelDefinition"`
}

type naiveDefinition struct {
	InitialStateName string       `json:"initialStateName"`
	States           []naiveState `json:"states"`
}

type naiveState struct {
	StateName                string `json:"stateName"`
	OnEnter, OnInput, OnExit naiveLifecycle
}

type naiveLifecycle struct {
	Events           []naiveEvent `json:"events"`
	TransitionEvents []naiveEvent `json:"transitionEvents"`
}

type naiveEvent struct {
	EventName string                      `json:"eventName"`
	Condition string                      `json:"condition"`
	Actions   []map[string]map[string]any `json:"actions"`
	NextState string                      `json:"nextState"`
}

type undefined struct{}

// fails is a failure of a whole expression.
type fails struct{ why string }

var naiveDialect = exprlang.Dialect{
	Binary: []exprlang.Operator{
		{Text: "||", Precedence: 10}, {Text: "&&", Precedence: 20}, {Text: "==", Precedence: 60}, {Text: "!=", Precedence: 60},
		{Text: "<=", Precedence: 70}, {Text: ">=", Precedence: 70}, {Text: "|", Precedence: 30}, {Text: "^", Precedence: 40}, {Text: "&", Precedence: 50},
		{Text: "<", Precedence: 70}, {Text: ">", Precedence: 70}, {Text: "+", Precedence: 80}, {Text: "-", Precedence: 80},
		{Text: "*", Precedence: 90}, {Text: "/", Precedence: 90},
	},
	Unary:     []string{"-", "!", "~"},
	Templates: true,
}

func newNaive(definition string) *naive {
	n := &naive{vars: map[string]any{}, timers: map[string]*naiveTimer{}, inputs: map[string]any{}}
	if err := json.Unmarshal([]byte(definition), &n.model); err != nil {
		panic(err)
	}
	return n
}

func (n *naive) find(name string) *naiveState {
	for i := range n.model.DetectorModelDefinition.States {
		if s := &n.model.DetectorModelDefinition.States[i]; s.StateName == name {
			return s
		}
	}
	panic("no state " + name)
}

func (n *naive) message(at int64, input string, payload []byte) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		panic(err)
	}
	n.inputs[input] = value
	n.at, n.input, n.isTimer = at, input, false
	n.evaluate()
}

func (n *naive) timer(name string) {
	t := n.timers[name]
	t.running, t.elapsed, t.pending = false, true, true
	n.at, n.input, n.isTimer = t.due, "", true
	n.evaluate()
}

// next returns the timer to fire next, or "".
func (n *naive) next() string {
	var names []string
	for name, t := range n.timers {
		if t.running {
			names = append(names, name)
		}
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := n.timers[names[i]], n.timers[names[j]]
		return a.due < b.due || a.due == b.due && names[i] < names[j]
	})
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

func (n *naive) evaluate() {
	n.actions, n.errors = nil, nil
	n.frozen, n.reads = map[string]bool{}, map[string]bool{}
	for name, t := range n.timers {
		n.frozen[name] = t.pending
	}
	if !n.exists {
		n.exists, n.state = true, n.model.DetectorModelDefinition.InitialStateName
		n.run(n.find(n.state).OnEnter)
	}
	if t := n.run(n.find(n.state).OnInput); t != nil {
		n.run(n.find(n.state).OnExit)
		n.state = t.NextState
		n.run(n.find(n.state).OnEnter)
	}
	for name := range n.reads {
		if t := n.timers[name]; n.frozen[name] && t != nil && t.elapsed {
			t.pending = false
		}
	}
}

func (n *naive) run(l naiveLifecycle) *naiveEvent {
	serial := n.model.EvaluationMethod == "SERIAL"
	var later []*naiveEvent
	for i := range l.Events {
		if e := &l.Events[i]; n.holds(e.Condition) {
			if serial {
				n.act(e)
			} else {
				later = append(later, e)
			}
		}
	}
	var taken *naiveEvent
	for i := range l.TransitionEvents {
		if n.holds(l.TransitionEvents[i].Condition) {
			taken = &l.TransitionEvents[i]
			break
		}
	}
	for _, e := range later {
		n.act(e)
	}
	if taken != nil {
		n.act(taken)
	}
	return taken
}

func (n *naive) holds(condition string) bool {
	if condition == "" {
		return true
	}
	return n.compute(condition) == true
}

// compute returns the value of an expression, fails included.
func (n *naive) compute(source string) (value any) {
	node, err := naiveDialect.Parse(source)
	if err != nil {
		panic(err)
	}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(fails)
			if !ok {
				panic(r)
			}
			value = f
		}
	}()
	return n.eval(node)
}

func (n *naive) act(e *naiveEvent) {
	for _, action := range e.Actions {
		for kind, settings := range action {
			if !n.perform(kind, settings, e) {
				n.errors = append(n.errors, kind+" "+e.EventName)
			}
		}
	}
}

func (n *naive) perform(kind string, settings map[string]any, e *naiveEvent) bool {
	name, _ := settings["timerName"].(string)
	t := n.timers[name]
	switch kind {
	case "setVariable":
		switch value := n.compute(settings["value"].(string)).(type) {
		case bool, int64, float64, string:
			n.vars[settings["variableName"].(string)] = value
			return true
		}
		return false
	case "setTimer":
		seconds, ok := settings["seconds"].(float64)
		if !ok {
			switch v := n.compute(settings["durationExpression"].(string)).(type) {
			case int64:
				seconds = float64(v)
			case float64:
				seconds = math.Floor(v)
			default:
				return false
			}
		}
		if seconds < 1 || seconds > 31622400 {
			return false
		}
		n.timers[name] = &naiveTimer{due: n.at + int64(seconds), duration: int64(seconds), running: true}
	case "resetTimer":
		if t == nil {
			return false
		}
		n.timers[name] = &naiveTimer{due: n.at + t.duration, duration: t.duration, running: true}
	case "clearTimer":
		if t != nil {
			t.running, t.elapsed, t.pending = false, false, false
		}
	case "sns":
		text := "default"
		if payload, ok := settings["payload"].(map[string]any); ok {
			value, ok := n.compute(payload["contentExpression"].(string)).(string)
			if !ok {
				return false
			}
			text = value
		}
		n.actions = append(n.actions, fmt.Sprintf("%s %s %s %s", settings["targetArn"], e.EventName, n.state, text))
	}
	return true
}

func (n *naive) eval(node exprlang.Node) any {
	switch x := node.(type) {
	case *exprlang.Number:
		if strings.ContainsAny(x.Text, ".eE") {
			f, _ := strconv.ParseFloat(x.Text, 64)
			return f
		}
		i, _ := strconv.ParseInt(x.Text, 10, 64)
		return i
	case *exprlang.String:
		return x.Text
	case *exprlang.Template:
		text := ""
		for _, part := range x.Parts {
			value := n.eval(part)
			if value == any(undefined{}) {
				return value
			}
			text += n.print(value)
		}
		return text
	case *exprlang.Path:
		return n.look(x)
	case *exprlang.Unary:
		return n.unary(x)
	case *exprlang.Binary:
		return n.binary(x)
	case *exprlang.Call:
		return n.call(x)
	}
	panic("node")
}

func (n *naive) print(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case bool, int64:
		return fmt.Sprint(v)
	case float64:
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if magnitude := math.Abs(v); magnitude >= 1e21 || magnitude < 1e-7 && v != 0 {
			text = strconv.FormatFloat(v, 'E', -1, 64)
		}
		if !strings.ContainsAny(text, ".E") {
			text += ".0"
		}
		return text
	}
	panic(fails{"print"})
}

func (n *naive) look(p *exprlang.Path) any {
	var value any
	switch p.Segments[0].Name {
	case "true":
		return true
	case "false":
		return false
	case "$variable":
		v, ok := n.vars[p.Segments[1].Name]
		if !ok {
			return undefined{}
		}
		return v
	}
	value, ok := n.inputs[p.Segments[1].Name]
	for _, segment := range p.Segments[2:] {
		if !ok {
			break
		}
		if segment.IsIndex {
			list, _ := value.([]any)
			if ok = segment.Index < len(list); ok {
				value = list[segment.Index]
			}
			continue
		}
		members, _ := value.(map[string]any)
		value, ok = members[segment.Name]
	}
	if !ok {
		return undefined{}
	}
	if number, isNumber := value.(json.Number); isNumber {
		if i, err := strconv.ParseInt(string(number), 10, 64); err == nil {
			return i
		}
		f, err := number.Float64()
		if err != nil {
			return undefined{}
		}
		return f
	}
	return value
}

func (n *naive) unary(x *exprlang.Unary) any {
	v := n.eval(x.X)
	if _, ok := v.(undefined); ok {
		return v
	}
	switch x.Operator {
	case "!":
		if b, ok := v.(bool); ok {
			return !b
		}
	case "~":
		if i, ok := v.(int64); ok {
			return ^i
		}
	case "-":
		switch v := v.(type) {
		case int64:
			if v != math.MinInt64 {
				return -v
			}
		case float64:
			return -v
		}
	}
	panic(fails{"unary"})
}

func (n *naive) binary(x *exprlang.Binary) any {
	if x.Operator == "&&" || x.Operator == "||" {
		left := n.boolean(x.X)
		if left == (x.Operator == "||") {
			return left
		}
		return n.boolean(x.Y)
	}
	a, b := n.eval(x.X), n.eval(x.Y)
	_, undefinedA := a.(undefined)
	_, undefinedB := b.(undefined)
	switch x.Operator {
	case "==":
		return !undefinedA && !undefinedB && n.same(a, b)
	case "!=":
		return undefinedA || undefinedB || !n.same(a, b)
	}
	if undefinedA || undefinedB {
		return undefined{}
	}
	switch x.Operator {
	case "<", "<=", ">", ">=":
		c := n.compare(a, b)
		return map[string]bool{"<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[x.Operator]
	case "|", "&", "^":
		i, ok1 := a.(int64)
		j, ok2 := b.(int64)
		if !ok1 || !ok2 {
			panic(fails{"bits"})
		}
		return map[string]int64{"|": i | j, "&": i & j, "^": i ^ j}[x.Operator]
	}
	return n.arithmetic(x.Operator, a, b)
}

// boolean is a side of && or ||: undefined counts as false.
func (n *naive) boolean(node exprlang.Node) bool {
	switch v := n.eval(node).(type) {
	case bool:
		return v
	case undefined:
		return false
	}
	panic(fails{"boolean"})
}

func rational(v any) *big.Rat {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v)
	case float64:
		return new(big.Rat).SetFloat64(v)
	}
	return nil
}

func (n *naive) same(a, b any) bool {
	if x, y := rational(a), rational(b); x != nil && y != nil {
		return x.Cmp(y) == 0
	}
	switch a.(type) {
	case nil, bool, string:
		return a == b
	}
	return false
}

func (n *naive) compare(a, b any) int {
	if x, y := rational(a), rational(b); x != nil && y != nil {
		return x.Cmp(y)
	}
	s, ok1 := a.(string)
	t, ok2 := b.(string)
	if !ok1 || !ok2 {
		panic(fails{"compare"})
	}
	return strings.Compare(s, t)
}

func (n *naive) arithmetic(operator string, a, b any) any {
	if s, ok := a.(string); ok && operator == "+" {
		if t, ok := b.(string); ok {
			return s + t
		}
	}
	i, ok1 := a.(int64)
	j, ok2 := b.(int64)
	if ok1 && ok2 {
		x, y, z := big.NewInt(i), big.NewInt(j), new(big.Int)
		switch operator {
		case "+":
			z.Add(x, y)
		case "-":
			z.Sub(x, y)
		case "*":
			z.Mul(x, y)
		case "/":
			if j == 0 {
				panic(fails{"zero"})
			}
			z.Quo(x, y)
		}
		if !z.IsInt64() {
			panic(fails{"overflow"})
		}
		return z.Int64()
	}
	if rational(a) == nil || rational(b) == nil {
		panic(fails{"types"})
	}
	f, g := float(a), float(b)
	result := map[string]func() float64{
		"+": func() float64 { return f + g }, "-": func() float64 { return f - g },
		"*": func() float64 { return f * g }, "/": func() float64 { return f / g },
	}[operator]()
	if math.IsNaN(result) || math.IsInf(result, 0) {
		panic(fails{"range"})
	}
	return result
}

func float(v any) float64 {
	if i, ok := v.(int64); ok {
		return float64(i)
	}
	return v.(float64)
}

func (n *naive) call(x *exprlang.Call) any {
	switch x.Name {
	case "isUndefined", "isNull":
		v := n.safely(x.Arguments[0])
		if x.Name == "isNull" {
			return v == nil
		}
		_, is := v.(undefined)
		return is
	case "convert":
		return n.convert(x.Arguments[0].(*exprlang.Path).Word(), n.eval(x.Arguments[1]))
	}
	var arguments []any
	for _, argument := range x.Arguments {
		arguments = append(arguments, n.eval(argument))
	}
	text := func(i int) string { s, _ := arguments[i].(string); return s }
	strung := func() bool {
		for _, a := range arguments {
			if _, ok := a.(string); !ok {
				return false
			}
		}
		return true
	}
	whole := func(i int) (int64, bool) { v, ok := arguments[i].(int64); return v, ok }
	switch x.Name {
	case "timeout":
		n.reads[text(0)] = true
		return n.frozen[text(0)]
	case "triggerType":
		return n.isTimer == strings.EqualFold(text(0), "timer")
	case "currentInput":
		return !n.isTimer && n.input == text(0)
	case "startsWith":
		if strung() {
			return strings.HasPrefix(text(0), text(1))
		}
	case "endsWith":
		if strung() {
			return strings.HasSuffix(text(0), text(1))
		}
	case "contains":
		if strung() {
			return strings.Contains(text(0), text(1))
		}
	case "bitnot":
		if i, ok := whole(0); ok {
			return -i - 1
		}
	case "bitor", "bitand", "bitxor":
		i, ok1 := whole(0)
		j, ok2 := whole(1)
		if ok1 && ok2 {
			return map[string]int64{"bitor": i | j, "bitand": i & j, "bitxor": i ^ j}[x.Name]
		}
	}
	return undefined{}
}

// safely computes what isUndefined and isNull ask about: a failure has no
// value.
func (n *naive) safely(node exprlang.Node) (value any) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(fails); !ok {
				panic(r)
			}
			value = undefined{}
		}
	}()
	return n.eval(node)
}

func (n *naive) convert(target string, v any) any {
	if _, ok := v.(undefined); ok {
		return v
	}
	switch target {
	case "String":
		switch v.(type) {
		case string, bool, int64, float64:
			return n.print(v)
		}
	case "Boolean":
		switch v := v.(type) {
		case bool:
			return v
		case string:
			if l := strings.ToLower(v); l == "true" || l == "false" {
				return l == "true"
			}
		}
	case "Decimal":
		switch v := v.(type) {
		case int64, float64:
			return float(v)
		case string:
			if strings.Trim(v, "0123456789.+-eE") == "" {
				if f, err := strconv.ParseFloat(v, 64); err == nil {
					return f
				}
			}
		}
	}
	panic(fails{"convert"})
}
