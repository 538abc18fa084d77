package pipeline

import (
	"context"
	"slices"
)

// Pipeline is a loaded definition. It does not change and is safe for
// concurrent use.
type Pipeline struct {
	name, channel, datastore string
	activities               []activity
	attributes               numbering
	options                  Options
	findings                 []Finding
}

// Name returns the name of the pipeline, empty if the definition has none.
func (p *Pipeline) Name() string { return p.name }

// Channel returns the name of the channel that the pipeline reads.
func (p *Pipeline) Channel() string { return p.channel }

// Datastore returns the name of the data store that the pipeline writes.
func (p *Pipeline) Datastore() string { return p.datastore }

// Findings returns what was doubtful in the definition, or exceeded a quota of
// the service.
func (p *Pipeline) Findings() []Finding { return p.findings }

// Batch runs messages through a pipeline and holds what came out. The zero value
// is ready; one that is used again allocates nothing. It belongs to one goroutine at a
// time.
type Batch struct {
	documents, spare []document
	work             document
	results          []int // indexes of documents
	failures         []Failure
	run              run
}

// run is the state of a batch while it runs.
type run struct {
	pipeline  *Pipeline
	env       *Environment
	options   *Options
	semantics *Semantics
	maxDepth  int
	activity  *activity
	events    []Event

	decimals decimals
	// doc is the message that an expression reads, scratch what it makes of
	// strings, stack its operands, of which top are in use, arguments those of
	// calls, failed whether it drops the message, and result what it gives.
	doc       *document
	scratch   []byte
	stack     []*value
	top       int
	arguments []value
	failed    bool
	result    value

	// text holds the values that activities made.
	text   []byte
	shapes shapes
	// clean are the names of the last message that a data store took as they
	// were.
	clean    [][]byte
	index    map[string]int
	copied   [][]byte
	selected []member
	event    []byte
	called   []int
}

func (r *run) note(d *document, reason Reason, err error) { r.noteAt(d.source, reason, err) }

func (r *run) noteAt(source int, reason Reason, err error) {
	r.events = append(r.events, Event{Source: source, Activity: r.activity.name, Type: r.activity.kind, Reason: reason, Err: err})
}

// reset prepares a batch for a run of p.
func (b *Batch) reset(p *Pipeline, env *Environment) {
	r := &b.run
	if r.pipeline != p {
		r.pipeline, r.options, r.semantics, r.maxDepth = p, &p.options, &p.options.Semantics, p.options.MaxDepth
		r.decimals = newDecimals(p.options.Semantics.RoundHalfUp)
		r.shapes.reset(int(p.attributes))
		r.clean = nil
	}
	r.env, r.events, r.text = env, r.events[:0], r.text[:0]
	b.documents, b.results, b.failures = b.documents[:0], b.results[:0], b.failures[:0]
}

// grow appends a document, with the memory of the one that stood there.
func grow(documents []document) []document {
	if len(documents) == cap(documents) {
		return append(documents, document{})
	}
	documents = documents[:len(documents)+1]
	d := &documents[len(documents)-1]
	*d = document{members: d.members[:0]}
	return documents
}

// Run sends payloads through the pipeline, all in one batch: a lambda activity
// gets them together. What comes out is in b until its next use, and refers to
// the payloads, which must not change as long. env may be nil if the pipeline
// has no activity that needs it.
//
// What happens to a message is told by [Batch.Events]. The error is that of ctx.
func (p *Pipeline) Run(ctx context.Context, env *Environment, b *Batch, payloads [][]byte) error {
	b.reset(p, env)
	steps, rest := untilLambda(p.activities)
	for i, payload := range payloads {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.take(ctx, i, payload, steps)
	}
	for len(rest) > 0 {
		b.run.activity = &rest[0]
		rest[0].lambda.invoke(ctx, b)
		steps, rest = untilLambda(rest[1:])
		for i := range b.documents {
			if err := ctx.Err(); err != nil {
				return err
			}
			b.steps(ctx, &b.documents[i], steps)
		}
	}
	for i := range b.documents {
		if !b.documents[i].dropped {
			b.results = append(b.results, i)
		}
	}
	return ctx.Err()
}

// take makes a document of a payload and takes it through the first steps. It
// works on one that stays in the processor's cache, and keeps what is left.
func (b *Batch) take(ctx context.Context, source int, payload []byte, steps []activity) {
	w := &b.work
	w.source = source
	w.scan(&b.run, payload)
	w.dropped = false
	b.steps(ctx, w, steps)
	if w.dropped {
		return
	}
	b.documents = grow(b.documents)
	d := &b.documents[len(b.documents)-1]
	members := append(d.members, w.members...)
	*d = *w
	d.members = members
}

// untilLambda splits activities before the next lambda activity.
func untilLambda(activities []activity) (steps, rest []activity) {
	i := slices.IndexFunc(activities, func(a activity) bool { return a.lambda != nil })
	if i < 0 {
		return activities, nil
	}
	return activities[:i], activities[i:]
}

// steps takes a message through activities that look at one at a time.
func (b *Batch) steps(ctx context.Context, d *document, activities []activity) {
	for i := range activities {
		if activities[i].step == nil {
			continue
		}
		if b.run.activity = &activities[i]; !d.valid {
			b.run.note(d, InvalidMessage, nil)
			d.dropped = true
		} else {
			d.dropped = !activities[i].step.apply(ctx, &b.run, d)
		}
		if d.dropped {
			return
		}
	}
}

// Len returns how many messages came out.
func (b *Batch) Len() int { return len(b.results) }

// At returns a message that came out, by its place.
func (b *Batch) At(i int) Message { return Message{&b.documents[b.results[i]]} }

// Events returns what is to be counted, in the order in which it happened.
func (b *Batch) Events() []Event { return b.run.events }

// Failures returns the messages that a lambda activity could not process.
func (b *Batch) Failures() []Failure { return b.failures }

// Message is what a data store gets. It is valid until the next use of its
// batch.
type Message struct{ document *document }

// Source returns the index of the payload that the message was made of. If a
// function answered another number of messages than it got, that is not known,
// and all messages of the batch are told to come from the first payload.
func (m Message) Source() int { return m.document.source }

// Len returns the number of attributes at the root.
func (m Message) Len() int { return len(m.document.members) }

// Attribute returns the name of an attribute and its value in JSON, which may
// hold spaces between tokens.
func (m Message) Attribute(i int) (name, value []byte) {
	return m.document.members[i].name, m.document.members[i].raw
}

// Lookup returns the value of an attribute in JSON, nil if there is none of this
// name.
func (m Message) Lookup(name string) []byte {
	for i := range m.document.members {
		if string(m.document.members[i].name) == name {
			return m.document.members[i].raw
		}
	}
	return nil
}

// AppendJSON writes the message in JSON: compact, attributes in order, numbers
// as they came.
func (m Message) AppendJSON(b []byte) []byte { return m.document.appendJSON(b) }
