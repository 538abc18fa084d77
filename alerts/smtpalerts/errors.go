package smtpalerts

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
var (
	// ErrConfig: [New] was given a server or sender that can't be used.
	ErrConfig = fmt.Errorf("smtpalerts: %w configuration", iotenant.ErrInvalid)
	// ErrAddress: an address is none, or none that a letter may go to: only
	// ASCII, and nothing in it that would have to be quoted.
	ErrAddress = fmt.Errorf("smtpalerts: %w address", iotenant.ErrInvalid)
	// ErrRecipients: more recipients than Options.MaxRecipients.
	ErrRecipients = fmt.Errorf("smtpalerts: %w alert: too many recipients", iotenant.ErrInvalid)
	// ErrRefused: the server refused a letter for good.
	ErrRefused = fmt.Errorf("smtpalerts: refused by the server: %w", iotenant.ErrDenied)
	// ErrServer: the server can't be reached, does not let this program in, or
	// wants the letter later.
	ErrServer = fmt.Errorf("smtpalerts: server %w", iotenant.ErrUnavailable)
)
