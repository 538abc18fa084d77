package analytics

import (
	"fmt"
	"slices"
	"strings"
)

// PutError names the messages of a batch that will never be taken. All others
// are taken.
type PutError struct {
	// Failures are ordered by index.
	Failures []PutFailure
}

// PutFailure is a message that was refused.
type PutFailure struct {
	// Index is the place of the message in the batch, from 0.
	Index int
	// Err is [ErrMessage], [ErrDuplicateID], or [ErrRow] if the message is in the
	// channel, but what a pipeline made of it can't be kept.
	Err error
}

// Error returns the first failure, and how many there are.
func (e *PutError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "analytics: put message %d: %v", e.Failures[0].Index, e.Failures[0].Err)
	if more := len(e.Failures) - 1; more > 0 {
		fmt.Fprintf(&text, " (and %d more)", more)
	}
	return text.String()
}

// Unwrap returns the errors of all failures.
func (e *PutError) Unwrap() []error {
	all := make([]error, len(e.Failures))
	for i := range e.Failures {
		all[i] = e.Failures[i].Err
	}
	return all
}

// putError returns nil if there are no failures.
func putError(failures []PutFailure) error {
	if len(failures) == 0 {
		return nil
	}
	slices.SortStableFunc(failures, func(a, b PutFailure) int { return a.Index - b.Index })
	return &PutError{Failures: failures}
}
