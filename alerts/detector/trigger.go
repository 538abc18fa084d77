package detector

import "time"

// Trigger starts an evaluation: a message, a timer that is due, or an
// operation. Set Message, Timer or Operation, and only one of them.
type Trigger struct {
	// At is the time of the evaluation, by which timers are set and which
	// payloads show. It is kept in microseconds.
	At time.Time
	// Scope separates the action ids of those who share a model's name and key
	// values: the tenant, for example.
	Scope string
	// Key is the detector's key value; empty for the only detector of a model
	// without key.
	Key string

	// Message was read by [Model.Read] of this model.
	Message *Message
	// MessageID is shown in payloads.
	MessageID string

	// Timer is the name of the timer that is due.
	Timer string
	// Due is the time that [State.NextTimer] gave for it.
	Due time.Time

	// Operation is what an operator does. Its errors are [ErrOperation] and
	// [ErrNoDetector].
	Operation *Operation
}
