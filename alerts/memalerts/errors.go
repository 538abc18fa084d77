package memalerts

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
var (
	// ErrEndpoint: the tenant's endpoint can't be used: no http or https URL,
	// a plain http URL or a private address without WebhookOptions.Local, or
	// a secret of less than [MinSecretLength] bytes.
	ErrEndpoint = fmt.Errorf("memalerts: %w endpoint", iotenant.ErrInvalid)
	// ErrBody: the event is larger than WebhookOptions.MaxBody.
	ErrBody = fmt.Errorf("memalerts: %w event: too large", iotenant.ErrInvalid)
	// ErrRefused: the receiver refused the alert for good.
	ErrRefused = fmt.Errorf("memalerts: refused by the receiver: %w", iotenant.ErrDenied)
	// ErrReceiver: the receiver did not answer, or wants the alert later.
	ErrReceiver = fmt.Errorf("memalerts: receiver %w", iotenant.ErrUnavailable)
	// ErrSignature: what a receiver got was not signed with its secret, or
	// not lately.
	ErrSignature = fmt.Errorf("memalerts: webhook signature %w", iotenant.ErrDenied)
)
