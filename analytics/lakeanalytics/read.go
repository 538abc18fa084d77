package lakeanalytics

import (
	"context"
	"fmt"
	"iter"

	"github.com/iotenant/iotenant/analytics"
)

// rowsIn reads the rows of a file, in order. It ends after the first error;
// analytics.ErrNoObject means that the file is gone.
func (t *table) rowsIn(ctx context.Context, declared *analytics.Table, f *file) iter.Seq2[storedRow, error] {
	return func(yield func(storedRow, error) bool) {
		object, err := t.lake.objects.Open(ctx, t.tenant, t.prefix+f.name)
		if err != nil {
			yield(storedRow{}, err)
			return
		}
		defer object.Close()
		for r, err := range rowsOf(object, declared) {
			if err != nil {
				yield(storedRow{}, fmt.Errorf("%s: %w", t.prefix+f.name, err))
				return
			}
			r.sequence += f.base
			if !yield(r, nil) {
				return
			}
		}
	}
}
