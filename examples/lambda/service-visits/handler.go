package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// visit is the body of a message: somebody has serviced a machine.
type visit struct {
	ID      string    `json:"id"`
	Machine string    `json:"machine"`
	At      time.Time `json:"at"`
	Hours   int       `json:"hours"`
}

// machine is the record of a machine.
type machine struct {
	Name   string    `json:"name"`
	Visits int       `json:"visits"`
	Hours  int       `json:"hours"`
	Last   time.Time `json:"last"`
}

var (
	visitSchema = tenant.Schema[visit]{
		Entity: "visit",
		Key:    func(v *visit) tenant.Key { return tenant.NewKey(v.ID) },
	}
	machineSchema = tenant.Schema[machine]{
		Entity: "machine",
		Key:    func(m *machine) tenant.Key { return tenant.NewKey(m.Name) },
	}
)

// services are what the handler needs, each an interface.
type services struct {
	gate       tenant.Gate
	machines   tenant.Repository[machine]
	transactor tenant.Transactor
	logger     *slog.Logger
}

// newHandler returns the function. What it can't do now is reported per message,
// and SQS sends it again; in the end to the dead-letter queue.
func newHandler(s services) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		var response events.SQSEventResponse
		for i := range event.Records {
			message := &event.Records[i]
			if err := s.handle(ctx, message); err != nil {
				s.logger.ErrorContext(ctx, "visit not recorded", "message", message.MessageId, "error", err)
				response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
			}
		}
		return response, nil
	}
}

func (s *services) handle(ctx context.Context, message *events.SQSMessage) error {
	id, err := tenantOf(message)
	if err != nil {
		return err
	}
	if err := s.gate.Admit(ctx, id); err != nil {
		return err
	}
	var v visit
	if err := json.Unmarshal([]byte(message.Body), &v); err != nil {
		return fmt.Errorf("%w body: %w", iotenant.ErrInvalid, err)
	}
	return s.record(ctx, id, v)
}

// tenantOf returns the tenant in the attribute that the sending role alone
// can set: the policy of the queue lets nobody else send.
func tenantOf(message *events.SQSMessage) (tenant.ID, error) {
	attribute := message.MessageAttributes["tenant"].StringValue
	if attribute == nil {
		return tenant.ID{}, fmt.Errorf("%w: no attribute tenant", tenant.ErrID)
	}
	return tenant.ParseID(*attribute)
}

// record keeps the visit and counts it for its machine, in one step. A visit that
// is there already was counted: the message came again.
func (s *services) record(ctx context.Context, id tenant.ID, v visit) error {
	_, err := tenant.TransactRetry(ctx, s.transactor, id, func(ctx context.Context) ([]tenant.Op, error) {
		item, err := s.machines.Get(ctx, id, tenant.NewKey(v.Machine), tenant.Consistent)
		cond := tenant.IfVersion(item.Version)
		if errors.Is(err, tenant.ErrNotFound) {
			item.Value, cond, err = machine{Name: v.Machine}, tenant.IfAbsent(), nil
		}
		if err != nil {
			return nil, err
		}
		item.Value.Visits++
		item.Value.Hours += v.Hours
		if v.At.After(item.Value.Last) {
			item.Value.Last = v.At
		}
		return []tenant.Op{
			tenant.PutOp(&visitSchema, v, tenant.IfAbsent()),
			tenant.PutOp(&machineSchema, item.Value, cond),
		}, nil
	})
	return s.known(ctx, id, v, err)
}

// known returns nil if a transaction was refused because the visit is there.
func (s *services) known(ctx context.Context, id tenant.ID, v visit, err error) error {
	refused, ok := errors.AsType[*tenant.TransactionError](err)
	switch {
	case !ok:
		return err
	case errors.Is(refused.Errs[0], tenant.ErrExists):
		return nil
	case errors.Is(refused.Errs[1], tenant.ErrExists): // another visit made the machine's record meanwhile
		return s.record(ctx, id, v)
	}
	return err
}
