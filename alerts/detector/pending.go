package detector

import (
	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/internal/exprlang"
)

type (
	frame     struct{}
	condition func(*frame) bool
	action    struct{}
)

var dialect exprlang.Dialect

const maxNameLength = 128

// Load compiles a model. The error is a [*ModelError].
func Load(data []byte, optFns ...func(*Options)) (*Model, error) {
	return nil, iotenant.ErrUnsupported
}

// Evaluate runs one evaluation of the detector s and tells in r what it
// decided. Errors: [ErrState], [ErrTrigger], [ErrTimer]; then s is unchanged.
// Whatever goes wrong within the model is no error: it stands in r.
func (m *Model) Evaluate(s *State, t *Trigger, r *Result) error { return iotenant.ErrUnsupported }

// Update sets state, variables and timers; no event runs. Retained inputs are
// cleared. Errors: [ErrState], [ErrUpdate]; then s is unchanged.
func (m *Model) Update(s *State, u *Update) error { return iotenant.ErrUnsupported }

// AppendBinary appends the encoded state.
func (s *State) AppendBinary(b []byte) ([]byte, error) { return nil, iotenant.ErrUnsupported }

// UnmarshalBinary reads an encoded state into one made by [Model.NewState],
// also of another version of the model: variables and timers are kept,
// attributes that this version does not read are dropped. The error is
// [ErrState], also if this version has no state of that name.
func (s *State) UnmarshalBinary(data []byte) error { return iotenant.ErrUnsupported }

// StateVersion returns the version of the model that encoded the state. The
// error is [ErrState].
func StateVersion(data []byte) (string, error) { return "", iotenant.ErrUnsupported }
