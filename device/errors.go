package device

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
// Functions that keep things also return those of package tenant, of which
// tenant.ErrNotFound, tenant.ErrExists and tenant.ErrVersion matter most.
var (
	// ErrID: the text is not a thing id, or a zero [ID] was passed.
	ErrID = fmt.Errorf("device: %w thing id", iotenant.ErrInvalid)
	// ErrTopic: the text is not a topic of this module, or breaks a limit of
	// AWS IoT Core, or the topic names another tenant than the call.
	ErrTopic = fmt.Errorf("device: %w topic", iotenant.ErrInvalid)
	// ErrMessage: a payload over [MaxPayload], or a bad message id.
	ErrMessage = fmt.Errorf("device: %w message", iotenant.ErrInvalid)
	// ErrThing: the type or an attribute of a thing breaks a limit of AWS IoT
	// Core.
	ErrThing = fmt.Errorf("device: %w thing", iotenant.ErrInvalid)
	// ErrCertificate: a certificate can't be registered for the thing.
	ErrCertificate = fmt.Errorf("device: %w certificate", iotenant.ErrInvalid)
	// ErrPresence: a presence event lacks a member or holds a bad one.
	ErrPresence = fmt.Errorf("device: %w presence event", iotenant.ErrInvalid)

	// ErrCredential: a device failed to prove which thing it is.
	ErrCredential = fmt.Errorf("device: credential refused: %w", iotenant.ErrDenied)
	// ErrCredentialLimit: the thing has [MaxCredentials] already.
	ErrCredentialLimit = fmt.Errorf("device: too many credentials: %w", iotenant.ErrUnavailable)
)
