package analytics

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Limits of [Objects].
const (
	// MaxObjectName is the length of a name in bytes. With the prefix of a
	// tenant it fits a key of S3.
	MaxObjectName = 800
	// MaxObjectList is the length of the longest list, and the number of names
	// of the largest deletion.
	MaxObjectList = 1000
	// MaxLink is how long a link is valid at most, as in S3.
	MaxLink = 7 * 24 * time.Hour
)

// Sentinel errors of [Objects].
var (
	// ErrObjectName: a name breaks a rule of [CheckObjectName].
	ErrObjectName = fmt.Errorf("analytics: %w object name", iotenant.ErrInvalid)
	// ErrNoObject: there is no object of this name.
	ErrNoObject = fmt.Errorf("analytics: object %w", iotenant.ErrNotFound)
	// ErrObjects: a limit of a list, the number of names of a deletion, or the
	// time that a link is valid is out of bounds.
	ErrObjects = fmt.Errorf("analytics: %w call of objects", iotenant.ErrInvalid)
	// ErrObjectExists: an object of this name was there before.
	ErrObjectExists = fmt.Errorf("analytics: object %w", iotenant.ErrExists)
)

// Objects keeps files of tenants, apart for each: a folder, or a bucket of S3.
// What a tenant's files are called is up to the caller; that they are the
// tenant's is not.
//
// The contract, sentence by sentence, as package analyticstest checks it:
//
//   - Isolation: a call with one tenant's id neither sees nor changes what
//     belongs to another, whatever the names.
//   - The zero tenant id and that of the platform are refused with
//     tenant.ErrID, names that [CheckObjectName] refuses with [ErrObjectName].
//   - Wholeness: an object is seen whole or not at all, also after a crash.
//   - Durability: what Put and Create acknowledged outlives the process, where
//     the backend keeps anything beyond it.
//   - Visibility: an acknowledged change is seen by every call that begins
//     afterwards.
//   - Of several Creates of one name at most one is acknowledged. One that
//     fails otherwise than with [ErrObjectExists] may have had its effect, and
//     ErrObjectExists may be about its own effect when the backend repeats
//     calls.
//   - An open object stays readable as it was when it is replaced or deleted,
//     or its reads fail with [ErrNoObject]; they never mix contents.
//   - A cancelled context ends the call with the context's error.
//   - Errors are those named here, or wrap iotenant.ErrUnavailable. No error
//     text holds another tenant's id.
//   - All methods may be called concurrently.
type Objects interface {
	// Put stores what body holds up to its end, in place of what was there.
	// An error of body ends it without effect, and is returned.
	Put(ctx context.Context, id tenant.ID, name string, body io.Reader) error

	// Create is Put for a name that is free. Error: [ErrObjectExists].
	Create(ctx context.Context, id tenant.ID, name string, body io.Reader) error

	// Open returns an object to be read. Its reads end with ctx. Error:
	// [ErrNoObject].
	Open(ctx context.Context, id tenant.ID, name string) (Object, error)

	// List returns objects whose names begin with prefix and are after the
	// name after, in the order of bytes: at most limit of them, 1 to
	// [MaxObjectList], else [ErrObjects]. Fewer than limit means that there are
	// no more. prefix and after may be empty and need not be names.
	List(ctx context.Context, id tenant.ID, prefix, after string, limit int) ([]ObjectInfo, error)

	// Delete removes objects, at most [MaxObjectList], else [ErrObjects]. Those
	// that are missing are removed already.
	Delete(ctx context.Context, id tenant.ID, names ...string) error

	// Link returns a URL from which anybody can GET the object for a while: a
	// second to [MaxLink], in whole seconds. Errors: [ErrNoObject] if the
	// backend looks, [ErrObjects], kind iotenant.ErrUnsupported if it has no
	// such thing.
	Link(ctx context.Context, id tenant.ID, name string, valid time.Duration) (string, error)
}

// Object is an open object. ReadAt may be called concurrently. After Close it
// fails.
//
// An object that is a file of this machine may also have the method
// Path() string; the file must not be changed.
type Object interface {
	io.ReaderAt
	io.Closer
	// Size is the length in bytes.
	Size() int64
}

// ObjectInfo is what a list says of an object.
type ObjectInfo struct {
	Name string
	Size int64
	// Modified is when it was stored, by the clock of the backend.
	Modified time.Time
}

// CheckObjectName reports what is wrong with a name: it has 1 to
// [MaxObjectName] bytes, in parts between slashes, each of which is not empty,
// "." or "..", and consists of a-z, A-Z, 0-9 and !_.*'()=%:,- and blanks, the
// latter not at its ends. The error is [ErrObjectName].
func CheckObjectName(name string) error {
	if name == "" || len(name) > MaxObjectName {
		return fmt.Errorf("%w: %d bytes, want 1 to %d", ErrObjectName, len(name), MaxObjectName)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || strings.Trim(part, " ") != part || strings.ContainsFunc(part, isStrange) {
			return fmt.Errorf("%w: part %q", ErrObjectName, part)
		}
	}
	return nil
}

func isStrange(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("!_.*'()=%:,- ", r)
}

// CheckObject reports what is wrong with the arguments of a call. Backends call
// it first. The error is tenant.ErrID or [ErrObjectName].
func CheckObject(id tenant.ID, names ...string) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	for _, name := range names {
		if err := CheckObjectName(name); err != nil {
			return err
		}
	}
	return nil
}

// CheckObjectList reports what is wrong with the arguments of a list. The error
// is tenant.ErrID or [ErrObjects].
func CheckObjectList(id tenant.ID, limit int) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	if limit < 1 || limit > MaxObjectList {
		return fmt.Errorf("%w: limit %d, want 1 to %d", ErrObjects, limit, MaxObjectList)
	}
	return nil
}

// CheckObjectDelete reports what is wrong with the arguments of a deletion. The
// error is tenant.ErrID, [ErrObjectName] or [ErrObjects].
func CheckObjectDelete(id tenant.ID, names ...string) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	if len(names) > MaxObjectList {
		return fmt.Errorf("%w: %d names, want at most %d", ErrObjects, len(names), MaxObjectList)
	}
	return CheckObject(id, names...)
}

// CheckObjectLink reports what is wrong with the arguments of a link. The error
// is tenant.ErrID, [ErrObjectName] or [ErrObjects].
func CheckObjectLink(id tenant.ID, name string, valid time.Duration) error {
	if err := CheckObject(id, name); err != nil {
		return err
	}
	if valid < time.Second || valid > MaxLink || valid%time.Second != 0 {
		return fmt.Errorf("%w: link valid for %s, want whole seconds up to %s", ErrObjects, valid, MaxLink)
	}
	return nil
}
