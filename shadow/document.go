package shadow

import (
	"encoding/json"
	"fmt"
	"time"
)

// Document is the document of a shadow, T being the type of its sections: a
// struct or map that encodes as a JSON object. Members that T does not know
// are left out here, and left alone by [Twin.Edit]. Give members of T the
// option omitempty or omitzero, or make them pointers, to tell absent from
// zero; json.RawMessage and map[string]any hold any section.
type Document[T any] struct {
	// Desired and Reported are nil if there is no such section.
	Desired, Reported *T
	// Delta is what of desired is missing in reported or different there; nil
	// if nothing is.
	Delta *T
	// Metadata says when each value of desired and reported was set.
	Metadata Metadata
	// Version is 0 if there is no shadow.
	Version int64
	// Timestamp is when the document was made, to the second.
	Timestamp time.Time
}

// Metadata has the shape of the sections, with {"timestamp": seconds} in the
// place of each value; nil where there is no such section.
type Metadata struct {
	Desired  json.RawMessage `json:"desired"`
	Reported json.RawMessage `json:"reported"`
}

// ParseDocument reads an answer of [Shadows.Get]. The error is [ErrValue] if
// it is none, or if a section does not fit T.
func ParseDocument[T any](payload []byte) (Document[T], error) {
	var raw struct {
		State struct {
			Desired  *T `json:"desired"`
			Reported *T `json:"reported"`
			Delta    *T `json:"delta"`
		} `json:"state"`
		Metadata  Metadata `json:"metadata"`
		Version   int64    `json:"version"`
		Timestamp int64    `json:"timestamp"`
	}
	if err := json.Unmarshal(payload, &raw); err != nil {
		return Document[T]{}, fmt.Errorf("%w: document: %w", ErrValue, err)
	}
	return Document[T]{
		Desired:   raw.State.Desired,
		Reported:  raw.State.Reported,
		Delta:     raw.State.Delta,
		Metadata:  raw.Metadata,
		Version:   raw.Version,
		Timestamp: time.Unix(raw.Timestamp, 0).UTC(),
	}, nil
}

// objectOf returns a value of the caller's type as a JSON object, absent for
// what encodes as null. Errors: [ErrValue].
func objectOf(v any) (value, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return value{}, fmt.Errorf("%w: %w", ErrValue, err)
	}
	object, err := parse(string(text))
	switch {
	case err != nil:
		return value{}, fmt.Errorf("%w: %w", ErrValue, err)
	case object.kind == kindNull:
		return value{}, nil
	case object.kind != kindObject:
		return value{}, fmt.Errorf("%w: %T encodes as no JSON object", ErrValue, v)
	}
	return object, nil
}
