package tenant

import "fmt"

// Action is what a [Write] or an [Op] does to its item.
type Action uint8

// The actions. The zero Action is none.
const (
	ActionPut Action = iota + 1
	ActionDelete
	ActionCheck
)

// Op is one operation of a transaction, made by [PutOp], [DeleteOp] or
// [CheckOp]. It holds no tenant: the one tenant of a transaction is the argument
// of Transact, so a transaction can't mix tenants.
//
// What is wrong with an Op is reported by Transact, with its position, so that
// operations can be written in line. An Op may be used again.
type Op struct {
	action Action
	entity string
	cond   Condition
	record func() (Record, error)
	value  any
}

// PutOp stores value, an item of the entity that schema describes, if cond
// holds. Don't change what value refers to before Transact has returned.
func PutOp[T any](schema *Schema[T], value T, cond Condition) Op {
	return Op{
		action: ActionPut, entity: entityOf(schema), cond: cond, value: &value,
		record: func() (Record, error) {
			if err := checkSchema(schema); err != nil {
				return Record{}, err
			}
			return schema.Record(&value)
		},
	}
}

// DeleteOp removes the item with this key, if cond holds. Deleting with
// [Always] what is not there is no error; [IfAbsent] is refused with
// [ErrCondition].
func DeleteOp[T any](schema *Schema[T], key Key, cond Condition) Op {
	return keyOp(ActionDelete, schema, key, cond)
}

// CheckOp writes nothing and lets the transaction happen only if cond holds of
// the item with this key. [Always] is refused with [ErrCondition].
func CheckOp[T any](schema *Schema[T], key Key, cond Condition) Op {
	return keyOp(ActionCheck, schema, key, cond)
}

func keyOp[T any](action Action, schema *Schema[T], key Key, cond Condition) Op {
	return Op{
		action: action, entity: entityOf(schema), cond: cond,
		record: func() (Record, error) {
			if err := checkSchema(schema); err != nil {
				return Record{}, err
			}
			return Record{Key: key.encoded}, key.Check()
		},
	}
}

// Action returns what the operation does, 0 for the zero Op. Backends call it.
func (o *Op) Action() Action { return o.action }

// Entity returns the name of the item's entity. Backends call it.
func (o *Op) Entity() string { return o.entity }

// Condition returns what must hold of the item. Backends call it.
func (o *Op) Condition() Condition { return o.cond }

// Record computes what is stored beside the item of a put; of a delete or check
// it has only the key. Backends call it. Errors: [ErrKey]; kind
// iotenant.ErrInvalid for a schema that [Schema.Check] refuses.
func (o *Op) Record() (Record, error) { return o.record() }

// Value returns a pointer to the value of a put, a *T of its Schema[T]. What it
// points to must not be changed. Backends call it.
func (o *Op) Value() any { return o.value }

// Check returns [ErrTransaction] for the zero Op, and [ErrCondition] for a
// condition that its action doesn't take. Backends call it.
func (o *Op) Check() error {
	kind := o.cond.Kind()
	switch {
	case o.action == 0:
		return fmt.Errorf("%w: zero operation", ErrTransaction)
	case !o.cond.isUsable():
		return fmt.Errorf("%w: %s", ErrCondition, o.entity)
	case o.action == ActionDelete && kind == KindAbsent:
		return fmt.Errorf("%w: IfAbsent in DeleteOp: %s", ErrCondition, o.entity)
	case o.action == ActionCheck && kind == KindAlways:
		return fmt.Errorf("%w: Always in CheckOp: %s", ErrCondition, o.entity)
	}
	return nil
}

func entityOf[T any](schema *Schema[T]) string {
	if schema == nil {
		return ""
	}
	return schema.Entity
}

func checkSchema[T any](schema *Schema[T]) error {
	if schema == nil {
		return fmt.Errorf("%w: nil", errSchema)
	}
	return schema.Check()
}
