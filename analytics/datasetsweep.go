package analytics

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/tenant"
)

// Sweep does for one tenant what [Datasets.Run] would do now, until nothing is
// left to do. It is for programs that can't have Run: a function that is started
// on a schedule. What others are at work on it leaves to them. It goes on after
// failures and returns them together; a content that fails is no error. Error:
// tenant.ErrID.
func (d *Datasets) Sweep(ctx context.Context, id tenant.ID) error {
	if err := checkTenant(id); err != nil {
		return fmt.Errorf("analytics: sweep data sets: %w", err)
	}
	s := &datasetSweep{datasets: d, id: id, waiting: map[string]bool{}}
	for definition, err := range d.definitions.Datasets(ctx, id) {
		if err != nil {
			return fmt.Errorf("analytics: sweep data sets: %w", err)
		}
		s.add(definition.Name)
	}
	s.run(ctx)
	if err := errors.Join(s.errs...); err != nil {
		return fmt.Errorf("analytics: sweep data sets: %w", err)
	}
	return ctx.Err()
}

// Produce does what [Datasets.Sweep] does, for one data set and those that come
// after it. Errors: kind iotenant.ErrNotFound if there is no such data set,
// tenant.ErrID.
func (d *Datasets) Produce(ctx context.Context, id tenant.ID, dataset string) error {
	definition, err := d.definition(ctx, id, dataset)
	if err != nil {
		return fmt.Errorf("analytics: produce content: %w", err)
	}
	s := &datasetSweep{datasets: d, id: id, waiting: map[string]bool{}}
	s.add(definition.Name)
	s.run(ctx)
	if err := errors.Join(s.errs...); err != nil {
		return fmt.Errorf("analytics: produce content: %w", err)
	}
	return ctx.Err()
}

// datasetSweep visits data sets, DatasetsOptions.Concurrent at a time.
type datasetSweep struct {
	datasets *Datasets
	id       tenant.ID
	ready    []string
	waiting  map[string]bool // in ready
	working  int
	errs     []error
}

func (s *datasetSweep) add(name string) {
	if name = strings.ToLower(name); !s.waiting[name] {
		s.waiting[name] = true
		s.ready = append(s.ready, name)
	}
}

func (s *datasetSweep) run(ctx context.Context) {
	results := make(chan sweptDataset)
	for len(s.ready) > 0 || s.working > 0 {
		for len(s.ready) > 0 && s.working < s.datasets.options.Concurrent && ctx.Err() == nil {
			name := s.ready[0]
			s.ready = s.ready[1:]
			delete(s.waiting, name)
			s.working++
			go func() { results <- s.visit(ctx, name) }()
		}
		if s.working == 0 {
			return // ctx has ended
		}
		swept := <-results
		s.working--
		if swept.err != nil {
			s.errs = append(s.errs, swept.err)
		}
		for _, name := range swept.triggered {
			s.add(name)
		}
	}
}

type sweptDataset struct {
	triggered []string
	err       error
}

func (s *datasetSweep) visit(ctx context.Context, name string) sweptDataset {
	definition, err := s.datasets.definition(ctx, s.id, name)
	if err != nil {
		if isPermanent(err) {
			err = nil // it was deleted meanwhile
		}
		return sweptDataset{err: err}
	}
	v, err := s.datasets.visit(ctx, s.id, &definition)
	return sweptDataset{v.triggered, err}
}
