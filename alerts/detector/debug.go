package detector

// AppendDebug appends the record that the service logged at level DEBUG for an
// evaluation, as JSON: states and variables before and after, and the outcome
// of each condition. The evaluation must have been traced, see [Result.Trace];
// s and t are its state and trigger, unchanged since.
func (r *Result) AppendDebug(b []byte, s *State, t *Trigger) []byte {
	b = append(b, `{"timestamp":"`...)
	b = r.At.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","level":"DEBUG","logMessage":"Summary of message evaluation","context":"MessageEvaluation","status":"Success"`...)
	b = appendMember(b, "messageId", t.MessageID)
	b = appendMember(b, "keyValue", t.Key)
	b = appendMember(b, "detectorModelName", s.model.name)
	b = appendMember(b, "initialState", r.Before)
	b = append(b, `,"initialVariables":`...)
	b = appendVariables(b, r.VariablesBefore)
	b = appendMember(b, "finalState", r.After)
	b = append(b, `,"finalVariables":`...)
	b = appendVariables(b, s.AppendVariables(nil))
	switch {
	case t.Message != nil:
		b = appendMember(b, "message", string(t.Message.scanner.data))
		b = appendMember(b, "messageType", "CUSTOMER_MESSAGE")
	case t.Operation != nil:
		b = appendMember(b, "operation", string(t.Operation.Kind))
		b = appendMember(b, "messageType", "OPERATION_MESSAGE")
	default:
		b = appendMember(b, "timerName", t.Timer)
		b = appendMember(b, "messageType", "TIMER_MESSAGE")
	}
	b = append(b, `,"conditionEvaluationResults":[`...)
	for i := range r.Conditions {
		if i > 0 {
			b = append(b, ',')
		}
		b = r.Conditions[i].append(b)
	}
	return append(b, `]}`...)
}

func (c *Condition) append(b []byte) []byte {
	b = append(b, `{"result":`...)
	b = appendQuoted(b, string(c.Outcome))
	b = appendMember(b, "eventName", c.EventName)
	b = appendMember(b, "state", c.StateName)
	b = appendMember(b, "lifeCycle", string(c.Lifecycle))
	b = append(b, `,"hasTransition":`...)
	b = BooleanValue(c.Transition).appendText(b)
	b = appendMember(b, "resultDetails", c.Details)
	return append(b, '}')
}

// appendMember appends a member of an object that has one already, unless it
// is empty.
func appendMember(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	b = append(b, ',')
	b = appendQuoted(b, name)
	b = append(b, ':')
	return appendQuoted(b, text)
}

func appendVariables(b []byte, variables []Variable) []byte {
	separator := byte('{')
	for _, v := range variables {
		b = append(b, separator)
		b = appendQuoted(b, v.Name)
		b = append(b, ':')
		b = v.Value.AppendJSON(b)
		separator = ','
	}
	return closeObject(b, separator)
}
