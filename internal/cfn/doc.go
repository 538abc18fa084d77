// Package cfn reads CloudFormation templates, in JSON and YAML, and resolves
// the intrinsic functions in the properties of a resource as far as that is
// possible before a deployment.
//
//	template, err := cfn.Parse(data)
//	resolver := template.Resolver(cfn.Options{Parameters: map[string]string{"Limit": "30"}})
//	for _, resource := range template.Resources("AWS::IoTEvents::Input") {
//		document, findings := resolver.Convert(resource, shape)
//	}
//
// A [Shape] tells the types of the properties. Convert writes them as the JSON
// of the service's API: names in camelCase, a scalar as the type that its place
// has, which is what CloudFormation does. The [Document] remembers where in the
// template each member came from.
//
// # Scalars
//
// A scalar in the place of a string keeps the text that was written: 1.10 and
// 2010-09-09 stay what they are. Only Booleans become "true" or "false", also
// when they are written as yes, No or ON, which YAML 1.1 and so CloudFormation
// takes for Booleans. A finding tells of an unquoted text that CloudFormation
// would take for another one: yes, 012 (octal), 1_000.
//
// # Intrinsic functions
//
// Ref, Fn::GetAtt, Fn::Sub, Fn::Join, Fn::Select, Fn::Split, Fn::FindInMap,
// Fn::If, Fn::Base64, Fn::ImportValue, Fn::Length, Fn::ToJsonString, and in
// conditions Fn::And, Fn::Or, Fn::Not, Fn::Equals and Condition; in YAML also by
// their tags. Others, transforms and macros are errors at the place where a
// value depends on them. Dynamic references such as {{resolve:ssm:name}} stay
// as they are, with a finding.
//
// A resource that the template declares has the name that its properties give
// it, else its logical id, prefixed by the name of the stack as CloudFormation
// does, without the random end. Its ARN, URL and attributes are made from that
// name, the region and the account. What is known only after a deployment is
// stood for by its own name, with a finding; [Options].Values can give it.
//
// # Limits
//
// A template has at most [MaxSize] bytes and nests at most [MaxDepth] levels.
// What its aliases and functions expand to is bounded by [MaxExpansion].
// Of duplicate keys the last counts, as it does for CloudFormation, with a
// finding. A text that begins with { is read as JSON, any
// other as one YAML document. YAML aliases and merge keys are read, although
// CloudFormation itself documents that it does not.
package cfn
