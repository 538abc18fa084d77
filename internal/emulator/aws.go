package emulator

import (
	"context"
	"crypto/rand"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// AWS returns a configuration for clients of a server: with credentials of its
// own, a fixed Region, and no retries, so that a failure is seen. Clients of
// DynamoDB also need Options.DisableValidateResponseChecksum, since no emulator
// sends the checksum of an error.
func AWS(baseURL string) aws.Config {
	key := rand.Text()
	return aws.Config{
		Region:       "eu-west-1",
		BaseEndpoint: aws.String(baseURL),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret"}, nil
		}),
	}
}
