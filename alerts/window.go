package alerts

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// Bounds of de-duplication: a detector ignores a message whose input and id it
// has accepted within Window, among its last WindowSize messages with an id.
const (
	Window     = 300 * time.Second
	WindowSize = 2048
)

// window remembers the messages that a detector accepted, oldest first. A
// message is kept as 8 bytes of the SHA-256 of its input and id: an accidental
// match within a full window has a chance of 1 in 2^53.
type window []accepted

type accepted struct {
	message uint64
	at      int64 // Unix seconds
}

// messageHash identifies a message in windows.
func messageHash(input, id string) uint64 {
	text := make([]byte, 0, 128)
	text = binary.AppendUvarint(text, uint64(len(input)))
	text = append(text, input...)
	text = append(text, id...)
	digest := sha256.Sum256(text)
	return binary.LittleEndian.Uint64(digest[:])
}

func (w window) has(message uint64) bool {
	for i := range w {
		if w[i].message == message {
			return true
		}
	}
	return false
}

// prune drops what is too old at now.
func (w window) prune(now time.Time) window {
	oldest := now.Add(-Window).Unix()
	for i := range w {
		if w[i].at > oldest {
			return slices.Delete(w, 0, i)
		}
	}
	return w[:0]
}

func (w window) add(message uint64, now time.Time) window {
	if len(w) >= WindowSize {
		w = slices.Delete(w, 0, len(w)-WindowSize+1)
	}
	return append(w, accepted{message, now.Unix()})
}

func (w window) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(w)))
	var last int64
	for i := range w {
		b = binary.AppendVarint(b, w[i].at-last)
		b = binary.LittleEndian.AppendUint64(b, w[i].message)
		last = w[i].at
	}
	return b
}
