package alerts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// ActionBudget is how many actions of one minute a tenant's processes have
// taken so far, see [Options.ActionLimit].
type ActionBudget struct {
	Minute time.Time `json:"minute"`
	Taken  int       `json:"taken"`
}

// ActionBudgetSchema is how budgets are kept: for ten minutes.
var ActionBudgetSchema = tenant.Schema[ActionBudget]{
	Entity:  "action-budget",
	Key:     func(b *ActionBudget) tenant.Key { return tenant.NewKey(timeKey(b.Minute)) },
	Expires: func(b *ActionBudget) time.Time { return b.Minute.Add(10 * time.Minute) },
}

// A process takes its part of a budget in shares, so that it writes once for
// many actions.
const (
	budgetShares   = 16 // of a limit
	budgetShareMax = 100
	// budgetsKept bounds the number of tenants whose minute is remembered.
	budgetsKept = 10_000
)

// limiter hands out the actions of the current minute.
type limiter struct {
	budgets tenant.Repository[ActionBudget] // nil: this process counts alone

	mu      sync.Mutex
	tenants map[tenant.ID]*allowance
}

// allowance is what a tenant has left in this process.
type allowance struct {
	mu     sync.Mutex
	minute time.Time
	left   int
	taken  int // by this process
	spent  bool
}

func newLimiter(budgets tenant.Repository[ActionBudget]) *limiter {
	return &limiter{budgets: budgets, tenants: map[tenant.ID]*allowance{}}
}

// take reports whether the tenant may have one more action in this minute.
func (l *limiter) take(ctx context.Context, id tenant.ID, limit int, minute time.Time) (bool, error) {
	a := l.allowance(id)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.minute.Equal(minute) {
		a.minute, a.left, a.taken, a.spent = minute, 0, 0, false
	}
	if a.left == 0 && !a.spent {
		share, err := l.share(ctx, id, limit, a)
		if err != nil {
			return false, fmt.Errorf("alerts: action budget: %w", err)
		}
		a.left, a.spent = share, share == 0
		a.taken += share
	}
	if a.left == 0 {
		return false, nil
	}
	a.left--
	return true, nil
}

// giveBack returns what take gave for an action that turned out to be
// somebody else's.
func (l *limiter) giveBack(id tenant.ID, minute time.Time) {
	a := l.allowance(id)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.minute.Equal(minute) {
		a.left++
	}
}

func (l *limiter) allowance(id tenant.ID) *allowance {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.tenants[id]
	if a == nil {
		if len(l.tenants) >= budgetsKept {
			clear(l.tenants)
		}
		a = &allowance{}
		l.tenants[id] = a
	}
	return a
}

// share takes a part of what is left of the budget, 0 if nothing is.
func (l *limiter) share(ctx context.Context, id tenant.ID, limit int, a *allowance) (int, error) {
	wanted := min(max(limit/budgetShares, 1), budgetShareMax)
	if l.budgets == nil {
		return max(min(wanted, limit-a.taken), 0), nil
	}
	granted := 0
	for {
		fresh := ActionBudget{Minute: a.minute, Taken: min(wanted, limit)}
		_, err := l.budgets.Put(ctx, id, fresh, tenant.IfAbsent())
		if err == nil {
			return fresh.Taken, nil
		}
		if !errors.Is(err, tenant.ErrExists) {
			return 0, err
		}
		_, err = tenant.Update(ctx, l.budgets, id, ActionBudgetSchema.Key(&fresh), func(b *ActionBudget) error {
			granted = max(min(wanted, limit-b.Taken), 0)
			b.Taken += granted
			return nil
		})
		if !errors.Is(err, tenant.ErrNotFound) { // it has expired meanwhile
			return granted, err
		}
	}
}
