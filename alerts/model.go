package alerts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// Model is a detector model of a tenant, in its current version.
type Model struct {
	// Name is 1 to 128 of a-z, A-Z, 0-9, '_' and '-'.
	Name string `json:"name"`
	// Version counts the changes of the model from 1. It goes on counting
	// when a deleted model comes back.
	Version int `json:"version"`
	// Definition is the JSON text that [detector.Load] reads.
	Definition json.RawMessage `json:"definition,omitempty"`
	// Disabled: the model takes no messages and has no detectors.
	Disabled bool `json:"disabled,omitempty"`
	// KeepFrom is the first version whose detectors go on under this one.
	KeepFrom  int       `json:"keepFrom"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`

	// Deleted: the item only remembers the version.
	Deleted bool `json:"deleted,omitempty"`
}

// ModelSchema is how models are kept.
var ModelSchema = tenant.Schema[Model]{
	Entity: "alert-model",
	Key:    func(m *Model) tenant.Key { return tenant.NewKey(m.Name) },
}

// sameAs reports whether a Put of next changes nothing.
func (m *Model) sameAs(next *Model) bool {
	return !m.Deleted && m.Disabled == next.Disabled && bytes.Equal(m.Definition, next.Definition)
}

// after returns m as the version that follows current.
func (m Model) after(current *Model, keep bool) Model {
	m.Version = current.Version + 1
	m.KeepFrom = m.Version
	if current.Deleted {
		return m
	}
	m.CreatedAt = current.CreatedAt
	if keep && !current.Disabled {
		m.KeepFrom = current.KeepFrom
	}
	return m
}

const maxModelName = 128

func checkModelName(name string) error {
	ok := name != "" && len(name) <= maxModelName
	for i := range len(name) {
		c := name[i]
		ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-')
	}
	if !ok {
		return fmt.Errorf("%w: name: want 1 to %d of a-z, A-Z, 0-9, '_', '-'", ErrModel, maxModelName)
	}
	return nil
}

// compiled is a model ready to run. engine is nil, and err says why, if the
// stored definition does not load.
type compiled struct {
	name     string
	version  int
	keepFrom int
	engine   *detector.Model
	err      error
}

// compile loads a stored model under its own version.
func compile(m *Model, options detector.Options) *compiled {
	c := &compiled{name: m.Name, version: m.Version, keepFrom: m.KeepFrom}
	c.engine, c.err = load(m.Definition, m.Version, options)
	return c
}

func load(definition []byte, version int, options detector.Options) (*detector.Model, error) {
	options.Version = strconv.Itoa(version)
	engine, err := detector.Load(definition, func(o *detector.Options) { *o = options })
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	return engine, nil
}

// withName returns the definition in compact form under a name, if it has
// none itself: detector.Load takes a bare definition, which has no place for
// one, and the bodies of CreateDetectorModel and CreateAlarmModel, which have.
func withName(definition []byte, name string) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(definition, &members); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	text, err := json.Marshal(name)
	if err != nil {
		return nil, fmt.Errorf("%w: name: %w", ErrModel, err)
	}
	if _, ok := members["alarmRule"]; ok {
		members["alarmModelName"] = text
		return json.Marshal(members)
	}
	if _, ok := members["detectorModelDefinition"]; !ok {
		members = map[string]json.RawMessage{"detectorModelDefinition": definition}
	}
	members["detectorModelName"] = text
	return json.Marshal(members)
}
