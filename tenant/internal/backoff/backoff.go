// Package backoff holds the pauses between attempts at a write that others are
// in the way of.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Attempts is after how many attempts to give up.
const Attempts = 1000

const (
	shortest = time.Millisecond
	longest  = 100 * time.Millisecond
)

// Pause waits after an attempt, counted from 0, for longer after each and with
// jitter: at most 100 ms. The error is that of ctx, if it ends first.
func Pause(ctx context.Context, attempt int) error {
	timer := time.NewTimer(rand.N(min(shortest<<min(attempt, 10), longest)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
