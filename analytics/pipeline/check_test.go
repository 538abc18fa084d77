package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics/pipeline"
)

func TestCheckAccepts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]pipeline.Resource{
		`{"channelName":"c"}`: pipeline.ResourceChannel,
		`{"channelName":"c","channelStorage":{"customerManagedS3":{"bucket":"b-1","keyPrefix":"pre/","roleArn":"arn:aws:iam::123456789012:role/r"}},"tags":[{"key":"k","value":"v"}]}`:      pipeline.ResourceChannel,
		`{"channel":{"name":"c","arn":"a","status":"ACTIVE","retentionPeriod":{"unlimited":false,"numberOfDays":30},"creationTime":1.5,"storage":{"serviceManagedS3":{}}},"statistics":{}}`: pipeline.ResourceChannel,
		`{"datastoreName":"s"}`: pipeline.ResourceDatastore,
		`{"datastoreName":"s","datastoreStorage":{"serviceManagedS3":{}},"retentionPeriod":{"numberOfDays":90},"fileFormatConfiguration":{"jsonConfiguration":{}},
		  "datastorePartitions":{"partitions":[{"attributePartition":{"attributeName":"site"}},{"timestampPartition":{"attributeName":"ts","timestampFormat":"yyyy-MM-dd HH:mm:ss"}}]}}`: pipeline.ResourceDatastore,
		`{"datastoreName":"s","fileFormatConfiguration":{"parquetConfiguration":{"schemaDefinition":{"columns":[
		  {"name":"a","type":"double"},{"name":"b","type":"struct<x:array<decimal(10,2)>, y:map<string,varchar(20)>>"},{"name":"c","type":"DECIMAL"},{"name":"d","type":"char(3)"}]}}}}`: pipeline.ResourceDatastore,
		`{"datastoreName":"s","datastoreStorage":{"iotSiteWiseMultiLayerStorage":{"customerManagedS3Storage":{"bucket":"bbb","keyPrefix":"p/"}}}}`:                               pipeline.ResourceDatastore,
		`{"DatastoreName":"s","DatastorePartitions":{"Partitions":[{"Partition":{"AttributeName":"site"}}]}}`:                                                                    pipeline.ResourceDatastore,
		`{"datasetName":"d","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT ';', 'it''s;' AS \"a;\" /* ; */ FROM s -- ;\n ; -- ;\n /* ; */ ;","filters":[{}]}}]}`: pipeline.ResourceDataset,
		`{"datasetName":"d","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT * FROM s"}}]}`:                                                                        pipeline.ResourceDataset,
		`{"datasetName":"d",
		  "actions":[{"actionName":"a","queryAction":{"sqlQuery":"-- all\n ( select\n1)","filters":[{"deltaTime":{"offsetSeconds":-180,"timeExpression":"from_unixtime(timestamp)"}}]}}],
		  "triggers":[{"schedule":{"expression":"cron(0/15 * * * ? *)"}}],
		  "contentDeliveryRules":[{"entryName":"e","destination":{"s3DestinationConfiguration":{"bucket":"bbb","key":"dataset/d/!{iotanalytics:scheduleTime}/!{iotanalytics:versionId}.csv","roleArn":"arn:aws:iam::123456789012:role/r","glueConfiguration":{"databaseName":"db","tableName":"t"}}}},
		    {"destination":{"iotEventsDestinationConfiguration":{"inputName":"i","roleArn":"arn:aws:iam::123456789012:role/r"}}}],
		  "retentionPeriod":{"unlimited":false,"numberOfDays":90},"versioningConfiguration":{"unlimited":false,"maxVersions":10},
		  "lateDataRules":[{"ruleName":"r","ruleConfiguration":{"deltaTimeSessionWindowConfiguration":{"timeoutInMinutes":5}}}]}`: pipeline.ResourceDataset,
		`{"datasetName":"d","actions":[{"actionName":"a","containerAction":{"image":"i","executionRoleArn":"arn:aws:iam::123456789012:role/r","resourceConfiguration":{"computeType":"ACU_1","volumeSizeInGB":1},
		  "variables":[{"name":"v","stringValue":""},{"name":"w","doubleValue":1.5},{"name":"x","datasetContentVersionValue":{"datasetName":"q"}},{"name":"y","outputFileUriValue":{"fileName":"out.html"}}]}}],
		  "triggers":[{"dataset":{"name":"q"}}]}`: pipeline.ResourceDataset,
		`{"DatasetName":"d","Actions":[{"ActionName":"a","QueryAction":{"SqlQuery":"SELECT 1"}}],"Triggers":[{"Schedule":{"ScheduleExpression":"rate(5 minute)"}}]}`:    pipeline.ResourceDataset,
		`{"dataset":{"name":"d","arn":"a","status":"ACTIVE","creationTime":1,"lastUpdateTime":2,"actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT 1"}}]}}`: pipeline.ResourceDataset,
	} {
		kind, findings := pipeline.Check([]byte(text))
		require.Equal(t, want, kind, text)
		require.Empty(t, findings, text)
	}
	for _, name := range []string{"01-celsius", "26-cloudformation", "27-described"} {
		kind, findings := pipeline.Check([]byte(readGolden(t, "testdata/golden/"+name+".txt").sections["definition"]))
		require.Equal(t, pipeline.ResourcePipeline, kind)
		require.Empty(t, findings)
	}
}

const query = `"actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT 1"}}]`

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{"a":1}`: {"want the definition of a pipeline, channel, data store or data set"},
		`1`:       {"want an object, got a number"},
		`{"channelName":"a-b","channelStorage":{"customerManagedS3":{"bucket":"b","keyPrefix":"no slash"}},"retentionPeriod":{"unlimited":true,"numberOfDays":0}}`: {
			`channelName: "a-b": want letters, digits and underscores`, "channelStorage.customerManagedS3.bucket: 1 characters, want 3 to 255", "want a slash at the end",
			"keyPrefix: \"no slash\": want letters", "roleArn is required", "WARNING retentionPeriod: is ignored", "retentionPeriod.numberOfDays: is 0, want 1", "want either unlimited or numberOfDays",
		},
		`{"channelName":"` + strings.Repeat("x", 129) + `","channelStorage":{"serviceManagedS3":{},"customerManagedS3":{}},"retentionPeriod":{}}`: {
			"129 characters, want 1 to 128", "storage: want exactly one of serviceManagedS3, customerManagedS3, got 2", "want unlimited or numberOfDays",
		},
		`{"datastoreName":"s","fileFormatConfiguration":{"parquetConfiguration":{}}}`: {"Parquet needs a schema"},
		`{"datastoreName":"s","fileFormatConfiguration":{"jsonConfiguration":{},"parquetConfiguration":{"schemaDefinition":{"columns":[
		  {"name":"a-b","type":"text"},{"name":"x","type":"array<int"},{"name":"X","type":"decimal(39,1)"},{"name":"y","type":"struct<a>"},{"name":"z","type":"decimal(5,6)"},{"name":"w","type":"map<int>"},{"name":"v","type":"int)"}]}}}}`: {
			"file format: want exactly one of jsonConfiguration, parquetConfiguration, got 2",
		},
		`{"datastoreName":"s","fileFormatConfiguration":{"parquetConfiguration":{"schemaDefinition":{"columns":[
		  {"name":"a-b","type":"text"},{"name":"x","type":"array<int"},{"name":"X","type":"decimal(39,1)"},{"name":"y","type":"struct<a>"},{"name":"z","type":"decimal(5,6)"},{"name":"w","type":"map<int>"},{"name":"v","type":"int)"}]}}}}`: {
			`columns[0].name: "a-b"`, `columns[0].type: "text": unknown type "text"`, "columns[1].type: \"array<int\": want '>'", `columns[2].name: there is another column "X"`,
			"columns[2].type: \"decimal(39,1)\": 39: want 1 to 38", "columns[3].type: \"struct<a>\": want name:type", "columns[4].type: \"decimal(5,6)\"", "columns[5].type: \"map<int>\": want ','", `columns[6].type: "int)": unexpected ")"`,
		},
		`{"datastoreName":"s","fileFormatConfiguration":{"parquetConfiguration":{"schemaDefinition":{"columns":[
		  {"name":"a","type":"Integer"},{"name":"b","type":"struct<integer:array<integer>>"},{"name":"c","type":"struct<integer:int>"}]}}}}`: {
			`ERROR fileFormatConfiguration.parquetConfiguration.schemaDefinition.columns[0].type: "Integer": a column is an int; integer is for queries`, `columns[1].type: "struct<integer:array<integer>>": a column is an int`,
		},
		`{"datastoreName":"s","datastorePartitions":{"partitions":[{"timestampPartition":{"attributeName":"a","timestampFormat":"yyyy;"}},{"timestampPartition":{"attributeName":"A"}},{"attributePartition":{"attributeName":"x-y"}},{}]}}`: {
			"timestampFormat: \"yyyy;\": want letters", `there is another partition by "A"`, `attributeName: "x-y": want letters`, "partition: want exactly one of attributePartition, timestampPartition, got 0", "2 timestamp partitions, want at most one",
		},
		`{"datasetName":"d"}`:              {"actions is required"},
		`{"datasetName":"d","actions":[]}`: {"actions: 0 entries, want 1"},
		`{"datasetName":"d","actions":[{"actionName":"a","queryAction":{"sqlQuery":"select * from s; select 1"}}]}`:   {"sqlQuery: want one statement"},
		`{"datasetName":"d","actions":[{"actionName":"a","queryAction":{"sqlQuery":"select 1 -- a\n; -- b\n 'x'"}}]}`: {"sqlQuery: want one statement"},
		`{"datasetName":"d",` + query + `,"contentDeliveryRules":[{"destination":{"iotEventsDestinationConfiguration":{"inputName":"1i","roleArn":"arn:aws:iam::123456789012:role/r"}}}]}`: {
			`inputName: "1i": want a letter`,
		},
		`{"datasetName":"d","actions":[{"actionName":"a","queryAction":{"sqlQuery":"WITH x AS (SELECT 1) SELECT 1","filters":[{"deltaTime":{"offsetSeconds":"1"}},{}]}}]}`: {
			"want a SELECT statement", "filters: 2 entries, want 0 to 1", "offsetSeconds: want a number, got a string", "timeExpression is required",
		},
		`{"datasetName":"d",` + query + `,"triggers":[{"dataset":{"name":"q"}},{"schedule":{"expression":"cron(0 * * * *)"}},{}]}`: {
			"cron(0 * * * *)\": 5 fields, want 6", "triggers[2]: Exactly one trigger type should be provided", "Triggering dataset can only be added on a container dataset",
		},
		`{"datasetName":"d",` + query + `,"contentDeliveryRules":[{"destination":{"s3DestinationConfiguration":{"bucket":"b b","key":"!{iotanalytics:when}?","roleArn":"x"}}},{}]}`: {
			"bucket: \"b b\"", "key: \"!{iotanalytics:when}?\": want letters", "unknown !{iotanalytics:when}", "roleArn: 1 characters", "contentDeliveryRules[1].destination: destination is required",
		},
		`{"datasetName":"d",` + query + `,"versioningConfiguration":{"maxVersions":1001},"lateDataRules":[{"ruleName":"r-1","ruleConfiguration":{"deltaTimeSessionWindowConfiguration":{"timeoutInMinutes":61}}}]}`: {
			"maxVersions: is 1001, want 1 to 1000", "ruleName: \"r-1\"", "timeoutInMinutes: is 61, want 1 to 60", "a rule for late data needs a deltaTime filter",
		},
		`{"datasetName":"d","actions":[{"actionName":"a","containerAction":{"image":"i","executionRoleArn":"arn:aws:iam::123456789012:role/r","resourceConfiguration":{"computeType":"ACU_3","volumeSizeInGB":51},
		  "variables":[{"name":"v"},{"name":"w","outputFileUriValue":{"fileName":"a/b"}}]}}],"triggers":[{"dataset":{"name":"q"}},{"dataset":{"name":"r"}}]}`: {
			"ACU_3", "volumeSizeInGB: is 51", "variables[0]: want exactly one value, got 0", "fileName: \"a/b\"", "There can only be one triggering dataset",
		},
	} {
		_, findings := pipeline.Check([]byte(text))
		got := strings.Join(lines(findings), "\n")
		for _, part := range want {
			require.Contains(t, got, part, text)
		}
		require.Len(t, findings, len(want), got)
	}
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	check := func(expression string) int {
		_, findings := pipeline.Check([]byte(`{"datasetName":"d",` + query + `,"triggers":[{"schedule":{"expression":"` + expression + `"}}]}`))
		return len(findings)
	}
	for _, expression := range []string{
		"cron(0/15 * * * ? *)", "cron(0 12 * * ? *)", "cron(15 10 ? * MON-FRI *)", "cron(0 8 1 * ? 2030)", "cron(0 8 L * ? *)", "cron(0 8 ? * 6#3 *)", "cron(0 8 ? * 6L *)",
		"cron(0 8 15W * ? *)", "cron(0,30 8-18/2 ? jan,Mar 2-6 2026-2030)", "rate(1 minute)", "rate(5 minutes)", "rate(5 minute)", "rate(1 day)", "rate(12 hours)",
	} {
		require.Zero(t, check(expression), expression)
	}
	for _, expression := range []string{
		"cron(60 * * * ? *)", "cron(* 24 * * ? *)", "cron(* * * * * *)", "cron(* * ? * ? *)", "cron(* * 32 * ? *)", "cron(* * * 13 ? *)", "cron(* * ? * 8 *)", "cron(* * * * ? 1969)", "cron(0/0 * * * ? *)",
		"cron(a * * * ? *)", "cron(* * ? * 6#6 *)", "rate(0 minutes)", "rate(5 weeks)", "rate(5)", "rate(x minutes)", "every minute", "cron(0 12 * * ? *", "0 12 * * ? *",
	} {
		require.Equal(t, 1, check(expression), expression)
	}
}

func TestFieldNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"temp_01", "_temp_01", "_id_", "a", "_", "_1", "A9", "a_b", "a__", strings.Repeat("x", 255)} {
		require.NoError(t, pipeline.CheckFieldName(name), name)
	}
	for _, name := range []string{"temp-01", "01_temp", "__temp_01", "", "__", "a b", "é", "a.b", strings.Repeat("x", 256)} {
		require.ErrorIs(t, pipeline.CheckFieldName(name), pipeline.ErrFieldName, name)
	}
}
