package device

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// Limits of a thing in AWS IoT Core, https://docs.aws.amazon.com/iot/latest/developerguide/thing-types.html.
// One attribute is set aside: AWS backends keep the tenant in it.
const (
	MaxTypeLength           = 128
	MaxAttributes           = 49 // of a thing with a type
	MaxAttributesUntyped    = 2  // of a thing without a type
	MaxAttributeNameLength  = 128
	MaxAttributeValueLength = 800
)

// tenantAttribute is the attribute that the policies of devices on AWS read.
const tenantAttribute = "tenant"

// Thing is a device as the registry knows it.
type Thing struct {
	// ID names the thing. It can't be changed.
	ID ID `json:"id"`
	// Type names the kind of product: up to [MaxTypeLength] of a-z, A-Z, 0-9,
	// ':', '_' and '-'. It may be empty.
	Type string `json:"type,omitempty"`
	// Attributes describe the thing: at most [MaxAttributes], or
	// [MaxAttributesUntyped] without a type. Names are of a-z, A-Z, 0-9 and
	// "_.,@/:#-", values the same and "=[]", without spaces. The name
	// "tenant" is reserved.
	Attributes map[string]string `json:"attributes,omitempty"`
	CreatedAt  time.Time         `json:"createdAt"`
	UpdatedAt  time.Time         `json:"updatedAt"`
}

// IndexType is the index of [ThingSchema] that orders things by type. Things
// without a type are not in it.
const IndexType = "type"

// ThingSchema is how a [Registry] keeps things.
var ThingSchema = tenant.Schema[Thing]{
	Entity: "thing",
	Key:    func(t *Thing) tenant.Key { return tenant.NewKey(t.ID.text) },
	Indexes: []tenant.Index[Thing]{{Name: IndexType, Key: func(t *Thing) tenant.Key {
		if t.Type == "" {
			return tenant.Key{}
		}
		return tenant.NewKey(t.Type)
	}}},
}

// Check reports what is wrong with the thing. Errors: [ErrID], [ErrThing].
func (t *Thing) Check() error {
	if err := t.ID.Check(); err != nil {
		return err
	}
	if len(t.Type) > MaxTypeLength || !isText(t.Type, isNameByte) {
		return fmt.Errorf("%w: type: want up to %d of a-z, A-Z, 0-9, ':', '_', '-'", ErrThing, MaxTypeLength)
	}
	limit := MaxAttributes
	if t.Type == "" {
		limit = MaxAttributesUntyped
	}
	if len(t.Attributes) > limit {
		return fmt.Errorf("%w: %d attributes, limit %d (%d with a type)", ErrThing, len(t.Attributes), limit, MaxAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		if err := checkAttribute(name, t.Attributes[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkAttribute(name, value string) error {
	switch {
	case name == tenantAttribute:
		return fmt.Errorf("%w: attribute %q is reserved", ErrThing, name)
	case name == "" || len(name) > MaxAttributeNameLength || !isText(name, isAttributeNameByte):
		return fmt.Errorf("%w: attribute name %.130q: want 1 to %d of a-z, A-Z, 0-9 and _.,@/:#-", ErrThing, name, MaxAttributeNameLength)
	case len(value) > MaxAttributeValueLength || !isText(value, isAttributeValueByte):
		return fmt.Errorf("%w: attribute %q: want a value of up to %d of a-z, A-Z, 0-9 and _.,@/:#=[]-", ErrThing, name, MaxAttributeValueLength)
	}
	return nil
}

func isText(text string, allowed func(byte) bool) bool {
	for i := range len(text) {
		if !allowed(text[i]) {
			return false
		}
	}
	return true
}

func isAttributeNameByte(c byte) bool { return isNameByte(c) || strings.IndexByte(".,@/#", c) >= 0 }

func isAttributeValueByte(c byte) bool {
	return isAttributeNameByte(c) || strings.IndexByte("=[]", c) >= 0
}
