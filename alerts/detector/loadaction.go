package detector

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// action reads the one action of an object such as {"sns": {...}}.
func (r *reader) action(o *object) (action, bool) {
	var kinds []string
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		if o.members[name] != nil {
			kinds = append(kinds, name)
		}
	}
	if len(kinds) != 1 {
		if len(kinds) == 0 {
			r.findings.add(LevelError, Structure, o.path, "The action is empty.")
			return action{}, false
		}
		r.findings.add(LevelError, Structure, o.path, "Actions may only have one type defined, but found an action with %d types. Please split into separate Actions.", len(kinds))
		return action{}, false
	}
	kind := ActionKind(kinds[0])
	read, ok := actionReaders[kind]
	if !ok || r.symbols.alarm && slices.Contains(innerActions, kind) {
		r.findings.add(LevelError, SupportedActions, o.at(kinds[0]), "Invalid action type present in action definition: %s.", kind)
		return action{}, false
	}
	settings := o.child(kinds[0])
	if settings == nil {
		return action{}, false
	}
	a := action{kind: kind, path: settings.path, step: read(r, settings, kind)}
	settings.end()
	return a, true
}

var actionReaders = map[ActionKind]func(*reader, *object, ActionKind) step{
	ActionSetVariable: (*reader).setVariable,
	ActionSetTimer:    (*reader).setTimer,
	ActionResetTimer:  (*reader).resetTimer,
	ActionClearTimer:  (*reader).clearTimer,
	ActionSNS:         plainDelivery("targetArn"),
	ActionIoTTopic:    (*reader).topicDelivery,
	ActionLambda:      plainDelivery("functionArn"),
	ActionSQS:         (*reader).sqsDelivery,
	ActionFirehose:    (*reader).firehoseDelivery,
	ActionIoTEvents:   plainDelivery("inputName"),
	ActionDynamoDB:    (*reader).dynamoDBDelivery,
	ActionDynamoDBv2:  (*reader).dynamoDBv2Delivery,
	ActionSiteWise:    (*reader).siteWiseDelivery,
}

// innerActions act on the detector itself, which alarms don't have.
var innerActions = []ActionKind{ActionSetVariable, ActionSetTimer, ActionResetTimer, ActionClearTimer}

func (r *reader) setVariable(o *object, _ ActionKind) step {
	name, value := o.name("variableName"), o.required("value")
	if name != "" && !isVariableName(name) {
		r.findings.add(LevelError, Structure, o.at("variableName"), "%q is no variable name, want letters, digits and '_' after a letter", name)
	}
	use(r.symbols.variables, name).set = true
	o.limit("value", value, maxExpressionLength)
	v := &setVariable{}
	if value != "" {
		v.value = r.formula(value, o.at("value"), anything, fmt.Sprintf("`SetVariableAction.value` must be an expression. Failed to parse value '%s'", value))
	}
	if v.value != nil {
		v.value.variable = name
	}
	r.later = append(r.later, func() { v.index = r.symbols.variable(name) })
	return v
}

// timerName reads the name of a timer, whose place will be known later.
func (r *reader) timerName(o *object, index *int) string {
	name := o.name("timerName")
	use(r.symbols.timers, name)
	r.later = append(r.later, func() { *index = r.symbols.timer(name) })
	return name
}

func (r *reader) setTimer(o *object, _ ActionKind) step {
	t := &setTimer{}
	name := r.timerName(o, &t.index)
	use(r.symbols.timers, name).set = true
	duration := o.text("durationExpression")
	switch hasSeconds := o.has("seconds"); {
	case hasSeconds && duration != "":
		r.findings.add(LevelError, Structure, o.path, "Only one of seconds and durationExpression can be set in SetTimer.")
	case hasSeconds:
		t.seconds = r.seconds(o, name)
	case duration == "":
		r.findings.add(LevelError, Structure, o.path, "One of seconds and durationExpression must be set in SetTimer.")
	default:
		o.limit("durationExpression", duration, maxExpressionLength)
		t.duration = r.formula(duration, o.at("durationExpression"), numbers, fmt.Sprintf("Failed to parse duration expression '%s' for timer '%s'", duration, name))
		r.wantTypes(t.duration, numbers, "Duration expression %s for timer %s is not valid, it must return a number.", duration, name)
	}
	return t
}

func (r *reader) seconds(o *object, name string) int64 {
	seconds, ok := number(o.members["seconds"])
	if !ok {
		o.wrongType("seconds", "a whole number")
		return 0
	}
	least := int64(strictMinTimer / time.Second)
	if r.options.MinTimer > 0 {
		least = r.model.minTimer
	}
	switch {
	case seconds > maxTimerSeconds:
		r.findings.add(LevelError, ServiceLimits, o.at("seconds"), "The duration for timer %s should be at most %d seconds long.", name, maxTimerSeconds)
	case seconds < r.model.minTimer:
		r.findings.add(LevelError, ServiceLimits, o.at("seconds"), "The duration for timer %s should be at least %d seconds long.", name, r.model.minTimer)
	case seconds < least:
		r.findings.add(LevelWarning, ServiceLimits, o.at("seconds"), "The duration for timer %s should be at least %d seconds long.", name, least)
	}
	return seconds
}

// wantTypes reports an expression that can't have a type that is wanted.
func (r *reader) wantTypes(f *formula, want types, format string, args ...any) {
	if f == nil {
		return
	}
	r.later = append(r.later, func() {
		if f.types&want == 0 {
			at := &exprlang.Error{Source: f.source, Offset: f.node.Offset()}
			r.findings.expression(r.findings.quota(), DataType, f.path, at, fmt.Sprintf(format, args...))
		}
	})
}

func (r *reader) resetTimer(o *object, _ ActionKind) step {
	t := &resetTimer{}
	r.timerName(o, &t.index)
	return t
}

func (r *reader) clearTimer(o *object, _ ActionKind) step {
	t := &clearTimer{}
	r.timerName(o, &t.index)
	return t
}

// plainDelivery reads actions that have a target and a payload.
func plainDelivery(target string) func(*reader, *object, ActionKind) step {
	return func(r *reader, o *object, kind ActionKind) step {
		return r.delivery(o, kind, r.plain(o, target))
	}
}

func (r *reader) delivery(o *object, kind ActionKind, target ...*text) *delivery {
	d := &delivery{target: target, as: PayloadDefault}
	r.payload(o, kind, d)
	return d
}

// plain reads a target that is literal unless it holds ${}.
func (r *reader) plain(o *object, member string) *text {
	literal := o.required(member)
	o.limit(member, literal, maxARNLength)
	t := &text{literal: literal}
	if !strings.Contains(literal, "${") {
		return t
	}
	node, err := dialect.ParseTemplate(literal)
	if err == nil && len(r.symbols.check(node)) == 0 {
		t.formula = &formula{source: literal, path: o.at(member), node: node, want: texts}
		r.add(t.formula)
		return t
	}
	r.findings.add(LevelWarning, ExpressionSyntax, o.at(member), "Failed to parse the expressions in '%s': it is taken literally.", literal)
	return t
}

// wanted reads a setting that is always an expression.
func (r *reader) wanted(o *object, member, message string) *formula {
	source := o.text(member)
	if source == "" {
		return nil
	}
	return r.formula(source, o.at(member), anything, message)
}

func (r *reader) topicDelivery(o *object, kind ActionKind) step {
	literal := o.required("mqttTopic")
	o.limit("mqttTopic", literal, maxTopicExpression)
	target := &text{literal: literal, orLiteral: true}
	if !r.model.semantics.LiteralTopics {
		// What does not parse, or reads no names of the language, is literal.
		if node, err := dialect.Parse(literal); err == nil && len(r.symbols.check(node)) == 0 {
			target.formula = &formula{source: literal, path: o.at("mqttTopic"), node: node, want: anything}
			r.add(target.formula)
		}
	}
	if problem := checkTopic(literal); target.formula == nil && problem != "" && literal != "" {
		r.findings.add(LevelError, Structure, o.at("mqttTopic"), "topic %q %s", literal, problem)
	}
	d := r.delivery(o, kind, target)
	d.topic = true
	return d
}

func (r *reader) sqsDelivery(o *object, kind ActionKind) step {
	d := r.delivery(o, kind, r.plain(o, "queueUrl"))
	if o.has("useBase64") {
		d.fields = append(d.fields, field{name: "useBase64", value: BooleanValue(o.flag("useBase64"))})
	}
	return d
}

func (r *reader) firehoseDelivery(o *object, kind ActionKind) step {
	d := r.delivery(o, kind, r.plain(o, "deliveryStreamName"))
	if separator := o.text("separator"); separator != "" {
		if !slices.Contains([]string{"\n", "\t", "\r\n", ","}, separator) {
			r.findings.add(LevelError, Structure, o.at("separator"), "separator is %q, want a line feed, a tab, a carriage return with line feed, or a comma", separator)
		}
		d.fields = append(d.fields, field{name: "separator", value: StringValue(separator)})
	}
	return d
}

func (r *reader) dynamoDBDelivery(o *object, kind ActionKind) step {
	message := func(member string) string {
		return fmt.Sprintf("We couldn't parse your expression of the attributes (%s) for the DynamoDB action. Enter expression with the correct syntax.", member)
	}
	d := r.delivery(o, kind, r.expressionTarget(o, "tableName", message("tableName")))
	for _, member := range []string{"hashKeyField", "hashKeyValue"} {
		if o.required(member) != "" {
			r.addField(d, o, member, Undefined, message(member))
		}
	}
	for _, member := range []string{"hashKeyType", "rangeKeyField", "rangeKeyValue", "rangeKeyType", "operation", "payloadField"} {
		r.addField(d, o, member, Undefined, message(member))
	}
	return d
}

func (r *reader) expressionTarget(o *object, member, message string) *text {
	if o.required(member) == "" {
		return &text{}
	}
	return &text{formula: r.wanted(o, member, message)}
}

// addField adds a setting that is always an expression, if it is there.
func (r *reader) addField(d *delivery, o *object, member string, as Kind, message string) {
	if f := r.wanted(o, member, message); f != nil {
		name := strings.TrimPrefix(o.path[strings.LastIndexByte(o.path, ']')+1:]+"."+member, ".")
		_, name, _ = strings.Cut(name, ".") // without the kind of the action
		d.fields = append(d.fields, field{name: name, formula: f, as: as})
		if _, quoted := f.node.(*exprlang.String); !quoted { // '42' is converted
			f.as = as
		}
	}
}

func (r *reader) dynamoDBv2Delivery(o *object, kind ActionKind) step {
	d := r.delivery(o, kind, r.expressionTarget(o, "tableName", "We couldn't parse your expression of the tableName for the DynamoDBv2 action. Enter expression with the correct syntax."))
	if d.as == PayloadString {
		r.findings.add(LevelError, ExpressionSyntax, o.at("payload.type"), "We couldn't evaluate your expression to valid JSON. The DynamoDBv2 action only supports the JSON payload type.")
	}
	return d
}

func (r *reader) siteWiseDelivery(o *object, _ ActionKind) step {
	message := func(member string) string {
		return fmt.Sprintf("Your %s for `IotSitewiseAction` couldn't be parsed. You must use correct syntax in your expression.", member)
	}
	d := &delivery{as: PayloadDefault}
	switch alias := r.wanted(o, "propertyAlias", message("propertyAlias")); {
	case o.has("propertyAlias"):
		d.target = []*text{{formula: alias}}
	default:
		d.target = []*text{
			r.expressionTarget(o, "assetId", message("assetId")),
			r.expressionTarget(o, "propertyId", message("propertyId")),
		}
	}
	r.addField(d, o, "entryId", String, message("entryId"))
	if o.has("propertyAlias") {
		r.addField(d, o, "assetId", String, message("assetId"))
		r.addField(d, o, "propertyId", String, message("propertyId"))
	}
	value := o.child("propertyValue")
	if value == nil {
		d.alarmState = r.symbols.alarm
		return d
	}
	d.bare, d.as = true, ""
	r.addField(d, value, "quality", String, message("quality"))
	r.siteWiseFields(d, value, "timestamp", message, map[string]Kind{"timeInSeconds": Integer, "offsetInNanos": Integer})
	r.siteWiseFields(d, value, "value", message, map[string]Kind{
		"stringValue": String, "integerValue": Integer, "doubleValue": Decimal, "booleanValue": Boolean,
	})
	value.end()
	return d
}

func (r *reader) siteWiseFields(d *delivery, parent *object, member string, message func(string) string, members map[string]Kind) {
	o := parent.child(member)
	if o == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		r.addField(d, o, name, members[name], message(name))
	}
	o.end()
}

// payload reads what is delivered instead of the default payload.
func (r *reader) payload(o *object, kind ActionKind, d *delivery) {
	p := o.child("payload")
	if p == nil {
		return
	}
	source := p.text("contentExpression")
	switch d.as = PayloadType(p.required("type")); d.as {
	case PayloadJSON, PayloadString, "":
	default:
		r.findings.add(LevelError, Structure, p.at("type"), "unknown payload type %q, want STRING or JSON", d.as)
	}
	if source == "" {
		r.findings.add(LevelError, ExpressionSyntax, p.at("contentExpression"), "Customized Payloads must be non-empty.")
		return
	}
	if len(source) > maxContentBytes {
		r.findings.add(r.findings.quota(), ServiceLimits, p.at("contentExpression"), "Content Expression allowed in payload exceeded the limit %d bytes%s.", maxContentBytes, r.place)
	}
	message := fmt.Sprintf("We couldn't parse your content expression for the payload of %s. Enter a content expression with the correct syntax.", kind)
	if d.as == PayloadJSON {
		message = fmt.Sprintf("Your payload expression {%s} isn't valid. The defined payload type is JSON, so you must specify an expression that AWS IoT Events would evaluate to a string.", source)
	}
	d.payload = r.formula(source, p.at("contentExpression"), texts, message)
	if d.payload != nil {
		d.payload.json = d.as == PayloadJSON
	}
	r.wantTypes(d.payload, texts, "The payload expression [%s] isn't valid. Specify an expression that would evaluate to a string at runtime because the payload type is %s format.", source, d.as)
	p.end()
}
