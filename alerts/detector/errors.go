package detector

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
var (
	// ErrModel: the model can't run. The error that [Load] returns is a
	// [*ModelError] with all findings.
	ErrModel = fmt.Errorf("detector: %w model", iotenant.ErrInvalid)
	// ErrInput: the model reads no input of this name.
	ErrInput = fmt.Errorf("detector: %w input", iotenant.ErrInvalid)
	// ErrPayload: the payload is no JSON object in UTF-8, or nests too deep.
	ErrPayload = fmt.Errorf("detector: %w payload", iotenant.ErrInvalid)
	// ErrKey: the payload has no usable value at the path of the model's key.
	ErrKey = fmt.Errorf("detector: %w key", iotenant.ErrInvalid)
	// ErrTrigger: the trigger is not exactly one of message, timer and
	// operation, or its message was read by another model.
	ErrTrigger = fmt.Errorf("detector: %w trigger", iotenant.ErrInvalid)
	// ErrTimer: the timer of a trigger does not run, or is due at another
	// time: it was reset, cleared, or fired before. Drop the trigger.
	ErrTimer = fmt.Errorf("detector: stale timer: %w", iotenant.ErrConflict)
	// ErrState: the state belongs to another model, is not in a state of this
	// model, or its encoding is damaged.
	ErrState = fmt.Errorf("detector: %w state", iotenant.ErrInvalid)
	// ErrOperation: an [Operation] names what can't be, or the state of the
	// alarm does not allow it. The service answered InvalidRequestException.
	ErrOperation = fmt.Errorf("detector: %w operation", iotenant.ErrInvalid)
	// ErrNoDetector: an [Operation] is for a detector or alarm that no message
	// has created yet. The service answered ResourceNotFoundException.
	ErrNoDetector = fmt.Errorf("detector: %w", iotenant.ErrNotFound)
	// ErrValue: the text is no literal of the expression language.
	ErrValue = fmt.Errorf("detector: %w value", iotenant.ErrInvalid)
)
