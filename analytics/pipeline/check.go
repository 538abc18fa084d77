package pipeline

import (
	"strings"
)

// Resource is what a definition declares.
type Resource string

// The kinds of resources.
const (
	ResourcePipeline  Resource = "pipeline"
	ResourceChannel   Resource = "channel"
	ResourceDatastore Resource = "datastore"
	ResourceDataset   Resource = "dataset"
)

// Check reports everything for which the service would have refused a
// definition of a pipeline, channel, data store or data set, and what is
// doubtful in it: [Options].Strict is set. It reads bodies of requests, answers of Describe operations, and both with
// capital letters. What it is for is told by its members.
func Check(definition []byte, optFns ...func(*Options)) (Resource, []Finding) {
	l := newLoader(append(optFns[:len(optFns):len(optFns)], func(o *Options) { o.Strict = true }))
	top := parseDefinition(definition, &l.findings)
	if top == nil {
		return "", l.findings.all
	}
	kind := resourceOf(top)
	if top.kind != Object && kind == "" {
		l.findings.fail("", "want an object, got %s", kindNames[top.kind])
		return "", l.findings.all
	}
	switch kind {
	case ResourcePipeline:
		l.load(top)
	case "":
		l.findings.fail("", "want the definition of a pipeline, channel, data store or data set")
	default:
		l.resource(kind, l.object("", top))
	}
	return kind, l.findings.all
}

// resourceOf tells what a definition is by its members, "" if they don't.
func resourceOf(top *node) Resource {
	if top.kind == Array {
		return ResourcePipeline
	}
	for _, form := range []struct {
		member string
		kind   Resource
	}{
		{"pipelineActivities", ResourcePipeline},
		{"pipelineName", ResourcePipeline},
		{"pipeline", ResourcePipeline},
		{"datasetName", ResourceDataset},
		{"dataset", ResourceDataset},
		{"actions", ResourceDataset},
		{"datastoreName", ResourceDatastore},
		{"datastore", ResourceDatastore},
		{"fileFormatConfiguration", ResourceDatastore},
		{"datastoreStorage", ResourceDatastore},
		{"channelName", ResourceChannel},
		{"channel", ResourceChannel},
		{"channelStorage", ResourceChannel},
	} {
		for _, name := range top.names {
			if name == form.member || name == capital(form.member) {
				return form.kind
			}
		}
	}
	return ""
}

// resource reads a channel, data store or data set.
func (l *loader) resource(kind Resource, o *object) {
	var name string
	if described := o.member(string(kind)); described != nil && described.kind == Object {
		o.ignore("statistics")
		o.end()
		o = o.within(string(kind), described)
		name = o.resource("name", string(kind)+"Name")
		o.ignore("arn", "status", "creationTime", "lastUpdateTime", "lastMessageArrivalTime")
	} else {
		name = o.resource(string(kind) + "Name")
	}
	switch kind {
	case ResourceChannel:
		l.channel = Channel{Name: name, RetentionDays: l.channelMembers(o)}
	case ResourceDatastore:
		l.datastore.Name = name
		l.store(o)
	default:
		l.dataset.Name = name
		l.readDataset(o)
	}
	checkTags(o)
	o.end()
}

// channelMembers reads a channel, and returns how many days it keeps messages.
func (l *loader) channelMembers(o *object) (days int) {
	storage := o.object("channelStorage", "storage")
	managed := false
	if storage != nil {
		name, child := storage.one("storage", "serviceManagedS3", "customerManagedS3")
		if managed = name == "customerManagedS3"; child != nil {
			l.bucket(child, managed, true)
		}
		storage.end()
	}
	return l.retention(o, managed)
}

// bucket checks the S3 storage of a channel or data store.
func (l *loader) bucket(o *object, managed, role bool) {
	if managed {
		checkBucket(o)
		if o.has("keyPrefix") {
			prefix := o.limited(maxKey, "keyPrefix")
			if prefix != "" && !strings.HasSuffix(prefix, "/") {
				o.quota(o.at("keyPrefix"), "%q: want a slash at the end", prefix)
			}
			o.checkKey("keyPrefix", prefix)
		}
		if role {
			o.role("roleArn")
		}
	}
	o.end()
}

// Limits of names in S3.
const (
	minBucket = 3
	maxBucket = 255
	maxKey    = 255
)

func checkBucket(o *object) (bucket string) {
	bucket = o.required("bucket")
	o.limit(o.at("bucket"), bucket, minBucket, maxBucket)
	if i := strings.IndexFunc(bucket, outside(".-_")); i >= 0 {
		o.quota(o.at("bucket"), "%q: want letters, digits, '.', '-' and '_'", bucket)
	}
	return bucket
}

// outside tells characters that are neither ASCII letters or digits nor among
// others.
func outside(others string) func(rune) bool {
	return func(c rune) bool {
		alphanumeric := c < 0x80 && isNameByte(byte(c)) && c != '_'
		return !alphanumeric && !strings.ContainsRune(others, c)
	}
}

func (o *object) checkKey(name, key string) {
	if strings.IndexFunc(key, outside("!_.*'()/{}:-")) >= 0 {
		o.quota(o.at(name), "%q: want letters, digits and !_.*'()/{}:-", key)
	}
}

// role checks the ARN of a role by its length only: examples of the guide are
// wrong in other ways.
func (o *object) role(name string) {
	o.limit(o.at(name), o.required(name), minRole, maxRole)
}

// retention reads a retention period, 0 if it is for ever. managed: the bucket's
// own rules decide.
func (l *loader) retention(o *object, managed bool) (days int) {
	period := o.object("retentionPeriod")
	if period == nil {
		return 0
	}
	days = period.unlimitedOr("numberOfDays", maxDays)
	period.end()
	if managed {
		l.findings.add(LevelWarning, period.path, "is ignored: the rules of the bucket decide")
		return 0
	}
	return days
}

const (
	maxDays     = 1<<31 - 1
	maxVersions = 1000
)

// unlimitedOr reads a number that must be there unless unlimited is true, and
// not both. It is 0 if unlimited.
func (o *object) unlimitedOr(name string, most int) int {
	unlimited := o.flag("unlimited")
	n := o.whole(1, most, name)
	switch {
	case unlimited && o.has(name):
		o.fail(o.path, "want either unlimited or %s", name)
	case !unlimited && !o.has(name):
		o.fail(o.path, "want unlimited or %s", name)
	}
	return n
}
