package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
)

// Defaults of caches (D-35).
const (
	DefaultRegistryAge = 5 * time.Minute
	DefaultShadowAge   = 5 * time.Second
	DefaultCacheSize   = 10_000
)

// CacheOptions change a cache.
type CacheOptions struct {
	// MaxAge is how long an answer is used. Default: [DefaultRegistryAge] or
	// [DefaultShadowAge]; negative: not at all.
	MaxAge time.Duration
	// Size is how many things are remembered. Default: [DefaultCacheSize].
	Size int
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// NewRegistryCache returns a registry that remembers answers, also that there is
// no such thing. It is of one tenant, as next is, and safe for concurrent use.
func NewRegistryCache(next Registry, optFns ...func(*CacheOptions)) Registry {
	return registryCache{newCache(next.DescribeThing, DefaultRegistryAge, optFns)}
}

// NewShadowCache returns shadows that remembers answers, also that there is no
// shadow. It is of one tenant, as next is, and safe for concurrent use.
func NewShadowCache(next Shadows, optFns ...func(*CacheOptions)) Shadows {
	return shadowCache{newCache(next.ThingShadow, DefaultShadowAge, optFns)}
}

type registryCache struct{ *cache }

func (c registryCache) DescribeThing(ctx context.Context, thing string) ([]byte, error) {
	return c.ask(ctx, thing)
}

type shadowCache struct{ *cache }

func (c shadowCache) ThingShadow(ctx context.Context, thing string) ([]byte, error) {
	return c.ask(ctx, thing)
}

// cache keeps answers in two halves: when the young one is full, it becomes the
// old one, and what was old is forgotten.
type cache struct {
	next    func(context.Context, string) ([]byte, error)
	options CacheOptions

	mutex      sync.Mutex
	young, old map[string]cached
}

type cached struct {
	answer []byte
	err    error
	at     time.Time
}

func newCache(next func(context.Context, string) ([]byte, error), age time.Duration, optFns []func(*CacheOptions)) *cache {
	o := CacheOptions{MaxAge: age, Size: DefaultCacheSize, Now: time.Now}
	for _, fn := range optFns {
		fn(&o)
	}
	return &cache{next: next, options: o, young: map[string]cached{}}
}

func (c *cache) ask(ctx context.Context, thing string) ([]byte, error) {
	if entry, ok := c.known(thing); ok {
		return entry.answer, entry.err
	}
	at := c.options.Now()
	answer, err := c.next(ctx, thing)
	if err == nil || errors.Is(err, iotenant.ErrNotFound) {
		c.keep(thing, cached{answer, err, at})
	}
	return answer, err
}

func (c *cache) known(thing string) (cached, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	entry, ok := c.young[thing]
	if !ok {
		entry, ok = c.old[thing]
	}
	return entry, ok && c.options.Now().Sub(entry.at) < c.options.MaxAge
}

func (c *cache) keep(thing string, entry cached) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if _, known := c.young[thing]; !known && len(c.young) >= max(c.options.Size/2, 1) {
		c.old, c.young = c.young, make(map[string]cached, len(c.young))
	}
	c.young[thing] = entry
}
