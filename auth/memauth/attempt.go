package memauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// Attempt counts the failures in a row at one thing for one username, whether
// or not there is such a user.
type Attempt struct {
	// Kind is what was tried: "login", or the purpose of a code.
	Kind     string `json:"kind"`
	Username string `json:"username"`
	Failures int    `json:"failures"`
	// Until is when the next one is allowed.
	Until time.Time `json:"until,omitzero"`
	// Expires is when the failures are forgotten.
	Expires time.Time `json:"expires"`
}

// AttemptSchema is how a [Provider] keeps attempts.
var AttemptSchema = tenant.Schema[Attempt]{
	Entity:  "auth-attempt",
	Key:     func(a *Attempt) tenant.Key { return tenant.NewKey(a.Kind, a.Username) },
	Expires: func(a *Attempt) time.Time { return a.Expires },
}

const (
	longestWait     = 15 * time.Minute
	attemptsKept    = time.Hour
	attemptsRetries = 100
)

// limiter slows down guessing.
type limiter struct {
	attempts tenant.Repository[Attempt]
	free     int
	now      func() time.Time
}

// begin counts an attempt as failed before it is made, so that many at once
// are not more than many in a row. Call succeed after a success.
func (l limiter) begin(ctx context.Context, kind, username string) error {
	key := tenant.NewKey(kind, username)
	for range attemptsRetries {
		attempt, cond, err := l.read(ctx, key)
		if err != nil {
			return fmt.Errorf("memauth: %w", err)
		}
		now := l.now().UTC()
		if now.Before(attempt.Until) {
			return auth.ErrTooManyAttempts
		}
		attempt.Kind, attempt.Username = kind, username
		attempt.Failures++
		attempt.Until = now.Add(l.wait(attempt.Failures))
		attempt.Expires = now.Add(attemptsKept)
		_, err = l.attempts.Put(ctx, tenant.Platform(), attempt, cond)
		if err == nil {
			return nil
		}
		if !errors.Is(err, tenant.ErrVersion) && !errors.Is(err, tenant.ErrExists) {
			return fmt.Errorf("memauth: %w", err)
		}
	}
	return auth.ErrTooManyAttempts
}

func (l limiter) read(ctx context.Context, key tenant.Key) (Attempt, tenant.Condition, error) {
	item, err := l.attempts.Get(ctx, tenant.Platform(), key, tenant.Consistent)
	if errors.Is(err, tenant.ErrNotFound) {
		return Attempt{}, tenant.IfAbsent(), nil
	}
	return item.Value, tenant.IfVersion(item.Version), err
}

// wait is how long to wait after so many failures.
func (l limiter) wait(failures int) time.Duration {
	if failures < l.free {
		return 0
	}
	return min(time.Second<<min(failures-l.free, 20), longestWait)
}

func (l limiter) succeed(ctx context.Context, kind, username string) error {
	if err := l.attempts.Delete(ctx, tenant.Platform(), tenant.NewKey(kind, username), tenant.Always()); err != nil {
		return fmt.Errorf("memauth: %w", err)
	}
	return nil
}
