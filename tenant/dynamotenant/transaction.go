package dynamotenant

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

var _ tenant.Transactor = (*Store)(nil)

// Transact implements tenant.Transactor.
func (s *Store) Transact(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
	steps, err := request.PlanTransaction(ctx, id, ops)
	if err != nil {
		return nil, err
	}
	homes, err := s.homesOf(id, steps)
	if err != nil {
		return nil, err
	}
	versions := make([]tenant.Version, len(steps))
	writes := make([]types.TransactWriteItem, len(steps))
	errs := make([]error, len(steps))
	for i := range steps {
		writes[i], versions[i], errs[i] = s.transactWrite(&steps[i], &ops[i], homes[i].address)
	}
	if err := request.Refused(errs); err != nil {
		return nil, err
	}
	if err := s.settleAll(ctx, homes); err != nil {
		return nil, err
	}
	if err := s.transact(ctx, writes...); err != nil {
		return nil, transactionError(ctx, steps, err)
	}
	return versions, nil
}

// homesOf returns the home of the item of each step.
func (s *Store) homesOf(id tenant.ID, steps []request.Step) ([]home, error) {
	homes := make([]home, len(steps))
	for i := range steps {
		var err error
		if homes[i], err = s.homeOf(id, steps[i].Entity, steps[i].Record.Key); err != nil {
			return nil, err
		}
	}
	return homes, nil
}

// transactWrite returns a step in the form of the SDK, and the version of what
// it puts.
func (s *Store) transactWrite(step *request.Step, op *tenant.Op, at address) (write types.TransactWriteItem, version tenant.Version, err error) {
	met := expressionOf(step.Cond, s.options.Now())
	switch step.Action {
	case tenant.ActionPut:
		value, err := encodeStep(step, op.Value())
		if err != nil {
			return write, 0, err
		}
		version = newVersion()
		write.Put = &types.Put{
			TableName: &s.table, Item: newItem(at, &step.Record, value, version),
			ConditionExpression: met.text, ExpressionAttributeValues: met.values,
		}
	case tenant.ActionDelete:
		write.Delete = &types.Delete{TableName: &s.table, Key: at.key(), ConditionExpression: met.text, ExpressionAttributeValues: met.values}
	case tenant.ActionCheck:
		write.ConditionCheck = &types.ConditionCheck{TableName: &s.table, Key: at.key(), ConditionExpression: met.text, ExpressionAttributeValues: met.values}
	}
	return write, version, nil
}

// transact makes the call. Its token lets DynamoDB recognise a repetition by
// the client.
func (s *Store) transact(ctx context.Context, writes ...types.TransactWriteItem) error {
	_, err := s.api.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes, ClientRequestToken: aws.String(rand.Text())})
	return err
}

// Codes of types.CancellationReason.
const (
	reasonNone       = "None"
	reasonCondition  = "ConditionalCheckFailed"
	reasonConflict   = "TransactionConflict"
	reasonValidation = "ValidationError"
)

// reasonsOf returns why a transaction was canceled, nil if err says something
// else.
func reasonsOf(err error) []types.CancellationReason {
	if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return canceled.CancellationReasons
	}
	return nil
}

func codeOf(reason types.CancellationReason) string { return aws.ToString(reason.Code) }

// transactionError returns the error of a transaction that failed: a
// *tenant.TransactionError if its operations were the reason, and not others
// that were under way, or the capacity of the table.
func transactionError(ctx context.Context, steps []request.Step, err error) error {
	errs := make([]error, len(steps))
	if reasons := reasonsOf(err); len(reasons) == len(steps) && ctx.Err() == nil {
		for i, reason := range reasons {
			switch codeOf(reason) {
			case reasonCondition:
				errs[i] = refused(steps[i].Cond, steps[i].Entity, err)
			case reasonValidation:
				invalid := &smithy.GenericAPIError{Code: reasonValidation, Message: aws.ToString(reason.Message)}
				errs[i] = failed(ctx, "transact "+steps[i].Entity, invalid)
			}
		}
	}
	if refused := request.Refused(errs); refused != nil {
		return refused
	}
	return failed(ctx, "transact", err)
}
