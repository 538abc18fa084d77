package tenant

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/iotenant/iotenant"
)

// Tenant is an entry of the directory.
type Tenant struct {
	ID ID `json:"id"`
	// Name is for people: 1 to 200 bytes of UTF-8.
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Reason says why the tenant is suspended.
	Reason string `json:"reason,omitempty"`
	// Plan names the tenant's plan, empty for none.
	Plan      string    `json:"plan,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Status of a tenant.
type Status string

// The states of a tenant.
const (
	StatusActive    Status = "active"
	StatusSuspended Status = "suspended"
)

// TenantSchema is how a [Directory] keeps tenants.
var TenantSchema = Schema[Tenant]{
	Entity: "tenant",
	Key:    func(t *Tenant) Key { return NewKey(t.ID.String()) },
}

// Gate decides whether a tenant may act now. Every entry of a system (HTTP,
// MQTT, queue) asks it before it serves. [Directory] is one.
type Gate interface {
	// Admit returns nil if the tenant exists and is active, else
	// [ErrUnknownTenant], [ErrSuspended] or an error of kind
	// iotenant.ErrUnavailable. It may be called concurrently and often.
	Admit(ctx context.Context, id ID) error
}

// DirectoryOptions are the options of [NewDirectory].
type DirectoryOptions struct {
	// AdmitFor is how long an answer of Admit is kept, and so how long
	// another process may go on admitting a tenant after its suspension. In
	// the process that suspends, it takes effect at once. Default 5 s;
	// negative means every Admit reads.
	AdmitFor time.Duration
	// Plans keeps the plans: a repository made with [PlanSchema]. Default
	// nil: there are no plans.
	Plans Repository[Plan]
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Directory knows all tenants. It keeps them in a repository, under
// [Platform]. It is for the platform's operators, and as a [Gate] for every
// entry.
type Directory struct {
	tenants Repository[Tenant]
	options DirectoryOptions

	admitted recent[error]
	planned  recent[Plan]

	mu        sync.Mutex
	listeners map[*func(ID)]struct{}
}

var (
	_ Gate       = (*Directory)(nil)
	_ PlanSource = (*Directory)(nil)
)

// NewDirectory returns the directory kept in tenants, a repository made with
// [TenantSchema].
func NewDirectory(tenants Repository[Tenant], optFns ...func(*DirectoryOptions)) *Directory {
	options := DirectoryOptions{AdmitFor: 5 * time.Second, Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Directory{tenants: tenants, options: options, listeners: map[*func(ID)]struct{}{}}
}

// CreateOptions are the options of [Directory.Create].
type CreateOptions struct {
	// Plan names the tenant's plan. Default none.
	Plan string
}

// Create adds an active tenant. Errors: [ErrID]; kind iotenant.ErrInvalid for
// a bad name; [ErrUnknownPlan]; [ErrExists].
func (d *Directory) Create(ctx context.Context, id ID, name string, optFns ...func(*CreateOptions)) (Tenant, error) {
	var options CreateOptions
	for _, fn := range optFns {
		fn(&options)
	}
	if err := checkTenant(id); err != nil {
		return Tenant{}, err
	}
	if name == "" || len(name) > 200 || !utf8.ValidString(name) {
		return Tenant{}, fmt.Errorf("tenant: %w name: want 1 to 200 bytes of UTF-8", iotenant.ErrInvalid)
	}
	if err := d.checkPlan(ctx, options.Plan); err != nil {
		return Tenant{}, err
	}
	now := d.now()
	created := Tenant{ID: id, Name: name, Status: StatusActive, Plan: options.Plan, CreatedAt: now, UpdatedAt: now}
	if _, err := d.tenants.Put(ctx, platform, created, IfAbsent()); err != nil {
		return Tenant{}, fmt.Errorf("tenant: create: %w", err)
	}
	d.forget(id)
	return created, nil
}

// Get returns a tenant. Errors: [ErrID], [ErrNotFound].
func (d *Directory) Get(ctx context.Context, id ID) (Tenant, error) {
	if err := checkTenant(id); err != nil {
		return Tenant{}, err
	}
	item, err := d.tenants.Get(ctx, platform, NewKey(id.text), Consistent)
	if err != nil {
		return Tenant{}, fmt.Errorf("tenant: get: %w", err)
	}
	return item.Value, nil
}

// List returns one page of tenants in the order of their ids, at most limit of
// them; 0 means [DefaultLimit]. Errors: [ErrQuery], [ErrCursor].
func (d *Directory) List(ctx context.Context, limit int, cursor Cursor) (Page[Tenant], error) {
	page, err := d.tenants.Query(ctx, platform, Query{Limit: limit, Cursor: cursor, Consistent: true})
	if err != nil {
		return Page[Tenant]{}, fmt.Errorf("tenant: list: %w", err)
	}
	return page, nil
}

// All returns all tenants in the order of their ids. It ends after the first
// error.
func (d *Directory) All(ctx context.Context) iter.Seq2[Tenant, error] {
	return func(yield func(Tenant, error) bool) {
		for item, err := range All(ctx, d.tenants, platform, Query{Consistent: true}) {
			if !yield(item.Value, err) {
				return
			}
		}
	}
}

// Active returns the ids of the tenants that are active, in their order: those
// that what runs for all tenants is to serve. It ends after the first error.
func (d *Directory) Active(ctx context.Context) iter.Seq2[ID, error] {
	return func(yield func(ID, error) bool) {
		for t, err := range d.All(ctx) {
			if err == nil && t.Status != StatusActive {
				continue
			}
			if !yield(t.ID, err) {
				return
			}
		}
	}
}

// Suspend stops a tenant: from now on every entry refuses it, and what was
// registered with [Directory.OnSuspend] is told to end its live sessions.
// Suspending a suspended tenant replaces the reason. Its data stays. Errors:
// [ErrID], [ErrNotFound].
func (d *Directory) Suspend(ctx context.Context, id ID, reason string) (Tenant, error) {
	suspended, err := d.change(ctx, id, func(t *Tenant) { t.Status, t.Reason = StatusSuspended, reason })
	if err != nil {
		return Tenant{}, fmt.Errorf("tenant: suspend: %w", err)
	}
	for _, listener := range d.currentListeners() {
		(*listener)(id)
	}
	return suspended, nil
}

// Resume makes a suspended tenant active again. Errors: [ErrID],
// [ErrNotFound].
func (d *Directory) Resume(ctx context.Context, id ID) (Tenant, error) {
	resumed, err := d.change(ctx, id, func(t *Tenant) { t.Status, t.Reason = StatusActive, "" })
	if err != nil {
		return Tenant{}, fmt.Errorf("tenant: resume: %w", err)
	}
	return resumed, nil
}

func (d *Directory) change(ctx context.Context, id ID, change func(*Tenant)) (Tenant, error) {
	if err := checkTenant(id); err != nil {
		return Tenant{}, err
	}
	item, err := Update(ctx, d.tenants, platform, NewKey(id.text), func(t *Tenant) error {
		change(t)
		t.UpdatedAt = d.now()
		return nil
	})
	// Whatever the outcome, what was known of the tenant may be wrong now.
	d.forget(id)
	return item.Value, err
}

// OnSuspend registers a function that Suspend calls, after the suspension is
// stored, in the process that suspends. It should end the tenant's live
// sessions and return soon. So that no session slips through, an entry first
// registers a new session where the listener finds it, then asks Admit. Call
// cancel to take it back.
func (d *Directory) OnSuspend(listener func(ID)) (cancel func()) {
	key := &listener
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listeners[key] = struct{}{}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.listeners, key)
	}
}

func (d *Directory) currentListeners() []*func(ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	listeners := make([]*func(ID), 0, len(d.listeners))
	for listener := range maps.Keys(d.listeners) {
		listeners = append(listeners, listener)
	}
	return listeners
}

// Admit implements [Gate]. Answers are kept for DirectoryOptions.AdmitFor;
// a failure to read is not kept, and admits nobody.
func (d *Directory) Admit(ctx context.Context, id ID) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	now := d.options.Now()
	known, ok, mark := d.admitted.get(id, now)
	if ok {
		return known
	}
	item, err := d.tenants.Get(ctx, platform, NewKey(id.text), Consistent)
	answer, sure := admissionOf(item.Value, err)
	if sure && d.options.AdmitFor > 0 {
		d.admitted.keep(id, answer, now.Add(d.options.AdmitFor), mark)
	}
	return answer
}

func admissionOf(t Tenant, err error) (answer error, sure bool) {
	switch {
	case err == nil && t.Status == StatusActive:
		return nil, true
	case err == nil:
		return ErrSuspended, true
	case iotenant.KindOf(err) == iotenant.ErrNotFound:
		return ErrUnknownTenant, true
	default:
		return fmt.Errorf("tenant: admit: %w", err), false
	}
}

func (d *Directory) forget(id ID) {
	d.admitted.forget(id)
	d.planned.forget(id)
}

func (d *Directory) now() time.Time { return d.options.Now().UTC().Truncate(time.Millisecond) }

// checkTenant refuses what is not a tenant: the zero ID and the platform.
func checkTenant(id ID) error {
	if id == platform {
		return fmt.Errorf("%w: reserved", ErrID)
	}
	return id.Check()
}
