package pipeline

import (
	"regexp"
	"strconv"
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

// datasetRetention is how many days contents are kept unless the definition says
// otherwise.
const datasetRetention = 90

// readDataset reads the definition of a data set.
func (l *loader) readDataset(o *object) {
	if !o.has("actions") {
		o.fail(o.at("actions"), "actions is required")
	}
	for _, action := range o.objects(1, 1, "actions") {
		action.resource("actionName")
		name, child := action.one("action", "queryAction", "containerAction")
		switch {
		case child == nil:
		case name == "containerAction":
			l.container(child)
		default:
			l.query(child)
		}
		action.end()
	}
	l.triggers(o)
	l.deliveries(o)
	if l.dataset.RetentionDays = l.retention(o, false); !o.has("retentionPeriod") {
		l.dataset.RetentionDays = datasetRetention
	}
	if versions := o.object("versioningConfiguration"); versions != nil {
		if l.dataset.Versions = versions.unlimitedOr("maxVersions", maxVersions); versions.flag("unlimited") {
			l.dataset.Versions = -1
		}
		versions.end()
	}
	l.lateData(o)
}

// query reads a queryAction.
func (l *loader) query(o *object) {
	sql := o.required("sqlQuery")
	switch l.dataset.SQL = sql; {
	case sql != "" && !isSelect(sql):
		o.fail(o.at("sqlQuery"), "want a SELECT statement: WITH, EXPLAIN and statements that change something are not supported")
	case isSeveral(sql):
		o.fail(o.at("sqlQuery"), "want one statement")
	}
	for _, filter := range o.objects(0, maxFilters, "filters") {
		window := filter.object("deltaTime")
		if window == nil {
			filter.end()
			continue
		}
		if !window.has("offsetSeconds") {
			window.fail(window.at("offsetSeconds"), "offsetSeconds is required")
		}
		l.dataset.Delta = &DeltaTime{
			OffsetSeconds: window.whole(-maxOffset, maxOffset, "offsetSeconds"), TimeExpression: window.required("timeExpression"),
		}
		window.end()
		filter.end()
	}
	o.end()
}

var beforeStatement = regexp.MustCompile(`^(?s:\s|\(|--[^\n]*\n|/\*.*?\*/)*`)

func isSelect(sql string) bool {
	statement := sql[len(beforeStatement.FindString(sql)):]
	const word = "SELECT"
	return len(statement) > len(word) && strings.EqualFold(statement[:len(word)], word) && !isNameByte(statement[len(word)])
}

// sqlPart is a text, a name in quotes, a comment, or the end of a statement.
var sqlPart = regexp.MustCompile("'[^']*'|\"[^\"]*\"|`[^`]*`|--[^\n]*|(?s:/\\*.*?\\*/)|;")

// isSeveral reports whether anything but blanks and comments follows the end of a
// statement.
func isSeveral(sql string) bool {
	from := -1
	for _, at := range sqlPart.FindAllStringIndex(sql, -1) {
		part := sql[at[0]:at[1]]
		isComment := strings.HasPrefix(part, "--") || strings.HasPrefix(part, "/*")
		if from >= 0 && (strings.TrimSpace(sql[from:at[0]]) != "" || part != ";" && !isComment) {
			return true
		}
		if part == ";" || from >= 0 {
			from = at[1]
		}
	}
	return from >= 0 && strings.TrimSpace(sql[from:]) != ""
}

// container reads a containerAction.
func (l *loader) container(o *object) {
	l.dataset.Container = &Container{Image: o.limited(maxKey, "image")}
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
		l.dataset.Container.Variables = append(l.dataset.Container.Variables, l.variable(variable))
	}
	o.end()
}

var outputFile = regexp.MustCompile(`^[\w.-]{1,255}$`)

func (l *loader) variable(o *object) Variable {
	v := Variable{Name: o.limited(maxAttribute, "name", "variableName")}
	values := 0
	for _, name := range []string{"stringValue", "doubleValue", "datasetContentVersionValue", "outputFileUriValue"} {
		if o.has(name) {
			values++
		}
	}
	if values != 1 {
		o.fail(o.path, "want exactly one value, got %d", values)
	}
	if text := o.value(String, "stringValue"); text != nil {
		v.String = &text.text
		o.limit(o.at("stringValue"), text.text, 0, maxStringValue)
	}
	if number := o.value(Decimal, "doubleValue"); number != nil {
		double, err := strconv.ParseFloat(number.text, 64)
		if err != nil {
			o.fail(o.at("doubleValue"), "%s is beyond the range of a double", number.text)
		}
		v.Double = &double
	}
	if version := o.object("datasetContentVersionValue"); version != nil {
		v.Dataset = version.resource("datasetName")
		version.end()
	}
	if output := o.object("outputFileUriValue"); output != nil {
		name := output.required("fileName")
		if v.OutputFile = name; name != "" && !outputFile.MatchString(name) {
			output.quota(output.at("fileName"), "%q: want 1 to 255 letters, digits, '_', '.' and '-'", name)
		}
		output.end()
	}
	o.end()
	return v
}

// triggers reads what starts a data set, and complains in the words of the
// service.
func (l *loader) triggers(o *object) {
	datasets, schedules := 0, 0
	for _, trigger := range o.objects(0, maxTriggers, "triggers") {
		schedule, dataset := trigger.object("schedule"), trigger.object("dataset", "triggeringDataset")
		if (schedule == nil) == (dataset == nil) {
			trigger.fail(trigger.path, "Exactly one trigger type should be provided")
		}
		if schedule != nil {
			schedules++
			if text := schedule.required("expression", "scheduleExpression"); text != "" {
				if _, err := parseSchedule(text); err != nil {
					schedule.fail(schedule.at("expression"), "%q: %s", text, err)
				}
				l.dataset.Schedules = append(l.dataset.Schedules, text)
			}
			schedule.end()
		}
		if dataset != nil {
			datasets++
			l.dataset.After = dataset.resource("name", "datasetName")
			dataset.end()
		}
		trigger.end()
	}
	place := o.at("triggers")
	switch {
	case datasets > 0 && l.dataset.Container == nil:
		o.fail(place, "Triggering dataset can only be added on a container dataset")
	case datasets > 1:
		o.fail(place, "There can only be one triggering dataset")
	case datasets > 0 && schedules > 0:
		o.fail(place, "Exactly one trigger type should be provided")
	}
}

// inputName is the name of an input of AWS IoT Events.
var inputName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]*$`)

var substitution = regexp.MustCompile(`!\{[^}]*\}?`)

// deliveries reads where the contents go.
func (l *loader) deliveries(o *object) {
	for _, rule := range o.objects(0, maxDeliveries, "contentDeliveryRules") {
		delivery := Delivery{EntryName: rule.text("entryName")}
		destination := rule.object("destination")
		if destination == nil {
			rule.fail(rule.at("destination"), "destination is required")
			continue
		}
		name, child := destination.one("destination", "s3DestinationConfiguration", "iotEventsDestinationConfiguration")
		switch {
		case child == nil:
		case name == "s3DestinationConfiguration":
			delivery.Bucket, delivery.Key = l.deliveryToS3(child)
		default:
			delivery.Input = child.limited(maxName, "inputName")
			if name := delivery.Input; name != "" && !inputName.MatchString(name) {
				child.quota(child.at("inputName"), "%q: want a letter, and letters, digits and underscores", name)
			}
			child.role("roleArn")
			child.end()
		}
		destination.end()
		rule.end()
		l.dataset.Deliveries = append(l.dataset.Deliveries, delivery)
	}
}

func (l *loader) deliveryToS3(o *object) (bucket, key string) {
	bucket = checkBucket(o)
	key = o.limited(maxKey, "key")
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
	return bucket, key
}

func (l *loader) lateData(o *object) {
	if !o.has("lateDataRules") {
		return
	}
	for _, rule := range o.objects(1, 1, "lateDataRules") {
		late := LateRule{Name: rule.text("ruleName")}
		o.checkName(rule.at("ruleName"), late.Name)
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
		late.TimeoutMinutes = window.whole(1, maxLateMinutes, "timeoutInMinutes")
		window.end()
		configuration.end()
		rule.end()
		l.dataset.LateRules = append(l.dataset.LateRules, late)
	}
	if l.dataset.Delta == nil {
		o.fail(o.at("lateDataRules"), "a rule for late data needs a deltaTime filter")
	}
}
