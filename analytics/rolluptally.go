package analytics

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// tally are messages that count already, in the order in which they came: 8
// bytes of the SHA-256 of data store and id. Each is remembered until nothing
// would take its points any more; what comes again after that is late. Of
// sessions nothing can be said: each point that joins an open one from before it
// leads it further back, to where one that was late would now join it.
//
// Encoded, each is its 8 bytes, and as varint how many seconds its until is
// after that of the one before.
type tally []talliedMessage

type talliedMessage struct {
	hash  uint64
	until int64 // Unix time in seconds
}

func messageHash(m *Message) uint64 {
	text := appendText(make([]byte, 0, MaxDatastore+MaxMessageID+4), m.Datastore)
	digest := sha256.Sum256(append(text, m.ID...))
	return binary.LittleEndian.Uint64(digest[:])
}

func (y tally) encode() []byte {
	if len(y) == 0 {
		return nil
	}
	data, before := make([]byte, 0, 10*len(y)), int64(0)
	for _, m := range y {
		data = binary.LittleEndian.AppendUint64(data, m.hash)
		data = binary.AppendVarint(data, m.until-before)
		before = m.until
	}
	return data
}

func readTally(data []byte) (tally, error) {
	if len(data) == 0 {
		return nil, nil
	}
	messages, before := make(tally, 0, len(data)/9), int64(0)
	for r := (stateReader{data: data}); len(r.data) > 0; {
		m := talliedMessage{hash: r.uint64(), until: before + r.varint()}
		if r.bad {
			return nil, ErrState
		}
		messages, before = append(messages, m), m.until
	}
	return messages, nil
}

// hashes returns those of all.
func (y tally) hashes() map[uint64]struct{} {
	known := make(map[uint64]struct{}, len(y))
	for _, m := range y {
		known[m.hash] = struct{}{}
	}
	return known
}

// until returns when no window takes a message at a time any more, in whole
// seconds.
func (r *rollup) until(at time.Time) int64 {
	windows := r.windows.shape.windows(at)
	until := windows[len(windows)-1].end + int64(r.Options.Revise)
	return (until + int64(time.Second) - 1) / int64(time.Second)
}

// forget drops the messages that can count no more; of the others it keeps the
// latest.
func (t *thingRollup) forget(latest int) {
	if past := t.windows.past(t.state, t.of); !t.Shape.isSession() {
		t.tally = slices.DeleteFunc(t.tally, func(m talliedMessage) bool { return m.until <= past/int64(time.Second) })
	}
	t.tally = t.tally[max(0, len(t.tally)-latest):]
}
