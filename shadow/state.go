package shadow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// State is a shadow at one version: desired and reported with the time at
// which each value was set. It is immutable. The zero State is a shadow that
// never was; a deleted one remembers its version.
type State struct {
	version int64
	deleted bool
	// desired and reported are objects that are not empty, or absent.
	desired, reported value
}

// ParseState reads the document of a shadow: an answer of [Shadows.Get], or
// "current" in a message from /update/documents. The error is [ErrState].
func ParseState(document []byte) (State, error) {
	parsed, err := parse(string(document))
	if err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrState, err)
	}
	return stateOf(parsed)
}

func stateOf(document value) (State, error) {
	version, err := strconv.ParseInt(document.get(`"version"`).text, 10, 64)
	if err != nil || version < 1 {
		return State{}, fmt.Errorf("%w: no version", ErrState)
	}
	state, metadata := document.get(`"state"`), document.get(`"metadata"`)
	s := State{
		version:  version,
		desired:  withTimes(state.get(`"desired"`), metadata.get(`"desired"`)),
		reported: withTimes(state.get(`"reported"`), metadata.get(`"reported"`)),
	}
	if !isSection(s.desired) || !isSection(s.reported) {
		return State{}, fmt.Errorf("%w: a section is no object", ErrState)
	}
	return s, nil
}

// withTimes sets the times of v as its metadata say; 0 where they don't.
func withTimes(v, metadata value) value {
	switch v.kind {
	case kindScalar:
		v.time, _ = strconv.ParseInt(metadata.get(`"timestamp"`).text, 10, 64)
	case kindArray:
		v.time = firstTime(metadata)
	case kindObject:
		members := slices.Clone(v.members)
		for i := range members {
			members[i].value = withTimes(members[i].value, metadata.get(members[i].name))
		}
		v.members = members
	}
	return v
}

// firstTime returns the time of an array: all in it has the same.
func firstTime(metadata value) int64 {
	if metadata.kind == kindObject {
		if seconds, err := strconv.ParseInt(metadata.get(`"timestamp"`).text, 10, 64); err == nil {
			return seconds
		}
	}
	for i := range metadata.members {
		if seconds := firstTime(metadata.members[i].value); seconds != 0 {
			return seconds
		}
	}
	return 0
}

// Version returns the version, 0 if the shadow never was.
func (s State) Version() int64 { return s.version }

// Exists reports whether there is a shadow.
func (s State) Exists() bool { return s.version > 0 && !s.deleted }

// Desired returns the desired section, nil if there is none.
func (s State) Desired() json.RawMessage { return section(s.desired) }

// Reported returns the reported section, nil if there is none.
func (s State) Reported() json.RawMessage { return section(s.reported) }

// Delta returns what of desired is missing in reported or different there,
// nil if nothing is.
func (r Rules) Delta(s State) json.RawMessage { return section(r.delta(s.desired, s.reported)) }

func section(v value) json.RawMessage {
	if v.kind == kindAbsent {
		return nil
	}
	return appendValue(nil, v)
}

// Update applies a request. The error is an [*Error]: 409 for another version,
// 413 for a state over the limit of size. The time counts in whole seconds.
func (r Rules) Update(s State, request Request, now time.Time) (Change, error) {
	if request.hasVersion && !r.accepts(s, request.version) {
		return Change{}, versionConflict()
	}
	change := Change{Previous: s, Request: request, At: now, rules: r}
	change.Current = State{version: s.version + 1}
	if request.state.kind == kindObject {
		change.Current.desired = r.mergeSection(s.desired, request.state.get(`"desired"`), now.Unix())
		change.Current.reported = r.mergeSection(s.reported, request.state.get(`"reported"`), now.Unix())
	}
	if change.Current.desired.size()+change.Current.reported.size() > r.maxSize() {
		return Change{}, TooLarge()
	}
	return change, nil
}

func (r Rules) accepts(s State, version int64) bool {
	if s.Exists() {
		return version == s.version
	}
	return version == 0 || version == s.version || r.IgnoreAbsentVersion
}

func (r Rules) mergeSection(old, patch value, now int64) value {
	merged := r.merge(old, patch, now)
	if len(merged.members) == 0 {
		return value{}
	}
	return merged
}

// Delete returns what remains of a shadow: its version.
func (r Rules) Delete(s State) State {
	if r.CountDelete {
		s.version++
	}
	return State{version: s.version, deleted: true}
}

// Document returns the document of a shadow, as Get answers it. An empty token
// is left out.
func (r Rules) Document(s State, now time.Time, clientToken string) []byte {
	delta := r.delta(s.desired, s.reported)
	text := make([]byte, 0, 128+5*(s.desired.size()+s.reported.size())+delta.size())
	text = appendSections(append(text, `{"state":`...), s, delta, appendValue)
	if !r.DeltaMetadata {
		delta = value{}
	}
	text = appendSections(append(text, `,"metadata":`...), s, delta, appendOwnMetadata)
	text = appendTimestamp(appendVersion(text, s.version), now.Unix())
	return appendEnd(text, clientToken)
}

// Deleted returns the answer to a delete that left s.
func (r Rules) Deleted(s State, now time.Time, clientToken string) []byte {
	text := strconv.AppendInt([]byte(`{"version":`), s.version, 10)
	return appendEnd(appendTimestamp(text, now.Unix()), clientToken)
}

func appendOwnMetadata(text []byte, v value) []byte { return appendMetadata(text, v, 0) }

// appendSections appends an object with the sections that there are.
func appendSections(text []byte, s State, delta value, appendSection func([]byte, value) []byte) []byte {
	text = append(text, '{')
	first := len(text)
	for _, section := range [...]struct {
		name string
		value
	}{{`"desired":`, s.desired}, {`"reported":`, s.reported}, {`"delta":`, delta}} {
		if section.kind == kindAbsent {
			continue
		}
		if len(text) > first {
			text = append(text, ',')
		}
		text = appendSection(append(text, section.name...), section.value)
	}
	return append(text, '}')
}
