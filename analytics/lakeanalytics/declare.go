package lakeanalytics

import (
	"context"
	"fmt"
	"slices"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// Declare implements analytics.Lake.
func (l *Lake) Declare(ctx context.Context, id tenant.ID, declared analytics.Table) error {
	return kept("declare", l.declare(ctx, id, declared))
}

func (l *Lake) declare(ctx context.Context, id tenant.ID, declared analytics.Table) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	declared, err := checkTable(declared)
	if err != nil {
		return err
	}
	declared.Columns, declared.Partitions = slices.Clone(declared.Columns), slices.Clone(declared.Partitions)
	return l.refreshed(ctx, id, declared.TableID, func(t *table) error {
		return t.change(ctx, func(s *state) (*entry, error) { return declare(s, declared) })
	})
}

// declare makes the commit of a declaration; nil if it is there already.
func declare(s *state, declared analytics.Table) (*entry, error) {
	if s.declared == nil {
		return &entry{declared: &declaration{table: declared, nonce: newNonce()}}, nil
	}
	old := s.declared.table
	declared.Name = old.Name
	switch {
	case s.leaving:
		return nil, fmt.Errorf("%w: it is about to replace rows of another", analytics.ErrTable)
	case declared.Format != old.Format:
		return nil, fmt.Errorf("%w: format %q, is %q", analytics.ErrTable, declared.Format, old.Format)
	case !slices.Equal(declared.Partitions, old.Partitions):
		return nil, fmt.Errorf("%w: the partitions can't be changed", analytics.ErrTable)
	}
	if !slices.Equal(declared.Columns, old.Columns) {
		if err := checkAdded(old.Columns, declared.Columns); err != nil {
			return nil, err
		}
	} else if declared.RetentionDays == old.RetentionDays {
		return nil, nil
	}
	return &entry{declared: &declaration{table: declared, nonce: s.declared.nonce}}, nil
}

// checkAdded returns analytics.ErrTable unless all columns stay, in order, and
// others follow.
func checkAdded(old, columns []pipeline.Column) error {
	if len(columns) < len(old) {
		return fmt.Errorf("%w: %d columns, has %d", analytics.ErrTable, len(columns), len(old))
	}
	for i := range old {
		if columns[i] != old[i] {
			return fmt.Errorf("%w: column %d is %s %s and can't be changed", analytics.ErrTable, i+1, old[i].Name, old[i].Type)
		}
	}
	return nil
}
