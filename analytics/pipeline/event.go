package pipeline

// Reason is what became of a message, or of a part of it, beside its way
// through the pipeline. The names are counters.
type Reason string

// The reasons of events.
const (
	// InvalidMessage: the payload is no JSON object, and was dropped.
	InvalidMessage Reason = "invalidMessage"
	// AttributeMissing: addAttributes had nothing at a path.
	AttributeMissing Reason = "attributeMissing"
	// FilterUndefined: a filter could not decide, and dropped the message.
	FilterUndefined Reason = "filterUndefined"
	// FilterNotBoolean: a filter gave something else than a Boolean, and dropped
	// the message.
	FilterNotBoolean Reason = "filterNotBoolean"
	// MathUndefined: the result of math is undefined; the attribute was not
	// written.
	MathUndefined Reason = "mathUndefined"
	// MathNotNumber: the result of math is no number; the attribute was not
	// written.
	MathNotNumber Reason = "mathNotNumber"
	// ArithmeticError: a division by zero or a function outside of its domain
	// dropped the message, see [Semantics].
	ArithmeticError Reason = "arithmeticError"
	// SyntaxError: the expression is malformed, see [Semantics].LateSyntaxErrors.
	SyntaxError Reason = "syntaxError"
	// ThingMissing: there is no name of a thing at the path of an enrich
	// activity; the attribute was not written.
	ThingMissing Reason = "thingMissing"
	// ThingNotFound: the thing, or its shadow, does not exist; the attribute was
	// not written.
	ThingNotFound Reason = "thingNotFound"
	// EnrichFailed: the call of an enrich activity failed; the attribute was
	// not written.
	EnrichFailed Reason = "enrichFailed"
	// LambdaFailure: the function failed; the message was dropped, see [Failure].
	LambdaFailure Reason = "lambdaFailure"
	// LambdaCountMismatch: the function answered another number of messages.
	LambdaCountMismatch Reason = "lambdaCountMismatch"
	// InvalidField: a field whose name can't be one was left out.
	InvalidField Reason = "invalidField"
	// DuplicateField: a field was left out, since another one follows whose name
	// differs in case only.
	DuplicateField Reason = "duplicateField"
	// UnusualField: the name of a field does not match the pattern that was
	// printed for them; it is kept.
	UnusualField Reason = "unusualField"
)

// IsError reports whether the activity failed, which the service counted as
// ActivityExecutionError.
func (r Reason) IsError() bool {
	switch r {
	case AttributeMissing, FilterUndefined, InvalidField, DuplicateField, UnusualField:
		return false
	}
	return true
}

// Event is something to count.
type Event struct {
	// Source is the index of the payload.
	Source int
	// Activity is the name of the activity, and Type its type.
	Activity string
	Type     ActivityType
	Reason   Reason
	// Err says why a call failed; it is nil for other reasons.
	Err error
}
