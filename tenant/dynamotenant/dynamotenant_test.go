package dynamotenant_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

var (
	acme   = tenant.MustParseID("acme")
	globex = tenant.MustParseID("globex")
)

type site struct {
	Name    string    `json:"name"`
	City    string    `json:"city,omitempty"`
	Count   int       `json:"count"`
	Expires time.Time `json:"expires,omitzero"`
}

var siteSchema = tenant.Schema[site]{
	Entity: "site",
	Key:    func(s *site) tenant.Key { return tenant.NewKey(s.Name) },
	Indexes: []tenant.Index[site]{{Name: "city", Key: func(s *site) tenant.Key {
		if s.City == "" {
			return tenant.Key{}
		}
		return tenant.NewKey(s.City)
	}}},
	Expires: func(s *site) time.Time { return s.Expires },
}

const table = "items"

// sites returns a repository on a fake.
func sites(f *fake, optFns ...func(*dynamotenant.Options)) *dynamotenant.Repository[site] {
	return dynamotenant.NewRepository(newStore(f, optFns...), &siteSchema)
}

func newStore(f *fake, optFns ...func(*dynamotenant.Options)) *dynamotenant.Store {
	return dynamotenant.New(f.client(), table, tenant.RandomCursorKeys(), optFns...)
}

func credentials(key string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: "secret"}, nil
	})
}

// sharded spreads everything.
func sharded(count, previous int) func(*dynamotenant.Options) {
	return func(o *dynamotenant.Options) {
		o.Shards = func(tenant.ID, string) dynamotenant.Sharding {
			return dynamotenant.Sharding{Count: count, Previous: previous}
		}
	}
}

var tables atomic.Int64

// emulated returns a client of an emulator and the name of a new table there.
func emulated(t *testing.T, baseURL string) (*dynamodb.Client, string) {
	t.Helper()
	client := dynamodb.NewFromConfig(emulator.AWS(baseURL), func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = true })
	name := fmt.Sprintf("items-%d-%d", time.Now().UnixNano(), tables.Add(1))
	_, err := client.CreateTable(t.Context(), dynamotenant.Table(name))
	require.NoError(t, err)
	active := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 5*time.Millisecond, 50*time.Millisecond
	})
	require.NoError(t, active.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, time.Minute))
	return client, name
}
