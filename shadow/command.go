package shadow

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/iotenant/iotenant/device"
)

// Command is a wish for values in desired that a device is to make true, and
// what became of it. It is plain data: keep it, or hand it to another process,
// and [Commander.Wait] goes on with it.
type Command struct {
	// Token identifies the command. It is the client token of the update that
	// made it, so the device finds it in the delta message.
	Token  string    `json:"token"`
	Thing  device.ID `json:"thing"`
	Shadow Name      `json:"shadow,omitzero"`
	// Desired are the commanded values, a JSON object.
	Desired json.RawMessage `json:"desired"`
	// Version is the shadow's version that the command made.
	Version int64 `json:"version"`
	// SentAt is when the service accepted the command, to the second.
	SentAt time.Time `json:"sentAt"`

	Status Status `json:"status"`
	// Reported is the whole reported section with which the command ended;
	// nil while it is pending.
	Reported json.RawMessage `json:"reported,omitempty"`
	// EndedVersion is the shadow's version with which the command ended.
	EndedVersion int64 `json:"endedVersion,omitempty"`
}

// Status says what became of a command.
type Status string

// The states of a command. All but StatusPending are final.
const (
	// StatusPending: the device has not answered yet. A command has no end of
	// its own; a deadline ends the wait for it, not the command.
	StatusPending Status = "pending"
	// StatusDone: reported had all commanded values.
	StatusDone Status = "done"
	// StatusRejected: a commanded value was taken out of desired before it
	// was reported, or replaced under the command's token.
	StatusRejected Status = "rejected"
	// StatusSuperseded: somebody gave desired another value before, or the
	// shadow was deleted.
	StatusSuperseded Status = "superseded"
	// StatusCancelled: [Commander.Cancel] took the command back.
	StatusCancelled Status = "cancelled"
)

// Err returns nil for a command that is done, else the error of its status:
// [ErrPending], [ErrRejected], [ErrSuperseded], [ErrCancelled].
func (c Command) Err() error {
	switch c.Status {
	case StatusDone:
		return nil
	case StatusRejected:
		return ErrRejected
	case StatusSuperseded:
		return ErrSuperseded
	case StatusCancelled:
		return ErrCancelled
	default:
		return ErrPending
	}
}

// maxCommandToken leaves room for cancelPrefix in a client token.
const (
	cancelPrefix    = "cancel:"
	maxCommandToken = MaxClientToken - len(cancelPrefix)
)

// wish is what a command asks for, and under which token.
type wish struct {
	token   string
	desired value
}

// wish reads the commanded values. Errors: [ErrValue].
func (c Command) wish() (wish, error) {
	desired, err := wishOf(c.Desired)
	return wish{token: c.Token, desired: desired}, err
}

func wishOf(desired any) (value, error) {
	wanted, err := objectOf(desired)
	switch {
	case err != nil:
		return value{}, err
	case len(wanted.members) == 0:
		return value{}, fmt.Errorf("%w: a command without values", ErrValue)
	case wanted.hasNull():
		return value{}, fmt.Errorf("%w: a command with a null: a device can't report one", ErrValue)
	}
	return wanted, nil
}

// outcome returns what state s, reached under a client token, means for the
// wish.
func (w wish) outcome(s State, clientToken string) Status {
	if !s.Exists() {
		return StatusSuperseded
	}
	missing := Rules{}.delta(w.desired, s.reported)
	if missing.kind == kindAbsent {
		return StatusDone
	}
	lost := Rules{}.delta(missing, s.desired)
	switch {
	case lost.kind == kindAbsent:
		return StatusPending
	case clientToken == cancelPrefix+w.token:
		return StatusCancelled
	case clientToken == w.token || !overlaps(lost, s.desired):
		return StatusRejected
	default:
		return StatusSuperseded
	}
}

// overlaps reports whether a value of a has another in its place in b.
func overlaps(a, b value) bool {
	if a.kind != kindObject || b.kind != kindObject {
		return a.kind != kindAbsent && b.kind != kindAbsent
	}
	found := false
	walk(a, b, func(_ string, a, b value) { found = found || overlaps(a, b) })
	return found
}

// standing returns the patch that takes out of desired what the wish put
// there and the device has not reported; absent if nothing is.
func (w wish) standing(s State) value {
	return removal(Rules{}.delta(w.desired, s.reported), s.desired)
}

func removal(wanted, desired value) value {
	if wanted.kind != kindObject || desired.kind != kindObject {
		if wanted.kind == kindAbsent || !(Rules{}).equal(wanted, desired) {
			return value{}
		}
		return value{kind: kindNull}
	}
	var removed []member
	walk(wanted, desired, func(name string, wanted, desired value) {
		if removal := removal(wanted, desired); removal.kind != kindAbsent {
			removed = append(removed, member{name, removal})
		}
	})
	if len(removed) == 0 {
		return value{}
	}
	return value{kind: kindObject, members: removed}
}
