package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iotdataplane"
	"github.com/aws/aws-sdk-go-v2/service/iotdataplane/types"
	lambdaservice "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/invokeanalytics"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/examples/internal/datalake"
	"github.com/iotenant/iotenant/examples/internal/environment"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// compose puts the function together as the environment says. It calls nothing.
func compose(account aws.Config, env environment.Environment, logger *slog.Logger) (lambda.Handler, error) {
	lake, err := datalake.Open(account, env, func(o *datalake.Options) { o.Logger = logger })
	if err != nil {
		return nil, err
	}
	environments := analytics.NewEnvironments(func(o *analytics.EnvironmentsOptions) {
		o.Functions = invokeanalytics.New(lambdaservice.NewFromConfig(account, func(o *lambdaservice.Options) { o.Retryer = aws.NopRetryer{} }))
		o.Things = device.NewRegistry(
			dynamotenant.NewRepository(lake.Store, &device.ThingSchema),
			dynamotenant.NewRepository(lake.Store, &device.CredentialSchema),
			dynamotenant.NewRepository(lake.Store, &device.PresenceSchema),
		)
		if endpoint := env("IOT_ENDPOINT"); endpoint != "" {
			core := iotdataplane.NewFromConfig(account, func(o *iotdataplane.Options) { o.BaseEndpoint = aws.String("https://" + endpoint) })
			o.Shadows = shadowsOf(core)
		}
	})
	switch mode := env("MODE"); mode {
	case "", "ingest", "forward":
		ingest := analytics.NewIngest(lake.Definitions, lake.Lake, func(o *analytics.IngestOptions) {
			o.Environment, o.Logger = environments.Of, logger
			o.Notify = func(ctx context.Context, id tenant.ID, notice analytics.FailureNotice) error {
				logger.WarnContext(ctx, "messages that a function could not process", "tenant", id.String(), "event", string(notice.Event))
				return nil
			}
		})
		return newHandler(ingest, func(o *lambdaanalytics.Options) {
			o.Gate, o.Logger, o.Forward = lake.Directory, logger, mode == "forward"
		}), nil
	case "transform":
		return newTransformer(lambdaanalytics.DefinedPipelines(lake.Definitions), func(o *lambdaanalytics.TransformOptions) {
			o.Gate, o.Logger, o.Environment = lake.Directory, logger, environments.Of
		}), nil
	default:
		return nil, fmt.Errorf("MODE: want ingest, forward or transform, not %q", mode)
	}
}

// shadowGetter is what shadowsOf calls; *iotdataplane.Client is one.
type shadowGetter interface {
	GetThingShadow(ctx context.Context, input *iotdataplane.GetThingShadowInput, optFns ...func(*iotdataplane.Options)) (*iotdataplane.GetThingShadowOutput, error)
}

// shadowsOf are the classic shadows in IoT Core, where a thing has the name that
// device.ThingName makes.
func shadowsOf(core shadowGetter) analytics.ThingShadows {
	return analytics.ThingShadowsFunc(func(ctx context.Context, id tenant.ID, thing device.ID) ([]byte, error) {
		output, err := core.GetThingShadow(ctx, &iotdataplane.GetThingShadowInput{ThingName: aws.String(device.ThingName(id, thing))})
		var missing *types.ResourceNotFoundException
		switch {
		case errors.As(err, &missing):
			return nil, fmt.Errorf("shadow %w", iotenant.ErrNotFound)
		case err != nil:
			return nil, fmt.Errorf("%w: %w", iotenant.ErrUnavailable, err)
		}
		return output.Payload, nil
	})
}
