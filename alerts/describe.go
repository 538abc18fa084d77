package alerts

import (
	"context"
	"fmt"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// Detector shows one detector as it was last written.
type Detector struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
	// Key is empty for the only detector of a model without key.
	Key       string                    `json:"key,omitempty"`
	State     string                    `json:"state"`
	Variables map[string]detector.Value `json:"variables"`
	// Alarm is set for the alarm of an alarm model only.
	Alarm *detector.AlarmStatus `json:"-"`
	// Timers are those that run or have elapsed, and were not cleared since.
	Timers      []detector.Timer `json:"timers"`
	Evaluations uint64           `json:"evaluations"`
	CreatedAt   time.Time        `json:"createdAt"`
	UpdatedAt   time.Time        `json:"updatedAt"`
}

// Detector returns a detector. Errors: tenant.ErrNotFound, also if it is about
// to be reset by a new version of its model; tenant.ErrID, tenant.ErrKey;
// [ErrModel] if the stored model does not load.
func (r *Runtime) Detector(ctx context.Context, id tenant.ID, model, key string) (Detector, error) {
	item, err := r.detectors.Get(ctx, id, detectorKey(model, key), tenant.Consistent)
	if err != nil {
		return Detector{}, fmt.Errorf("alerts: get detector: %w", err)
	}
	current, err := r.modelOf(ctx, ref{id, model, key})
	if err != nil {
		return Detector{}, fmt.Errorf("alerts: get detector: %w", err)
	}
	view, ok, err := describe(current, &item.Value)
	if err == nil && !ok {
		err = tenant.ErrNotFound
	}
	if err != nil {
		return Detector{}, fmt.Errorf("alerts: get detector: %w", err)
	}
	return view, nil
}

// Detectors returns one page of a model's detectors in the order of their
// keys, at most limit of them; 0 means tenant.DefaultLimit. A page may be
// shorter, even empty, and still have a next one. Errors: tenant.ErrNotFound
// if there is no such model, tenant.ErrID, tenant.ErrKey, tenant.ErrQuery,
// tenant.ErrCursor; [ErrModel] if the stored model does not load.
func (r *Runtime) Detectors(ctx context.Context, id tenant.ID, model string, limit int, cursor tenant.Cursor) (tenant.Page[Detector], error) {
	page, err := r.listDetectors(ctx, id, model, limit, cursor)
	if err != nil {
		return tenant.Page[Detector]{}, fmt.Errorf("alerts: list detectors: %w", err)
	}
	return page, nil
}

func (r *Runtime) listDetectors(ctx context.Context, id tenant.ID, model string, limit int, cursor tenant.Cursor) (page tenant.Page[Detector], err error) {
	if err := id.Check(); err != nil {
		return page, err
	}
	current, err := r.modelOf(ctx, ref{id: id, model: model})
	if err != nil {
		return page, err
	}
	if current == nil {
		return page, tenant.ErrNotFound
	}
	records, err := r.detectors.Query(ctx, id, tenant.Query{Prefix: tenant.NewKey(model), Limit: limit, Cursor: cursor, Consistent: true})
	if err != nil {
		return page, err
	}
	page.Next = records.Next
	for i := range records.Items {
		view, ok, err := describe(current, &records.Items[i].Value)
		if err != nil {
			return page, err
		}
		if ok {
			page.Items = append(page.Items, tenant.Item[Detector]{Value: view, Version: records.Items[i].Version})
		}
	}
	return page, nil
}

// describe returns what is in a record, and false if there is no detector in
// it that goes on under the model.
func describe(model *compiled, record *DetectorRecord) (Detector, bool, error) {
	if model == nil || len(record.state) == 0 || record.version < model.keepFrom || record.version > model.version {
		return Detector{}, false, nil
	}
	if model.engine == nil {
		return Detector{}, false, model.err
	}
	state := model.engine.NewState()
	if err := state.UnmarshalBinary(record.state); err != nil {
		if record.version < model.version {
			return Detector{}, false, nil // it will be reset
		}
		return Detector{}, false, err
	}
	view := Detector{
		Model:       record.model,
		Version:     record.version,
		Key:         record.key,
		State:       state.Name(),
		Variables:   map[string]detector.Value{},
		Timers:      state.AppendTimers([]detector.Timer{}),
		Evaluations: state.Evaluations(),
		CreatedAt:   state.Created(),
		UpdatedAt:   state.Updated(),
	}
	for _, variable := range state.AppendVariables(nil) {
		view.Variables[variable.Name] = variable.Value
	}
	if alarm, ok := state.Alarm(); ok {
		view.Alarm = &alarm
	}
	return view, true, nil
}

// DeleteDetector removes a detector: the next message for its key creates a
// new one. What it decided before is delivered, and messages that it accepted
// stay known. Errors: tenant.ErrNotFound, tenant.ErrID, tenant.ErrKey,
// [ErrContention].
func (r *Runtime) DeleteDetector(ctx context.Context, id tenant.ID, model, key string) error {
	if err := id.Check(); err != nil {
		return fmt.Errorf("alerts: delete detector: %w", err)
	}
	for attempt := 1; ; attempt++ {
		err := r.deleteDetector(ctx, ref{id, model, key})
		if isConflict(err) {
			if err = ErrContention; attempt < stepAttempts {
				err = pause(ctx, attempt)
			}
			if err == nil {
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("alerts: delete detector: %w", err)
		}
		return nil
	}
}

// deleteDetector leaves a record that counts the generations.
func (r *Runtime) deleteDetector(ctx context.Context, to ref) error {
	h, err := r.cache.acquire(ctx, to)
	if err != nil {
		return err
	}
	defer r.cache.release(h)
	if err := r.load(ctx, h); err != nil {
		return err
	}
	if h.version == 0 || len(h.record.state) == 0 {
		return tenant.ErrNotFound
	}
	h.record.state, h.record.timer = nil, time.Time{}
	h.record.generation++
	h.state, h.engine = nil, nil
	return r.write(ctx, h)
}
