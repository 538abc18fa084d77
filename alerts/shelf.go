package alerts

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Shelf says that the alerts of a detector, or of a whole model, are not
// delivered for a time. They are kept with [StatusShelved].
type Shelf struct {
	Model string `json:"model"`
	// Key names one detector. Empty: all of the model.
	Key string `json:"key,omitempty"`
	// Until is when delivery goes on. What was raised before that stays
	// shelved; see [Runtime.Redeliver].
	Until time.Time `json:"until"`
	// By and Reason are for people: at most 256 bytes and 4 KiB.
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// ShelfSchema is how shelves are kept: until they end.
var ShelfSchema = tenant.Schema[Shelf]{
	Entity:  "alert-shelf",
	Key:     func(s *Shelf) tenant.Key { return shelfKey(s.Model, s.Key) },
	Expires: func(s *Shelf) time.Time { return s.Until },
}

// shelfKey keeps the shelf of a whole model apart from that of the only
// detector of a model without key, which is the same to people: both are the
// model.
func shelfKey(model, key string) tenant.Key { return tenant.NewKey(model, keyPart(key)) }

func (s *Shelf) why() string {
	return fmt.Sprintf("shelved by %s until %s", s.By, s.Until.UTC().Format(time.RFC3339))
}

// ShelvesOptions are the options of [NewShelves].
type ShelvesOptions struct {
	// RefreshAfter is how long the shelves of a tenant are used before they
	// are read again, and so how long another process may go on delivering
	// after Put. In the process that shelves, it takes effect at once. Default
	// 5 s; negative means every alert reads.
	RefreshAfter time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Shelves are the shelves of all tenants. Give them to a runtime by
// [Options.Shelves]. They may be used concurrently.
type Shelves struct {
	shelves tenant.Repository[Shelf]
	options ShelvesOptions

	mu      sync.Mutex
	known   map[tenant.ID]knownShelves
	changes uint64 // counts calls of forget
}

type knownShelves struct {
	shelves map[tenant.Key]Shelf
	until   time.Time
}

// shelvesKept bounds the number of tenants whose shelves are held in memory.
const shelvesKept = 10_000

// NewShelves returns the shelves kept in a repository made with [ShelfSchema].
func NewShelves(shelves tenant.Repository[Shelf], optFns ...func(*ShelvesOptions)) *Shelves {
	options := ShelvesOptions{RefreshAfter: 5 * time.Second, Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Shelves{shelves: shelves, options: options, known: map[tenant.ID]knownShelves{}}
}

// ErrShelf: a shelf has no model, ends in the past, or its texts are too long.
var ErrShelf = fmt.Errorf("alerts: %w shelf", iotenant.ErrInvalid)

// Put shelves a detector, or a model, from now on. Shelf.At is set. An earlier
// shelf of the same is replaced. Errors: [ErrShelf], tenant.ErrID,
// tenant.ErrKey.
func (s *Shelves) Put(ctx context.Context, id tenant.ID, shelf Shelf) (Shelf, error) {
	now := s.options.Now().UTC().Truncate(time.Millisecond)
	switch {
	case shelf.Model == "":
		return Shelf{}, fmt.Errorf("%w: no model", ErrShelf)
	case !shelf.Until.After(now):
		return Shelf{}, fmt.Errorf("%w: it ends in the past", ErrShelf)
	}
	if err := checkTexts(ErrShelf, shelf.By, shelf.Reason); err != nil {
		return Shelf{}, err
	}
	shelf.At = now
	defer s.forget(id)
	if _, err := s.shelves.Put(ctx, id, shelf, tenant.Always()); err != nil {
		return Shelf{}, fmt.Errorf("alerts: shelve: %w", err)
	}
	return shelf, nil
}

// Delete ends a shelf before its time. Errors: tenant.ErrNotFound,
// tenant.ErrID, tenant.ErrKey.
func (s *Shelves) Delete(ctx context.Context, id tenant.ID, model, key string) error {
	defer s.forget(id)
	if err := s.shelves.Delete(ctx, id, shelfKey(model, key), tenant.IfPresent()); err != nil {
		return fmt.Errorf("alerts: unshelve: %w", err)
	}
	return nil
}

// All returns what is shelved now, by model and key. It ends after the first
// error.
func (s *Shelves) All(ctx context.Context, id tenant.ID) iter.Seq2[Shelf, error] {
	return func(yield func(Shelf, error) bool) {
		for item, err := range tenant.All(ctx, s.shelves, id, tenant.Query{Consistent: true}) {
			if !yield(item.Value, err) {
				return
			}
		}
	}
}

// of returns the shelf on which the alert's detector is, nil if there is none.
func (s *Shelves) of(ctx context.Context, id tenant.ID, alert *Alert) (*Shelf, error) {
	now := s.options.Now()
	known, err := s.read(ctx, id, now)
	if err != nil {
		return nil, fmt.Errorf("alerts: read shelves: %w", err)
	}
	for _, key := range []tenant.Key{shelfKey(alert.Model, alert.Key), shelfKey(alert.Model, "")} {
		if shelf, ok := known[key]; ok && now.Before(shelf.Until) {
			return &shelf, nil
		}
	}
	return nil, nil //nolint:nilnil // no shelf is the common case
}

func (s *Shelves) read(ctx context.Context, id tenant.ID, now time.Time) (map[tenant.Key]Shelf, error) {
	s.mu.Lock()
	known, ok := s.known[id]
	changes := s.changes
	s.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.shelves, nil
	}
	known = knownShelves{shelves: map[tenant.Key]Shelf{}, until: now.Add(s.options.RefreshAfter)}
	for shelf, err := range s.All(ctx, id) {
		if err != nil {
			return nil, err
		}
		known.shelves[shelfKey(shelf.Model, shelf.Key)] = shelf
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes == changes { // else it may have been read before the change
		if len(s.known) >= shelvesKept {
			clear(s.known)
		}
		s.known[id] = known
	}
	return known.shelves, nil
}

func (s *Shelves) forget(id tenant.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	delete(s.known, id)
}
