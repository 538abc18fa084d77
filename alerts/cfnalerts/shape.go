package cfnalerts

import (
	"maps"

	"github.com/iotenant/iotenant/internal/cfn"
)

// kinds are the shapes of the resources, and the API's names of the members
// that name them.
var kinds = map[string]struct {
	shape cfn.Shape
	name  string
}{
	TypeDetectorModel: {detectorModel, "detectorModelName"},
	TypeAlarmModel:    {alarmModel, "alarmModelName"},
	TypeInput:         {input, "inputName"},
}

type members = map[string]cfn.Shape

var (
	tags    = cfn.Unused(cfn.List(cfn.Object(members{"Key": cfn.Text, "Value": cfn.Text})))
	role    = cfn.Unused(cfn.Text)
	payload = cfn.Object(members{"ContentExpression": cfn.Text, "Type": cfn.Text})

	deliveries = members{
		"Sns":             cfn.Object(members{"TargetArn": cfn.Text, "Payload": payload}),
		"IotTopicPublish": cfn.Object(members{"MqttTopic": cfn.Text, "Payload": payload}),
		"Lambda":          cfn.Object(members{"FunctionArn": cfn.Text, "Payload": payload}),
		"Sqs":             cfn.Object(members{"QueueUrl": cfn.Text, "UseBase64": cfn.Boolean, "Payload": payload}),
		"Firehose":        cfn.Object(members{"DeliveryStreamName": cfn.Text, "Separator": cfn.Text, "Payload": payload}),
		"IotEvents":       cfn.Object(members{"InputName": cfn.Text, "Payload": payload}),
		"DynamoDB": cfn.Object(members{
			"TableName": cfn.Text, "HashKeyField": cfn.Text, "HashKeyType": cfn.Text, "HashKeyValue": cfn.Text,
			"RangeKeyField": cfn.Text, "RangeKeyType": cfn.Text, "RangeKeyValue": cfn.Text,
			"Operation": cfn.Text, "PayloadField": cfn.Text, "Payload": payload,
		}),
		"DynamoDBv2": cfn.Object(members{"TableName": cfn.Text, "Payload": payload}),
		"IotSiteWise": cfn.Object(members{
			"AssetId": cfn.Text, "PropertyId": cfn.Text, "PropertyAlias": cfn.Text, "EntryId": cfn.Text,
			"PropertyValue": cfn.Object(members{
				"Quality":   cfn.Text,
				"Timestamp": cfn.Object(members{"TimeInSeconds": cfn.Text, "OffsetInNanos": cfn.Text}),
				"Value": cfn.Object(members{
					"StringValue": cfn.Text, "IntegerValue": cfn.Text, "DoubleValue": cfn.Text, "BooleanValue": cfn.Text,
				}),
			}),
		}),
	}

	action = cfn.Object(with(deliveries, members{
		"SetVariable": cfn.Object(members{"VariableName": cfn.Text, "Value": cfn.Text}),
		"SetTimer":    cfn.Object(members{"TimerName": cfn.Text, "Seconds": cfn.Integer, "DurationExpression": cfn.Text}),
		"ResetTimer":  cfn.Object(members{"TimerName": cfn.Text}),
		"ClearTimer":  cfn.Object(members{"TimerName": cfn.Text}),
	}))

	event      = members{"EventName": cfn.Text, "Condition": cfn.Text, "Actions": cfn.List(action)}
	events     = cfn.List(cfn.Object(event))
	transition = cfn.Object(with(event, members{"NextState": cfn.Text}))
	state      = cfn.Object(members{
		"StateName": cfn.Text,
		"OnEnter":   cfn.Object(members{"Events": events}),
		"OnInput":   cfn.Object(members{"Events": events, "TransitionEvents": cfn.List(transition)}),
		"OnExit":    cfn.Object(members{"Events": events}),
	})

	definition   = members{"InitialStateName": cfn.Text, "States": cfn.List(state)}
	modelMembers = members{
		"DetectorModelName": cfn.Text, "DetectorModelDescription": cfn.Unused(cfn.Text), "Key": cfn.Text,
		"EvaluationMethod": cfn.Text, "RoleArn": role, "Tags": tags,
		"DetectorModelDefinition": cfn.Object(definition),
	}
	detectorModel = cfn.Object(modelMembers)

	alarmMembers = members{
		"AlarmModelName": cfn.Text, "AlarmModelDescription": cfn.Unused(cfn.Text), "Key": cfn.Text,
		"Severity": cfn.Integer, "RoleArn": role, "Tags": tags,
		"AlarmRule": cfn.Object(members{"SimpleRule": cfn.Object(members{
			"InputProperty": cfn.Text, "ComparisonOperator": cfn.Text, "Threshold": cfn.Text,
		})}),
		"AlarmEventActions": cfn.Object(members{"AlarmActions": cfn.List(cfn.Object(deliveries))}),
		"AlarmCapabilities": cfn.Object(members{
			"InitializationConfiguration": cfn.Object(members{"DisabledOnInitialization": cfn.Boolean}),
			"AcknowledgeFlow":             cfn.Object(members{"Enabled": cfn.Boolean}),
		}),
	}
	alarmModel = cfn.Object(alarmMembers)

	inputMembers = members{
		"InputName": cfn.Text, "InputDescription": cfn.Unused(cfn.Text), "Tags": tags,
		"InputDefinition": cfn.Object(members{"Attributes": cfn.List(cfn.Object(members{"JsonPath": cfn.Text}))}),
	}
	input = cfn.Object(inputMembers)

	// What the API adds to the properties: versions, and the rest of alarm
	// models, which no template has.
	version       = members{"DetectorModelVersion": cfn.Text, "AlarmModelVersion": cfn.Text}
	identity      = cfn.Object(members{"SsoIdentity": cfn.Object(members{"IdentityStoreId": cfn.Text, "UserId": cfn.Text})})
	notifications = members{"AlarmNotification": cfn.Object(members{"NotificationActions": cfn.List(cfn.Object(members{
		"Action": cfn.Object(members{"LambdaAction": deliveries["Lambda"]}),
		"SmsConfigurations": cfn.List(cfn.Object(members{
			"SenderId": cfn.Text, "AdditionalMessage": cfn.Text, "Recipients": cfn.List(identity),
		})),
		"EmailConfigurations": cfn.List(cfn.Object(members{
			"From": cfn.Text, "Recipients": cfn.Object(members{"To": cfn.List(identity)}),
			"Content": cfn.Object(members{"Subject": cfn.Text, "AdditionalMessage": cfn.Text}),
		})),
	}))})}

	// body is any request or answer of the API.
	body = cfn.API(cfn.Object(with(modelMembers, definition, alarmMembers, inputMembers, version, notifications, members{
		"DetectorModel": cfn.Object(members{
			"DetectorModelConfiguration": cfn.Object(with(modelMembers, version)),
			"DetectorModelDefinition":    cfn.Object(definition),
		}),
		"AlarmModel": cfn.Object(with(alarmMembers, version, notifications)),
		"Input": cfn.Object(members{
			"InputConfiguration": input, "InputDefinition": inputMembers["InputDefinition"],
		}),
	})))
)

// with returns the members of all.
func with(parts ...members) members {
	all := members{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}
