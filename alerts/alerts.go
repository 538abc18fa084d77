package alerts

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// HandlingOptions are the options of [NewAlerts].
type HandlingOptions struct {
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Alerts reads what detectors raised, and keeps what people do about it. The
// [Runtime] writes the rest.
type Alerts struct {
	repository tenant.Repository[Alert]
	options    HandlingOptions
}

// NewAlerts returns the alerts kept in repository, made with [AlertSchema].
func NewAlerts(repository tenant.Repository[Alert], optFns ...func(*HandlingOptions)) *Alerts {
	options := HandlingOptions{Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Alerts{repository: repository, options: options}
}

// Filter selects alerts. The zero Filter selects all. Set one of Status and
// Model, not both.
type Filter struct {
	// Model selects the alerts of one model.
	Model string
	// Key selects, with Model, the alerts of one of its detectors.
	Key string
	// Status selects those that are pending, by the time of their next
	// attempt, dead, or suppressed or shelved, by the time of that. Delivered
	// alerts are not indexed apart.
	Status Status
	// Limit is the size of a page: 1 to tenant.MaxLimit, or 0 for
	// tenant.DefaultLimit.
	Limit int
	// Cursor continues a list: the Next of the page before it.
	Cursor tenant.Cursor
}

func (f *Filter) query() (tenant.Query, error) {
	query := tenant.Query{Index: alertsByTime, Descending: true, Limit: f.Limit, Cursor: f.Cursor}
	switch {
	case f.Status != "" && f.Model != "":
		return query, fmt.Errorf("%w: alerts by status and model at once", tenant.ErrQuery)
	case f.Key != "" && f.Model == "":
		return query, fmt.Errorf("%w: alerts by key need a model", tenant.ErrQuery)
	case f.Status != "" && !f.Status.listed():
		return query, fmt.Errorf("%w: no list of alerts with status %q", tenant.ErrQuery, f.Status)
	case f.Status != "":
		query.Index, query.Prefix = alertsByStatus, tenant.NewKey(string(f.Status))
	case f.Key != "":
		query.Index, query.Prefix = alertsByDetector, tenant.NewKey(f.Model, f.Key)
	case f.Model != "":
		query.Index, query.Prefix = alertsByDetector, tenant.NewKey(f.Model)
	}
	return query, nil
}

// Get returns an alert. Errors: tenant.ErrNotFound, tenant.ErrID,
// tenant.ErrKey.
func (a *Alerts) Get(ctx context.Context, id tenant.ID, alertID string) (Alert, error) {
	item, err := a.repository.Get(ctx, id, tenant.NewKey(alertID), tenant.Consistent)
	if err != nil {
		return Alert{}, fmt.Errorf("alerts: get alert: %w", err)
	}
	return item.Value, nil
}

// List returns one page of alerts, newest first. By Model without Key they are
// grouped by detector, newest first within each. Errors: tenant.ErrID,
// tenant.ErrQuery, tenant.ErrKey, tenant.ErrCursor.
func (a *Alerts) List(ctx context.Context, id tenant.ID, filter Filter) (tenant.Page[Alert], error) {
	query, err := filter.query()
	if err != nil {
		return tenant.Page[Alert]{}, fmt.Errorf("alerts: list alerts: %w", err)
	}
	page, err := a.repository.Query(ctx, id, query)
	if err != nil {
		return tenant.Page[Alert]{}, fmt.Errorf("alerts: list alerts: %w", err)
	}
	return page, nil
}

// All returns all alerts that the filter selects, in the order of List. It
// ends after the first error.
func (a *Alerts) All(ctx context.Context, id tenant.ID, filter Filter) iter.Seq2[Alert, error] {
	return func(yield func(Alert, error) bool) {
		query, err := filter.query()
		if err != nil {
			yield(Alert{}, fmt.Errorf("alerts: list alerts: %w", err))
			return
		}
		for item, err := range tenant.All(ctx, a.repository, id, query) {
			if !yield(item.Value, err) {
				return
			}
		}
	}
}
