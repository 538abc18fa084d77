package pipeline

import (
	"context"
	"slices"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// ActivityType is the type of an activity, as its key in a definition names it.
type ActivityType string

// The types of activities.
const (
	TypeChannel              ActivityType = "channel"
	TypeLambda               ActivityType = "lambda"
	TypeDatastore            ActivityType = "datastore"
	TypeAddAttributes        ActivityType = "addAttributes"
	TypeRemoveAttributes     ActivityType = "removeAttributes"
	TypeSelectAttributes     ActivityType = "selectAttributes"
	TypeFilter               ActivityType = "filter"
	TypeMath                 ActivityType = "math"
	TypeDeviceRegistryEnrich ActivityType = "deviceRegistryEnrich"
	TypeDeviceShadowEnrich   ActivityType = "deviceShadowEnrich"
)

// activity is one of a chain. It has either a step, or a lambda; the channel
// has neither.
type activity struct {
	name   string
	kind   ActivityType
	step   step
	lambda *lambda
}

// step does the work of an activity on one message, which it may drop.
type step interface {
	apply(ctx context.Context, r *run, d *document) (kept bool)
}

// copied is an entry of addAttributes, or of selectAttributes.
type copied struct {
	from *path
	to   attribute
}

type addAttributes struct{ attributes []copied }

func (a *addAttributes) apply(_ context.Context, r *run, d *document) bool {
	r.copied = r.copied[:0]
	for i := range a.attributes {
		raw := r.lookup(d, a.attributes[i].from)
		if raw == nil {
			if r.note(d, AttributeMissing, nil); r.semantics.MissingDrops {
				return false
			}
		}
		r.copied = append(r.copied, raw)
	}
	for i, raw := range r.copied {
		if raw == nil {
			continue
		}
		to := &a.attributes[i].to
		if at := r.find(d, to); at < 0 || !r.semantics.KeepExisting {
			d.put(at, member{name: to.name, raw: raw, quoted: to.quoted, nested: isNested(raw)})
		}
	}
	return true
}

func isNested(raw []byte) bool { return raw[0] == '{' || raw[0] == '[' }

type removeAttributes struct{ attributes []*path }

func (a *removeAttributes) apply(_ context.Context, r *run, d *document) bool {
	for _, p := range a.attributes {
		r.removeAt(d, p)
	}
	return len(d.members) > 0
}

// removeAt removes what a lookup would find.
func (r *run) removeAt(d *document, p *path) {
	if !p.plain() && !r.semantics.NoLiteralKeys {
		if i := r.find(d, &p.whole); i >= 0 {
			d.remove(i)
			return
		}
	}
	i := r.root(d, p)
	switch {
	case i < 0:
	case p.plain():
		d.remove(i)
	default:
		d.members[i].raw = r.without(d.members[i].raw, p.segments[1:])
	}
}

type selectAttributes struct {
	attributes []copied
	// distinct: all have names of their own.
	distinct bool
	// tidy: a data store can take the names.
	tidy bool
}

func (a *selectAttributes) apply(_ context.Context, r *run, d *document) bool {
	fresh := document{members: slices.Grow(r.selected[:0], len(a.attributes))}
	for i := range a.attributes {
		to := &a.attributes[i].to
		raw := r.lookup(d, a.attributes[i].from)
		if raw == nil {
			continue
		}
		if !a.distinct {
			fresh.put(fresh.find(to.name), member{name: to.name, raw: raw, quoted: to.quoted, nested: isNested(raw)})
			continue
		}
		n := len(fresh.members)
		fresh.members = fresh.members[:n+1]
		m := &fresh.members[n] // set in place, as in scanObject
		m.name, m.raw, m.quoted, m.nested = to.name, raw, to.quoted, isNested(raw)
	}
	r.selected, d.members = d.members, fresh.members
	d.regular, d.tidy = 0, a.tidy
	return len(d.members) > 0
}

// expression is compiled, or malformed and to fail late.
type expression struct {
	eval      eval
	malformed *exprlang.Error
}

// evaluate computes the value for a message; it is not ok if that failed in a
// way that drops the message.
func (e *expression) evaluate(r *run, d *document) (ok bool) {
	if e.eval == nil {
		r.note(d, SyntaxError, e.malformed)
		return false
	}
	r.doc, r.scratch, r.failed, r.top = d, r.scratch[:0], false, 0
	if e.eval(r, &r.result); r.failed {
		r.note(d, ArithmeticError, nil)
		return false
	}
	return true
}

type filter struct{ expression }

func (f *filter) apply(_ context.Context, r *run, d *document) bool {
	if !f.evaluate(r, d) {
		return false
	}
	switch r.result.kind {
	case Boolean:
		return r.result.truth
	case Undefined:
		r.note(d, FilterUndefined, nil)
		return r.semantics.UndefinedPasses
	}
	r.note(d, FilterNotBoolean, nil)
	return false
}

type mathActivity struct {
	expression
	attribute attribute
}

func (m *mathActivity) apply(_ context.Context, r *run, d *document) bool {
	if !m.evaluate(r, d) {
		return false
	}
	switch {
	case r.result.kind == Undefined:
		r.note(d, MathUndefined, nil)
		return !r.semantics.ErrorDrops
	case !r.result.isNumber():
		r.note(d, MathNotNumber, nil)
		return !r.semantics.ErrorDrops
	}
	start := len(r.text)
	r.text = r.result.number.append(r.text)
	d.put(r.find(d, &m.attribute), member{name: m.attribute.name, raw: r.text[start:len(r.text):len(r.text)], quoted: m.attribute.quoted})
	return true
}

// datastore ends the chain: what it keeps is what a data store keeps.
type datastore struct{}

func (datastore) apply(_ context.Context, r *run, d *document) bool {
	if !r.semantics.KeepFields {
		r.cleanRoot(d)
	}
	return len(d.members) > 0
}
