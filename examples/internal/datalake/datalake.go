// Package datalake puts channels, pipelines, data stores and data sets together
// from AWS's services, for the Lambdas that fill and read them. It calls
// nothing.
//
// Its environment:
//
//	TABLE        the DynamoDB table of the system, as dynamotenant.Table describes it
//	CURSOR_KEY   at least 32 random bytes in base64, which seal page cursors
//	BUCKET       the bucket for what channels, data stores and data sets hold
//	PREFIX       begins the keys in it, such as "lake/"; optional
//	BUCKET_OWNER the account that has the bucket; optional
package datalake

import (
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/s3analytics"
	"github.com/iotenant/iotenant/examples/internal/environment"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// Options are the options of [Open].
type Options struct {
	// DynamoDB and S3 change the clients.
	DynamoDB []func(*dynamodb.Options)
	S3       []func(*s3.Options)
	// Logger is told of stored definitions that do not load. Default: silent.
	Logger *slog.Logger
}

// Datalake is what the Lambdas share.
type Datalake struct {
	Store       *dynamotenant.Store
	Directory   *tenant.Directory
	Objects     analytics.Objects
	Lake        analytics.Lake
	Definitions *analytics.Definitions
}

// Open returns the data lake that the environment describes.
func Open(account aws.Config, env environment.Environment, optFns ...func(*Options)) (*Datalake, error) {
	options := Options{Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	if err := env.Need("TABLE", "CURSOR_KEY", "BUCKET"); err != nil {
		return nil, err
	}
	cursors, err := env.CursorKeys()
	if err != nil {
		return nil, err
	}
	store, err := env.OpenStore(account, options.DynamoDB...)
	if err != nil {
		return nil, err
	}
	client := s3.NewFromConfig(account, options.S3...)
	objects := s3analytics.New(client, env("BUCKET"), func(o *s3analytics.Options) {
		o.Prefix, o.ExpectedBucketOwner, o.Presigner = env("PREFIX"), env("BUCKET_OWNER"), s3.NewPresignClient(client)
	})
	lake := lakeanalytics.New(objects, cursors)
	return &Datalake{
		Store:     store,
		Directory: tenant.NewDirectory(dynamotenant.NewRepository(store, &tenant.TenantSchema)),
		Objects:   objects,
		Lake:      lake,
		Definitions: analytics.NewDefinitions(dynamotenant.NewRepository(store, &analytics.DefinitionSchema), lake,
			func(o *analytics.DefinitionsOptions) { o.Logger = options.Logger }),
	}, nil
}
