package shadow

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Twin is typed access to one shadow of each thing, T being the type of its
// sections, see [Document].
type Twin[T any] struct {
	shadows Shadows
	name    Name
}

// NewTwin returns typed access to the shadows with this name; Name{} means
// the classic ones.
func NewTwin[T any](shadows Shadows, name Name) *Twin[T] {
	return &Twin[T]{shadows: shadows, name: name}
}

// Get returns the document of a thing. Errors: those of [Shadows.Get],
// [ErrValue].
func (t *Twin[T]) Get(ctx context.Context, id tenant.ID, thing device.ID) (Document[T], error) {
	payload, err := t.shadows.Get(ctx, id, thing, t.name)
	if err != nil {
		return Document[T]{}, err
	}
	return ParseDocument[T](payload)
}

// Bounds of [Twin.Edit] and [Commander.Cancel]: pauses between attempts grow
// from editPause to editPauseMax, with jitter.
const (
	editAttempts = 1000
	editPause    = time.Millisecond
	editPauseMax = 100 * time.Millisecond
)

// Edit changes the shadow of a thing by reading it, calling edit, and sending
// what edit changed in Desired and Reported, on the condition that nobody
// wrote in between. Else it tries again with the new document, until ctx ends
// or 1,000 attempts have failed with [ErrVersion]: edit may be called more
// than once, and its changes are always merged into what is there. If edit
// returns an error, nothing is sent and Edit returns that error.
//
// A shadow that does not exist comes to edit with Version 0, and is created
// if edit gives it a section. Setting a section to nil removes it. If edit
// changes nothing, nothing is sent.
//
// Edit returns the document as it is after the change. Errors: those of [Shadows.Update], [ErrValue].
func (t *Twin[T]) Edit(ctx context.Context, id tenant.ID, thing device.ID, edit func(*Document[T]) error) (Document[T], error) {
	return retryOnConflict(ctx, func() (Document[T], error) {
		return t.editOnce(ctx, id, thing, edit)
	})
}

func (t *Twin[T]) editOnce(ctx context.Context, id tenant.ID, thing device.ID, edit func(*Document[T]) error) (Document[T], error) {
	state, document, err := t.read(ctx, id, thing)
	if err != nil {
		return Document[T]{}, err
	}
	before, err := sectionsOf(document)
	if err != nil {
		return Document[T]{}, err
	}
	edited := document
	if err := edit(&edited); err != nil {
		return Document[T]{}, err
	}
	after, err := sectionsOf(edited)
	if err != nil {
		return Document[T]{}, err
	}
	patch := exact.difference(before, after)
	if patch.kind == kindAbsent {
		return document, nil
	}
	answer, err := t.shadows.Update(ctx, id, thing, t.name, updateRequest(patch, state.version, ""))
	if err != nil {
		return Document[T]{}, err
	}
	return documentAfter[T](state, patch, answer)
}

// read returns a shadow, zero if there is none, and its typed document.
func (t *Twin[T]) read(ctx context.Context, id tenant.ID, thing device.ID) (State, Document[T], error) {
	payload, err := t.shadows.Get(ctx, id, thing, t.name)
	if errors.Is(err, iotenant.ErrNotFound) {
		return State{}, Document[T]{}, nil
	}
	if err != nil {
		return State{}, Document[T]{}, err
	}
	state, err := ParseState(payload)
	if err != nil {
		return State{}, Document[T]{}, err
	}
	document, err := ParseDocument[T](payload)
	return state, document, err
}

// exact are the rules of this package's own reckoning: every change of a text
// counts, and limits are left to the service.
var exact = Rules{ExactNumbers: true, MaxSize: math.MaxInt, MaxDepth: maxNesting}

// sectionsOf returns an object with the sections of a document.
func sectionsOf[T any](document Document[T]) (value, error) {
	sections := value{kind: kindObject}
	for _, section := range [...]struct {
		name string
		of   *T
	}{{`"desired"`, document.Desired}, {`"reported"`, document.Reported}} {
		if section.of == nil {
			continue
		}
		object, err := objectOf(section.of)
		if err != nil {
			return value{}, err
		}
		sections.members = append(sections.members, member{section.name, object})
	}
	return sections, nil
}

// documentAfter returns the document of a state after an update that was
// answered so.
func documentAfter[T any](before State, patch value, answer []byte) (Document[T], error) {
	accepted, err := ParseDocument[any](answer)
	if err != nil {
		return Document[T]{}, err
	}
	change, err := exact.Update(before, Request{state: patch}, accepted.Timestamp)
	if err != nil {
		return Document[T]{}, err
	}
	change.Current.version = accepted.Version
	return ParseDocument[T](Rules{}.Document(change.Current, accepted.Timestamp, ""))
}

// updateRequest makes a request document. A negative version means none.
func updateRequest(state value, version int64, clientToken string) []byte {
	text := appendValue([]byte(`{"state":`), state)
	if version >= 0 {
		text = strconv.AppendInt(append(text, `,"version":`...), version, 10)
	}
	return appendEnd(text, clientToken)
}

// retryOnConflict calls attempt until it returns another error than
// [ErrVersion].
func retryOnConflict[R any](ctx context.Context, attempt func() (R, error)) (R, error) {
	for n := range editAttempts {
		result, err := attempt()
		if !errors.Is(err, ErrVersion) {
			return result, err
		}
		timer := time.NewTimer(rand.N(min(editPause<<min(n, 10), editPauseMax)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return *new(R), context.Cause(ctx)
		case <-timer.C:
		}
	}
	return *new(R), fmt.Errorf("%w after %d attempts", ErrVersion, editAttempts)
}
