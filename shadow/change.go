package shadow

import (
	"strconv"
	"time"
)

// Change is an accepted update.
type Change struct {
	Previous, Current State
	Request           Request
	At                time.Time

	rules Rules
}

// Accepted returns the answer to the request, which is also the message for
// /update/accepted: what was asked for, with its metadata.
func (c Change) Accepted() []byte {
	text := make([]byte, 0, 128+4*c.Request.state.size())
	text = append(text, `{"state":`...)
	if c.Request.state.kind == kindNull {
		text = append(text, `null,"metadata":`...)
		text = appendMetadata(text, c.Request.state, c.At.Unix())
	} else {
		state := c.Request.state
		if c.rules.OmitNulls {
			state = withoutNulls(state)
		}
		text = appendValue(text, state)
		text = append(text, `,"metadata":`...)
		text = appendMetadata(text, state, c.At.Unix())
	}
	return c.appendEnd(appendVersion(text, c.Current.version))
}

// Delta returns the message for /update/delta, nil if there is none to send:
// everything in desired that reported does not have, also what an earlier
// update set.
func (c Change) Delta() []byte {
	if c.rules.QuietDelta && c.rules.sameSections(c.Previous, c.Current) {
		return nil
	}
	delta := c.rules.delta(c.Current.desired, c.Current.reported)
	if delta.kind == kindAbsent {
		return nil
	}
	text := make([]byte, 0, 128+4*delta.size())
	text = strconv.AppendInt(append(text, `{"version":`...), c.Current.version, 10)
	text = appendTimestamp(text, c.At.Unix())
	text = appendValue(append(text, `,"state":`...), delta)
	text = appendMetadata(append(text, `,"metadata":`...), delta, 0)
	return appendEnd(text, c.Request.ClientToken)
}

// Documents returns the message for /update/documents: the states before and
// after, in full.
func (c Change) Documents() []byte {
	text := make([]byte, 0, 256+8*(c.Current.desired.size()+c.Current.reported.size()))
	text = appendDocument(append(text, `{"previous":`...), c.Previous)
	text = appendDocument(append(text, `,"current":`...), c.Current)
	return c.appendEnd(text)
}

func appendDocument(text []byte, s State) []byte {
	text = appendSections(append(text, `{"state":`...), s, value{}, appendValue)
	text = appendSections(append(text, `,"metadata":`...), s, value{}, appendOwnMetadata)
	return append(appendVersion(text, s.version), '}')
}

func (c Change) appendEnd(text []byte) []byte {
	return appendEnd(appendTimestamp(text, c.At.Unix()), c.Request.ClientToken)
}

func (r Rules) sameSections(a, b State) bool {
	return r.equal(a.desired, b.desired) && r.equal(a.reported, b.reported)
}

// withoutNulls leaves out the members of objects that are null.
func withoutNulls(v value) value {
	if v.kind != kindObject {
		return v
	}
	kept := make([]member, 0, len(v.members))
	for _, m := range v.members {
		if m.kind != kindNull {
			kept = append(kept, member{m.name, withoutNulls(m.value)})
		}
	}
	v.members = kept
	return v
}
