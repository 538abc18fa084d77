package auth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// RemoteKeysOptions are the options of [NewRemoteKeys].
type RemoteKeysOptions struct {
	// Client fetches. Its redirects are not followed. Default a client of
	// its own.
	Client *http.Client
	// Timeout limits one fetch. Default 5 s.
	Timeout time.Duration
	// RefreshAge is the age at which keys are fetched anew, while those at
	// hand go on serving. It is how long a key that the issuer removed may
	// still be trusted. Default 1 h.
	RefreshAge time.Duration
	// Penalty is the least time between two fetches, whoever asks: tokens
	// with invented key ids can't make the issuer receive more. While there
	// are no keys at all it is at most 1 s. Default 10 s.
	Penalty time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of failed fetches and of changed keys. Default silent.
	Logger *slog.Logger
}

// coldPenalty limits the penalty while there are no keys.
const coldPenalty = time.Second

// RemoteKeys is a [KeySource] that fetches a key set by HTTP, from one URL of
// the configuration.
//
// It fetches when a key is asked for that it does not know, and when its keys
// are RefreshAge old. At most one fetch is under way, and one begins at most
// every Penalty. Keys that a fetched set lacks are forgotten at once; a failed
// fetch leaves the old ones. Whoever asks for a known key never waits.
//
// No goroutine stands by: one runs while a fetch is under way, and ends with
// it, so that a caller who gives up harms none of those who wait for the same
// fetch.
type RemoteKeys struct {
	url     string
	options RemoteKeysOptions
	client  http.Client

	mu      sync.RWMutex
	keys    *KeySet
	fetched time.Time
	next    time.Time // no fetch begins before
	flight  *flight   // the fetch under way, or nil
	failure error     // of the last fetch
}

// flight is a fetch under way. err is set before done is closed.
type flight struct {
	done chan struct{}
	err  error
}

var _ KeySource = (*RemoteKeys)(nil)

// NewRemoteKeys returns the keys found at address: an https URL, or an http
// one of a loopback host. It does not fetch. The error is [ErrConfig].
func NewRemoteKeys(address string, optFns ...func(*RemoteKeysOptions)) (*RemoteKeys, error) {
	if err := checkKeysURL(address); err != nil {
		return nil, err
	}
	options := RemoteKeysOptions{
		Client:     &http.Client{},
		Timeout:    5 * time.Second,
		RefreshAge: time.Hour,
		Penalty:    10 * time.Second,
		Now:        time.Now,
		Logger:     slog.New(slog.DiscardHandler),
	}
	for _, fn := range optFns {
		fn(&options)
	}
	if options.Timeout <= 0 || options.RefreshAge <= 0 || options.Penalty <= 0 {
		return nil, fmt.Errorf("%w: Timeout, RefreshAge and Penalty must be positive", ErrConfig)
	}
	client := *options.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &RemoteKeys{url: address, options: options, client: client}, nil
}

func checkKeysURL(address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%w: key set URL: %w", ErrConfig, err)
	}
	host := parsed.Hostname()
	loopback := host == "localhost" || host == "127.0.0.1" || host == "::1"
	if host == "" || parsed.Scheme != "https" && (parsed.Scheme != "http" || !loopback) {
		return fmt.Errorf("%w: key set URL %q: want https, or http of a loopback host", ErrConfig, address)
	}
	return nil
}

// Keys implements [KeySource].
func (r *RemoteKeys) Keys(ctx context.Context, kid string) (*KeySet, error) {
	now := r.options.Now()
	r.mu.RLock()
	keys, due := r.keys, !now.Before(r.fetched.Add(r.options.RefreshAge)) && !now.Before(r.next)
	r.mu.RUnlock()
	if keys == nil || !keys.Has(kid) {
		return r.await(ctx, kid, r.begin(ctx, now, false))
	}
	if due {
		r.begin(ctx, now, false)
	}
	return keys, nil
}

// Refresh fetches now, whatever the age of the keys and the penalty, or waits
// for the fetch under way. Use it to have the keys before the first request.
// A failed one leaves the keys at hand. The error is [ErrKeys].
func (r *RemoteKeys) Refresh(ctx context.Context) error {
	return r.begin(ctx, r.options.Now(), true).wait(ctx)
}

// begin starts a fetch, or returns the one under way, or nil in the penalty
// time.
func (r *RemoteKeys) begin(ctx context.Context, now time.Time, force bool) *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flight != nil {
		return r.flight
	}
	if now.Before(r.next) && !force {
		return nil
	}
	penalty := r.options.Penalty
	if r.keys == nil {
		penalty = min(penalty, coldPenalty)
	}
	r.next = now.Add(penalty)
	r.flight = &flight{done: make(chan struct{})}
	go r.fly(context.WithoutCancel(ctx), r.flight)
	return r.flight
}

func (r *RemoteKeys) fly(ctx context.Context, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	keys, err := r.fetch(ctx)
	r.land(f, keys, err)
	if err != nil {
		r.options.Logger.WarnContext(ctx, "auth: key set not fetched", "url", r.url, "error", err)
	}
}

func (r *RemoteKeys) land(f *flight, keys *KeySet, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flight, r.failure, f.err = nil, err, err
	if err == nil {
		r.fetched = r.options.Now()
		if r.keys == nil || !keys.Equal(r.keys) {
			r.keys = keys
			r.options.Logger.Info("auth: key set changed", "url", r.url, "keys", keys.Len())
		}
	}
	close(f.done)
}

func (r *RemoteKeys) fetch(ctx context.Context) (*KeySet, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	request.Header.Set("Accept", "application/json")
	request.Close = true // the next fetch is far away: keep no connection
	response, err := r.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: GET %s: %s", ErrKeys, r.url, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxJWKSSize+1))
	if err != nil {
		return nil, fmt.Errorf("%w: GET %s: %w", ErrKeys, r.url, err)
	}
	keys, err := ParseJWKS(text)
	if err != nil {
		// Not %w: what an issuer answers is not the caller's mistake.
		return nil, fmt.Errorf("%w: GET %s: %v", ErrKeys, r.url, err) //nolint:errorlint // see above
	}
	return keys, nil
}

// await answers who asked for an unknown key, after the fetch if there is one.
func (r *RemoteKeys) await(ctx context.Context, kid string, f *flight) (*KeySet, error) {
	if f != nil {
		if err := f.wait(ctx); ctx.Err() != nil {
			return nil, err
		}
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.keys != nil && (r.failure == nil || r.keys.Has(kid)) {
		return r.keys, nil
	}
	return nil, r.failure
}

func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrKeys, context.Cause(ctx))
	}
}
