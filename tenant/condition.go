package tenant

// Version identifies one state of an item. It changes with every write and is
// not used again for the same key, also not after a delete. Compare versions
// for equality only. Zero stands for "no item".
type Version uint64

// Condition is what must hold of the stored item for a write to happen. It is
// required, so that overwriting blindly is a decision; the zero Condition is
// refused with [ErrCondition].
type Condition struct {
	kind    ConditionKind
	version Version
}

// ConditionKind tells backends which condition it is.
type ConditionKind uint8

// The kinds of [Condition]. The zero kind is none.
const (
	KindAlways ConditionKind = iota + 1
	KindAbsent
	KindPresent
	KindVersion
)

// Always writes whatever is stored. It is for writers that own the item.
func Always() Condition { return Condition{kind: KindAlways} }

// IfAbsent creates: the write fails with [ErrExists] if there is an item.
func IfAbsent() Condition { return Condition{kind: KindAbsent} }

// IfPresent replaces: the write fails with [ErrNotFound] if there is no item.
func IfPresent() Condition { return Condition{kind: KindPresent} }

// IfVersion replaces what was read: the write fails with [ErrVersion] if the
// item has another version, or is gone.
func IfVersion(version Version) Condition { return Condition{kind: KindVersion, version: version} }

// Kind returns the kind of the condition, 0 for the zero Condition.
func (c Condition) Kind() ConditionKind { return c.kind }

// Version returns the version of an [IfVersion] condition.
func (c Condition) Version() Version { return c.version }

// Check reports whether the condition holds for an item whose stored version
// is current, 0 meaning that there is none. The error is [ErrCondition],
// [ErrExists], [ErrNotFound] or [ErrVersion].
func (c Condition) Check(current Version) error {
	switch {
	case !c.isUsable():
		return ErrCondition
	case c.kind == KindAbsent && current != 0:
		return ErrExists
	case c.kind == KindPresent && current == 0:
		return ErrNotFound
	case c.kind == KindVersion && current != c.version:
		return ErrVersion
	}
	return nil
}

// isUsable reports whether c is one that its constructor could have made of a
// version that exists.
func (c Condition) isUsable() bool {
	return c.kind != 0 && c.kind <= KindVersion && (c.kind != KindVersion || c.version != 0)
}
