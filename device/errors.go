package device

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
var (
	// ErrID: the text is not a thing id, or a zero [ID] was passed.
	ErrID = fmt.Errorf("device: %w thing id", iotenant.ErrInvalid)
	// ErrTopic: the text is not a topic of this module, or breaks a limit of
	// AWS IoT Core, or the topic names another tenant than the call.
	ErrTopic = fmt.Errorf("device: %w topic", iotenant.ErrInvalid)
	// ErrMessage: a payload over [MaxPayload], or a bad message id.
	ErrMessage = fmt.Errorf("device: %w message", iotenant.ErrInvalid)
)
