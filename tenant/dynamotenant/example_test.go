package dynamotenant_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-dax-go-v2/dax"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

func Example() {
	var config aws.Config // of config.LoadDefaultConfig
	client := dynamodb.NewFromConfig(config, func(o *dynamodb.Options) {
		o.HTTPClient, o.Region, o.Credentials = newFake(), "eu-west-1", credentials("AKID")
	})

	cursors := tenant.RandomCursorKeys() // keep real keys in a secret, see tenant.NewCursorKeys
	store := dynamotenant.New(client, "items", cursors)
	sites := dynamotenant.NewRepository(store, &siteSchema)

	ctx, acme := context.Background(), tenant.MustParseID("acme")
	if _, err := sites.Put(ctx, acme, site{Name: "north", City: "Oslo"}, tenant.IfAbsent()); err != nil {
		log.Fatal(err)
	}
	page, err := sites.Query(ctx, acme, tenant.Query{Index: "city", Prefix: tenant.NewKey("Oslo")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(page.Items), page.Items[0].Value.Name)
	_, err = sites.Get(ctx, tenant.MustParseID("globex"), tenant.NewKey("north"))
	fmt.Println(err)
	// Output:
	// 1 north
	// tenant: item not found: site
}

// A cluster of DAX takes the place of the client.
func ExampleNew_dax() {
	var client *dax.Dax // of dax.NewFromConfig, which dials
	store := dynamotenant.New(client, "items", tenant.RandomCursorKeys())
	fmt.Printf("%T\n", store)
	// Output: *dynamotenant.Store
}

func ExampleTable() {
	table := dynamotenant.Table("items")
	fmt.Println(*table.TableName, len(table.GlobalSecondaryIndexes), *dynamotenant.TimeToLive("items").TimeToLiveSpecification.AttributeName)
	// Output: items 5 exp
}
