package dynamotenant

import (
	"context"
	"errors"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/iotenant/iotenant/tenant"
)

// Reshard moves the items of some entities of a tenant to where they belong,
// see [Sharding], and returns how many it has moved. It may be ended and called
// again, and run beside all other calls, also of itself. Errors: tenant.ErrID,
// [ErrSharding], kind iotenant.ErrUnavailable, the error of ctx.
func (s *Store) Reshard(ctx context.Context, id tenant.ID, entities ...string) (moved int, err error) {
	if err := id.Check(); err != nil {
		return 0, err
	}
	for _, entity := range entities {
		sharding, err := s.options.Shards(id, entity).normal()
		if err != nil {
			return moved, err
		}
		for shard := range sharding.Previous {
			n, err := s.clearShard(ctx, id, entity, shard)
			moved += n
			if err != nil {
				return moved, err
			}
		}
	}
	return moved, nil
}

// clearShard moves what belongs elsewhere out of an old shard.
func (s *Store) clearShard(ctx context.Context, id tenant.ID, entity string, shard int) (moved int, err error) {
	input := &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String(inPartition),
		ExpressionAttributeValues: attributes{":pk": text(partitionOf(id, entity, shard))},
	}
	for {
		output, err := s.api.Query(ctx, input)
		if err != nil {
			return moved, failed(ctx, "reshard "+entity, err)
		}
		for _, item := range output.Items {
			at, err := s.homeOf(id, entity, textIn(item, sortName))
			if err != nil {
				return moved, err
			}
			if at.former == "" {
				continue
			}
			if err := s.move(ctx, at, item, entity); err != nil {
				return moved, err
			}
			moved++
		}
		if input.ExclusiveStartKey = output.LastEvaluatedKey; len(input.ExclusiveStartKey) == 0 {
			return moved, nil
		}
	}
}

// moveAttempts bounds how often move meets others that move or write the item.
const moveAttempts = 8

// move moves an item, which was read at its old place, to where it belongs. It
// returns nil when nothing is at the old place any more.
func (s *Store) move(ctx context.Context, at home, item attributes, entity string) error {
	for attempt := 0; ; attempt++ {
		err := s.moveOnce(ctx, at, item)
		if err == nil {
			return nil
		}
		if attempt == moveAttempts || !isCanceled(err) {
			return failed(ctx, "move "+entity, err)
		}
		if err := pause(ctx, attempt); err != nil {
			return failed(ctx, "move "+entity, err)
		}
		if item, err = s.get(ctx, at.old(), entity, true); err != nil || len(item) == 0 {
			return err
		}
	}
}

// moveOnce moves an item as one step, if it is still what was read. What is in
// the new place already stays: it was written later.
func (s *Store) moveOnce(ctx context.Context, at home, item attributes) error {
	successor := maps.Clone(item)
	successor[partitionName] = text(at.partition)
	remove := types.TransactWriteItem{Delete: &types.Delete{
		TableName: &s.table, Key: at.old().key(), ConditionExpression: aws.String("ver = :ver"),
		ExpressionAttributeValues: attributes{":ver": item[versionName]},
	}}
	add := types.TransactWriteItem{Put: &types.Put{
		TableName: &s.table, Item: successor, ConditionExpression: aws.String("attribute_not_exists(pk)"),
	}}
	err := s.transact(ctx, add, remove)
	if reasons := reasonsOf(err); len(reasons) == 2 && codeOf(reasons[0]) == reasonCondition && codeOf(reasons[1]) == reasonNone {
		return s.transact(ctx, remove)
	}
	return err
}

func isCanceled(err error) bool {
	_, ok := errors.AsType[*types.TransactionCanceledException](err)
	return ok
}
