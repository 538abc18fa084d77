package analytics

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
var (
	// ErrMessage: a message breaks a rule of [Message.Check]. From
	// [Store.Append] it comes in a [*MessageError].
	ErrMessage = fmt.Errorf("analytics: %w message", iotenant.ErrInvalid)
	// ErrBatch: an append of no message, or of more than [MaxBatch].
	ErrBatch = fmt.Errorf("analytics: %w batch", iotenant.ErrInvalid)
	// ErrQuery: a query has an impossible limit, time or name.
	ErrQuery = fmt.Errorf("analytics: %w query", iotenant.ErrInvalid)
	// ErrLimit: a query, or a tenant's windows, need more groups, values or
	// buckets at a time than there may be. Ask for less of the time, things or
	// metrics; advance the windows.
	ErrLimit = fmt.Errorf("analytics: beyond the limit: %w", iotenant.ErrInvalid)
	// ErrWindow: windows of an impossible length or with impossible options.
	ErrWindow = fmt.Errorf("analytics: %w window", iotenant.ErrInvalid)
	// ErrState: what was given to [Windows.Restore] is not a state of these
	// windows and this tenant.
	ErrState = fmt.Errorf("analytics: %w state of windows", iotenant.ErrInvalid)
	// ErrDefinition: the definition of a channel, pipeline, data store or data
	// set can't be, has no name, or names what is not there. What was found is
	// in the error as a *pipeline.DefinitionError, if it is about the text.
	ErrDefinition = fmt.Errorf("analytics: %w definition", iotenant.ErrInvalid)
	// ErrNoDefinition: the tenant has no channel, pipeline, data store or data
	// set of this name.
	ErrNoDefinition = fmt.Errorf("analytics: definition %w", iotenant.ErrNotFound)
	// ErrDefined: there is a definition of this kind and name.
	ErrDefined = fmt.Errorf("analytics: definition %w", iotenant.ErrExists)
	// ErrInUse: a pipeline reads the channel, or writes to the data store, that
	// is to be deleted.
	ErrInUse = fmt.Errorf("analytics: in use by a pipeline: %w", iotenant.ErrConflict)
	// ErrQuota: the tenant has as many as it may have. Trying again does not
	// help.
	ErrQuota = fmt.Errorf("analytics: quota exceeded: %w", iotenant.ErrDenied)
	// ErrDuplicateID: another message of the batch has the same id, and was
	// taken.
	ErrDuplicateID = fmt.Errorf("analytics: message id %w in the batch", iotenant.ErrExists)
	// ErrCorrupt: what is stored can't be read as it was written. Nothing of
	// it is skipped silently: the call fails, and the text says where.
	ErrCorrupt = fmt.Errorf("analytics: corrupt data: %w", iotenant.ErrUnavailable)
	// ErrClosed: the store was closed.
	ErrClosed = fmt.Errorf("analytics: store closed: %w", iotenant.ErrUnavailable)
)

// MessageError says which message of an append was refused.
type MessageError struct {
	// Index is the position of the message in the append, from 0.
	Index int
	// Err wraps [ErrMessage] or device.ErrID.
	Err error
}

// Error returns the text of the error.
func (e *MessageError) Error() string { return fmt.Sprintf("message %d: %v", e.Index, e.Err) }

// Unwrap returns Err.
func (e *MessageError) Unwrap() error { return e.Err }
