package cfnanalytics

import (
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/internal/cfn"
)

// kinds are the shapes of the resources, and the API's names of the members
// that name them.
var kinds = map[string]struct {
	kind  pipeline.Resource
	shape cfn.Shape
	name  string
}{
	TypeChannel:   {pipeline.ResourceChannel, channel, "channelName"},
	TypePipeline:  {pipeline.ResourcePipeline, pipe, "pipelineName"},
	TypeDatastore: {pipeline.ResourceDatastore, datastore, "datastoreName"},
	TypeDataset:   {pipeline.ResourceDataset, dataset, "datasetName"},
}

type members = map[string]cfn.Shape

// activity returns the shape of an activity, which has a name and a next.
func activity(more members) cfn.Shape {
	more["Name"], more["Next"] = cfn.Text, cfn.Text
	return cfn.Object(more)
}

func enrich() cfn.Shape {
	return activity(members{"Attribute": cfn.Text, "ThingName": cfn.Text, "RoleArn": cfn.Text})
}

var (
	tags      = cfn.List(cfn.Object(members{"Key": cfn.Text, "Value": cfn.Text}))
	empty     = cfn.Object(members{})
	retention = cfn.Object(members{"Unlimited": cfn.Boolean, "NumberOfDays": cfn.Integer})
	bucket    = cfn.Object(members{"Bucket": cfn.Text, "KeyPrefix": cfn.Text, "RoleArn": cfn.Text})

	channel = cfn.Bare(cfn.Object(members{
		"ChannelName": cfn.Text, "RetentionPeriod": retention, "Tags": tags,
		"ChannelStorage": cfn.Object(members{"ServiceManagedS3": empty, "CustomerManagedS3": bucket}),
	}))

	pipe = cfn.Object(members{
		"PipelineName": cfn.Text, "Tags": tags,
		"PipelineActivities": cfn.List(cfn.Object(members{
			"Channel":              activity(members{"ChannelName": cfn.Text}),
			"Datastore":            activity(members{"DatastoreName": cfn.Text}),
			"Lambda":               activity(members{"LambdaName": cfn.Text, "BatchSize": cfn.Integer}),
			"AddAttributes":        activity(members{"Attributes": cfn.Any}),
			"RemoveAttributes":     activity(members{"Attributes": cfn.List(cfn.Text)}),
			"SelectAttributes":     activity(members{"Attributes": cfn.List(cfn.Text)}),
			"Filter":               activity(members{"Filter": cfn.Text}),
			"Math":                 activity(members{"Attribute": cfn.Text, "Math": cfn.Text}),
			"DeviceRegistryEnrich": enrich(),
			"DeviceShadowEnrich":   enrich(),
		})),
	})

	datastore = cfn.Bare(cfn.Object(members{
		"DatastoreName": cfn.Text, "RetentionPeriod": retention, "Tags": tags,
		"DatastoreStorage": cfn.Object(members{
			"ServiceManagedS3": empty, "CustomerManagedS3": bucket,
			"IotSiteWiseMultiLayerStorage": cfn.Object(members{
				"CustomerManagedS3Storage": cfn.Object(members{"Bucket": cfn.Text, "KeyPrefix": cfn.Text}),
			}),
		}),
		"FileFormatConfiguration": cfn.Object(members{
			"JsonConfiguration": empty,
			"ParquetConfiguration": cfn.Object(members{"SchemaDefinition": cfn.Object(members{
				"Columns": cfn.List(cfn.Object(members{"Name": cfn.Text, "Type": cfn.Text})),
			})}),
		}),
		"DatastorePartitions": cfn.Object(members{"Partitions": cfn.List(cfn.Object(members{
			"Partition":          cfn.Object(members{"AttributeName": cfn.Text}),
			"TimestampPartition": cfn.Object(members{"AttributeName": cfn.Text, "TimestampFormat": cfn.Text}),
		}))}),
	}))

	dataset = cfn.Object(members{
		"DatasetName": cfn.Text, "RetentionPeriod": retention, "Tags": tags,
		"Actions": cfn.List(cfn.Object(members{
			"ActionName": cfn.Text,
			"QueryAction": cfn.Object(members{
				"SqlQuery": cfn.Text,
				"Filters":  cfn.List(cfn.Object(members{"DeltaTime": cfn.Object(members{"OffsetSeconds": cfn.Integer, "TimeExpression": cfn.Text})})),
			}),
			"ContainerAction": cfn.Object(members{
				"Image": cfn.Text, "ExecutionRoleArn": cfn.Text,
				"ResourceConfiguration": cfn.Object(members{"ComputeType": cfn.Text, "VolumeSizeInGB": cfn.Integer}),
				"Variables": cfn.List(cfn.Object(members{
					"VariableName": cfn.Text, "StringValue": cfn.Text, "DoubleValue": cfn.Number,
					"DatasetContentVersionValue": cfn.Object(members{"DatasetName": cfn.Text}),
					"OutputFileUriValue":         cfn.Object(members{"FileName": cfn.Text}),
				})),
			}),
		})),
		"Triggers": cfn.List(cfn.Object(members{
			"Schedule":          cfn.Object(members{"ScheduleExpression": cfn.Text}),
			"TriggeringDataset": cfn.Object(members{"DatasetName": cfn.Text}),
		})),
		"ContentDeliveryRules": cfn.List(cfn.Object(members{
			"EntryName": cfn.Text,
			"Destination": cfn.Object(members{
				"S3DestinationConfiguration": cfn.Object(members{
					"Bucket": cfn.Text, "Key": cfn.Text, "RoleArn": cfn.Text,
					"GlueConfiguration": cfn.Object(members{"DatabaseName": cfn.Text, "TableName": cfn.Text}),
				}),
				"IotEventsDestinationConfiguration": cfn.Object(members{"InputName": cfn.Text, "RoleArn": cfn.Text}),
			}),
		})),
		"VersioningConfiguration": cfn.Object(members{"Unlimited": cfn.Boolean, "MaxVersions": cfn.Integer}),
		"LateDataRules": cfn.List(cfn.Object(members{
			"RuleName": cfn.Text,
			"RuleConfiguration": cfn.Object(members{
				"DeltaTimeSessionWindowConfiguration": cfn.Object(members{"TimeoutInMinutes": cfn.Integer}),
			}),
		})),
	})
)
