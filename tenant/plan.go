package tenant

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"

	"github.com/iotenant/iotenant"
)

// Plan is what tenants may have bought: their quotas and limits. Plans belong to
// the platform. A [Directory] keeps them and says which tenant has which.
type Plan struct {
	// Name is 1 to 32 of a-z, 0-9 and '-', beginning with a letter.
	Name string `json:"name"`
	// Quotas has the most items that a tenant may have of an entity, by the name
	// of the entity. An entity without a quota is not limited; 0 allows none.
	// [QuotaRepository] enforces them.
	Quotas map[string]int64 `json:"quotas,omitempty"`
	// Limits are other numbers, each with a name and a unit of its own:
	// "messages-per-second", "retention-days". They are for those who enforce
	// them; this package keeps them.
	Limits map[string]float64 `json:"limits,omitempty"`
}

// PlanSchema is how a [Directory] keeps plans.
var PlanSchema = Schema[Plan]{
	Entity: "plan",
	Key:    func(p *Plan) Key { return NewKey(p.Name) },
}

// PlanSource says which plan a tenant has. [Directory] is one.
type PlanSource interface {
	// PlanOf returns the plan of a tenant; the zero Plan, which limits nothing,
	// for a tenant without one. Errors: [ErrUnknownTenant]; kind
	// iotenant.ErrUnavailable, also if the plan can't be found. It may be called
	// concurrently and often.
	PlanOf(ctx context.Context, id ID) (Plan, error)
}

// Check reports what is wrong with the plan, as [ErrPlan].
func (p *Plan) Check() error {
	if checkName("plan", p.Name) != nil {
		return fmt.Errorf("%w: name %q: want 1 to 32 of a-z, 0-9, '-', beginning with a letter", ErrPlan, p.Name)
	}
	for entity, quota := range p.Quotas {
		if checkName("entity", entity) != nil || quota < 0 {
			return fmt.Errorf("%w: %s: quota %q: want the name of an entity and at least 0 items", ErrPlan, p.Name, entity)
		}
	}
	for name, limit := range p.Limits {
		if name == "" || math.IsNaN(limit) || math.IsInf(limit, 0) {
			return fmt.Errorf("%w: %s: limit %q: want a name and a number", ErrPlan, p.Name, name)
		}
	}
	return nil
}

func (p Plan) clone() Plan {
	return Plan{Name: p.Name, Quotas: maps.Clone(p.Quotas), Limits: maps.Clone(p.Limits)}
}

// OnPlan creates the tenant with a plan.
func OnPlan(name string) func(*CreateOptions) {
	return func(o *CreateOptions) { o.Plan = name }
}

// PutPlan adds a plan, or replaces that of the same name for all who have it.
// Errors: [ErrPlan]; kind iotenant.ErrUnsupported without
// DirectoryOptions.Plans.
func (d *Directory) PutPlan(ctx context.Context, plan Plan) error {
	if err := plan.Check(); err != nil {
		return err
	}
	plans, err := d.plans()
	if err != nil {
		return err
	}
	_, err = plans.Put(ctx, platform, plan, Always())
	// Whatever the outcome, what was known of the plan may be wrong now.
	d.planned.forgetAll()
	if err != nil {
		return fmt.Errorf("tenant: put plan: %w", err)
	}
	return nil
}

// GetPlan returns a plan. Errors: [ErrUnknownPlan]; kind
// iotenant.ErrUnsupported without DirectoryOptions.Plans.
func (d *Directory) GetPlan(ctx context.Context, name string) (Plan, error) {
	plans, err := d.plans()
	if err != nil {
		return Plan{}, err
	}
	item, err := plans.Get(ctx, platform, NewKey(name), Consistent)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrKey):
		return Plan{}, fmt.Errorf("%w: %q", ErrUnknownPlan, name)
	case err != nil:
		return Plan{}, fmt.Errorf("tenant: get plan: %w", err)
	}
	return item.Value, nil
}

// AllPlans returns all plans in the order of their names. It ends after the
// first error.
func (d *Directory) AllPlans(ctx context.Context) iter.Seq2[Plan, error] {
	return func(yield func(Plan, error) bool) {
		plans, err := d.plans()
		if err != nil {
			yield(Plan{}, err)
			return
		}
		for item, err := range All(ctx, plans, platform, Query{Consistent: true}) {
			if !yield(item.Value, err) {
				return
			}
		}
	}
}

// SetPlan gives a tenant another plan; "" takes it away. What the tenant
// has beyond the new quotas stays, and nothing can be added to it. Errors:
// [ErrUnknownPlan], [ErrID], [ErrNotFound].
func (d *Directory) SetPlan(ctx context.Context, id ID, plan string) (Tenant, error) {
	if err := d.checkPlan(ctx, plan); err != nil {
		return Tenant{}, err
	}
	changed, err := d.change(ctx, id, func(t *Tenant) { t.Plan = plan })
	if err != nil {
		return Tenant{}, fmt.Errorf("tenant: set plan: %w", err)
	}
	return changed, nil
}

// PlanOf implements [PlanSource]. Answers are kept for
// DirectoryOptions.AdmitFor, so that for as long another process may go on with
// the plan that a tenant had.
func (d *Directory) PlanOf(ctx context.Context, id ID) (Plan, error) {
	if err := checkTenant(id); err != nil {
		return Plan{}, err
	}
	now := d.options.Now()
	known, ok, mark := d.planned.get(id, now)
	if ok {
		return known.clone(), nil
	}
	plan, err := d.readPlanOf(ctx, id)
	if err != nil {
		return Plan{}, fmt.Errorf("tenant: plan: %w", err)
	}
	if d.options.AdmitFor > 0 {
		d.planned.keep(id, plan.clone(), now.Add(d.options.AdmitFor), mark)
	}
	return plan, nil
}

func (d *Directory) readPlanOf(ctx context.Context, id ID) (Plan, error) {
	item, err := d.tenants.Get(ctx, platform, NewKey(id.text), Consistent)
	switch {
	case errors.Is(err, ErrNotFound):
		return Plan{}, ErrUnknownTenant
	case err != nil:
		return Plan{}, err
	}
	name := item.Value.Plan
	if name == "" {
		return Plan{}, nil
	}
	plan, err := d.GetPlan(ctx, name)
	if err != nil && iotenant.KindOf(err) != iotenant.ErrUnavailable && ctx.Err() == nil {
		// It was there when the tenant got it. Nobody may go beyond a plan
		// because it can't be read.
		err = fmt.Errorf("%w: the plan %s of the tenant: %s", iotenant.ErrUnavailable, name, err.Error())
	}
	return plan, err
}

func (d *Directory) checkPlan(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	_, err := d.GetPlan(ctx, name)
	return err
}

func (d *Directory) plans() (Repository[Plan], error) {
	if d.options.Plans == nil {
		return nil, fmt.Errorf("tenant: plans are %w by this directory", iotenant.ErrUnsupported)
	}
	return d.options.Plans, nil
}
