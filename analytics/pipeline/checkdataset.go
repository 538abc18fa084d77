package pipeline

import (
	"regexp"
	"strings"
)

// Limits of data sets.
const (
	maxFilters     = 1
	maxTriggers    = 5
	maxDeliveries  = 20
	maxVariables   = 50
	maxStringValue = 1024
	maxVolume      = 50
	maxLateMinutes = 60
	maxOffset      = 1<<31 - 1
)

// dataset checks the definition of a data set.
func (l *loader) dataset(o *object) {
	if !o.has("actions") {
		o.fail(o.at("actions"), "actions is required")
	}
	container, delta := false, false
	for _, action := range o.objects(1, 1, "actions") {
		action.resource("actionName")
		name, child := action.one("action", "queryAction", "containerAction")
		switch {
		case child == nil:
		case name == "containerAction":
			container = true
			l.container(child)
		default:
			delta = l.query(child)
		}
		action.end()
	}
	l.triggers(o, container)
	l.deliveries(o)
	l.retention(o, false)
	if versions := o.object("versioningConfiguration"); versions != nil {
		versions.unlimitedOr("maxVersions", maxVersions)
		versions.end()
	}
	l.lateData(o, delta)
}

// query checks a queryAction, and reports whether it has a deltaTime filter.
func (l *loader) query(o *object) (delta bool) {
	if sql := o.required("sqlQuery"); sql != "" && !isSelect(sql) {
		o.fail(o.at("sqlQuery"), "want a SELECT statement: WITH, EXPLAIN and statements that change something are not supported")
	}
	for _, filter := range o.objects(0, maxFilters, "filters") {
		window := filter.object("deltaTime")
		if window == nil {
			filter.fail(filter.at("deltaTime"), "deltaTime is required")
			continue
		}
		delta = true
		if !window.has("offsetSeconds") {
			window.fail(window.at("offsetSeconds"), "offsetSeconds is required")
		}
		window.whole(-maxOffset, maxOffset, "offsetSeconds")
		window.required("timeExpression")
		window.end()
		filter.end()
	}
	o.end()
	return delta
}

var beforeStatement = regexp.MustCompile(`^(?s:\s|\(|--[^\n]*\n|/\*.*?\*/)*`)

func isSelect(sql string) bool {
	statement := sql[len(beforeStatement.FindString(sql)):]
	const word = "SELECT"
	return len(statement) > len(word) && strings.EqualFold(statement[:len(word)], word) && !isNameByte(statement[len(word)])
}

// container checks a containerAction.
func (l *loader) container(o *object) {
	o.limited(maxKey, "image")
	o.role("executionRoleArn")
	if resources := o.object("resourceConfiguration"); resources != nil {
		if compute := resources.required("computeType"); compute != "" && compute != "ACU_1" && compute != "ACU_2" {
			resources.fail(resources.at("computeType"), "%q: want ACU_1 or ACU_2", compute)
		}
		if !resources.has("volumeSizeInGB") {
			resources.fail(resources.at("volumeSizeInGB"), "volumeSizeInGB is required")
		}
		resources.whole(1, maxVolume, "volumeSizeInGB")
		resources.end()
	} else {
		o.fail(o.at("resourceConfiguration"), "resourceConfiguration is required")
	}
	for _, variable := range o.objects(0, maxVariables, "variables") {
		l.variable(variable)
	}
	o.end()
}

var outputFile = regexp.MustCompile(`^[\w.-]{1,255}$`)

func (l *loader) variable(o *object) {
	o.limited(maxAttribute, "name", "variableName")
	values := 0
	for _, name := range []string{"stringValue", "doubleValue", "datasetContentVersionValue", "outputFileUriValue"} {
		if o.has(name) {
			values++
		}
	}
	if values != 1 {
		o.fail(o.path, "want exactly one value, got %d", values)
	}
	o.limit(o.at("stringValue"), o.text("stringValue"), 0, maxStringValue)
	o.value(Decimal, "doubleValue")
	if version := o.object("datasetContentVersionValue"); version != nil {
		version.resource("datasetName")
		version.end()
	}
	if output := o.object("outputFileUriValue"); output != nil {
		if name := output.required("fileName"); name != "" && !outputFile.MatchString(name) {
			output.quota(output.at("fileName"), "%q: want 1 to 255 letters, digits, '_', '.' and '-'", name)
		}
		output.end()
	}
	o.end()
}

// triggers checks what starts a data set, with the words of the service.
func (l *loader) triggers(o *object, container bool) {
	datasets, schedules := 0, 0
	for _, trigger := range o.objects(0, maxTriggers, "triggers") {
		schedule, dataset := trigger.object("schedule"), trigger.object("dataset", "triggeringDataset")
		if (schedule == nil) == (dataset == nil) {
			trigger.fail(trigger.path, "Exactly one trigger type should be provided")
		}
		if schedule != nil {
			schedules++
			if text := schedule.required("expression", "scheduleExpression"); text != "" {
				if err := checkSchedule(text); err != nil {
					schedule.fail(schedule.at("expression"), "%q: %s", text, err)
				}
			}
			schedule.end()
		}
		if dataset != nil {
			datasets++
			dataset.resource("name", "datasetName")
			dataset.end()
		}
		trigger.end()
	}
	place := o.at("triggers")
	switch {
	case datasets > 0 && !container:
		o.fail(place, "Triggering dataset can only be added on a container dataset")
	case datasets > 1:
		o.fail(place, "There can only be one triggering dataset")
	case datasets > 0 && schedules > 0:
		o.fail(place, "Exactly one trigger type should be provided")
	}
}

var substitution = regexp.MustCompile(`!\{[^}]*\}?`)

// deliveries checks where the contents go.
func (l *loader) deliveries(o *object) {
	for _, rule := range o.objects(0, maxDeliveries, "contentDeliveryRules") {
		rule.text("entryName")
		destination := rule.object("destination")
		if destination == nil {
			rule.fail(rule.at("destination"), "destination is required")
			continue
		}
		name, child := destination.one("destination", "s3DestinationConfiguration", "iotEventsDestinationConfiguration")
		switch {
		case child == nil:
		case name == "s3DestinationConfiguration":
			l.deliveryToS3(child)
		default:
			child.resource("inputName")
			child.role("roleArn")
			child.end()
		}
		destination.end()
		rule.end()
	}
}

func (l *loader) deliveryToS3(o *object) {
	checkBucket(o)
	key := o.limited(maxKey, "key")
	o.checkKey("key", key)
	for _, found := range substitution.FindAllString(key, -1) {
		switch found {
		case "!{iotanalytics:scheduleTime}", "!{iotanalytics:creationTime}", "!{iotanalytics:versionId}":
		default:
			o.fail(o.at("key"), "unknown %s", found)
		}
	}
	o.role("roleArn")
	if table := o.object("glueConfiguration"); table != nil {
		table.limited(maxBucket, "tableName")
		table.limited(maxBucket, "databaseName")
		table.end()
	}
	o.end()
}

func (l *loader) lateData(o *object, delta bool) {
	if !o.has("lateDataRules") {
		return
	}
	for _, rule := range o.objects(1, 1, "lateDataRules") {
		rule.text("ruleName")
		o.checkName(rule.at("ruleName"), rule.text("ruleName"))
		configuration := rule.object("ruleConfiguration")
		if configuration == nil {
			rule.fail(rule.at("ruleConfiguration"), "ruleConfiguration is required")
			continue
		}
		window := configuration.object("deltaTimeSessionWindowConfiguration")
		if window == nil {
			configuration.fail(configuration.at("deltaTimeSessionWindowConfiguration"), "deltaTimeSessionWindowConfiguration is required")
			continue
		}
		if !window.has("timeoutInMinutes") {
			window.fail(window.at("timeoutInMinutes"), "timeoutInMinutes is required")
		}
		window.whole(1, maxLateMinutes, "timeoutInMinutes")
		window.end()
		configuration.end()
		rule.end()
	}
	if !delta {
		o.fail(o.at("lateDataRules"), "a rule for late data needs a deltaTime filter")
	}
}
