package s3analytics

import (
	"context"
	"math/rand/v2"
	"time"
)

// attempts is how often this package repeats what the client can't: a write
// that met another, keys that a deletion left, the rest of a download that
// broke off. The client repeats requests, as its retry options say.
const attempts = 6

const (
	firstPause = 20 * time.Millisecond
	longPause  = time.Second
)

// pause waits before the attempt of this number, 1 for the first repetition. It
// reports false if the context ended.
func pause(ctx context.Context, attempt int) bool {
	longest := min(firstPause<<attempt, longPause)
	timer := time.NewTimer(longest/2 + rand.N(longest/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
