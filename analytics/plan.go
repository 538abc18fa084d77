package analytics

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// Position is the place of an item in the order of its tenant: by time, then
// by arrival, then by place in its message.
type Position struct {
	// Time is Unix time in nanoseconds.
	Time int64
	// Arrival numbers the messages of a store as they came.
	Arrival uint64
	// Place of a point in [Message.Points]; 0 for a message.
	Place uint32
}

// Compare returns -1, 0 or +1 as p is before, at or after other.
func (p Position) Compare(other Position) int {
	if p.Time != other.Time {
		return cmp.Compare(p.Time, other.Time)
	}
	if p.Arrival != other.Arrival {
		return cmp.Compare(p.Arrival, other.Arrival)
	}
	return cmp.Compare(p.Place, other.Place)
}

// Plan is a checked query in the form in which backends run it.
type Plan struct {
	Datastore  string
	Descending bool
	Limit      int

	tenant   tenant.ID
	keys     tenant.CursorKeys
	scope    string
	things   map[string]bool
	channels []string
	metrics  []string
	from, to Position // both included

	scanner scanner
	names   map[string]string
}

// PlanMessages checks a query for messages. Errors: tenant.ErrID,
// device.ErrID, [ErrQuery], tenant.ErrCursor.
func (q *Query) PlanMessages(id tenant.ID, keys tenant.CursorKeys) (*Plan, error) {
	if len(q.Metrics) > 0 {
		return nil, fmt.Errorf("%w: metrics in a query for messages", ErrQuery)
	}
	return q.plan(id, keys, "messages")
}

// PlanPoints checks a query for points. Errors: tenant.ErrID, device.ErrID,
// [ErrQuery], tenant.ErrCursor.
func (q *Query) PlanPoints(id tenant.ID, keys tenant.CursorKeys) (*Plan, error) {
	return q.plan(id, keys, "points")
}

func (q *Query) plan(id tenant.ID, keys tenant.CursorKeys, kind string) (*Plan, error) {
	if err := checkTenant(id); err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	plan := &Plan{
		Datastore:  q.Datastore,
		Descending: q.Descending,
		Limit:      cmp.Or(q.Limit, tenant.DefaultLimit),
		tenant:     id,
		keys:       keys,
		scope:      q.scope(kind),
		channels:   slices.Clone(q.Channels),
		metrics:    slices.Clone(q.Metrics),
		from:       Position{Time: math.MinInt64},
		to:         Position{Time: math.MaxInt64, Arrival: math.MaxUint64, Place: math.MaxUint32},
	}
	if len(q.Things) > 0 {
		plan.things = make(map[string]bool, len(q.Things))
		for _, thing := range q.Things {
			plan.things[thing.String()] = true
		}
	}
	if !q.From.IsZero() {
		plan.from.Time = nanoseconds(q.From)
	}
	if !q.To.IsZero() {
		plan.to = Position{Time: nanoseconds(q.To)}.before()
	}
	if q.Cursor != "" {
		return plan, plan.resume(q.Cursor)
	}
	return plan, nil
}

// nanoseconds returns Unix time; for times that no item has, the nearest.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.Before(minTime):
		return minTime.UnixNano()
	case t.After(maxTime):
		return maxTime.UnixNano()
	}
	return t.UnixNano()
}

// before returns the last position before p, whose Arrival and Place are 0.
func (p Position) before() Position {
	return Position{Time: p.Time - 1, Arrival: math.MaxUint64, Place: math.MaxUint32}
}

// positionLength is that of an encoded position.
const positionLength = 8 + 8 + 4

func (p *Plan) resume(cursor tenant.Cursor) error {
	text, err := p.keys.Open(p.tenant, p.scope, cursor)
	if err != nil {
		return err
	}
	if len(text) != positionLength {
		return tenant.ErrCursor
	}
	last := Position{
		Time:    int64(binary.BigEndian.Uint64([]byte(text))),
		Arrival: binary.BigEndian.Uint64([]byte(text[8:])),
		Place:   binary.BigEndian.Uint32([]byte(text[16:])),
	}
	if p.Descending {
		p.to = last
		if p.to.Place > 0 {
			p.to.Place--
		} else if p.to.Arrival > 0 {
			p.to.Arrival, p.to.Place = p.to.Arrival-1, math.MaxUint32
		} else {
			p.to = p.to.before()
		}
		return nil
	}
	p.from = last
	p.from.Place++ // no message has 2^32 points
	return nil
}

// Next returns the cursor that continues the query after the item at last.
func (p *Plan) Next(last Position) tenant.Cursor {
	text := binary.BigEndian.AppendUint64(nil, uint64(last.Time))
	text = binary.BigEndian.AppendUint64(text, last.Arrival)
	text = binary.BigEndian.AppendUint32(text, last.Place)
	return p.keys.Seal(p.tenant, p.scope, string(text))
}

// Bounds returns the least and the greatest position that the query, from its
// cursor on, selects. If least is after greatest, it selects nothing.
func (p *Plan) Bounds() (least, greatest Position) { return p.from, p.to }

// Selects reports whether the query selects an item at this position.
func (p *Plan) Selects(position Position) bool {
	return position.Compare(p.from) >= 0 && position.Compare(p.to) <= 0
}

// SelectsThing reports whether the query selects the thing with this id.
func (p *Plan) SelectsThing(thing string) bool { return p.things == nil || p.things[thing] }

// SelectsChannel reports whether the query selects the channel.
func (p *Plan) SelectsChannel(channel string) bool {
	return len(p.channels) == 0 || slices.Contains(p.channels, channel)
}

// SelectsMetric reports whether the query selects the metric.
func (p *Plan) SelectsMetric(metric string) bool {
	return len(p.metrics) == 0 || slices.Contains(p.metrics, metric)
}

// EachPoint calls visit with those points of a message whose metric the query
// selects, and with their places in [Message.Points]. It reuses its memory, so
// it may not be called concurrently.
func (p *Plan) EachPoint(m *Message, visit func(place int, point Point)) {
	found := p.scanner.scan(m.Payload)
	at := found.at(m)
	for place, n := range found.numbers {
		if metric, selected := p.metric(found.name(n)); selected {
			visit(place, Point{Thing: m.Thing, Channel: m.Channel, Metric: metric, Time: at, Value: n.value})
		}
	}
}

// maxNames is the number of names of metrics that a plan keeps, so that not
// each point has a copy.
const maxNames = 1000

func (p *Plan) metric(name []byte) (metric string, selected bool) {
	if len(p.metrics) > 0 {
		i := slices.IndexFunc(p.metrics, func(m string) bool { return m == string(name) })
		if i < 0 {
			return "", false
		}
		return p.metrics[i], true
	}
	metric, known := p.names[string(name)]
	if known {
		return metric, true
	}
	metric = string(name)
	if p.names == nil {
		p.names = map[string]string{}
	}
	if len(p.names) < maxNames {
		p.names[metric] = metric
	}
	return metric, true
}

// Compare returns -1, 0 or +1 as a comes before, at or after b in the result.
func (p *Plan) Compare(a, b Position) int {
	if p.Descending {
		a, b = b, a
	}
	return a.Compare(b)
}

// scope is a digest of everything that two pages of one query have in common.
func (q *Query) scope(kind string) string {
	var text []byte
	add := func(parts ...string) {
		text = binary.AppendUvarint(text, uint64(len(parts)))
		for _, part := range parts {
			text = binary.AppendUvarint(text, uint64(len(part)))
			text = append(text, part...)
		}
	}
	add("analytics", kind, q.Datastore)
	things := make([]string, len(q.Things))
	for i, thing := range q.Things {
		things[i] = thing.String()
	}
	add(things...)
	add(q.Channels...)
	add(q.Metrics...)
	for _, bound := range []time.Time{q.From, q.To} {
		text = append(text, boundText(bound)...)
	}
	if q.Descending {
		text = append(text, 'd')
	}
	digest := sha256.Sum256(text)
	return string(digest[:])
}

func boundText(bound time.Time) []byte {
	if bound.IsZero() {
		return []byte{0}
	}
	return binary.BigEndian.AppendUint64([]byte{1}, uint64(nanoseconds(bound)))
}
