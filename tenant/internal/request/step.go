package request

import (
	"context"
	"fmt"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/itemcodec"
)

// Step is one change of a batch or a transaction, checked and encoded.
type Step struct {
	Action tenant.Action
	Entity string
	Cond   tenant.Condition
	// Record has the key and, for a put, what is stored beside the item.
	Record tenant.Record
	// Data is the encoded item of a put.
	Data []byte
}

// PlanWrites checks the arguments of BatchWrite and encodes its items. errs has
// an error for each write that is refused by itself, whose step is not to be
// taken. Errors: tenant.ErrID, tenant.ErrBatch, the error of ctx.
func PlanWrites[T any](ctx context.Context, id tenant.ID, writes []tenant.Write[T], schema *tenant.Schema[T], codec itemcodec.Codec[T]) (steps []Step, errs []error, err error) {
	if err := checkBatch(id, len(writes)); err != nil {
		return nil, nil, err
	}
	steps, errs = make([]Step, len(writes)), make([]error, len(writes))
	places := make(map[string]int, len(writes))
	for i := range writes {
		if writes[i].Action() == 0 {
			return nil, nil, fmt.Errorf("%w: write %d is zero", tenant.ErrBatch, i)
		}
		if steps[i], errs[i] = planWrite(&writes[i], schema, codec); steps[i].Record.Key == "" {
			continue
		}
		if first, ok := places[steps[i].Record.Key]; ok {
			return nil, nil, fmt.Errorf("%w: writes %d and %d have one key", tenant.ErrBatch, first, i)
		}
		places[steps[i].Record.Key] = i
	}
	return steps, errs, ctx.Err()
}

// planWrite returns a step that has at least its key, unless that is bad.
func planWrite[T any](write *tenant.Write[T], schema *tenant.Schema[T], codec itemcodec.Codec[T]) (step Step, err error) {
	step = Step{Action: write.Action(), Entity: schema.Entity, Cond: tenant.Always()}
	if step.Action == tenant.ActionDelete {
		step.Record.Key = write.Key().Encoded()
		return step, write.Key().Check()
	}
	if step.Record, err = schema.Record(write.Value()); err != nil {
		return step, fmt.Errorf("%s: %w", schema.Entity, err)
	}
	step.Data, err = codec.Append(nil, write.Value(), &step.Record)
	return step, err
}

// CheckBatchGet checks the arguments of BatchGet but the single keys. Errors:
// tenant.ErrID, tenant.ErrBatch, the error of ctx.
func CheckBatchGet(ctx context.Context, id tenant.ID, keys []tenant.Key) error {
	if err := checkBatch(id, len(keys)); err != nil {
		return err
	}
	return ctx.Err()
}

func checkBatch(id tenant.ID, entries int) error {
	if err := id.Check(); err != nil {
		return err
	}
	if entries > tenant.MaxBatch {
		return fmt.Errorf("%w: %d entries, limit %d", tenant.ErrBatch, entries, tenant.MaxBatch)
	}
	return nil
}

// Partial returns the error of a batch whose entries ended with errs: nil if
// none failed.
func Partial(errs []error) error {
	if !anyOf(errs) {
		return nil
	}
	return &tenant.BatchError{Errs: errs}
}

// PlanTransaction checks the arguments of Transact and encodes its items.
// Errors: tenant.ErrID, tenant.ErrTransaction, a *tenant.TransactionError, the
// error of ctx.
func PlanTransaction(ctx context.Context, id tenant.ID, ops []tenant.Op) ([]Step, error) {
	if err := id.Check(); err != nil {
		return nil, err
	}
	if len(ops) < 1 || len(ops) > tenant.MaxOps {
		return nil, fmt.Errorf("%w: %d operations, want 1 to %d", tenant.ErrTransaction, len(ops), tenant.MaxOps)
	}
	steps, errs := make([]Step, len(ops)), make([]error, len(ops))
	for i := range ops {
		steps[i], errs[i] = planOp(&ops[i])
	}
	if err := checkTogether(steps); err != nil {
		return nil, err
	}
	if err := Refused(errs); err != nil {
		return nil, err
	}
	return steps, ctx.Err()
}

// planOp returns a step that has at least its key, unless that is bad.
func planOp(op *tenant.Op) (step Step, err error) {
	refusal := op.Check()
	if op.Action() == 0 {
		return Step{}, refusal
	}
	step = Step{Action: op.Action(), Entity: op.Entity(), Cond: op.Condition()}
	if step.Record, err = op.Record(); err != nil {
		return step, fmt.Errorf("%s: %w", step.Entity, err)
	}
	if refusal == nil && step.Action == tenant.ActionPut {
		step.Data, refusal = itemcodec.AppendOp(nil, op, &step.Record)
	}
	return step, refusal
}

// checkTogether refuses steps that go beyond the size of a transaction or meet
// in one item.
func checkTogether(steps []Step) error {
	type item struct{ entity, key string }
	places := make(map[item]int, len(steps))
	size := 0
	for i := range steps {
		step := &steps[i]
		if step.Record.Key == "" {
			continue
		}
		at := item{step.Entity, step.Record.Key}
		if first, ok := places[at]; ok {
			return fmt.Errorf("%w: operations %d and %d are on one item: %s", tenant.ErrTransaction, first, i, step.Entity)
		}
		places[at] = i
		size += itemcodec.Size(&step.Record, len(step.Data))
	}
	if size > tenant.MaxTransactionSize {
		return fmt.Errorf("%w: %d bytes, limit %d", tenant.ErrTransaction, size, tenant.MaxTransactionSize)
	}
	return nil
}

// Refused returns the error of a transaction whose operations were judged with
// errs: nil if none failed.
func Refused(errs []error) error {
	if !anyOf(errs) {
		return nil
	}
	return &tenant.TransactionError{Errs: errs}
}

func anyOf(errs []error) bool {
	for _, err := range errs {
		if err != nil {
			return true
		}
	}
	return false
}
