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
	s := newDatasetSweep(d, id)
	for definition, err := range d.definitions.Datasets(ctx, id) {
		if err != nil {
			return fmt.Errorf("analytics: sweep data sets: %w", err)
		}
		s.add(definition.Name)
	}
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("analytics: sweep data sets: %w", err)
	}
	return nil
}

// Produce does what [Datasets.Sweep] does, for one data set and those that come
// after it. Errors: kind iotenant.ErrNotFound if there is no such data set,
// tenant.ErrID.
func (d *Datasets) Produce(ctx context.Context, id tenant.ID, dataset string) error {
	definition, err := d.definition(ctx, id, dataset)
	if err != nil {
		return fmt.Errorf("analytics: produce content: %w", err)
	}
	s := newDatasetSweep(d, id)
	s.add(definition.Name)
	if err := s.run(ctx); err != nil {
		return fmt.Errorf("analytics: produce content: %w", err)
	}
	return nil
}

// datasetSweep visits data sets, DatasetsOptions.Concurrent at a time, each of
// them once at a time.
type datasetSweep struct {
	datasets *Datasets
	id       tenant.ID
	ready    []string
	visits   map[string]visiting
	working  int
	errs     []error
}

// visiting says how far a data set is.
type visiting uint8

const (
	visitReady visiting = iota + 1
	visitWorking
	visitAgain // after the visit that is going on
)

func newDatasetSweep(d *Datasets, id tenant.ID) *datasetSweep {
	return &datasetSweep{datasets: d, id: id, visits: map[string]visiting{}}
}

func (s *datasetSweep) add(name string) {
	name = strings.ToLower(name)
	switch s.visits[name] {
	case visitReady, visitAgain:
	case visitWorking:
		s.visits[name] = visitAgain
	default:
		s.visits[name] = visitReady
		s.ready = append(s.ready, name)
	}
}

func (s *datasetSweep) run(ctx context.Context) error {
	results := make(chan sweptDataset)
	for {
		for len(s.ready) > 0 && s.working < s.datasets.options.Concurrent && ctx.Err() == nil {
			name := s.ready[0]
			s.ready = s.ready[1:]
			s.visits[name] = visitWorking
			s.working++
			go func() { results <- s.visit(ctx, name) }()
		}
		if s.working == 0 {
			return errors.Join(append(s.errs, ctx.Err())...)
		}
		s.end(<-results)
	}
}

func (s *datasetSweep) end(swept sweptDataset) {
	s.working--
	again := s.visits[swept.name] == visitAgain
	delete(s.visits, swept.name)
	if again {
		s.add(swept.name)
	}
	for _, name := range swept.triggered {
		s.add(name)
	}
	if swept.err != nil {
		s.errs = append(s.errs, swept.err)
	}
}

type sweptDataset struct {
	name      string
	triggered []string
	err       error
}

func (s *datasetSweep) visit(ctx context.Context, name string) sweptDataset {
	definition, err := s.datasets.definition(ctx, s.id, name)
	if err != nil {
		if isPermanent(err) {
			err = nil // it was deleted meanwhile
		}
		return sweptDataset{name: name, err: err}
	}
	v, err := s.datasets.visit(ctx, s.id, &definition)
	return sweptDataset{name, v.triggered, err}
}
