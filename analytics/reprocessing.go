package analytics

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Sentinel errors of [Reprocessings].
var (
	// ErrReprocessing: a reprocessing can't be as it was asked for.
	ErrReprocessing = fmt.Errorf("analytics: %w reprocessing", iotenant.ErrInvalid)
	// ErrReprocessingRuns: one of the same pipeline has not ended.
	ErrReprocessingRuns = fmt.Errorf("analytics: running reprocessing %w", iotenant.ErrExists)
	// ErrNoReprocessing: the pipeline has no such reprocessing.
	ErrNoReprocessing = fmt.Errorf("analytics: reprocessing %w", iotenant.ErrNotFound)
)

// ReprocessingStatus is what has become of a reprocessing.
type ReprocessingStatus string

// The states of reprocessings.
const (
	ReprocessingRunning   ReprocessingStatus = "RUNNING"
	ReprocessingSucceeded ReprocessingStatus = "SUCCEEDED"
	ReprocessingCancelled ReprocessingStatus = "CANCELLED"
	ReprocessingFailed    ReprocessingStatus = "FAILED"
)

// ReprocessingMode says what becomes of what is in the data store already.
type ReprocessingMode string

// The modes of reprocessings.
const (
	// ReprocessAppend adds to what is there, as the service did: what was
	// stored of the same messages before is there twice.
	ReprocessAppend ReprocessingMode = "append"
	// ReprocessReplace puts whole days, in UTC, in place of what is there, in
	// one step at the end. Until then the data store is as it was.
	ReprocessReplace ReprocessingMode = "replace"
)

// MaxReprocessingPaths is the number of paths of a request.
const MaxReprocessingPaths = 100

// ReprocessingRequest is what [Reprocessings.Start] is asked for. With neither
// times nor paths it is about everything that the channel has.
type ReprocessingRequest struct {
	Pipeline string
	// Mode is ReprocessAppend if it is empty.
	Mode ReprocessingMode
	// From and To select the messages received from From, included, to To,
	// excluded. ReprocessReplace takes the whole days that From and To are in,
	// as far as they have ended and the channel has messages of them or after
	// them.
	From, To time.Time
	// Paths are names of files of the channel, such as an event of a
	// [FailureNotice] has, instead of times. They stand for all messages of the
	// time that these files cover. Only with ReprocessAppend.
	Paths []string
}

// Reprocessing is a pipeline's way through messages that the channel has.
type Reprocessing struct {
	ID       string             `json:"id"`
	Pipeline string             `json:"pipeline"`
	Status   ReprocessingStatus `json:"status"`
	Mode     ReprocessingMode   `json:"mode"`
	// Reason says why it failed.
	Reason string `json:"reason,omitempty"`
	// Read is how many messages were read so far, Stored how many rows came out,
	// and Failed how many messages a function failed on, or a data store could
	// not keep.
	Read   int64 `json:"read"`
	Stored int64 `json:"stored"`
	Failed int64 `json:"failed"`
	// Spans are the times that are left to be read, one after the other, and
	// Days those that are replaced.
	Spans     []Span    `json:"spans,omitempty"`
	Days      Span      `json:"days,omitzero"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	EndedAt   time.Time `json:"endedAt,omitzero"`

	// Definition is that of the pipeline when it was started: it goes on with
	// it.
	Definition json.RawMessage `json:"definition"`
	// Channel is what is read, Datastore where the rows go in the end, and
	// Staging, with ReprocessReplace, where they go first.
	Channel   string `json:"channel"`
	Datastore string `json:"datastore"`
	Staging   string `json:"staging,omitempty"`
	// Cursor is where it goes on in the first of Spans that is left, from
	// Position: the number of pages before.
	Cursor   tenant.Cursor `json:"cursor,omitempty"`
	Position int           `json:"position"`
	// Replacing: everything has been read, and the staged rows are taking their
	// place, or have.
	Replacing bool `json:"replacing,omitempty"`
	// Worker has it until LeasedUntil.
	Worker      string    `json:"worker,omitempty"`
	LeasedUntil time.Time `json:"leasedUntil,omitzero"`
	// ExpiresAt is when an ended one is forgotten.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

// Span is a time from From, included, to To, excluded. A zero From means no
// bound.
type Span struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

const reprocessingsRunning = "running"

// ReprocessingSchema is how reprocessings are kept: by pipeline, and those that
// run by their time.
var ReprocessingSchema = tenant.Schema[Reprocessing]{
	Entity: "analytics-reprocessing",
	Key:    func(r *Reprocessing) tenant.Key { return reprocessingKey(r.Pipeline, r.ID) },
	Indexes: []tenant.Index[Reprocessing]{{Name: reprocessingsRunning, Key: func(r *Reprocessing) tenant.Key {
		if r.Status != ReprocessingRunning {
			return tenant.Key{}
		}
		return tenant.NewKey(r.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z"))
	}}},
	Expires: func(r *Reprocessing) time.Time { return r.ExpiresAt },
}

func reprocessingKey(pipeline, id string) tenant.Key {
	return tenant.NewKey(strings.ToLower(pipeline), id)
}

// isBusy reports whether work is left.
func (r *Reprocessing) isBusy() bool { return r.Status == ReprocessingRunning }

func (r *Reprocessing) end(status ReprocessingStatus, reason string, now time.Time, keep time.Duration) {
	r.Status, r.Reason, r.UpdatedAt, r.EndedAt, r.ExpiresAt = status, reason, now, now, now.Add(keep)
	r.Worker, r.LeasedUntil, r.Cursor = "", time.Time{}, ""
}

// check reports what is wrong with a request.
func (r *ReprocessingRequest) check() error {
	switch {
	case r.Mode != ReprocessAppend && r.Mode != ReprocessReplace:
		return fmt.Errorf("%w: mode %.32q", ErrReprocessing, r.Mode)
	case !r.From.IsZero() && !isTime(r.From), !r.To.IsZero() && !isTime(r.To):
		return fmt.Errorf("%w: times: want 1970 to 2199", ErrReprocessing)
	case !r.From.IsZero() && !r.To.IsZero() && !r.From.Before(r.To):
		return fmt.Errorf("%w: the end is not after the start", ErrReprocessing)
	case len(r.Paths) > MaxReprocessingPaths:
		return fmt.Errorf("%w: %d paths, want at most %d", ErrReprocessing, len(r.Paths), MaxReprocessingPaths)
	case len(r.Paths) > 0 && (!r.From.IsZero() || !r.To.IsZero()):
		return fmt.Errorf("%w: want times or paths, not both", ErrReprocessing)
	case len(r.Paths) > 0 && r.Mode == ReprocessReplace:
		return fmt.Errorf("%w: paths are no whole days, which replace needs", ErrReprocessing)
	}
	return nil
}

// spansOf returns the times that files of a channel cover, in order.
func spansOf(snapshot *Snapshot, paths []string) ([]Span, error) {
	var spans []Span
	for _, path := range paths {
		i := slices.IndexFunc(snapshot.Files, func(f File) bool { return f.Name == path })
		if i < 0 {
			return nil, fmt.Errorf("%w: the channel has no file %.200q", ErrReprocessing, path)
		}
		f := &snapshot.Files[i]
		spans = append(spans, Span{f.First, f.Last.Add(1)})
	}
	slices.SortFunc(spans, func(a, b Span) int { return a.From.Compare(b.From) })
	joined := spans[:1]
	for _, s := range spans[1:] {
		if last := &joined[len(joined)-1]; s.From.After(last.To) {
			joined = append(joined, s)
		} else if s.To.After(last.To) {
			last.To = s.To
		}
	}
	return joined, nil
}

// daysOf returns the ended days of a request, in UTC, from the first of which
// the channel has messages.
func daysOf(snapshot *Snapshot, from, to, now time.Time) (Span, error) {
	first := time.Time{}
	for i := range snapshot.Files {
		if day := startOfDay(snapshot.Files[i].First); first.IsZero() || day.Before(first) {
			first = day
		}
	}
	if day := startOfDay(from); !from.IsZero() && day.After(first) {
		first = day
	}
	end := startOfDay(now)
	if !to.IsZero() {
		if after := startOfDay(to.Add(-1)).AddDate(0, 0, 1); after.Before(end) {
			end = after
		}
	}
	if first.IsZero() || !first.Before(end) {
		return Span{}, fmt.Errorf("%w: there is no day that has ended", ErrReprocessing)
	}
	return Span{first, end}, nil
}

func startOfDay(t time.Time) time.Time {
	year, month, day := t.UTC().Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
