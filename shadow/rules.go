package shadow

import "time"

// Defaults and fixed limits of AWS.
const (
	// DefaultMaxSize is the limit of desired and reported together, in bytes
	// of JSON without white space and metadata.
	DefaultMaxSize = 8 << 10
	// DefaultMaxDepth is the limit of nesting in desired and reported; the
	// section itself is level 1.
	DefaultMaxDepth = 8
	// MaxClientToken is the limit of a client token in bytes.
	MaxClientToken = 64
	// TombstoneFor is how long a deleted shadow's version is remembered.
	TombstoneFor = 48 * time.Hour
)

// Rules are the rules of shadow documents. They are pure: no clock, no
// storage. The zero Rules are those of AWS; where AWS's documentation leaves a
// point open, a member says which reading the zero value takes, and selects
// the other.
type Rules struct {
	// MaxSize replaces [DefaultMaxSize]; AWS raises it to 30 KB on request.
	MaxSize int
	// MaxDepth replaces [DefaultMaxDepth]. AWS's quota page says 8, the text
	// of its error message 6, older editions 5.
	MaxDepth int

	// ExactNumbers tells 1 from 1.0 in the delta. Default: numbers are
	// compared by value, so 1, 1.0 and 10e-1 are equal. Either way the text
	// of a number is kept as it was sent.
	ExactNumbers bool
	// KeepEmptied keeps a nested object whose last member a null removed, as
	// {}. Default: it disappears, like a section does. An object that was
	// sent empty is kept in any case.
	KeepEmptied bool
	// OmitNulls leaves the nulls of a request out of the accepted document.
	// Default: they are echoed.
	OmitNulls bool
	// QuietDelta sends no delta message after an update that changed no
	// value. Default: a delta message follows every accepted update that
	// leaves desired and reported different.
	QuietDelta bool
	// DeltaMetadata adds the metadata of the delta to the document that Get
	// returns. Default: only desired and reported have metadata there.
	DeltaMetadata bool
	// NameInvalidNode appends the name of the node to "State contains an
	// invalid node". Default: the text alone.
	NameInvalidNode bool
	// IgnoreAbsentVersion accepts any version in a request for a shadow that
	// does not exist. Default: it must be 0 or, after a delete, the version
	// that the shadow had.
	IgnoreAbsentVersion bool
	// CountDelete makes a delete count as a version: the answer has the next
	// version, and numbers continue after it. Default: the answer has the
	// version that was deleted.
	CountDelete bool
}

func (r Rules) maxSize() int {
	if r.MaxSize > 0 {
		return r.MaxSize
	}
	return DefaultMaxSize
}

func (r Rules) maxDepth() int {
	if r.MaxDepth > 0 {
		return r.MaxDepth
	}
	return DefaultMaxDepth
}
