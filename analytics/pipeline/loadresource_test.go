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

func TestLoadDataset(t *testing.T) {
	t.Parallel()
	text, double := "", 1.5
	for definition, want := range map[string]pipeline.Dataset{
		`{"datasetName":"d","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT * FROM s"}}]}`: {Name: "d", SQL: "SELECT * FROM s", RetentionDays: 90},
		`{"datasetName":"d","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT 1","filters":[{"deltaTime":{"offsetSeconds":-180,"timeExpression":"from_unixtime(timestamp)"}}]}}],
		  "triggers":[{"schedule":{"expression":"cron(0/15 * * * ? *)"}},{"schedule":{"expression":"rate(1 day)"}}],
		  "contentDeliveryRules":[{"entryName":"e","destination":{"s3DestinationConfiguration":{"bucket":"bbb","key":"d/!{iotanalytics:versionId}.csv","roleArn":"arn:aws:iam::123456789012:role/r"}}},
		    {"destination":{"iotEventsDestinationConfiguration":{"inputName":"i","roleArn":"arn:aws:iam::123456789012:role/r"}}}],
		  "retentionPeriod":{"unlimited":false,"numberOfDays":7},"versioningConfiguration":{"unlimited":false,"maxVersions":10},
		  "lateDataRules":[{"ruleName":"r","ruleConfiguration":{"deltaTimeSessionWindowConfiguration":{"timeoutInMinutes":5}}}]}`: {
			Name: "d", SQL: "SELECT 1", Delta: &pipeline.DeltaTime{OffsetSeconds: -180, TimeExpression: "from_unixtime(timestamp)"},
			Schedules: []string{"cron(0/15 * * * ? *)", "rate(1 day)"}, RetentionDays: 7, Versions: 10, LateRules: []pipeline.LateRule{{Name: "r", TimeoutMinutes: 5}},
			Deliveries: []pipeline.Delivery{{EntryName: "e", Bucket: "bbb", Key: "d/!{iotanalytics:versionId}.csv"}, {Input: "i"}},
		},
		`{"DatasetName":"D","Actions":[{"ActionName":"a","ContainerAction":{"Image":"i","ExecutionRoleArn":"arn:aws:iam::123456789012:role/r","ResourceConfiguration":{"ComputeType":"ACU_1","VolumeSizeInGB":1},
		  "Variables":[{"VariableName":"v","StringValue":""},{"VariableName":"w","DoubleValue":1.5},{"VariableName":"x","DatasetContentVersionValue":{"DatasetName":"q"}},{"VariableName":"y","OutputFileUriValue":{"FileName":"out.html"}}]}}],
		  "Triggers":[{"TriggeringDataset":{"DatasetName":"q"}}],"RetentionPeriod":{"Unlimited":true},"VersioningConfiguration":{"Unlimited":true}}`: {
			Name: "D", After: "q", Versions: -1, Container: &pipeline.Container{Image: "i", Variables: []pipeline.Variable{
				{Name: "v", String: &text}, {Name: "w", Double: &double}, {Name: "x", Dataset: "q"}, {Name: "y", OutputFile: "out.html"},
			}},
		},
		`{"dataset":{"name":"d","arn":"a","status":"ACTIVE","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT 1"}}],"triggers":[{"schedule":{"expression":"rate(5 minute)"}}]}}`: {
			Name: "d", SQL: "SELECT 1", Schedules: []string{"rate(5 minute)"}, RetentionDays: 90,
		},
	} {
		dataset, err := pipeline.LoadDataset([]byte(definition))
		require.NoError(t, err, definition)
		require.Equal(t, want, *dataset, definition)
	}
	for definition, want := range map[string]string{
		`{"datasetName":"d"}`: "actions is required", `[]`: "want an object", `{`: "not JSON",
		`{"datasetName":"d","actions":[{"actionName":"a","containerAction":{"image":"i","executionRoleArn":"arn:aws:iam::123456789012:role/r","resourceConfiguration":{"computeType":"ACU_1","volumeSizeInGB":1},"variables":[{"name":"v","doubleValue":1e999}]}}]}`: "1e999 is beyond the range",
		`{"datasetName":"d",` + query + `,"triggers":[{"schedule":{"expression":"hourly"}}]}`:                                                                                                                  `"hourly": want cron(…) or rate(…)`,
		`{"datasetName":"d",` + query + `,"contentDeliveryRules":[{"destination":{"s3DestinationConfiguration":{"bucket":"bbb","key":"!{iotanalytics:time}","roleArn":"arn:aws:iam::123456789012:role/r"}}}]}`: "unknown !{iotanalytics:time}",
	} {
		_, err := pipeline.LoadDataset([]byte(definition))
		require.ErrorIs(t, err, pipeline.ErrDefinition, definition)
		require.ErrorContains(t, err, want)
	}
}

// FuzzLoadResource: what Check has nothing against is loaded, by its kind alone,
// and what is loaded has a name.
func FuzzLoadResource(f *testing.F) {
	for _, seed := range []string{
		`{"channelName":"raw","retentionPeriod":{"numberOfDays":30}}`, `{"channel":{"name":"raw"}}`, `{"ChannelName":"raw","RetentionPeriod":{"Unlimited":true}}`,
		`{"datastoreName":"s","datastorePartitions":{"partitions":[{"attributePartition":{"attributeName":"site"}},{"timestampPartition":{"attributeName":"ts"}}]}}`,
		`{"datastoreName":"s","fileFormatConfiguration":{"parquetConfiguration":{"schemaDefinition":{"columns":[{"name":"a","type":"array<int>"}]}}}}`,
		`{"datastore":{"name":"s"}}`, `[]`, `{`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		strict := func(o *pipeline.Options) { o.Strict = true }
		kind, findings := pipeline.Check([]byte(text))
		sound := true
		for _, finding := range findings {
			sound = sound && finding.Level != pipeline.LevelError
		}
		channel, err := pipeline.LoadChannel([]byte(text), strict)
		require.Equal(t, sound && kind == pipeline.ResourceChannel, err == nil)
		if err == nil {
			require.NotEmpty(t, channel.Name)
			require.GreaterOrEqual(t, channel.RetentionDays, 0)
		}
		datastore, err := pipeline.LoadDatastore([]byte(text), strict)
		require.Equal(t, sound && kind == pipeline.ResourceDatastore, err == nil)
		if err == nil {
			require.NotEmpty(t, datastore.Name)
			require.Equal(t, datastore.Format == pipeline.FormatParquet, len(datastore.Columns) > 0)
		}
	})
}
