// Package cfnanalytics reads the channels, pipelines, data stores and data sets
// that CloudFormation templates declare, in JSON and YAML:
//
//	stack, err := cfnanalytics.Read(template, func(o *cfnanalytics.Options) {
//		o.Parameters = map[string]string{"Limit": "30"}
//	})
//	if err != nil {
//		return err // a *TemplateError: what can't be resolved, line by line
//	}
//	for _, definition := range stack.Definitions {
//		if definition.Kind == pipeline.ResourcePipeline {
//			loaded, err := pipeline.Load(definition.JSON)
//		}
//	}
//
// Resources of the types AWS::IoTAnalytics::Channel, Pipeline, Datastore and
// Dataset become the JSON of the service's API; an entry of a pipeline with
// several activities stays one. Others are only looked at where those refer to
// them. What SAM and the CDK synthesise is read like any other template; macros
// and transforms are not run.
//
// A channel or data store may stand without Properties: it needs none. One
// resource without a template around it is read too.
//
// Functions, conditions, parameters and scalars are read as package cfnalerts
// reads them: nothing is deployed, so names that CloudFormation would make up
// are the logical ids, after the name of the stack for those that are not read, and what is known only after a deployment is stood for
// by its name, with a warning.
package cfnanalytics
