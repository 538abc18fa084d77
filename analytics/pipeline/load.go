package pipeline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// Limits of the service.
const (
	maxName        = 128
	maxAttribute   = 256
	maxExpression  = 256
	maxFunction    = 64
	maxActivities  = 25
	maxAttributes  = 50
	maxBatchSize   = 1000
	minRole        = 20
	maxRole        = 2048
	maxTags        = 50
	maxTagLength   = 256
	defaultBatches = 1 // the size of a batch if the definition has none
)

// Load reads the definition of a pipeline in JSON, in any of these forms, with
// names in camelCase or with a capital letter:
//
//   - the body of CreatePipeline, or the skeleton of the AWS CLI;
//   - the same with several activities in an entry, as CloudFormation has it;
//   - the answer of DescribePipeline;
//   - a bare array of activities.
//
// The activities are chained by their next, whatever their order. All problems
// are reported together: the error is a [*DefinitionError].
func Load(definition []byte, optFns ...func(*Options)) (*Pipeline, error) {
	l := newLoader(optFns)
	if top := parseDefinition(definition, &l.findings); top != nil {
		l.load(top)
	}
	return l.result()
}

// LoadActivity reads one activity, neither a channel nor a data store, and makes
// a pipeline of it: what the service's RunPipelineActivity did. next may be
// absent, and field names are not looked at.
func LoadActivity(definition []byte, optFns ...func(*Options)) (*Pipeline, error) {
	l := newLoader(optFns)
	if top := parseDefinition(definition, &l.findings); top != nil {
		l.single = true
		l.entry("", top)
		if len(l.links) != 1 && l.findings.errors == 0 {
			l.findings.fail("", "want one activity, got %d", len(l.links))
		}
	}
	for _, link := range l.links {
		if link.kind == TypeChannel || link.kind == TypeDatastore {
			l.findings.fail(link.path, "want neither a channel nor a data store")
		}
		l.pipeline.activities = append(l.pipeline.activities, link.activity)
	}
	return l.result()
}

// loader reads a definition.
type loader struct {
	findings findings
	pipeline *Pipeline
	links    []*link
	single   bool

	channel   Channel
	datastore Datastore
	dataset   Dataset
}

// link is an activity with its place and the name of the next.
type link struct {
	activity

	path, next string
	// unreadable: next is no text, which has been found.
	unreadable bool
}

func newLoader(optFns []func(*Options)) *loader {
	l := &loader{pipeline: &Pipeline{}}
	for _, fn := range optFns {
		fn(&l.pipeline.options)
	}
	l.pipeline.options.setDefaults()
	l.findings.strict = l.pipeline.options.Strict
	return l
}

func (l *loader) result() (*Pipeline, error) {
	if l.findings.errors > 0 {
		return nil, &DefinitionError{Findings: l.findings.all}
	}
	l.pipeline.findings = l.findings.all
	return l.pipeline, nil
}

func (l *loader) semantics() *Semantics { return &l.pipeline.options.Semantics }

func (l *loader) object(path string, n *node) *object {
	return (&object{findings: &l.findings, exact: l.semantics().OneFormOnly}).within(path, n)
}

func (l *loader) load(top *node) {
	if top.kind == Array && !l.semantics().OneFormOnly {
		l.entries("", top.children)
		return
	}
	if top.kind != Object {
		l.findings.fail("", "want an object, got %s", kindNames[top.kind])
		return
	}
	o := l.object("", top)
	if described := o.member("pipeline"); described != nil && described.kind == Object && !l.semantics().OneFormOnly {
		o.end()
		l.described(o.within("pipeline", described))
		return
	}
	if l.pipeline.name = o.text("pipelineName"); l.pipeline.name == "" {
		o.quota("pipelineName", "pipelineName is required") // by the service
	} else {
		l.pipeline.name = o.resource("pipelineName")
	}
	if !o.has("pipelineActivities") {
		o.fail("pipelineActivities", "pipelineActivities is required")
	}
	checkTags(o)
	l.entries("pipelineActivities", o.list(1, maxActivities, "pipelineActivities"))
	o.end()
}

// described reads the answer of DescribePipeline.
func (l *loader) described(o *object) {
	l.pipeline.name = o.resource("name", "pipelineName")
	o.ignore("arn", "reprocessingSummaries", "creationTime", "lastUpdateTime")
	if !o.has("activities") {
		o.fail(o.at("activities"), "activities is required")
	}
	l.entries(o.at("activities"), o.list(1, maxActivities, "activities"))
	o.end()
}

func checkTags(o *object) {
	for _, tag := range o.objects(1, maxTags, "tags") {
		tag.limited(maxTagLength, "key")
		switch value := tag.member("value"); {
		case value == nil:
			tag.fail(tag.at("value"), "value is required")
		case value.kind == String && value.text == "":
			tag.quota(tag.at("value"), "0 characters, want 1 to %d", maxTagLength)
		default:
			tag.limit(tag.at("value"), tag.text("value"), 1, maxTagLength)
		}
		tag.end()
	}
}

func (l *loader) entries(path string, entries []*node) {
	for i, n := range entries {
		l.entry(fmt.Sprintf("%s[%d]", path, i), n)
	}
	if len(entries) > 0 || l.findings.errors == 0 {
		l.chain(path)
	}
}

// entry reads an entry with one activity or several.
func (l *loader) entry(path string, n *node) {
	if n.kind != Object {
		l.findings.fail(path, "want an object, got %s", kindNames[n.kind])
		return
	}
	o := l.object(path, n)
	before := len(l.links)
	for _, kind := range []ActivityType{
		TypeChannel, TypeLambda, TypeDatastore, TypeAddAttributes, TypeRemoveAttributes, TypeSelectAttributes, TypeFilter, TypeMath,
		TypeDeviceRegistryEnrich, TypeDeviceShadowEnrich,
	} {
		if child := o.object(string(kind)); child != nil {
			l.activity(kind, child)
		}
	}
	switch n := len(l.links) - before; {
	case n == 0:
		o.fail(path, "want an activity")
	case n > 1 && o.exact:
		o.fail(path, "want exactly one activity, got %d", n)
	}
	o.end()
}

// activity reads the members of an activity.
func (l *loader) activity(kind ActivityType, o *object) {
	a := &link{path: o.path}
	a.kind, a.name = kind, o.limited(maxName, "name")
	if kind != TypeDatastore {
		a.next = o.text("next")
		a.unreadable = a.next == "" && o.has("next") && o.member("next").kind != String
		o.limit(o.at("next"), a.next, 1, maxName)
	}
	switch kind {
	case TypeChannel:
		l.pipeline.channel = l.existing(o, "channelName", "channel", l.pipeline.options.HasChannel)
	case TypeDatastore:
		l.pipeline.datastore = l.existing(o, "datastoreName", "data store", l.pipeline.options.HasDatastore)
		a.step = datastore{}
	case TypeLambda:
		a.lambda = l.lambda(o)
	case TypeAddAttributes:
		a.step = &addAttributes{l.added(o)}
	case TypeRemoveAttributes:
		a.step = &removeAttributes{l.removed(o)}
	case TypeSelectAttributes:
		selected := l.selected(o)
		a.step = &selectAttributes{selected, areDistinct(selected), areTidy(selected)}
	case TypeFilter:
		a.step = &filter{l.expression(o, "filter")}
	case TypeMath:
		attribute := []byte(o.limited(maxAttribute, "attribute"))
		a.step = &mathActivity{l.expression(o, "math"), l.pipeline.attributes.attribute(attribute)}
	default:
		a.step = l.enrich(kind, o)
	}
	o.end()
	l.links = append(l.links, a)
}

func (l *loader) existing(o *object, member, what string, exists func(string) bool) string {
	name := o.resource(member)
	if name != "" && exists != nil && !exists(name) {
		o.fail(o.at(member), "there is no %s %q", what, name)
	}
	return name
}

func (l *loader) lambda(o *object) *lambda {
	name := o.limited(maxFunction, "lambdaName")
	if strings.ContainsFunc(name, func(c rune) bool { return c >= 0x80 || !isNameByte(byte(c)) && c != '-' }) {
		o.quota(o.at("lambdaName"), "%q: want letters, digits, '_' and '-': no ARN, alias or version", name)
	}
	if !o.has("batchSize") {
		o.quota(o.at("batchSize"), "batchSize is required")
	}
	return &lambda{function: name, batchSize: max(o.whole(1, maxBatchSize, "batchSize"), defaultBatches)}
}

// parsed reads a path; nil, with a finding, if it is wrong.
func (l *loader) parsed(place, text string) *path {
	segments, err := parsePath(text)
	if syntax, ok := errors.AsType[*exprlang.Error](err); ok {
		l.findings.expression(LevelError, place, &exprlang.Error{Source: syntax.Source, Offset: syntax.Offset, Message: pathError(syntax.Message)})
		return nil
	}
	return l.pipeline.attributes.path([]byte(text), segments)
}

func (l *loader) added(o *object) (all []copied) {
	attributes := o.object("attributes")
	if attributes == nil {
		if !o.has("attributes") {
			o.fail(o.at("attributes"), "attributes is required")
		}
		return nil
	}
	o.count(attributes.path, len(attributes.node.names), 1, maxAttributes)
	for i, from := range attributes.node.names {
		place, target := attributes.at(from), attributes.node.children[i]
		if target.kind != String || target.text == "" {
			o.fail(place, "want the name of the new attribute")
			continue
		}
		o.limit(place, from, 1, maxAttribute)
		o.limit(place, target.text, 1, maxAttribute)
		if strings.ContainsAny(target.text, ".[]") && !l.semantics().LiteralTargets {
			o.fail(place, "%q: the new attribute is one of the root, want no path", target.text)
		}
		if p := l.parsed(place, from); p != nil {
			all = append(all, copied{p, l.pipeline.attributes.attribute([]byte(target.text))})
		}
	}
	return all
}

// pathsOf reads the list of paths of removeAttributes and selectAttributes.
func (l *loader) pathsOf(o *object, use func(place string, p *path)) {
	for i, text := range o.texts(1, maxAttributes, maxAttribute, "attributes") {
		place := fmt.Sprintf("%s[%d]", o.at("attributes"), i)
		if p := l.parsed(place, text); p != nil {
			use(place, p)
		}
	}
}

func (l *loader) removed(o *object) (all []*path) {
	l.pathsOf(o, func(place string, p *path) {
		if p.last() == nil {
			o.fail(place, "%s: an array element can't be removed", p.whole.name)
			return
		}
		if !p.plain() && l.semantics().RootRemoveOnly {
			o.fail(place, "%s: want an attribute of the root", p.whole.name)
		}
		all = append(all, p)
	})
	return all
}

func (l *loader) selected(o *object) (all []copied) {
	l.pathsOf(o, func(place string, p *path) {
		name := p.last()
		if name == nil && l.semantics().IndexedSelect {
			name = indexedName(p)
		}
		if name == nil {
			o.fail(place, "%s: an array element has no name to be selected by; use addAttributes", p.whole.name)
		}
		all = append(all, copied{p, l.pipeline.attributes.attribute(name)})
	})
	return all
}

func areDistinct(all []copied) bool {
	seen := map[string]bool{}
	for i := range all {
		seen[string(all[i].to.name)] = true
	}
	return len(seen) == len(all)
}

// areTidy reports whether a data store can take all names.
func areTidy(all []copied) bool {
	var t tidiness
	for i := range all {
		if !t.takes(all[i].to.name) {
			return false
		}
	}
	return true
}

// indexedName returns coord_0 for a.coord[0].
func indexedName(p *path) []byte {
	i := len(p.segments) - 1
	for p.segments[i].name == nil {
		i--
	}
	name := append([]byte(nil), p.segments[i].name...)
	for _, s := range p.segments[i+1:] {
		name = fmt.Appendf(name, "_%d", s.index)
	}
	return name
}

func (l *loader) expression(o *object, member string) expression {
	source := o.limited(maxExpression, member)
	if source == "" {
		return expression{}
	}
	compiled, doubts, err := compileExpression(source, l.semantics(), &l.pipeline.attributes)
	for _, doubt := range doubts {
		l.findings.expression(LevelWarning, o.at(member), doubt)
	}
	switch {
	case err == nil:
		return expression{eval: compiled}
	case l.semantics().LateSyntaxErrors:
		l.findings.expression(LevelWarning, o.at(member), err)
	default:
		l.findings.expression(LevelError, o.at(member), err)
	}
	return expression{malformed: err}
}

func (l *loader) enrich(kind ActivityType, o *object) *enrich {
	attribute, thing := o.limited(maxAttribute, "attribute"), o.limited(maxAttribute, "thingName")
	if !o.has("roleArn") {
		o.quota(o.at("roleArn"), "roleArn is required")
	}
	o.limit(o.at("roleArn"), o.text("roleArn"), minRole, maxRole)
	e := &enrich{registry: kind == TypeDeviceRegistryEnrich, attribute: l.pipeline.attributes.attribute([]byte(attribute))}
	if thing != "" {
		e.thing = l.parsed(o.at("thingName"), thing)
	}
	return e
}
