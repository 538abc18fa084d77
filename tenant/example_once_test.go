package tenant_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/aws/aws-lambda-go/events"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func ExampleNewOnce() {
	ctx, acme := context.Background(), tenant.MustParseID("acme")
	type Receipt struct{ Number int }
	records := memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &tenant.OnceSchema)
	charge := tenant.NewOnce[Receipt](records, "charge")

	for _, body := range []string{"7 euro", "7 euro", "8 euro"} {
		receipt, err := charge.Do(ctx, acme, tenant.NewKey("order-1"), []byte(body), func(context.Context) (Receipt, error) {
			fmt.Println("charging", body)
			return Receipt{Number: 1}, nil
		})
		fmt.Println(receipt.Number, err)
	}
	// Output:
	// charging 7 euro
	// 1 <nil>
	// 1 <nil>
	// 0 tenant: once: charge: tenant: invalid payload: the key was used with another
}

func ExampleFinal() {
	ctx, acme := context.Background(), tenant.MustParseID("acme")
	records := memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &tenant.OnceSchema)
	charge := tenant.NewOnce[struct{}](records, "charge")

	for range 2 {
		_, err := charge.Do(ctx, acme, tenant.NewKey("order-1"), nil, func(context.Context) (struct{}, error) {
			fmt.Println("charging")
			return struct{}{}, tenant.Final(errors.New("the card is blocked"))
		})
		fmt.Println(err)
	}
	// Output:
	// charging
	// the card is blocked
	// the card is blocked
}

// SQS delivers at least once. The handler charges each message once, and
// reports per message what is to come again.
func ExampleOnce_lambda() {
	records := memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &tenant.OnceSchema)
	charge := tenant.NewOnce[struct{}](records, "charge", func(o *tenant.OnceOptions) {
		o.LeaseWithinDeadline = true // the context of a Lambda function ends with its time
	})
	handler := func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		var response events.SQSEventResponse
		for _, message := range event.Records {
			if err := chargeMessage(ctx, charge, &message); err != nil && !errors.As(err, new(*tenant.FinalError)) {
				fmt.Println(message.MessageId, "again:", err)
				response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
			}
		}
		return response, nil
	}

	message := func(id, owner, body string) events.SQSMessage {
		return events.SQSMessage{
			MessageId: id, Body: body,
			MessageAttributes: map[string]events.SQSMessageAttribute{"tenant": {StringValue: &owner}},
		}
	}
	response, err := handler(context.Background(), events.SQSEvent{Records: []events.SQSMessage{
		message("m-1", "acme", "order-1"),
		message("m-2", "acme", "order-1"), // sent twice by the shop
		message("m-1", "acme", "order-1"), // delivered twice by SQS
		message("m-3", "zeta", "order-1"), // another tenant's order
		message("m-4", "zeta", "unlucky"),
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.BatchItemFailures)
	// Output:
	// charging order-1 of acme
	// charging order-1 of zeta
	// m-4 again: the bank is closed
	// [{m-4}]
}

// chargeMessage charges the order that a message names. The key is the
// order, not the message id: the sender may have sent it twice.
func chargeMessage(ctx context.Context, charge *tenant.Once[struct{}], message *events.SQSMessage) error {
	// Only the shop's own role may send to the queue, so its attribute is verified.
	id, err := tenant.ParseID(*message.MessageAttributes["tenant"].StringValue)
	if err != nil {
		return tenant.Final(err)
	}
	_, err = charge.Do(ctx, id, tenant.NewKey(message.Body), []byte(message.Body), func(context.Context) (struct{}, error) {
		if message.Body == "unlucky" {
			return struct{}{}, errors.New("the bank is closed")
		}
		fmt.Println("charging", message.Body, "of", id)
		return struct{}{}, nil
	})
	return err
}
