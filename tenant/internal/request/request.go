// Package request checks the arguments of repository calls, so that every
// backend refuses the same with the same error before it does anything.
package request

import (
	"context"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant/tenant"
)

// CheckGet checks the arguments of Get. Errors: tenant.ErrID, tenant.ErrKey,
// the error of ctx.
func CheckGet(ctx context.Context, id tenant.ID, key tenant.Key) error {
	if err := id.Check(); err != nil {
		return err
	}
	if err := key.Check(); err != nil {
		return err
	}
	return ctx.Err()
}

// CheckPut checks the arguments of Put but the value. Errors: tenant.ErrID,
// tenant.ErrCondition, the error of ctx.
func CheckPut(ctx context.Context, id tenant.ID, cond tenant.Condition) error {
	if err := id.Check(); err != nil {
		return err
	}
	if err := cond.Check(0); errors.Is(err, tenant.ErrCondition) {
		return err
	}
	return ctx.Err()
}

// CheckDelete checks the arguments of Delete. Errors: tenant.ErrID,
// tenant.ErrKey, tenant.ErrCondition, the error of ctx.
func CheckDelete(ctx context.Context, id tenant.ID, key tenant.Key, cond tenant.Condition) error {
	if cond.Kind() == tenant.KindAbsent {
		return fmt.Errorf("%w: IfAbsent in Delete", tenant.ErrCondition)
	}
	if err := CheckPut(ctx, id, cond); err != nil {
		return err
	}
	return key.Check()
}

// PlanQuery checks the arguments of Query and opens the cursor: after is the
// position that it holds, empty without one. Errors: tenant.ErrID,
// tenant.ErrKey, tenant.ErrQuery, tenant.ErrCursor, the error of ctx.
func PlanQuery[T any](ctx context.Context, id tenant.ID, query tenant.Query, schema *tenant.Schema[T], cursors tenant.CursorKeys) (plan tenant.QueryPlan, after string, err error) {
	if err := id.Check(); err != nil {
		return tenant.QueryPlan{}, "", err
	}
	if plan, err = schema.PlanQuery(query); err != nil {
		return tenant.QueryPlan{}, "", err
	}
	if query.Cursor != "" {
		if after, err = cursors.Open(id, plan.Scope, query.Cursor); err != nil {
			return tenant.QueryPlan{}, "", err
		}
	}
	return plan, after, ctx.Err()
}
