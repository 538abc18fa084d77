package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics/pipeline"
)

func TestLoadChannel(t *testing.T) {
	t.Parallel()
	for definition, want := range map[string]pipeline.Channel{
		`{"channelName":"raw"}`: {Name: "raw"},
		`{"channelName":"raw","channelStorage":{"serviceManagedS3":{}},"retentionPeriod":{"numberOfDays":30}}`: {Name: "raw", RetentionDays: 30},
		`{"ChannelName":"Raw","RetentionPeriod":{"Unlimited":true}}`:                                           {Name: "Raw"},
		`{"channel":{"name":"raw","arn":"a","status":"ACTIVE","retentionPeriod":{"unlimited":false,"numberOfDays":7}},"statistics":{}}`: {
			Name: "raw", RetentionDays: 7,
		},
		// The rules of the bucket decided.
		`{"channelName":"raw","retentionPeriod":{"numberOfDays":30},
		  "channelStorage":{"customerManagedS3":{"bucket":"mine","keyPrefix":"p/","roleArn":"arn:aws:iam::1:role/abc"}}}`: {Name: "raw"},
	} {
		channel, err := pipeline.LoadChannel([]byte(definition))
		require.NoError(t, err, definition)
		require.Equal(t, want, *channel, definition)
	}
}

func TestLoadDatastore(t *testing.T) {
	t.Parallel()
	columns := []pipeline.Column{{Name: "temp", Type: "double"}, {Name: "tags", Type: "array<string>"}}
	for definition, want := range map[string]pipeline.Datastore{
		`{"datastoreName":"s"}`: {Name: "s", Format: pipeline.FormatJSON},
		`{"datastoreName":"s","retentionPeriod":{"numberOfDays":90},"fileFormatConfiguration":{"jsonConfiguration":{}}}`: {
			Name: "s", Format: pipeline.FormatJSON, RetentionDays: 90,
		},
		`{"datastore":{"name":"s","storage":{"serviceManagedS3":{}},"fileFormatType":"PARQUET","fileFormatConfiguration":{"parquetConfiguration":
		  {"schemaDefinition":{"columns":[{"name":"temp","type":"double"},{"name":"tags","type":"array<string>"}]}}}}}`: {
			Name: "s", Format: pipeline.FormatParquet, Columns: columns,
		},
		`{"datastoreName":"s","datastorePartitions":{"partitions":[{"attributePartition":{"attributeName":"site"}},
		  {"timestampPartition":{"attributeName":"ts","timestampFormat":"yyyy-MM-dd HH:mm:ss"}}]}}`: {
			Name: "s", Format: pipeline.FormatJSON, Partitions: []pipeline.Partition{
				{Attribute: "site"}, {Attribute: "ts", Timestamp: true, TimestampFormat: "yyyy-MM-dd HH:mm:ss"},
			},
		},
		`{"DatastoreName":"s","DatastorePartitions":{"Partitions":[{"Partition":{"AttributeName":"site"}},{"TimestampPartition":{"AttributeName":"ts"}}]}}`: {
			Name: "s", Format: pipeline.FormatJSON, Partitions: []pipeline.Partition{{Attribute: "site"}, {Attribute: "ts", Timestamp: true}},
		},
	} {
		datastore, err := pipeline.LoadDatastore([]byte(definition))
		require.NoError(t, err, definition)
		require.Equal(t, want, *datastore, definition)
	}
}

// What Check finds is what keeps a definition from loading.
func TestLoadFindsWhatCheckFinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ definition, path, message string }{
		{`{"channelName":"raw","retentionPeriod":{}}`, "retentionPeriod", "want unlimited or numberOfDays"},
		{`{"channel":{"name":"__raw"}}`, "channel.name", `"__raw" begins with two underscores`},
		{`{"datastoreName":"s","fileFormatConfiguration":{"parquetConfiguration":{}}}`, "fileFormatConfiguration.parquetConfiguration", "Parquet needs a schema: schemaDefinition is required"},
		{`{"datastoreName":"s","datastorePartitions":{"partitions":[{"attributePartition":{"attributeName":"a"}},{"attributePartition":{"attributeName":"A"}}]}}`,
			"datastorePartitions.partitions[1].attributePartition.attributeName", `there is another partition by "A"`},
	} {
		kind, findings := pipeline.Check([]byte(c.definition))
		require.NotEmpty(t, findings, c.definition)
		require.Equal(t, c.path, findings[0].Path)
		require.Equal(t, c.message, findings[0].Message)

		strict := func(o *pipeline.Options) { o.Strict = true }
		var err error
		if kind == pipeline.ResourceChannel {
			_, err = pipeline.LoadChannel([]byte(c.definition), strict)
		} else {
			_, err = pipeline.LoadDatastore([]byte(c.definition), strict)
		}
		var definitionError *pipeline.DefinitionError
		require.ErrorAs(t, err, &definitionError)
		require.ErrorIs(t, err, pipeline.ErrDefinition)
		require.Equal(t, findings, definitionError.Findings)
	}
	for _, broken := range []string{``, `[]`, `{`, `{"channelName":1}`, `{"datastoreName":"s"}`} {
		_, err := pipeline.LoadChannel([]byte(broken))
		require.ErrorIs(t, err, pipeline.ErrDefinition, broken)
	}
	for _, broken := range []string{``, `"x"`, `{"channelName":"c"}`} {
		_, err := pipeline.LoadDatastore([]byte(broken))
		require.ErrorIs(t, err, pipeline.ErrDefinition, broken)
	}
}
