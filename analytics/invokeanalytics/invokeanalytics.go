// Package invokeanalytics runs the lambda activities of pipelines in AWS Lambda:
// it invokes the function that an activity names, among those of the tenant, and
// waits for its answer.
//
//	functions := invokeanalytics.New(lambda.NewFromConfig(config))
//	environments := analytics.NewEnvironments(func(o *analytics.EnvironmentsOptions) { o.Functions = functions })
//
// A definition names a function as in the account that it came from. Here the
// account is the platform's, so the name is that of a function of its tenant
// there: the function smooth of tenant acme is acme_smooth. See [Options].
//
// A call lasts as long as the function: give the client an HTTP client without
// a timeout of its own below analytics.IngestOptions.FunctionTimeout, and no
// retries, since pipelines repeat what fails.
package invokeanalytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// MaxEvent is the limit of a synchronous invocation, in bytes, of the event and
// of the answer.
const MaxEvent = 6 << 20

// Sentinel errors of an [Invoker].
var (
	// ErrName: an activity names no function of its tenant.
	ErrName = fmt.Errorf("invokeanalytics: function name: %w", iotenant.ErrDenied)
	// ErrNoFunction: the tenant has no function of this name.
	ErrNoFunction = fmt.Errorf("invokeanalytics: function %w", iotenant.ErrNotFound)
	// ErrRefused: Lambda refuses an event, for its size for example.
	ErrRefused = fmt.Errorf("invokeanalytics: refused by Lambda: %w", iotenant.ErrInvalid)
	// ErrFunction: the function failed. It may succeed the next time.
	ErrFunction = fmt.Errorf("invokeanalytics: function failed: %w", iotenant.ErrUnavailable)
)

// API is what [Invoker] calls; *lambda.Client is one. The least policy for it:
//
//	{"Effect": "Allow", "Action": ["lambda:InvokeFunction"],
//	 "Resource": "arn:aws:lambda:REGION:ACCOUNT:function:*_*"}
type API interface {
	Invoke(ctx context.Context, input *lambda.InvokeInput, optFns ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Options are the options of [New].
type Options struct {
	// Function returns the name or ARN of the function that a tenant knows by a
	// name, or an error of kind iotenant.ErrDenied or ErrNotFound. Definitions
	// are the tenant's, so name can be anything. Default [OwnFunction].
	Function func(id tenant.ID, name string) (string, error)
	// Isolated invokes functions with tenant isolation, each for the tenant of
	// the call: Lambda then keeps execution environments of tenants apart, and
	// one function may serve all. Default false.
	Isolated bool
}

// Invoker is analytics.Functions by AWS Lambda.
type Invoker struct {
	api     API
	options Options
}

var _ analytics.Functions = (*Invoker)(nil)

// New returns functions in the account of api.
func New(api API, optFns ...func(*Options)) *Invoker {
	options := Options{Function: OwnFunction}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Invoker{api: api, options: options}
}

// maxName is the length of a function's name, by its tenant, in bytes.
const maxName = 64

// OwnFunction names the tenant's own function: the tenant's id, '_' and the
// name. A name has 1 to 64 letters, digits, '_' and '-'. Of the ARN that a
// definition brought from another account the name counts, without version or
// alias. The error is [ErrName] or tenant.ErrID.
func OwnFunction(id tenant.ID, name string) (string, error) {
	if err := id.Check(); err != nil {
		return "", err
	}
	if rest, ok := strings.CutPrefix(name, "arn:"); ok {
		parts := strings.Split(rest, ":") // aws, lambda, Region, account, function, name
		if len(parts) < 6 || parts[1] != "lambda" || parts[4] != "function" {
			return "", fmt.Errorf("%w: want the ARN of a function", ErrName)
		}
		name = parts[5]
	}
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, isStrange) {
		return "", fmt.Errorf("%w: want 1 to %d letters, digits, '_' and '-'", ErrName, maxName)
	}
	return id.String() + "_" + name, nil
}

func isStrange(c rune) bool {
	return ('a' > c || c > 'z') && ('A' > c || c > 'Z') && ('0' > c || c > '9') && c != '_' && c != '-'
}

// Invoke implements [analytics.Functions]. Errors: tenant.ErrID, those of
// Options.Function, [ErrNoFunction], [ErrRefused], [ErrFunction], that of the
// context, kind iotenant.ErrUnavailable.
func (i *Invoker) Invoke(ctx context.Context, id tenant.ID, name string, event []byte) ([]byte, error) {
	if err := id.Check(); err != nil {
		return nil, err
	}
	function, err := i.options.Function(id, name)
	if err != nil {
		return nil, err
	}
	if len(event) > MaxEvent {
		return nil, fmt.Errorf("%w: event of %d bytes, limit %d", ErrRefused, len(event), MaxEvent)
	}
	input := &lambda.InvokeInput{FunctionName: &function, InvocationType: types.InvocationTypeRequestResponse, Payload: event}
	if i.options.Isolated {
		tenantID := id.String()
		input.TenantId = &tenantID
	}
	output, err := i.api.Invoke(ctx, input)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, judged(err)
	case output.FunctionError != nil:
		return nil, fmt.Errorf("%w: %s", ErrFunction, told(output.Payload))
	}
	return output.Payload, nil
}

// judged gives an error of the service its kind. A missing permission is for
// the platform to mend, so it may pass.
func judged(err error) error {
	var coded interface{ ErrorCode() string }
	if !errors.As(err, &coded) {
		return fmt.Errorf("invokeanalytics: %w: %w", iotenant.ErrUnavailable, err)
	}
	switch coded.ErrorCode() {
	case "ResourceNotFoundException":
		return fmt.Errorf("%w: %w", ErrNoFunction, err)
	case "InvalidParameterValueException", "InvalidRequestContentException", "RequestTooLargeException",
		"UnsupportedMediaTypeException", "SerializationException", "ValidationException":
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return fmt.Errorf("invokeanalytics: %w: %w", iotenant.ErrUnavailable, err)
}

// maxTold bounds what is told of a function's error, in bytes.
const maxTold = 512

// told is what a function said of its failure.
func told(payload []byte) string {
	var failure struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &failure) != nil || failure.Type == "" && failure.Message == "" {
		return "it told nothing"
	}
	text := strings.TrimPrefix(failure.Type+": "+failure.Message, ": ")
	if len(text) > maxTold {
		text = strings.ToValidUTF8(text[:maxTold], "") + "…"
	}
	return text
}
