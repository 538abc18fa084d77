package cfn

import (
	"fmt"
	"slices"
	"strings"
)

// reference returns what Ref gives: nil for AWS::NoValue.
func (c *call) reference(name string, at *node) (*node, error) {
	switch name {
	case "AWS::NoValue":
		return nil, nil //nolint:nilnil // nothing is a value here, see reduce
	case "AWS::NotificationARNs":
		return listOf(at, c.options.NotificationARNs), nil
	}
	if value, ok := c.pseudo[name]; ok {
		return textAt(at, value), nil
	}
	if parameter := c.template.root.get("Parameters").get(name); parameter != nil {
		return c.parameter(name, parameter, at)
	}
	if value, ok := c.options.Values[name]; ok {
		return textAt(at, value), nil
	}
	if c.standsIn(name, at) {
		return textAt(at, name), nil
	}
	resource, err := c.existing(name, at)
	if err != nil {
		return nil, err
	}
	id, err := c.physicalID(resource)
	if err != nil {
		return nil, err
	}
	return textAt(at, id), nil
}

// standsIn reports whether a name stands for a resource that the template does
// not declare, being a part of another.
func (c *call) standsIn(logicalID string, at *node) bool {
	if _, declared := c.template.resource(logicalID); declared || !c.options.StandIns || c.options.Complete {
		return false
	}
	c.note(Warning, at, c.path, "no parameter or resource %q: its name stands for it", logicalID)
	return true
}

// existing returns a resource whose condition holds.
func (c *call) existing(logicalID string, at *node) (Resource, error) {
	resource, ok := c.template.resource(logicalID)
	if !ok {
		return Resource{}, fail(at, c.path, "no parameter or resource %q", logicalID)
	}
	created, err := c.created(resource)
	if err != nil {
		return Resource{}, err
	}
	if !created {
		return Resource{}, fail(at, c.path, "resource %q is not created: its condition does not hold", logicalID)
	}
	return resource, nil
}

// created reports whether the condition of a resource holds.
func (r *Resolver) created(resource Resource) (bool, error) {
	condition := resource.body.get("Condition")
	if condition == nil {
		return true, nil
	}
	return r.condition(condition.text, condition, "Resources."+resource.LogicalID+".Condition", 0)
}

// parameter returns the value that was given, or the default.
func (c *call) parameter(name string, parameter, at *node) (*node, error) {
	kind := ""
	if t := parameter.get("Type"); t != nil {
		kind = t.text
	}
	value, given := c.options.Parameters[name]
	if !given {
		fallback := parameter.get("Default")
		problem := ""
		switch {
		case fallback == nil || !fallback.isScalar():
			problem = fmt.Sprintf("parameter %q has no value and no default", name)
		case strings.HasPrefix(kind, "AWS::SSM::Parameter::Value<"):
			problem = fmt.Sprintf("parameter %q is the value of the SSM parameter %q", name, fallback.text)
		default:
			value = c.scalarText(fallback, "Parameters."+name+".Default")
		}
		if problem != "" && (!c.options.StandIns || kind == "Number" || isListType(kind)) {
			return nil, fail(at, c.path, "%s", problem)
		}
		if problem != "" {
			c.note(Warning, at, c.path, "%s: its name stands for it", problem)
			return textAt(at, name), nil
		}
	}
	if allowed := parameter.get("AllowedValues"); allowed != nil && allowed.kind == list {
		if !slices.ContainsFunc(allowed.items, func(n *node) bool { return n.text == value }) {
			return nil, fail(at, c.path, "parameter %q does not allow the value %q", name, value)
		}
	}
	if isListType(kind) {
		values := strings.Split(value, ",")
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		return listOf(at, values), nil
	}
	return textAt(at, value), nil
}

func isListType(kind string) bool {
	return kind == "CommaDelimitedList" || strings.Contains(kind, "List<")
}

// attribute returns what Fn::GetAtt gives.
func (c *call) attribute(logicalID, attribute string, at *node) (*node, error) {
	if value, ok := c.options.Values[logicalID+"."+attribute]; ok {
		return textAt(at, value), nil
	}
	if c.standsIn(logicalID, at) {
		return textAt(at, logicalID+"."+attribute), nil
	}
	resource, err := c.existing(logicalID, at)
	if err != nil {
		return nil, err
	}
	kind := resourceKinds[resource.Type]
	switch {
	case kind.arn != "" && (attribute == "Arn" || attribute == kind.arnAttribute):
		arn, err := c.arn(resource, kind)
		if err != nil {
			return nil, err
		}
		return textAt(at, arn), nil
	case kind.url && attribute == "QueueUrl":
		url, err := c.physicalID(resource)
		if err != nil {
			return nil, err
		}
		return textAt(at, url), nil
	case kind.name != "" && (attribute == kind.name || attribute == "Name"):
		name, err := c.nameOf(resource)
		if err != nil {
			return nil, err
		}
		return textAt(at, name), nil
	}
	if property := resource.body.get("Properties").get(attribute); property != nil {
		return property, nil
	}
	c.note(Warning, at, c.path, "%s.%s is known only after a deployment: its name stands for it", logicalID, attribute)
	return textAt(at, logicalID+"."+attribute), nil
}

// resourceKind tells how the names of a type of resource are made.
type resourceKind struct {
	name string // the property that holds the name
	// arn is the ARN after the partition, with R, A and N for region, account
	// and name.
	arn          string
	arnAttribute string // besides Arn
	byARN        bool   // Ref gives the ARN
	url          bool   // Ref gives the URL of a queue
	bare         bool   // the name without the stack's, if there is none
}

var resourceKinds = map[string]resourceKind{
	"AWS::SNS::Topic":                      {name: "TopicName", arn: "sns:R:A:N", arnAttribute: "TopicArn", byARN: true},
	"AWS::SQS::Queue":                      {name: "QueueName", arn: "sqs:R:A:N", url: true},
	"AWS::Lambda::Function":                {name: "FunctionName", arn: "lambda:R:A:function:N"},
	"AWS::Serverless::Function":            {name: "FunctionName", arn: "lambda:R:A:function:N"},
	"AWS::IAM::Role":                       {name: "RoleName", arn: "iam::A:role/N"},
	"AWS::DynamoDB::Table":                 {name: "TableName", arn: "dynamodb:R:A:table/N"},
	"AWS::Serverless::SimpleTable":         {name: "TableName", arn: "dynamodb:R:A:table/N"},
	"AWS::KinesisFirehose::DeliveryStream": {name: "DeliveryStreamName", arn: "firehose:R:A:deliverystream/N"},
	"AWS::Kinesis::Stream":                 {name: "Name", arn: "kinesis:R:A:stream/N"},
	"AWS::S3::Bucket":                      {name: "BucketName", arn: "s3:::N"},
	"AWS::Logs::LogGroup":                  {name: "LogGroupName", arn: "logs:R:A:log-group:N:*"},
	"AWS::StepFunctions::StateMachine":     {name: "StateMachineName", arn: "states:R:A:stateMachine:N", byARN: true},
	"AWS::SSM::Parameter":                  {name: "Name"},
	"AWS::IoT::Thing":                      {name: "ThingName", arn: "iot:R:A:thing/N"},
	"AWS::IoT::TopicRule":                  {name: "RuleName", arn: "iot:R:A:rule/N"},
	"AWS::IoTEvents::Input":                {name: "InputName", arn: "iotevents:R:A:input/N", bare: true},
	"AWS::IoTEvents::DetectorModel":        {name: "DetectorModelName", arn: "iotevents:R:A:detectorModel/N", bare: true},
	"AWS::IoTEvents::AlarmModel":           {name: "AlarmModelName", arn: "iotevents:R:A:alarmModel/N", bare: true},
	"AWS::IoTAnalytics::Channel":           {name: "ChannelName", arn: "iotanalytics:R:A:channel/N", bare: true},
	"AWS::IoTAnalytics::Datastore":         {name: "DatastoreName", arn: "iotanalytics:R:A:datastore/N", bare: true},
	"AWS::IoTAnalytics::Pipeline":          {name: "PipelineName", arn: "iotanalytics:R:A:pipeline/N", bare: true},
	"AWS::IoTAnalytics::Dataset":           {name: "DatasetName", arn: "iotanalytics:R:A:dataset/N", bare: true},
}

// physicalID returns what Ref gives for a resource.
func (c *call) physicalID(resource Resource) (string, error) {
	kind := resourceKinds[resource.Type]
	if kind.byARN {
		return c.arn(resource, kind)
	}
	name, err := c.nameOf(resource)
	if kind.url {
		name = fmt.Sprintf("https://sqs.%s.%s/%s/%s", c.options.Region, c.pseudo["AWS::URLSuffix"], c.options.AccountID, name)
	}
	return name, err
}

func (c *call) arn(resource Resource, kind resourceKind) (string, error) {
	name, err := c.nameOf(resource)
	filled := strings.NewReplacer("R", c.options.Region, "A", c.options.AccountID, "N", name).Replace(kind.arn)
	return "arn:" + c.pseudo["AWS::Partition"] + ":" + filled, err
}

// nameOf returns the name of a resource: as its properties say, else as
// CloudFormation would make it, without the random end.
func (c *call) nameOf(resource Resource) (string, error) {
	id := resource.LogicalID
	if name, known := c.names[id]; known {
		return name, nil
	}
	name, err := c.findName(resource)
	if err == nil {
		c.names[id] = name
	}
	return name, err
}

func (c *call) findName(resource Resource) (string, error) {
	id := resource.LogicalID
	kind := resourceKinds[resource.Type]
	property := resource.body.get("Properties").get(kind.name)
	if kind.name == "" || property == nil {
		if kind.bare {
			return id, nil
		}
		return c.options.StackName + "-" + id, nil
	}
	opened := "name of " + id
	path := "Resources." + id + ".Properties." + kind.name
	if c.open[opened] {
		return "", fail(property, path, "the name of %q depends on itself", id)
	}
	c.open[opened] = true
	defer delete(c.open, opened)
	return c.text(property, path, c.depth+1)
}
