package alerts

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

// Sentinel errors of this package. Each wraps a kind of package iotenant.
var (
	// ErrModel: the definition can't run, has no name, or is too large. What
	// the engine found is in the error as a *detector.ModelError.
	ErrModel = fmt.Errorf("alerts: %w model", iotenant.ErrInvalid)
	// ErrMessage: the message has no input, or its id is too long.
	ErrMessage = fmt.Errorf("alerts: %w message", iotenant.ErrInvalid)
	// ErrEvaluation: a model failed on a message in a way that will not pass.
	// The detector is as it was before the message.
	ErrEvaluation = fmt.Errorf("alerts: %w evaluation", iotenant.ErrInvalid)
	// ErrLoop: detectors fed each other more than [MaxHops] times.
	ErrLoop = fmt.Errorf("alerts: %w iotEvents action: too many hops", iotenant.ErrInvalid)
	// ErrTopic: a model publishes to a topic that is not one of its tenant.
	ErrTopic = fmt.Errorf("alerts: %w iotTopicPublish action", iotenant.ErrInvalid)

	// ErrContention: other processes kept writing the same detector.
	ErrContention = fmt.Errorf("alerts: detector %w: written by others", iotenant.ErrUnavailable)
	// ErrBacklog: a detector has more actions waiting than an item may hold,
	// because they can't be handed over.
	ErrBacklog = fmt.Errorf("alerts: detector %w: too many actions waiting", iotenant.ErrUnavailable)
)

// Permanent reports whether err will not pass: a [Notifier] that returns it is
// not called again for the same alert. Its kind is iotenant.ErrInvalid,
// ErrDenied, ErrNotFound, ErrExists or ErrUnsupported. An error of kind
// ErrUnavailable or ErrConflict, or of no kind, may pass.
func Permanent(err error) bool {
	switch iotenant.KindOf(err) {
	case nil, iotenant.ErrUnavailable, iotenant.ErrConflict:
		return false
	default:
		return true
	}
}
