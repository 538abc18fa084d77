// Package memshadow runs the device shadow service within the process: the
// documents, rules, errors and MQTT messages of AWS, over any
// tenant.Repository. It is as durable as the repository.
//
//	records := bolttenant.NewRepository(store, &memshadow.RecordSchema)
//	shadows := memshadow.New(records, bus)
//
// A [Service] is the shadow.Shadows of the backend, and the device.Receiver of
// what devices publish to $aws/things/<thing name>/shadow/…
//
// # Messages
//
// Every accepted update is told on update/accepted, update/delta if desired and
// reported differ, and update/documents; every delete on delete/accepted,
// whoever made it. Requests of devices get their answers on …/accepted and
// …/rejected besides. Messages of one shadow are published in the order of its
// versions, those of one update in the order above, after it is stored. An
// update may return before its messages are out, when another call is
// publishing those of the same shadow; handlers may therefore call the service.
//
// A message that the bus does not take, for example because the metadata of
// two thousand numbers exceed a payload, is logged and lost: devices ask for
// the document when they connect, and [shadow.Commander] rechecks.
//
// Messages of several processes over one repository are not ordered among each
// other; their versions tell.
package memshadow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

// Options are the options of [New].
type Options struct {
	// Rules are the rules of documents. Default: AWS's.
	Rules shadow.Rules
	// MaxInFlight is how many requests that a thing published may be in work
	// at a time; more are rejected with 429. Default 10, as on AWS; negative
	// means no limit.
	MaxInFlight int
	// Things reports whether a thing exists. If it is set, a get, update or
	// delete for one that does not is refused with 404 "Thing not found".
	// Default: shadows need no thing.
	Things func(context.Context, tenant.ID, device.ID) (bool, error)
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of messages that could not be published. Default: none.
	Logger *slog.Logger
}

// Service is the device shadow service.
type Service struct {
	records tenant.Repository[Record]
	bus     device.Bus
	options Options

	mu      sync.Mutex
	lanes   map[shadowKey]*lane
	flights map[thingKey]int
}

// thingKey and shadowKey name a thing and a shadow across tenants.
type (
	thingKey struct {
		tenant tenant.ID
		thing  device.ID
	}
	shadowKey struct {
		thingKey
		name shadow.Name
	}
)

var (
	_ shadow.Shadows  = (*Service)(nil)
	_ device.Receiver = (*Service)(nil)
)

// New returns the service of the shadows kept in records, a repository made
// with [RecordSchema]. It publishes on bus.
func New(records tenant.Repository[Record], bus device.Bus, optFns ...func(*Options)) *Service {
	options := Options{MaxInFlight: 10, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Service{
		records: records,
		bus:     bus,
		options: options,
		lanes:   map[shadowKey]*lane{},
		flights: map[thingKey]int{},
	}
}

// Get implements [shadow.Shadows].
func (s *Service) Get(ctx context.Context, id tenant.ID, thing device.ID, name shadow.Name) ([]byte, error) {
	return s.get(ctx, shadowKey{thingKey{id, thing}, name}, "")
}

func (s *Service) get(ctx context.Context, key shadowKey, clientToken string) ([]byte, error) {
	if err := s.check(ctx, key.thingKey); err != nil {
		return nil, err
	}
	state, _, err := s.load(ctx, key)
	if err != nil {
		return nil, err
	}
	if !state.Exists() {
		return nil, key.missing()
	}
	return s.options.Rules.Document(state, s.options.Now(), clientToken), nil
}

// Update implements [shadow.Shadows].
func (s *Service) Update(ctx context.Context, id tenant.ID, thing device.ID, name shadow.Name, request []byte) ([]byte, error) {
	key := shadowKey{thingKey{id, thing}, name}
	if err := s.check(ctx, key.thingKey); err != nil {
		return nil, err
	}
	parsed, err := s.options.Rules.ParseRequest(request)
	if err != nil {
		return nil, err
	}
	return s.update(ctx, key, parsed)
}

// update applies a checked request and tells of it.
func (s *Service) update(ctx context.Context, key shadowKey, request shadow.Request) ([]byte, error) {
	var accepted []byte
	err := s.inLane(ctx, key, func(post func(operation string, payload []byte)) error {
		var change shadow.Change
		err := s.replace(ctx, key, func(state shadow.State) (shadow.State, error) {
			var err error
			change, err = s.options.Rules.Update(state, request, s.options.Now())
			return change.Current, err
		})
		if err != nil {
			return err
		}
		accepted = change.Accepted()
		post("update/accepted", accepted)
		if delta := change.Delta(); delta != nil {
			post("update/delta", delta)
		}
		post("update/documents", change.Documents())
		return nil
	})
	return accepted, err
}

// Delete implements [shadow.Shadows].
func (s *Service) Delete(ctx context.Context, id tenant.ID, thing device.ID, name shadow.Name) ([]byte, error) {
	return s.delete(ctx, shadowKey{thingKey{id, thing}, name}, "")
}

func (s *Service) delete(ctx context.Context, key shadowKey, clientToken string) ([]byte, error) {
	if err := s.check(ctx, key.thingKey); err != nil {
		return nil, err
	}
	var deleted []byte
	err := s.inLane(ctx, key, func(post func(operation string, payload []byte)) error {
		err := s.replace(ctx, key, func(state shadow.State) (shadow.State, error) {
			if !state.Exists() {
				return state, key.missing()
			}
			left := s.options.Rules.Delete(state)
			deleted = s.options.Rules.Deleted(left, s.options.Now(), clientToken)
			return left, nil
		})
		if err == nil {
			post("delete/accepted", deleted)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return deleted, nil
}

// ListNamed implements [shadow.Shadows].
func (s *Service) ListNamed(ctx context.Context, id tenant.ID, thing device.ID, limit int, cursor tenant.Cursor) (shadow.NamePage, error) {
	if err := checkIDs(thingKey{id, thing}); err != nil {
		return shadow.NamePage{}, err
	}
	if limit == 0 {
		limit = shadow.MaxNames
	}
	if limit < 1 || limit > shadow.MaxNames {
		return shadow.NamePage{}, fmt.Errorf("%w: %d, want 1 to %d", shadow.ErrLimit, limit, shadow.MaxNames)
	}
	page, err := s.records.Query(ctx, id, tenant.Query{Prefix: namedPrefix(thing), Limit: limit, Cursor: cursor, Consistent: true})
	if err != nil {
		return shadow.NamePage{}, fmt.Errorf("memshadow: list: %w", err)
	}
	named := shadow.NamePage{Next: page.Next, Timestamp: s.options.Now().UTC().Truncate(time.Second)}
	for _, item := range page.Items {
		if item.Value.State.Exists() {
			named.Names = append(named.Names, item.Value.Name)
		}
	}
	return named, nil
}

func (k shadowKey) missing() *shadow.Error { return shadow.NoShadow(k.tenant, k.thing, k.name) }

func checkIDs(key thingKey) error {
	if err := key.tenant.Check(); err != nil {
		return err
	}
	return key.thing.Check()
}

// check refuses ids that are zero, and things that don't exist if that counts.
func (s *Service) check(ctx context.Context, key thingKey) error {
	if err := checkIDs(key); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if s.options.Things == nil {
		return nil
	}
	exists, err := s.options.Things(ctx, key.tenant, key.thing)
	if err != nil {
		return fmt.Errorf("memshadow: thing: %w", err)
	}
	if !exists {
		return shadow.NoThing()
	}
	return nil
}

// load returns the state of a shadow and the version of its record; both are
// zero if there is none.
func (s *Service) load(ctx context.Context, key shadowKey) (shadow.State, tenant.Version, error) {
	item, err := s.records.Get(ctx, key.tenant, recordKey(key.thing, key.name), tenant.Consistent)
	if errors.Is(err, iotenant.ErrNotFound) {
		return shadow.State{}, 0, nil
	}
	if err != nil {
		return shadow.State{}, 0, fmt.Errorf("memshadow: load: %w", err)
	}
	if tenant.Expired(item.Value.Expires, s.options.Now()) {
		return shadow.State{}, item.Version, nil
	}
	return item.Value.State, item.Version, nil
}

// Bounds of replace: pauses grow from replacePause to replacePauseMax, with
// jitter. Only other processes cause them.
const (
	replaceAttempts = 1000
	replacePause    = time.Millisecond
	replacePauseMax = 100 * time.Millisecond
)

// replace stores what next makes of the state of a shadow, and begins anew if
// somebody else stored meanwhile.
func (s *Service) replace(ctx context.Context, key shadowKey, next func(shadow.State) (shadow.State, error)) error {
	for attempt := range replaceAttempts {
		state, version, err := s.load(ctx, key)
		if err != nil {
			return err
		}
		if state, err = next(state); err != nil {
			return err
		}
		err = s.store(ctx, key, state, version)
		if kind := iotenant.KindOf(err); kind != iotenant.ErrConflict && kind != iotenant.ErrExists {
			return err
		}
		if err := sleep(ctx, rand.N(min(replacePause<<min(attempt, 10), replacePauseMax))); err != nil {
			return err
		}
	}
	return fmt.Errorf("memshadow: store: %w: changed by others %d times in a row", iotenant.ErrUnavailable, replaceAttempts)
}

func (s *Service) store(ctx context.Context, key shadowKey, state shadow.State, version tenant.Version) error {
	condition := tenant.IfAbsent()
	if version != 0 {
		condition = tenant.IfVersion(version)
	}
	record := Record{Thing: key.thing, Name: key.name, State: state}
	if !state.Exists() {
		record.Expires = s.options.Now().Add(shadow.TombstoneFor)
	}
	_, err := s.records.Put(ctx, key.tenant, record, condition)
	if errors.Is(err, tenant.ErrTooLarge) {
		return shadow.TooLarge()
	}
	if err != nil {
		return fmt.Errorf("memshadow: store: %w", err)
	}
	return nil
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
