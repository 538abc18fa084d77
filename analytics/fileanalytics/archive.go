package fileanalytics

import (
	"slices"
	"sync"

	"github.com/iotenant/iotenant/tenant"
)

// archive is what is in memory of one tenant. Only the leader, see commit,
// changes streams and adds to parts, and only a checkpoint takes parts away
// and changes segments; each under mu for the sake of those who read.
type archive struct {
	id tenant.ID

	loading sync.Mutex // held while state is read, before any use
	loaded  bool

	mu sync.RWMutex
	// through is the arrival of the last message in segments.
	through  uint64
	segments []segment // by day
	parts    []*part   // by journal
	streams  map[streamKey]*stream
}

// part holds the messages of a tenant that are in one journal and in no
// segment yet.
type part struct {
	journal uint64
	lists   map[streamKey]*list
}

// list holds messages of one stream in the order of arrival. Entries are only
// added.
type list struct {
	bounds  bounds
	entries []listEntry
}

// listEntry is a record in memory.
type listEntry struct {
	arrival  uint64
	at, time int64
	points   uint8
	raw      []byte
}

func (e *listEntry) bounds() bounds {
	b := noBounds()
	b.minArrival, b.maxArrival = e.arrival, e.arrival
	b.minAt, b.maxAt = e.at, e.at
	if e.points > 0 {
		b.minTime, b.maxTime = e.time, e.time
	}
	return b
}

// stream returns the stream of this key, new if need be.
func (a *archive) stream(key streamKey) *stream {
	s := a.streams[key]
	if s == nil {
		s = newStream()
		a.streams[key] = s
	}
	return s
}

// add puts a record into the part of this journal.
func (a *archive) add(journal uint64, key streamKey, entry listEntry) {
	if len(a.parts) == 0 || a.parts[len(a.parts)-1].journal != journal {
		a.parts = append(slices.Clip(a.parts), &part{journal: journal, lists: map[streamKey]*list{}})
	}
	lists := a.parts[len(a.parts)-1].lists
	l := lists[key]
	if l == nil {
		l = &list{bounds: noBounds()}
		lists[key] = l
	}
	l.bounds.include(entry.bounds())
	l.entries = append(l.entries, entry)
}

// segment returns the known segment of a day; a zero one if there is none.
func (a *archive) segment(d day) segment {
	if i, ok := a.find(d); ok {
		return a.segments[i]
	}
	return segment{day: d, bounds: noBounds()}
}

func (a *archive) setSegment(s segment) {
	if i, ok := a.find(s.day); ok {
		a.segments[i] = s
	} else {
		a.segments = slices.Insert(a.segments, i, s)
	}
}

func (a *archive) find(d day) (int, bool) {
	return slices.BinarySearchFunc(a.segments, d, func(s segment, d day) int { return int(s.day) - int(d) })
}
