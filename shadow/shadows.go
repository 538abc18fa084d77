package shadow

import (
	"context"
	"iter"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// MaxNames is the largest number of names in a page of [Shadows.ListNamed].
const MaxNames = 100

// Shadows keeps the shadows of things, with the documents and rules of AWS.
// Package memshadow implements it.
//
// Requests and answers are JSON texts, as AWS defines them, so that nothing is
// lost on the way: see [Twin] for typed access. The contract, sentence by
// sentence, as package shadowtest checks it:
//
//   - Isolation: a call with one tenant's id neither sees nor changes shadows
//     of another, also of things with the same id. They are [ErrNotFound].
//   - The zero tenant id is refused with tenant.ErrID, the zero thing id with
//     device.ErrID, before anything is read.
//   - A shadow needs no thing: any thing id has shadows once they are updated.
//   - Refusals are an [*Error] with AWS's code and text.
//   - Update is atomic: readers see the state before or after it. Of
//     concurrent updates of one shadow each builds on another, none is lost,
//     and each has its own version, greater than those before.
//   - A refused request changes nothing.
//   - Get sees every update acknowledged before the call.
//   - A shadow that is deleted and updated again within 48 hours continues its
//     version numbers.
//   - Ownership: nothing is shared. The caller may change a request after the
//     call, and an answer.
//   - A call made with a cancelled context ends with the context's error and
//     has no effect.
//   - Other errors wrap iotenant.ErrUnavailable. The outcome of an update or
//     delete that ends so is unknown.
//   - All methods may be called concurrently.
type Shadows interface {
	// Get returns the document of a shadow: state with desired, reported and
	// delta, metadata, version and timestamp. Errors: [ErrNotFound].
	Get(ctx context.Context, id tenant.ID, thing device.ID, name Name) ([]byte, error)

	// Update merges a request document into a shadow, which it creates if
	// there is none, and returns the accepted document: what was asked for,
	// with metadata, version and timestamp. Without a version in the request
	// it applies to whatever is there. Errors: [ErrRequest], [ErrVersion],
	// [ErrTooLarge], [ErrEncoding].
	Update(ctx context.Context, id tenant.ID, thing device.ID, name Name, request []byte) ([]byte, error)

	// Delete removes a shadow and returns its version and a timestamp.
	// Errors: [ErrNotFound].
	Delete(ctx context.Context, id tenant.ID, thing device.ID, name Name) ([]byte, error)

	// ListNamed returns one page of the names of a thing's named shadows, in
	// byte order: at most limit of them, 1 to [MaxNames], or 0 for MaxNames. A
	// page may be shorter, even empty, and still have a next one. A thing
	// without named shadows has none; the classic shadow is not listed.
	// Errors: [ErrLimit], tenant.ErrCursor.
	ListNamed(ctx context.Context, id tenant.ID, thing device.ID, limit int, cursor tenant.Cursor) (NamePage, error)
}

// NamePage is a part of the names of a thing's named shadows.
type NamePage struct {
	Names []Name
	// Next continues the list after the last name; empty at the end.
	Next tenant.Cursor
	// Timestamp is when the page was read, to the second.
	Timestamp time.Time
}

// AllNamed returns the names of all named shadows of a thing, reading page by
// page. It ends after the first error.
func AllNamed(ctx context.Context, shadows Shadows, id tenant.ID, thing device.ID) iter.Seq2[Name, error] {
	return func(yield func(Name, error) bool) {
		var cursor tenant.Cursor
		for {
			page, err := shadows.ListNamed(ctx, id, thing, 0, cursor)
			if err != nil {
				yield(Name{}, err)
				return
			}
			for _, name := range page.Names {
				if !yield(name, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			cursor = page.Next
		}
	}
}
