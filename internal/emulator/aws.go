package emulator

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
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
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.IdleConnTimeout = idleAtMost
		}),
		Retryer: func() aws.Retryer { return retry.NewStandard(onlyClosed) },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret"}, nil
		}),
	}
}

// idleAtMost is well below the 5 s after which servers on Node.js close an idle
// connection, which would fail a request that is just being sent.
const idleAtMost = time.Second

// onlyClosed repeats only what net/http itself has closed before the answer
// was read, which on a busy machine happens with servers that end their
// connections after each answer.
func onlyClosed(o *retry.StandardOptions) {
	o.MaxAttempts = 3
	o.RateLimiter = ratelimit.None
	o.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
		return aws.BoolTernary(strings.Contains(err.Error(), "use of closed network connection"))
	})}
}
