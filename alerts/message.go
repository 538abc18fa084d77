package alerts

import (
	"fmt"
	"slices"
	"strings"
)

// MaxMessageID is the limit of a message id in bytes.
const MaxMessageID = 256

// Message is what a device or another source tells the detectors.
type Message struct {
	// Input is the name of the input that the message is for. Every active
	// model of the tenant whose expressions read this input evaluates it.
	Input string
	// ID identifies the message among those of its input, at most
	// [MaxMessageID] bytes. A detector ignores a message whose id it has
	// accepted within [Window]. A message without id is always new.
	ID string
	// Payload is a JSON object. It is not kept.
	Payload []byte

	// hops counts the detectors that the message came through.
	hops int
}

func (m *Message) check() error {
	if m.Input == "" {
		return fmt.Errorf("%w: no input", ErrMessage)
	}
	if len(m.ID) > MaxMessageID {
		return fmt.Errorf("%w: id of %d bytes, limit %d", ErrMessage, len(m.ID), MaxMessageID)
	}
	return nil
}

// PutError tells which messages of a batch were not, or not everywhere,
// evaluated. All others are.
type PutError struct {
	// Failures are ordered by index, then by model.
	Failures []Failure
}

// Failure is one message that one model did not take.
type Failure struct {
	// Index is the place of the message in the batch, from 0.
	Index int
	// Model is the name of the model; empty if the message reached none.
	Model string
	Err   error
}

// Error returns the first failure, and how many there are.
func (e *PutError) Error() string {
	var text strings.Builder
	first := e.Failures[0]
	fmt.Fprintf(&text, "alerts: put message %d", first.Index)
	if first.Model != "" {
		fmt.Fprintf(&text, " to model %s", first.Model)
	}
	fmt.Fprintf(&text, ": %v", first.Err)
	if more := len(e.Failures) - 1; more > 0 {
		fmt.Fprintf(&text, " (and %d more)", more)
	}
	return text.String()
}

// Unwrap returns the errors that decide what to do with the whole batch: those
// that may pass, if there are any, else all. So iotenant.KindOf never calls a
// batch invalid while sending it again could still help.
func (e *PutError) Unwrap() []error {
	var passing, all []error
	for _, failure := range e.Failures {
		all = append(all, failure.Err)
		if !Permanent(failure.Err) {
			passing = append(passing, failure.Err)
		}
	}
	if len(passing) > 0 {
		return passing
	}
	return all
}

// putError returns nil if there are no failures.
func putError(failures []Failure) error {
	if len(failures) == 0 {
		return nil
	}
	slices.SortFunc(failures, func(a, b Failure) int {
		if a.Index != b.Index {
			return a.Index - b.Index
		}
		return strings.Compare(a.Model, b.Model)
	})
	return &PutError{Failures: failures}
}
