package analytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// DatasetState is what is kept of a data set beside its definition and its
// contents: the contents that are to be made, in order, how far its windows
// are, and what follows from contents that were made. It is written in one step
// with each decision, on the condition that nobody else decided meanwhile. One
// further item per tenant has the claims on its productions.
type DatasetState struct{ state datasetState }

// DatasetStateSchema is how the states of data sets are kept.
var DatasetStateSchema = tenant.Schema[DatasetState]{
	Entity: "dataset-state",
	Key: func(s *DatasetState) tenant.Key {
		if s.state.Dataset == "" {
			return claimsKey
		}
		return stateKey(s.state.Dataset)
	},
	Indexes: []tenant.Index[DatasetState]{
		{Name: datasetsByDue, Key: func(s *DatasetState) tenant.Key {
			due := s.state.due()
			if due.IsZero() {
				return tenant.Key{}
			}
			return tenant.NewKey(timeKey(due))
		}},
	},
}

// datasetsByDue is the index of [DatasetStateSchema] that tells what there is to
// do besides schedules, and when.
const datasetsByDue = "due"

var claimsKey = tenant.NewKey("claims")

func stateKey(dataset string) tenant.Key { return tenant.NewKey("dataset", strings.ToLower(dataset)) }

// MarshalJSON implements json.Marshaler.
func (s DatasetState) MarshalJSON() ([]byte, error) { return json.Marshal(&s.state) } //nolint:wrapcheck // it is the same value

// UnmarshalJSON implements json.Unmarshaler.
func (s *DatasetState) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &s.state) } //nolint:wrapcheck // it is the same value

type datasetState struct {
	Dataset string `json:"dataset,omitempty"`

	// Schedules are the triggers that Scheduled is about: it is the last
	// schedule time that was queued, or the time from which on they count.
	Schedules []string  `json:"schedules,omitempty"`
	Scheduled time.Time `json:"scheduled,omitzero"`
	// Triggered is the last run of the triggering data set that was queued.
	Triggered int64 `json:"triggered,omitempty"`

	// Runs and Takes are the last numbers that were given to a run, and to an
	// attempt at one.
	Runs  int64 `json:"runs,omitempty"`
	Takes int64 `json:"takes,omitempty"`
	// Queue holds the runs that wait, the first of which may be at work.
	Queue []queuedRun `json:"queue,omitempty"`
	// Frontier is the end of the last window that succeeded.
	Frontier time.Time `json:"frontier,omitzero"`

	// Latest and Succeeded are versions.
	Latest    string `json:"latest,omitempty"`
	Succeeded string `json:"succeeded,omitempty"`

	// Delivering are contents with deliveries that aren't over; Announced those
	// that the data sets after this one have to be told of.
	Delivering []followUp `json:"delivering,omitempty"`
	Announced  []followUp `json:"announced,omitempty"`

	// LateAt is when late data is looked for next, Stores the versions of the
	// data stores when that was done last.
	LateAt time.Time         `json:"lateAt,omitzero"`
	Stores map[string]uint64 `json:"stores,omitempty"`
	// TrimAt is when contents that are out of retention are looked for next.
	TrimAt time.Time `json:"trimAt,omitzero"`

	// Claims are those of the tenant, in an item of their own.
	Claims []claim `json:"claims,omitempty"`
}

// queuedRun is a content that is to be made, or made again.
type queuedRun struct {
	Version string `json:"version"`
	Run     int64  `json:"run"`
	// Again: the content was made before, and its window stands.
	Again     bool      `json:"again,omitempty"`
	Created   time.Time `json:"created"`
	Scheduled time.Time `json:"scheduled"`
	// ByHand: nothing scheduled it.
	ByHand bool `json:"byHand,omitempty"`
	// From and To are the window, set when work begins.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`

	Attempts  int       `json:"attempts,omitempty"`
	NotBefore time.Time `json:"notBefore,omitzero"`
}

type followUp struct {
	Version string `json:"version"`
	Run     int64  `json:"run"`
	// Next is when there is something to do; others may have claimed it until
	// then.
	Next time.Time `json:"next,omitzero"`
}

// due returns when there is something to do besides schedules, zero for never.
func (s *datasetState) due() time.Time {
	var due time.Time
	if len(s.Queue) > 0 {
		due = earlier(due, s.Queue[0].Created)
		if s.Queue[0].NotBefore.After(due) {
			due = s.Queue[0].NotBefore
		}
	}
	for _, f := range s.Delivering {
		due = earlier(due, f.Next)
	}
	for _, f := range s.Announced {
		due = earlier(due, f.Next)
	}
	return earlier(earlier(due, s.LateAt), s.TrimAt)
}

// earlier returns the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// newRun gives a run its number, which grows also if the state was lost.
func (s *datasetState) newRun(now time.Time) int64 {
	s.Runs = max(s.Runs+1, now.UnixMicro())
	return s.Runs
}

// enqueue adds a run at the end of the queue, and returns it.
func (s *datasetState) enqueue(run queuedRun, now time.Time) queuedRun {
	run.Run = s.newRun(now)
	run.Created = now
	if run.Scheduled.IsZero() {
		run.Scheduled, run.ByHand = now, true
	}
	s.Queue = append(s.Queue, run)
	if !run.Again {
		s.Latest = run.Version
	}
	return run
}

// queued returns the run of a version that waits and has not begun, nil if there
// is none.
func (s *datasetState) queued(version string) *queuedRun {
	i := slices.IndexFunc(s.Queue, func(q queuedRun) bool { return q.Version == version && q.Attempts == 0 })
	if i < 0 {
		return nil
	}
	return &s.Queue[i]
}

// head returns the first run if it is the one of this number.
func (s *datasetState) head(run int64) *queuedRun {
	if len(s.Queue) == 0 || s.Queue[0].Run != run {
		return nil
	}
	return &s.Queue[0]
}

// pop ends the first run with what its content became.
func (s *datasetState) pop(content *Content) {
	head := s.Queue[0]
	s.Queue = s.Queue[1:]
	s.TrimAt = content.Completed
	if content.Made != head.Run {
		return
	}
	if content.To.After(s.Frontier) {
		s.Frontier = content.To
	}
	if !head.Again || s.Succeeded == "" {
		s.Succeeded = content.Version
	}
	done := followUp{Version: content.Version, Run: head.Run, Next: content.Completed}
	if len(content.Deliveries) > 0 {
		s.Delivering = append(s.Delivering, done)
	}
	s.Announced = append(s.Announced, done)
}

// forget removes a content that was deleted.
func (s *datasetState) forget(version string) {
	s.Queue = slices.DeleteFunc(s.Queue, func(q queuedRun) bool { return q.Version == version })
	of := func(f followUp) bool { return f.Version == version }
	s.Delivering, s.Announced = slices.DeleteFunc(s.Delivering, of), slices.DeleteFunc(s.Announced, of)
}

// state reads the state of a data set; it is empty if there is none.
func (d *Datasets) state(ctx context.Context, id tenant.ID, dataset string) (datasetState, error) {
	item, err := d.states.Get(ctx, id, stateKey(dataset), tenant.Consistent)
	if errors.Is(err, tenant.ErrNotFound) {
		return datasetState{Dataset: dataset}, nil
	}
	if err != nil {
		return datasetState{}, fmt.Errorf("analytics: read state of data set: %w", err)
	}
	return item.Value.state, nil
}

// errUnchanged ends a change without a write.
var errUnchanged = errors.New("analytics: unchanged")

// change applies a change to the state of a data set, or to an empty one, and
// returns what it is then.
func (d *Datasets) change(ctx context.Context, id tenant.ID, dataset string, change func(*datasetState) error) (datasetState, error) {
	return d.changeItem(ctx, id, datasetState{Dataset: dataset}, change)
}

func (d *Datasets) changeItem(ctx context.Context, id tenant.ID, empty datasetState, change func(*datasetState) error) (datasetState, error) {
	key := DatasetStateSchema.Key(&DatasetState{empty})
	for {
		state, err := d.update(ctx, id, key, change)
		if !errors.Is(err, tenant.ErrNotFound) {
			return state, err
		}
		fresh := DatasetState{empty}
		if err := change(&fresh.state); err != nil {
			return fresh.state, unchanged(err)
		}
		if _, err = d.states.Put(ctx, id, fresh, tenant.IfAbsent()); !errors.Is(err, tenant.ErrExists) {
			return fresh.state, stateError(err)
		}
	}
}

// changePresent applies a change to the state of a data set, unless there is
// none.
func (d *Datasets) changePresent(ctx context.Context, id tenant.ID, dataset string, change func(*datasetState) error) (datasetState, error) {
	state, err := d.update(ctx, id, stateKey(dataset), change)
	if errors.Is(err, tenant.ErrNotFound) {
		return datasetState{Dataset: dataset}, nil
	}
	return state, err
}

func (d *Datasets) update(ctx context.Context, id tenant.ID, key tenant.Key, change func(*datasetState) error) (seen datasetState, err error) {
	_, err = tenant.Update(ctx, d.states, id, key, func(s *DatasetState) error {
		err := change(&s.state)
		seen = s.state
		return err
	})
	return seen, stateError(unchanged(err))
}

func unchanged(err error) error {
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

func stateError(err error) error {
	if err != nil {
		return fmt.Errorf("analytics: write state of data set: %w", err)
	}
	return nil
}

// settle ends the first run if a process ended after it had written the content
// and before it had noted that.
func (d *Datasets) settle(ctx context.Context, id tenant.ID, dataset string) error {
	state, err := d.state(ctx, id, dataset)
	if err != nil || len(state.Queue) == 0 || state.Queue[0].Attempts == 0 {
		return err
	}
	head := state.Queue[0]
	item, err := d.contents.Get(ctx, id, contentKey(dataset, head.Version), tenant.Consistent)
	switch {
	case errors.Is(err, tenant.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("analytics: read content: %w", err)
	case !item.Value.concludes(head.Run):
		return nil
	}
	if _, err = d.pop(ctx, id, &item.Value, head.Run); errors.Is(err, tenant.ErrNotFound) {
		return nil
	}
	return err
}

// concludes reports whether the run of this number is over.
func (c *Content) concludes(run int64) bool {
	return c.Run > run || c.Run == run && c.State != ContentCreating
}

// pop notes that a run is over. The error is tenant.ErrNotFound if the data set
// was deleted.
func (d *Datasets) pop(ctx context.Context, id tenant.ID, content *Content, run int64) (datasetState, error) {
	return d.update(ctx, id, stateKey(content.Dataset), func(s *datasetState) error {
		if s.head(run) == nil {
			return errUnchanged
		}
		s.pop(content)
		return nil
	})
}
