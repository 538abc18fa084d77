package memtenant

import (
	"context"
	"fmt"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

var _ tenant.Transactor = (*Store)(nil)

// Transact implements tenant.Transactor. Transactions never conflict: one waits
// for the other.
func (s *Store) Transact(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
	steps, err := request.PlanTransaction(ctx, id, ops)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(id, steps); err != nil {
		return nil, err
	}
	versions := make([]tenant.Version, len(steps))
	for i := range steps {
		versions[i] = s.take(id, &steps[i])
	}
	return versions, nil
}

// check checks the condition of each step.
func (s *Store) check(id tenant.ID, steps []request.Step) error {
	errs := make([]error, len(steps))
	for i := range steps {
		step := &steps[i]
		current := versionOf(s.live(tableOf(id, step), step.Record.Key))
		if err := step.Cond.Check(current); err != nil {
			errs[i] = fmt.Errorf("%w: %s", err, step.Entity)
		}
	}
	return request.Refused(errs)
}

// take does what a step says, whose condition holds, and returns the version of
// what it has put.
func (s *Store) take(id tenant.ID, step *request.Step) tenant.Version {
	name := tableOf(id, step)
	switch step.Action {
	case tenant.ActionPut:
		return s.put(name, step.Record, step.Data)
	case tenant.ActionDelete:
		s.remove(name, step.Record.Key)
	case tenant.ActionCheck:
	}
	return 0
}

func tableOf(id tenant.ID, step *request.Step) tableName {
	return tableName{id: id, entity: step.Entity}
}
