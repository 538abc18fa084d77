package detector

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Quotas of the service on alarm models.
const (
	maxRuleLength      = 512
	maxAlarmActions    = 10
	maxNotifications   = 10
	maxMessageLength   = 200
	maxSeverity        = math.MaxInt32
	siteWiseAlarmKey   = "assetId"
	siteWiseProperties = "$sitewise"
)

// isAlarm reports whether a document, or what it wraps, is an alarm model.
func isAlarm(o *object) bool {
	for _, member := range []string{"alarmModel", "alarmRule", "alarmModelName"} {
		if o.members[member] != nil {
			return true
		}
	}
	return false
}

// alarmDocument reads the body of CreateAlarmModel, or the answer of
// DescribeAlarmModel.
func (r *reader) alarmDocument(o *object) {
	if o.has("alarmModel") {
		o.ignore("schemaVersion")
		if model := o.child("alarmModel"); model != nil {
			model.path = ""
			r.alarmDocument(model)
		}
		o.end()
		return
	}
	o.ignore("schemaVersion", "tags", "alarmModelArn", "creationTime", "lastUpdateTime", "status", "statusMessage")
	r.symbols.alarm = true
	r.alarmConfiguration(o)
	r.alarmCapabilities(o)
	if rule := o.child("alarmRule"); rule != nil {
		r.alarmRule(rule)
	} else if !o.has("alarmRule") {
		o.missing("alarmRule")
	}
	r.alarmActions(o)
	r.alarmNotifications(o)
	o.end()
	r.checkAlarmInputs()
}

func (r *reader) alarmConfiguration(o *object) {
	m := r.model
	m.alarm = &alarm{}
	m.name = r.modelName(o, "alarmModelName")
	m.description = o.text("alarmModelDescription")
	o.limit("alarmModelDescription", m.description, maxDescriptionLength)
	m.role = o.text("roleArn")
	if version := o.text("alarmModelVersion"); m.version == "" {
		m.version = version
	}
	r.key(o)
	if o.has("severity") {
		severity, ok := number(o.members["severity"])
		if !ok || severity < 0 || severity > maxSeverity {
			r.findings.add(LevelError, Structure, o.at("severity"), "severity is no whole number from 0 to %d", maxSeverity)
		}
		m.alarm.severity, m.alarm.hasSeverity = severity, true
	}
	for i := range alarmNames {
		m.states = append(m.states, state{name: alarmNames[i].api})
	}
	m.initial = int32(normal)
	use(r.symbols.timers, SnoozeTimer).set = true
}

func (r *reader) alarmCapabilities(o *object) {
	a := r.model.alarm
	a.disabled, a.acknowledge = true, r.model.semantics.AcknowledgeFlow
	capabilities := o.child("alarmCapabilities")
	if capabilities == nil {
		return
	}
	if initialization := capabilities.child("initializationConfiguration"); initialization != nil {
		if initialization.has("disabledOnInitialization") {
			a.disabled = initialization.flag("disabledOnInitialization")
		}
		initialization.end()
	}
	if flow := capabilities.child("acknowledgeFlow"); flow != nil {
		if flow.has("enabled") {
			a.acknowledge = flow.flag("enabled")
		}
		flow.end()
	}
	capabilities.end()
}

func (r *reader) alarmRule(o *object) {
	rule := o.child("simpleRule")
	if rule == nil {
		if !o.has("simpleRule") {
			o.missing("simpleRule")
		}
		return
	}
	a := r.model.alarm
	a.property = r.ruleFormula(rule, "inputProperty")
	a.threshold = r.ruleFormula(rule, "threshold")
	if a.property != nil && a.threshold != nil {
		a.property.against, a.threshold.against = a.threshold, a.property
	}
	a.operator = Comparison(rule.required("comparisonOperator"))
	if _, ok := comparisons[a.operator]; !ok && a.operator != "" {
		r.findings.add(LevelError, Structure, rule.at("comparisonOperator"),
			"unknown comparison operator %q, want GREATER, GREATER_OR_EQUAL, LESS, LESS_OR_EQUAL, EQUAL or NOT_EQUAL", a.operator)
	}
	rule.end()
	o.end()
}

func (r *reader) ruleFormula(rule *object, member string) *formula {
	source := rule.required(member)
	if source == "" {
		return nil
	}
	rule.limit(member, source, maxRuleLength)
	return r.formula(source, rule.at(member), anything, fmt.Sprintf("Failed to parse expression '%s' for %s", source, member))
}

func (r *reader) alarmActions(o *object) {
	a := r.model.alarm
	parent := o.child("alarmEventActions")
	if parent == nil {
		return
	}
	actions := parent.children("alarmActions")
	if len(actions) > maxAlarmActions {
		r.findings.add(r.findings.quota(), ServiceLimits, parent.at("alarmActions"), "Number of actions allowed per alarm model exceeded the limit %d", maxAlarmActions)
	}
	for _, child := range actions {
		if action, ok := r.action(child); ok {
			a.actions.actions = append(a.actions.actions, action)
		}
	}
	parent.end()
}

func (r *reader) alarmNotifications(o *object) {
	a := r.model.alarm
	parent := o.child("alarmNotification")
	if parent == nil {
		return
	}
	notifications := parent.children("notificationActions")
	if len(notifications) > maxNotifications {
		r.findings.add(r.findings.quota(), ServiceLimits, parent.at("notificationActions"), "Number of notifications allowed per alarm model exceeded the limit %d", maxNotifications)
	}
	for _, child := range notifications {
		step := r.notification(child)
		a.notifications.actions = append(a.notifications.actions, action{kind: ActionNotification, path: child.path, step: step})
	}
	parent.end()
}

func (r *reader) notification(o *object) *notification {
	n := &notification{delivery: delivery{target: []*text{{}}, as: PayloadDefault}}
	if parent := o.child("action"); parent != nil {
		if function := parent.child("lambdaAction"); function != nil {
			n.delivery = *r.delivery(function, ActionNotification, r.plain(function, "functionArn"))
			function.end()
		}
		parent.end()
	} else if !o.has("action") {
		r.findings.add(r.findings.quota(), Structure, o.at("action"), "action is required.")
	}
	for _, child := range o.children("emailConfigurations") {
		n.emails = append(n.emails, r.email(child))
	}
	for _, child := range o.children("smsConfigurations") {
		n.sms = append(n.sms, r.sms(child))
	}
	o.end()
	return n
}

func (r *reader) email(o *object) emailTexts {
	e := emailTexts{from: r.loose(o, "from")}
	if content := o.child("content"); content != nil {
		e.subject = r.loose(content, "subject")
		e.message = r.loose(content, "additionalMessage")
		content.end()
	}
	if recipients := o.child("recipients"); recipients != nil {
		e.to = r.identities(recipients, "to")
		recipients.end()
	} else if !o.has("recipients") {
		o.missing("recipients")
	}
	o.end()
	return e
}

func (r *reader) sms(o *object) smsTexts {
	s := smsTexts{sender: r.loose(o, "senderId"), message: r.loose(o, "additionalMessage")}
	o.limit("additionalMessage", o.text("additionalMessage"), maxMessageLength)
	s.recipients = r.identities(o, "recipients")
	if len(s.recipients) == 0 && !o.has("recipients") {
		o.missing("recipients")
	}
	o.end()
	return s
}

func (r *reader) identities(o *object, member string) []identityTexts {
	var identities []identityTexts
	for _, child := range o.children(member) {
		if identity := child.child("ssoIdentity"); identity != nil {
			identities = append(identities, identityTexts{r.loose(identity, "identityStoreId"), r.loose(identity, "userId")})
			identity.end()
		}
		child.end()
	}
	return identities
}

// loose reads a setting that is an expression if it parses as one, and else
// literal. It is nil if there is none.
func (r *reader) loose(o *object, member string) *text {
	literal := o.text(member)
	if literal == "" {
		return nil
	}
	t := &text{literal: literal}
	if node, err := dialect.Parse(literal); err == nil && len(r.symbols.check(node)) == 0 {
		t.formula = &formula{source: literal, path: o.at(member), node: node, want: anything}
		r.add(t.formula)
	}
	return t
}

// checkAlarmInputs reports a rule that reads no input, notes which inputs the
// property reads, and gives alarms of SiteWise properties their key.
func (r *reader) checkAlarmInputs() {
	a := r.model.alarm
	if a.property == nil || a.threshold == nil {
		return
	}
	if !readsInput(a.property.node) {
		r.findings.add(LevelError, Structure, a.property.path, "The input property must read an input.")
	}
	properties := inputsOf(a.property.node)
	siteWise := slices.ContainsFunc(properties, func(name string) bool { return strings.HasPrefix(name, siteWiseProperties+".") })
	if siteWise && r.model.key == "" {
		r.model.key, r.keyPath = siteWiseAlarmKey, []string{siteWiseAlarmKey}
	}
	r.checkKey()
	r.later = append(r.later, func() {
		a.relation = relations[comparisons[a.operator]]
		for _, name := range properties {
			a.reads = append(a.reads, r.model.findInput(name))
		}
	})
}
