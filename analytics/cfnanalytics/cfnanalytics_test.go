package cfnanalytics_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/cfnanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

func Example() {
	stack, err := cfnanalytics.Read([]byte(`
Parameters:
  Limit: {Type: Number, Default: 40}
Resources:
  Raw: {Type: AWS::IoTAnalytics::Channel, Properties: {}}
  Processed: {Type: AWS::IoTAnalytics::Datastore, Properties: {}}
  Climate:
    Type: AWS::IoTAnalytics::Pipeline
    Properties:
      PipelineActivities:
        - Channel: {Name: in, ChannelName: !Ref Raw, Next: warm}
          Filter: {Name: warm, Filter: !Sub "temp > ${Limit}", Next: out}
          Datastore: {Name: out, DatastoreName: !Ref Processed}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, definition := range stack.Definitions {
		kind, findings := pipeline.Check(definition.JSON)
		fmt.Println(kind, definition.Name, len(findings))
	}
	// Output:
	// channel Raw 0
	// datastore Processed 0
	// pipeline Climate 0
}

const template = `
Parameters:
  Role: {Type: String}
Resources:
  Everything:
    Type: AWS::IoTAnalytics::Pipeline
    Properties:
      PipelineName: everything
      PipelineActivities:
        - Channel: {Name: a, ChannelName: raw, Next: b}
        - Lambda: {Name: b, LambdaName: f, BatchSize: "10", Next: c}
        - AddAttributes: {Name: c, Attributes: {"device.coord[0]": lat, device.id: id, b: a}, Next: d}
        - RemoveAttributes: {Name: d, Attributes: [device], Next: e}
        - SelectAttributes: {Name: e, Attributes: [lat, id, t], Next: f}
        - DeviceRegistryEnrich: {Name: f, Attribute: m, ThingName: id, RoleArn: !Ref Role, Next: g}
        - DeviceShadowEnrich: {Name: g, Attribute: s, ThingName: id, RoleArn: !Ref Role, Next: h}
        - Math: {Name: h, Attribute: x, Math: t * 2, Next: i}
        - Filter: {Name: i, Filter: true, Next: z}
        - Datastore: {Name: z, DatastoreName: done}
      Tags: [{Key: k, Value: 1.10}]
  Store:
    Type: AWS::IoTAnalytics::Datastore
    Properties:
      DatastoreName: done
      DatastoreStorage: {CustomerManagedS3: {Bucket: bbb, KeyPrefix: p/, RoleArn: !Ref Role}}
      FileFormatConfiguration: {ParquetConfiguration: {SchemaDefinition: {Columns: [{Name: t, Type: double}]}}}
      DatastorePartitions: {Partitions: [{Partition: {AttributeName: site}}, {TimestampPartition: {AttributeName: ts, TimestampFormat: yyyy-MM-dd}}]}
  Hourly:
    Type: AWS::IoTAnalytics::Dataset
    Properties:
      Actions: [{ActionName: q, QueryAction: {SqlQuery: !Sub "SELECT * FROM ${Store}", Filters: [{DeltaTime: {OffsetSeconds: -60, TimeExpression: from_unixtime(ts)}}]}}]
      Triggers: [{Schedule: {ScheduleExpression: rate(1 hour)}}]
      ContentDeliveryRules:
        - Destination: {S3DestinationConfiguration: {Bucket: bbb, Key: "a/!{iotanalytics:versionId}.csv", RoleArn: !Ref Role}}
      RetentionPeriod: {Unlimited: true}
      VersioningConfiguration: {MaxVersions: 3}
      LateDataRules: [{RuleName: r, RuleConfiguration: {DeltaTimeSessionWindowConfiguration: {TimeoutInMinutes: 5}}}]
  Notebook:
    Type: AWS::IoTAnalytics::Dataset
    Properties:
      Actions:
        - ActionName: c
          ContainerAction:
            Image: i
            ExecutionRoleArn: !Ref Role
            ResourceConfiguration: {ComputeType: ACU_1, VolumeSizeInGB: 2}
            Variables: [{VariableName: v, DatasetContentVersionValue: {DatasetName: !Ref Hourly}}, {VariableName: w, DoubleValue: 1.5}]
      Triggers: [{TriggeringDataset: {DatasetName: !Ref Hourly}}]
`

func TestRead(t *testing.T) {
	t.Parallel()
	stack, err := cfnanalytics.Read([]byte(template), func(o *cfnanalytics.Options) { o.StandIns = true })
	require.NoError(t, err)
	var names []string
	for _, definition := range stack.Definitions {
		kind, findings := pipeline.Check(definition.JSON)
		names = append(names, string(kind)+" "+definition.Name)
		require.Equal(t, definition.Kind, kind)
		for _, f := range findings {
			require.Equal(t, pipeline.LevelWarning, f.Level, f.String())
		}
	}
	require.Equal(t, []string{"pipeline everything", "datastore done", "dataset Hourly", "dataset Notebook"}, names)
	require.Contains(t, string(stack.Definitions[0].JSON), `{"device.coord[0]":"lat","device.id":"id","b":"a"}`, "in order")
	require.Contains(t, string(stack.Definitions[2].JSON), `"SELECT * FROM done"`)
	_, err = pipeline.Load(stack.Definitions[0].JSON)
	require.NoError(t, err)
	require.Equal(t, "line 13, column 52 Resources.Everything.Properties.PipelineActivities[3].RemoveAttributes.Attributes[0]",
		stack.Definitions[0].Place("pipelineActivities[3].removeAttributes.attributes[0]").String())
	require.Equal(t, "Resources.Everything.Properties.PipelineActivities[3].RemoveAttributes", stack.Definitions[0].Place("pipelineActivities[3].removeAttributes.nothing").Path)

	stack, err = cfnanalytics.Read([]byte(template), func(o *cfnanalytics.Options) {
		o.Resources = []string{"Hourly"}
		o.Parameters = map[string]string{"Role": "arn:aws:iam::123456789012:role/r"}
	})
	require.NoError(t, err)
	require.Len(t, stack.Definitions, 1)
	require.Empty(t, stack.Findings)
}

func TestReadWithoutProperties(t *testing.T) {
	t.Parallel()
	stack, err := cfnanalytics.Read([]byte(`{"Resources":{"Ch":{"Type":"AWS::IoTAnalytics::Channel"},"St":{"Type":"AWS::IoTAnalytics::Datastore","Properties":null}}}`))
	require.NoError(t, err)
	require.Len(t, stack.Definitions, 2)
	require.JSONEq(t, `{"channelName":"Ch"}`, string(stack.Definitions[0].JSON))
	require.JSONEq(t, `{"datastoreName":"St"}`, string(stack.Definitions[1].JSON))
	for i := range stack.Definitions {
		kind, findings := pipeline.Check(stack.Definitions[i].JSON)
		require.Equal(t, stack.Definitions[i].Kind, kind)
		require.Empty(t, findings)
	}
	for _, kind := range []string{"Pipeline", "Dataset"} {
		_, err := cfnanalytics.Read([]byte(`{"Resources":{"X":{"Type":"AWS::IoTAnalytics::` + kind + `"}}}`))
		require.ErrorContains(t, err, `resource "X" has no Properties`)
	}
}

func TestReadOfOneResource(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"Type":"AWS::IoTAnalytics::Channel","Properties":{"ChannelName":"raw"}}`:                      `channel Channel raw {"channelName":"raw"}`,
		"Type: AWS::IoTAnalytics::Datastore":                                                            `datastore Datastore Datastore {"datastoreName":"Datastore"}`,
		"Type: AWS::IoTAnalytics::Pipeline\nProperties:\n  PipelineName: p\n  PipelineActivities: []\n": `pipeline Pipeline p {"pipelineName":"p","pipelineActivities":[]}`,
		`{"Type":"AWS::IoTAnalytics::Dataset","Properties":{"DatasetName":"d"}}`:                        `dataset Dataset d {"datasetName":"d"}`,
	} {
		require.True(t, cfnanalytics.IsTemplate([]byte(text)))
		stack, err := cfnanalytics.Read([]byte(text))
		require.NoError(t, err)
		require.Len(t, stack.Definitions, 1)
		d := stack.Definitions[0]
		require.Equal(t, want, fmt.Sprint(d.Kind, " ", d.LogicalID, " ", d.Name, " ", string(d.JSON)))
		require.Equal(t, "Properties", d.Place("").Path)
	}
	require.False(t, cfnanalytics.IsTemplate([]byte(`{"Type":"AWS::SNS::Topic","Properties":{}}`)))
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\t":     "found character that cannot start any token",
		template: `parameter "Role" has no value and no default`,
		"Resources: {A: {Type: AWS::IoTAnalytics::Channel, Properties: {ChannelName: [1]}}}": "Resources.A.Properties.ChannelName",
	} {
		_, err := cfnanalytics.Read([]byte(text))
		require.ErrorIs(t, err, cfnanalytics.ErrTemplate)
		require.ErrorIs(t, err, iotenant.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
}

// FuzzRead looks for panics and for bodies that are no JSON.
func FuzzRead(f *testing.F) {
	f.Add([]byte(template))
	f.Add([]byte(`{"Resources":{"A":{"Type":"AWS::IoTAnalytics::Channel","Properties":{}}}}`))
	f.Add([]byte(`{"Type":"AWS::IoTAnalytics::Dataset","Properties":{"DatasetName":"d"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		stack, err := cfnanalytics.Read(data, func(o *cfnanalytics.Options) { o.StandIns = true })
		if err != nil {
			require.ErrorIs(t, err, cfnanalytics.ErrTemplate)
			return
		}
		for _, definition := range stack.Definitions {
			require.True(t, json.Valid(definition.JSON), "%s", definition.JSON)
			pipeline.Check(definition.JSON)
			definition.Place("pipelineActivities[0].channel")
		}
	})
}
