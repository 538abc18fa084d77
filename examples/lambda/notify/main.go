// Command notify is a Lambda function that tells people of alerts: by e-mail,
// SMS and signed webhook, to the contacts of the alert's tenant. Its events are
// those of the queue to which detector and timer-sweep send the notifications
// of alarms, of queues that are subscribed to topics of tenants, or of such
// topics themselves. Nobody but the platform may write to these.
//
// Its environment:
//
//	TABLE, CURSOR_KEY            as for package cloud
//	SMTP_SERVER                  host and port, such as email-smtp.eu-west-1.amazonaws.com:587
//	SMTP_USERNAME, SMTP_PASSWORD its credentials, from a secret
//	MAIL_FROM                    the sender, "Alerts <alerts@example.com>"
//
// Switch ReportBatchItemFailures on, and give the queue a dead-letter queue. Its
// role needs dynamodb:GetItem, PutItem and DeleteItem on the table, sns:Publish for SMS.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
)

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	err := run(logger)
	logger.Error("notify can't start", "error", err)
	os.Exit(1)
}

func run(logger *slog.Logger) error {
	account, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return err
	}
	s, err := compose(account, os.Getenv, logger)
	if err != nil {
		return err
	}
	lambda.Start(newHandler(s))
	return nil
}
