package main

import (
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/iotenant/iotenant/alerts/memalerts"
	"github.com/iotenant/iotenant/alerts/smtpalerts"
	"github.com/iotenant/iotenant/alerts/snsalerts"
	"github.com/iotenant/iotenant/examples/internal/environment"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// compose puts the services together as the environment says. It calls nothing.
func compose(account aws.Config, env environment.Environment, logger *slog.Logger) (services, error) {
	if err := env.Need("SMTP_SERVER", "SMTP_USERNAME", "SMTP_PASSWORD", "MAIL_FROM"); err != nil {
		return services{}, err
	}
	store, err := env.OpenStore(account)
	if err != nil {
		return services{}, err
	}
	book := addressBook{dynamotenant.NewRepository(store, &contactsSchema)}
	mailer, err := smtpalerts.New(smtpalerts.Server{
		Address: env("SMTP_SERVER"), Username: env("SMTP_USERNAME"), Password: env("SMTP_PASSWORD"),
	}, env("MAIL_FROM"), book.emails, func(o *smtpalerts.Options) { o.Email = book.email })
	if err != nil {
		return services{}, err
	}
	return services{
		channels: []channel{
			{"email", mailer},
			{"sms", snsalerts.NewTexter(sns.NewFromConfig(account), book.phones)},
			{"webhook", memalerts.NewWebhook(book.endpoint)},
		},
		records: dynamotenant.NewRepository(store, &tenant.OnceSchema),
		logger:  logger,
	}, nil
}
