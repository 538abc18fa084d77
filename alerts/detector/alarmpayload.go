package detector

import (
	"strconv"
	"time"
)

// appendAlarmPayload appends the object that the service delivers for an alarm
// to a notification's Lambda function, and here to every action.
func (f *frame) appendAlarmPayload(b []byte) []byte {
	b = append(b, `{"alarmModelName":`...)
	b = appendQuoted(b, f.model.name)
	b = appendMember(b, "keyValue", f.trigger.Key)
	if a := f.model.alarm; a.hasSeverity {
		b = append(b, `,"severity":`...)
		b = strconv.AppendInt(b, a.severity, 10)
	}
	b = append(b, `,"stateUpdateTime":`...)
	b = strconv.AppendInt(b, milliseconds(f.at), 10)
	b = append(b, `,"alarmState":`...)
	b = f.appendAlarmState(b)
	return append(b, '}')
}

// appendAlarmState appends what SiteWise keeps in the property of an alarm.
func (f *frame) appendAlarmState(b []byte) []byte {
	memory := &f.state.extra.alarm
	b = append(b, `{"stateName":`...)
	b = appendQuoted(b, alarmNames[f.state.current].payload)
	if memory.evaluated {
		b = append(b, `,"ruleEvaluation":{"simpleRule":{"inputProperty":`...)
		b = memory.property.AppendJSON(b)
		b = append(b, `,"operator":`...)
		b = appendQuoted(b, string(f.model.alarm.operator))
		b = append(b, `,"threshold":`...)
		b = memory.threshold.AppendJSON(b)
		b = append(b, `}}`...)
	}
	if memory.operation != "" {
		b = memory.appendCustomerAction(b)
	}
	if memory.woke {
		b = append(b, `,"systemEvent":{"eventType":"STATE_CHANGE","stateChangeConfiguration":{"triggerType":"SNOOZE_TIMEOUT"}}`...)
	}
	return append(b, '}')
}

// customerActionMembers names the settings of a customer action in payloads.
var customerActionMembers = map[OperationKind]string{
	OperationAcknowledge: "acknowledge",
	OperationDisable:     "disable",
	OperationEnable:      "enable",
	OperationReset:       "reset",
	OperationSnooze:      "snooze",
}

func (a *alarmMemory) appendCustomerAction(b []byte) []byte {
	b = append(b, `,"customerAction":{"actionName":`...)
	b = appendQuoted(b, string(a.operation))
	b = append(b, ',')
	b = appendQuoted(b, customerActionMembers[a.operation])
	b = append(b, `:{`...)
	if a.operation == OperationSnooze {
		b = append(b, `"snoozeDuration":`...)
		b = strconv.AppendInt(b, int64(a.snooze/time.Second), 10)
		b = append(b, ',')
	}
	b = append(b, `"note":`...)
	b = appendQuoted(b, a.note)
	return append(b, `}}`...)
}
