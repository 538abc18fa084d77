package detector

import "strconv"

// appendDefaultPayload appends the object that the service delivers for an
// action without a payload of its own.
func (f *frame) appendDefaultPayload(id ActionID) {
	if f.model.alarm != nil {
		f.buffer = f.appendAlarmPayload(f.buffer)
		return
	}
	b := append(f.buffer, `{"eventName":`...)
	b = appendQuoted(b, f.event.name)
	b = append(b, `,"eventTime":`...)
	b = strconv.AppendInt(b, milliseconds(f.at), 10)
	b = append(b, `,"payload":{"actionExecutionId":"`...)
	b = id.append(b)
	b = append(b, `","detector":{"detectorModelName":`...)
	b = appendQuoted(b, f.model.name)
	if f.trigger.Key != "" {
		b = append(b, `,"keyValue":`...)
		b = appendQuoted(b, f.trigger.Key)
	}
	b = append(b, `,"detectorModelVersion":`...)
	b = appendQuoted(b, f.model.version)
	b = append(b, `},"eventTriggerDetails":{`...)
	b = f.appendTrigger(b)
	b = append(b, `},"state":{"stateName":`...)
	b = appendQuoted(b, f.current.name)
	b = append(b, `,"variables":`...)
	b = f.appendVariables(b)
	b = append(b, `,"timers":`...)
	b = f.appendTimers(b)
	f.buffer = append(b, `}}}`...)
}

func (f *frame) appendTrigger(b []byte) []byte {
	if f.input < 0 {
		b = append(b, `"triggerType":"Timer"`...)
		if !f.model.semantics.BareTimerPayload {
			b = append(b, `,"timerName":`...)
			b = appendQuoted(b, f.trigger.Timer)
		}
		return b
	}
	b = append(b, `"inputName":`...)
	b = appendQuoted(b, f.model.inputs[f.input].name)
	if f.trigger.MessageID != "" {
		b = append(b, `,"messageId":`...)
		b = appendQuoted(b, f.trigger.MessageID)
	}
	return append(b, `,"triggerType":"Message"`...)
}

func (f *frame) appendVariables(b []byte) []byte {
	separator := byte('{')
	for i, value := range f.state.vars {
		if value.kind == Undefined {
			continue
		}
		b = append(b, separator)
		b = appendQuoted(b, f.state.variableName(i))
		b = append(b, ':')
		b = value.AppendJSON(b)
		separator = ','
	}
	return closeObject(b, separator)
}

func (f *frame) appendTimers(b []byte) []byte {
	separator := byte('{')
	for i := range f.state.timers {
		t := &f.state.timers[i]
		if t.flags&(running|elapsed) == 0 {
			continue
		}
		b = append(b, separator)
		b = appendQuoted(b, f.state.timerName(i))
		b = append(b, `:{"timestamp":`...)
		b = strconv.AppendInt(b, milliseconds(t.due), 10)
		b = append(b, '}')
		separator = ','
	}
	return closeObject(b, separator)
}

// closeObject ends an object whose next separator is known: it is still open
// if there was no member.
func closeObject(b []byte, separator byte) []byte {
	if separator == '{' {
		b = append(b, '{')
	}
	return append(b, '}')
}

func milliseconds(micro int64) int64 { return micro / 1000 }
