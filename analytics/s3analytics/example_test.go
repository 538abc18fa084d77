package s3analytics_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/iotenant/iotenant/analytics/s3analytics"
	"github.com/iotenant/iotenant/tenant"
)

func ExampleNew() {
	var config aws.Config // of config.LoadDefaultConfig
	client := s3.NewFromConfig(config, func(o *s3.Options) {
		o.HTTPClient, o.Region, o.Credentials = newFake(), "eu-west-1", credentials
		o.BaseEndpoint, o.UsePathStyle = aws.String("http://s3.test"), true
	})

	objects := s3analytics.New(client, "lake", func(o *s3analytics.Options) {
		o.Prefix = "production/"
		o.ExpectedBucketOwner = "111122223333"
		o.Key = func(id tenant.ID) string { return "arn:aws:kms:eu-west-1:111122223333:alias/" + id.String() }
		o.Presigner = s3.NewPresignClient(client)
	})

	ctx, acme := context.Background(), tenant.MustParseID("acme")
	if err := objects.Create(ctx, acme, "contents/daily/1.csv", strings.NewReader("site,mean\noslo,21.5\n")); err != nil {
		log.Fatal(err)
	}
	object, err := objects.Open(ctx, acme, "contents/daily/1.csv")
	if err != nil {
		log.Fatal(err)
	}
	defer object.Close()
	text, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
	fmt.Printf("%q %v\n", text, err)

	link, err := objects.Link(ctx, acme, "contents/daily/1.csv", time.Hour)
	path, _, _ := strings.Cut(link, "?")
	fmt.Println(path, err)

	_, err = objects.Open(ctx, tenant.MustParseID("globex"), "contents/daily/1.csv")
	fmt.Println(err)
	// Output:
	// "site,mean\noslo,21.5\n" <nil>
	// http://s3.test/lake/production/tenants/acme/contents/daily/1.csv <nil>
	// analytics: object not found
}
