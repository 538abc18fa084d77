package lakeanalytics

import (
	"context"
	"slices"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Snapshot implements analytics.Lake. Files are in the order of days,
// partitions and times.
func (l *Lake) Snapshot(ctx context.Context, id tenant.ID, name analytics.TableID) (snapshot analytics.Snapshot, err error) {
	err = l.opened(ctx, id, name, func(t *table) error {
		t.mu.RLock()
		defer t.mu.RUnlock()
		if t.state.declared == nil {
			return analytics.ErrNoTable
		}
		snapshot.Table = t.state.declared.table
		snapshot.Columns, snapshot.Partitions = slices.Clone(snapshot.Columns), slices.Clone(snapshot.Partitions)
		snapshot.Version = t.state.version
		for _, f := range t.state.snapshot() {
			snapshot.Files = append(snapshot.Files, f.public(t.prefix))
		}
		return nil
	})
	return snapshot, kept("snapshot", err)
}

func (f *file) public(prefix string) analytics.File {
	dimensions := slices.Clone(f.dimensions)
	for i, d := range dimensions {
		if d.Value != nil {
			value := *d.Value
			dimensions[i].Value = &value
		}
	}
	return analytics.File{
		Name:      prefix + f.name,
		Day:       startOfDay(f.day),
		Partition: dimensions,
		Rows:      f.rows,
		Bytes:     f.bytes,
		First:     time.Unix(0, f.first).UTC(),
		Last:      time.Unix(0, f.last).UTC(),
	}
}
