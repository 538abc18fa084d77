package analytics

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// Definition is a channel, pipeline, data store or data set of a tenant, in its
// current version.
type Definition struct {
	Kind pipeline.Resource `json:"kind"`
	// Name is 1 to 128 of a-z, A-Z, 0-9 and '_', not beginning with "__", as it
	// was written. Names of one kind that differ in case only are the same name.
	Name string `json:"name"`
	// Version counts the changes of the definition from 1. It goes on counting
	// when a deleted one comes back.
	Version int `json:"version"`
	// Definition is the JSON text that was put, compact.
	Definition json.RawMessage `json:"definition,omitempty"`
	CreatedAt  time.Time       `json:"createdAt"`
	UpdatedAt  time.Time       `json:"updatedAt"`

	// Deleted: the item only remembers the version. Purge: what was stored under
	// the name is to be deleted before the name is used again.
	Deleted bool `json:"deleted,omitempty"`
	Purge   bool `json:"purge,omitempty"`
}

// DefinitionSchema is how definitions are kept.
var DefinitionSchema = tenant.Schema[Definition]{
	Entity: "analytics-definition",
	Key:    func(d *Definition) tenant.Key { return definitionKey(d.Kind, d.Name) },
}

func definitionKey(kind pipeline.Resource, name string) tenant.Key {
	return tenant.NewKey(string(kind), strings.ToLower(name))
}

// sameAs reports whether a Put of next changes nothing.
func (d *Definition) sameAs(next *Definition) bool {
	return !d.Deleted && d.Name == next.Name && bytes.Equal(d.Definition, next.Definition)
}

// after returns d as the version that follows current.
func (d Definition) after(current *Definition) Definition {
	d.Version = current.Version + 1
	if !current.Deleted {
		d.CreatedAt = current.CreatedAt
	}
	return d
}

// loaded is a definition that has been read: one of its members is set, but for
// a data set.
type loaded struct {
	definition Definition
	pipeline   *pipeline.Pipeline
	channel    *pipeline.Channel
	datastore  *pipeline.Datastore
}

// load reads a definition of any kind.
func load(kind pipeline.Resource, definition []byte, options pipeline.Options) (l loaded, err error) {
	set := func(o *pipeline.Options) { *o = options }
	switch kind {
	case pipeline.ResourceChannel:
		if l.channel, err = pipeline.LoadChannel(definition, set); err == nil {
			l.definition.Name = l.channel.Name
		}
	case pipeline.ResourceDatastore:
		if l.datastore, err = pipeline.LoadDatastore(definition, set); err == nil {
			l.definition.Name = l.datastore.Name
		}
	case pipeline.ResourcePipeline:
		if l.pipeline, err = pipeline.Load(definition, set); err == nil {
			l.definition.Name = l.pipeline.Name()
		}
	case pipeline.ResourceDataset:
		var dataset *pipeline.Dataset
		if dataset, err = pipeline.LoadDataset(definition, set); err == nil {
			l.definition.Name = dataset.Name
		}
	default:
		err = fmt.Errorf("%w: want that of a channel, pipeline, data store or data set", ErrDefinition)
	}
	if err != nil {
		return loaded{}, err
	}
	l.definition.Kind = kind
	return l, nil
}

// table returns what a lake is to have for a channel or data store, and whether
// the definition is of one.
func (l *loaded) table() (Table, bool) {
	switch {
	case l.channel != nil:
		return Table{TableID: TableID{ChannelTable, l.channel.Name}, RetentionDays: l.channel.RetentionDays}, true
	case l.datastore != nil:
		return Table{
			TableID: TableID{DatastoreTable, l.datastore.Name}, RetentionDays: l.datastore.RetentionDays,
			Format: l.datastore.Format, Columns: l.datastore.Columns, Partitions: l.datastore.Partitions,
		}, true
	}
	return Table{}, false
}

// checkName reports whether name can be one of a channel, pipeline, data store
// or data set.
func checkName(name string) error {
	if name == "" || !isDatastore(name) {
		return fmt.Errorf("%w: name: want 1 to %d of a-z, A-Z, 0-9, '_', not beginning with \"__\"", ErrDefinition, MaxDatastore)
	}
	return nil
}
