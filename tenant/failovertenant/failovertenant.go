package failovertenant

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Region is the store of one Region.
type Region struct {
	// Name is that of the AWS Region, or any other.
	Name string
	// Transactor applies transactions in the Region's store.
	Transactor tenant.Transactor
	// Homes is a repository in the Region's store, made with [HomeSchema].
	Homes tenant.Repository[Home]
}

// Options are the options of [New].
type Options struct {
	// HomeOf names the home Region of a tenant that was never moved. It must
	// give the same answer in all processes, always. Default: the first Region.
	HomeOf func(tenant.ID) string
	// Fences is the number of items that guard the writes of a tenant, 1 to
	// [MaxOps]: a write checks one of them, chosen at random, because
	// DynamoDB refuses one of two transactions on one item at a time. It must be the
	// same in all processes. Default 16.
	Fences int
	// KnowFor is how long a home is believed before the Regions are asked
	// again. Writes and consistent reads are right in any case; other reads may
	// go to the old home for so long. Default 10 s.
	KnowFor time.Duration
	// TryFor is how long a Region may take to answer a read, before the next one
	// is asked. Writes end with the caller's context only. Default 2 s.
	TryFor time.Duration
	// Failures is how many calls in a row have to fail for a Region to be left
	// alone. Only errors of kind iotenant.ErrUnavailable, and TryFor, count
	// as failures. At least 1. Default 5.
	Failures int
	// OpenFor is how long a Region is left alone. After it, one call tries.
	// Default 10 s.
	OpenFor time.Duration
	// StaleReads lets reads that ask for consistency fail over too. What they
	// then return may be old, which the contract of tenant.Repository
	// forbids: somebody may decide on it. Default false.
	StaleReads bool
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// What a transaction may hold here: the fence takes the rest.
const (
	// MaxOps is the number of operations of a transaction, see tenant.MaxOps.
	MaxOps = tenant.MaxOps - 1
	// MaxTransactionSize is the size of a transaction in bytes, see
	// tenant.MaxTransactionSize.
	MaxTransactionSize = tenant.MaxTransactionSize - fenceSize

	fenceSize = 1<<10 + 2 // as an item without value, and its key
)

// Store is the stores of several Regions as one. It is a tenant.Transactor; make
// repositories with [NewRepository].
type Store struct {
	regions   []*region
	options   Options
	fenceKeys []tenant.Key
	beliefs   beliefs
}

type region struct {
	Region
	breaker breaker
}

var _ tenant.Transactor = (*Store)(nil)

// New returns the stores of regions as one. It panics if there are none, two of
// one name, or Options.Fences is out of range.
func New(regions []Region, optFns ...func(*Options)) *Store {
	options := Options{
		Fences: 16, KnowFor: 10 * time.Second, TryFor: 2 * time.Second,
		Failures: 5, OpenFor: 10 * time.Second, Now: time.Now,
	}
	for _, fn := range optFns {
		fn(&options)
	}
	if len(regions) == 0 || options.Fences < 1 || options.Fences > MaxOps {
		panic(fmt.Errorf("failovertenant: %w setup: %d Regions, %d fences", iotenant.ErrInvalid, len(regions), options.Fences))
	}
	if options.HomeOf == nil {
		options.HomeOf = func(tenant.ID) string { return regions[0].Name }
	}
	s := &Store{options: options}
	for n := range options.Fences {
		s.fenceKeys = append(s.fenceKeys, fenceKey(n))
	}
	for _, r := range regions {
		if s.index(r.Name) >= 0 {
			panic(fmt.Errorf("%w: %q is there twice", ErrRegion, r.Name))
		}
		s.regions = append(s.regions, &region{Region: r, breaker: breaker{limit: max(options.Failures, 1), openFor: options.OpenFor}})
	}
	return s
}

// index returns the position of a Region, -1 for none of that name.
func (s *Store) index(name string) int {
	for i, region := range s.regions {
		if region.Name == name {
			return i
		}
	}
	return -1
}

// States returns what the store thinks of each Region, by its name.
func (s *Store) States() map[string]State {
	now, states := s.options.Now(), map[string]State{}
	for _, region := range s.regions {
		states[region.Name] = region.breaker.stateAt(now)
	}
	return states
}

// try makes a read in a Region, if that is not known to be down.
func try[R any](ctx context.Context, s *Store, region *region, call func(ctx context.Context) (R, error)) (R, error) {
	limited, cancel := context.WithTimeout(ctx, s.options.TryFor)
	defer cancel()
	return guard(ctx, s, region, func() (R, error) {
		result, err := call(limited)
		if err != nil && limited.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: %s: no answer within %s", ErrDown, region.Name, s.options.TryFor)
		}
		return result, err
	})
}

// guard makes a call in a Region, if that is not known to be down, and learns
// from the result.
func guard[R any](ctx context.Context, s *Store, region *region, call func() (R, error)) (result R, err error) {
	if !region.breaker.allow(s.options.Now()) {
		return result, fmt.Errorf("%w: %s", ErrDown, region.Name)
	}
	learnt := false
	defer func() {
		if !learnt {
			region.breaker.abandon() // call panicked
		}
	}()
	result, err = call()
	learnt = true
	if err != nil && ctx.Err() != nil {
		region.breaker.abandon()
	} else {
		region.breaker.done(s.options.Now(), iotenant.KindOf(err) == iotenant.ErrUnavailable)
	}
	return result, err
}

// anyFence returns one of the fences.
func anyFence(fences []tenant.Op) tenant.Op { return fences[rand.N(len(fences))] }
