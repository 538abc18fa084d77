// Package cfnalerts reads the detector models, alarm models and inputs that
// CloudFormation templates declare, in JSON and YAML:
//
//	stack, err := cfnalerts.Read(template, func(o *cfnalerts.Options) {
//		o.Parameters = map[string]string{"Limit": "30"}
//	})
//	if err != nil {
//		return err // a *TemplateError: what can't be resolved, line by line
//	}
//	model, err := detector.Load(stack.DetectorModels[0].JSON, func(o *detector.Options) {
//		o.Attributes = stack.Attributes()
//	})
//
// Resources of the types AWS::IoTEvents::DetectorModel,
// AWS::IoTEvents::AlarmModel and AWS::IoTEvents::Input become the JSON of the
// service's API. Others are only looked at where those refer to them. What SAM
// and the CDK synthesise is read like any other template; macros and transforms
// are not run.
//
// # What is resolved
//
// The functions Ref, Fn::GetAtt, Fn::Sub, Fn::Join, Fn::Select, Fn::Split,
// Fn::FindInMap, Fn::If, Fn::Base64, Fn::ImportValue, Fn::Length and
// Fn::ToJsonString, in long form and as YAML tags, with the parameters, mappings
// and conditions of the template. A resource whose condition does not hold is
// left out.
//
// Nothing is deployed, so a name that CloudFormation would make up is the
// logical id: as it is for the resources of AWS IoT Events, else after the name
// of the stack, without the random end. ARNs and queue URLs are made from that
// name, [Options].Region and [Options].AccountID. An attribute that is known
// only after a deployment, an export of another stack and a dynamic reference
// are stood for by their names, with a warning; [Options].Values and
// [Options].Imports can give them. A parameter without value is an error unless
// [Options].StandIns says otherwise, but a warning in the properties that the
// engine does not use, such as RoleArn.
//
// # Scalars
//
// A scalar is read as what its property is: Value: 0 is the expression "0",
// Seconds: "60" the number 60. In the place of a string it keeps the text that
// was written, such as 1.10, 012 or 2010-09-09; true, yes and on are "true", as
// they are for CloudFormation. Where CloudFormation would take an unquoted text
// for another one, such as 012 for 10, a warning says so.
//
// # Limits
//
// A template has at most 1 MB and 100 levels; what aliases and functions expand
// to is bounded. A second YAML document is an error. Of duplicate keys the last
// counts, with a warning, as CloudFormation does it.
package cfnalerts
