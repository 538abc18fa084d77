package analytics

import (
	"context"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// trimEvery is how often contents that got too old are looked for. Those that
// are too many go after each content that is made.
const trimEvery = time.Hour

// trim deletes contents that are out of retention.
func (v *visit) trim(ctx context.Context) error {
	if v.state.TrimAt.IsZero() || v.state.TrimAt.After(v.now()) {
		return nil
	}
	keep := retention{versions: v.definition.Versions}
	if v.definition.RetentionDays > 0 {
		keep.from = v.now().AddDate(0, 0, -v.definition.RetentionDays)
	}
	query := tenant.Query{Index: contentsBySchedule, Prefix: datasetKey(v.definition.Name), Descending: true}
	if keep.versions < 0 {
		if keep.from.IsZero() {
			return v.trimmed(ctx, time.Time{})
		}
		query.To = scheduleKey(v.definition.Name, keep.from) // the younger ones stay
	}
	var old []Content
	for item, err := range tenant.All(ctx, v.contents, v.id, query) {
		if err != nil {
			return err
		}
		if !keep.keeps(&item.Value) {
			old = append(old, item.Value)
		}
	}
	for i := range old {
		if err := v.remove(ctx, v.id, &old[i]); err != nil {
			return err
		}
	}
	return v.trimmed(ctx, v.now().Add(trimEvery))
}

func (v *visit) trimmed(ctx context.Context, next time.Time) error {
	return v.change(ctx, func(s *datasetState) error {
		s.TrimAt = next
		return nil
	})
}

// retention decides which contents are kept. It sees them from the newest on.
type retention struct {
	from     time.Time // creation from which on they are kept; zero: all
	versions int       // as of pipeline.Dataset

	seen      int
	succeeded bool
}

func (r *retention) keeps(c *Content) bool {
	latest, latestSucceeded := r.seen == 0, !r.succeeded && c.Made != 0
	r.seen++
	r.succeeded = r.succeeded || c.Made != 0
	switch {
	case c.Created.Before(r.from):
		return false
	case c.State == ContentCreating:
		return true
	case r.versions == 0:
		return latest || latestSucceeded
	}
	return r.versions < 0 || r.seen <= r.versions
}
