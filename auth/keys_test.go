package auth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/authtest"
)

func bigInt(text []byte) *big.Int { return new(big.Int).SetBytes(text) }

func jwks(t testing.TB, keys map[string]*rsa.PublicKey) []byte {
	t.Helper()
	var list []map[string]string
	for kid, key := range keys {
		list = append(list, map[string]string{
			"kty": "RSA", "kid": kid, "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		})
	}
	text, err := json.Marshal(map[string]any{"keys": list})
	require.NoError(t, err)
	return text
}

func TestParseJWKS(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	n := base64.RawURLEncoding.EncodeToString(key.N.Bytes())
	small := base64.RawURLEncoding.EncodeToString(new(big.Int).SetBit(big.NewInt(1), 1023, 1).Bytes())
	huge := base64.RawURLEncoding.EncodeToString(new(big.Int).SetBit(big.NewInt(1), 9000, 1).Bytes())
	even := base64.RawURLEncoding.EncodeToString(new(big.Int).SetBit(new(big.Int), 2047, 1).Bytes())
	usable := fmt.Sprintf(`{"kty":"RSA","kid":"a","use":"sig","alg":"RS256","n":%q,"e":"AQAB"}`, n)
	set, err := auth.ParseJWKS([]byte(`{"keys":[` + usable + `,{"kty":"EC","kid":"b"},{"kty":"RSA","use":"enc"},{"kty":"RSA","alg":"PS256"}]}`))
	require.NoError(t, err)
	require.Equal(t, 1, set.Len())
	require.True(t, set.Has("a") && !set.Has("b") && !set.Has(""))

	for name, text := range map[string]string{
		"no JSON":       `keys`,
		"no keys":       `{}`,
		"no usable key": `{"keys":[{"kty":"EC","kid":"b"}]}`,
		"no kid":        fmt.Sprintf(`{"keys":[{"kty":"RSA","n":%q,"e":"AQAB"}]}`, n),
		"kid twice":     `{"keys":[` + usable + `,` + usable + `]}`,
		"small modulus": fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"a","n":%q,"e":"AQAB"}]}`, small),
		"huge modulus":  fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"a","n":%q,"e":"AQAB"}]}`, huge),
		"even modulus":  fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"a","n":%q,"e":"AQAB"}]}`, even),
		"no base64":     `{"keys":[{"kty":"RSA","kid":"a","n":"*","e":"AQAB"}]}`,
		"exponent 1":    fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"a","n":%q,"e":"AQ"}]}`, n),
		"exponent 2":    fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"a","n":%q,"e":"Ag"}]}`, n),
		"exponent huge": fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"a","n":%q,"e":"AQAAAAAB"}]}`, n),
		"too long":      fmt.Sprintf("%*s", auth.MaxJWKSSize+1, ""),
	} {
		_, err := auth.ParseJWKS([]byte(text))
		require.ErrorIs(t, err, auth.ErrJWKS, name)
		require.ErrorIs(t, err, iotenant.ErrInvalid, name)
	}
}

func FuzzParseJWKS(f *testing.F) {
	f.Add(authtest.NewIssuer(f).JWKS(f))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := auth.ParseJWKS(text)
		if (err == nil) != (set != nil) || err == nil && set.Len() == 0 {
			t.Fatalf("%v, %v", set, err)
		}
	})
}

// jwksServer serves a key set that can change and fail.
type jwksServer struct {
	*httptest.Server
	mu      sync.Mutex
	text    []byte
	status  int
	hold    chan struct{} // if not nil, answers wait for it
	fetches atomic.Int64
}

func newJWKSServer(t *testing.T, text []byte) *jwksServer {
	s := &jwksServer{text: text, status: http.StatusOK}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *jwksServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.fetches.Add(1)
	s.mu.Lock()
	text, status, hold := s.text, s.status, s.hold
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func (s *jwksServer) set(change func(*jwksServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// remote is a verifier whose keys are fetched from a server.
type remote struct {
	server   *jwksServer
	keys     *auth.RemoteKeys
	verifier *auth.Verifier
	clock    *clock
	old, new *authtest.Issuer
}

func newRemote(t *testing.T) *remote {
	t.Helper()
	r := &remote{clock: newClock()}
	named := func(kid string) func(*authtest.IssuerOptions) {
		return func(o *authtest.IssuerOptions) { o.KeyID, o.Now = kid, r.clock.now }
	}
	r.old, r.new = authtest.NewIssuer(t, named("old")), authtest.NewIssuer(t, named("new"))
	r.server = newJWKSServer(t, r.old.JWKS(t))
	keys, err := auth.NewRemoteKeys(r.server.URL, func(o *auth.RemoteKeysOptions) {
		o.Now = r.clock.now
		o.Timeout = 5 * time.Second
	})
	require.NoError(t, err)
	r.keys = keys
	issuer := r.old.Issuer(t)
	issuer.Keys = keys
	r.verifier = newVerifier(t, []auth.Issuer{issuer}, func(o *auth.VerifierOptions) { o.Now = r.clock.now })
	return r
}

func (r *remote) rotate(t *testing.T) {
	t.Helper()
	text := r.new.JWKS(t)
	r.server.set(func(s *jwksServer) { s.text = text })
}

func TestRemoteKeysAreFetchedOnce(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	require.Zero(t, r.server.fetches.Load(), "a constructor does not dial")
	for i := range 5 {
		_, err := r.verifier.Authenticate(t.Context(), r.old.AccessToken(t, acme, fmt.Sprint("user-", i)))
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, r.server.fetches.Load())
}

func TestRotationHealsByItself(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	require.NoError(t, r.keys.Refresh(t.Context()))
	r.rotate(t)
	r.clock.advance(10 * time.Second)
	_, err := r.verifier.Authenticate(t.Context(), r.new.AccessToken(t, acme, "user-1"))
	require.NoError(t, err)
	require.EqualValues(t, 2, r.server.fetches.Load())
}

func TestAttackRemovedKey(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	cached, fresh := r.old.AccessToken(t, acme, "user-1"), r.old.AccessToken(t, acme, "user-2")
	_, err := r.verifier.Authenticate(t.Context(), cached)
	require.NoError(t, err)
	r.rotate(t)
	require.NoError(t, r.keys.Refresh(t.Context()))
	refuseAll(t, r.verifier, []string{cached, fresh})
}

func TestAttackRemovedKeyIsForgottenWithAge(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	token := r.old.AccessToken(t, acme, "user-1")
	_, err := r.verifier.Authenticate(t.Context(), token)
	require.NoError(t, err)
	r.rotate(t)
	r.clock.advance(59 * time.Minute)
	_, err = r.verifier.Authenticate(t.Context(), token)
	require.NoError(t, err)
	r.clock.advance(time.Minute)
	require.Eventually(t, func() bool {
		_, err = r.verifier.Authenticate(t.Context(), token)
		return err != nil
	}, 5*time.Second, time.Millisecond)
	require.ErrorIs(t, err, auth.ErrToken, "nobody asked for another key, yet the old one is gone")
}

func TestAttackReplacedKeyUnderTheSameID(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	token := r.old.AccessToken(t, acme, "user-1")
	_, err := r.verifier.Authenticate(t.Context(), token)
	require.NoError(t, err)
	other := authtest.NewIssuer(t, func(o *authtest.IssuerOptions) { o.KeyID = "old" })
	text := other.JWKS(t)
	r.server.set(func(s *jwksServer) { s.text = text })
	require.NoError(t, r.keys.Refresh(t.Context()))
	refuseAll(t, r.verifier, []string{token})
	_, err = r.verifier.Authenticate(t.Context(), other.AccessToken(t, acme, "user-1"))
	require.NoError(t, err)
}

func TestAttackUnknownKeyStorm(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	require.NoError(t, r.keys.Refresh(t.Context()))
	storm := func() {
		var wait sync.WaitGroup
		for worker := range 8 {
			wait.Go(func() {
				for i := range 10 {
					header := authtest.With(r.old.Header(), "kid", fmt.Sprintf("invented-%d-%d", worker, i))
					_, err := r.verifier.Authenticate(context.Background(), r.old.Sign(t, header, r.old.AccessClaims(acme, "user-1")))
					if err == nil {
						t.Error("a token with an invented kid is taken")
					}
				}
			})
		}
		wait.Wait()
	}
	for round := range int64(3) {
		r.clock.advance(10 * time.Second)
		storm()
		require.Equal(t, 2+round, r.server.fetches.Load(), "at most one fetch in each penalty time")
	}
	_, err := r.verifier.Authenticate(t.Context(), r.old.AccessToken(t, acme, "user-1"))
	require.NoError(t, err)
}

func TestKnownKeysNeverWait(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	require.NoError(t, r.keys.Refresh(t.Context()))
	hold := make(chan struct{})
	r.rotate(t)
	r.server.set(func(s *jwksServer) { s.hold = hold })
	r.clock.advance(2 * time.Hour) // the keys are old as well
	waiting := make(chan error, 1)
	stranger := r.new.AccessToken(t, acme, "user-1")
	go func() {
		_, err := r.verifier.Authenticate(context.Background(), stranger)
		waiting <- err
	}()
	require.Eventually(t, func() bool { return r.server.fetches.Load() == 2 }, 5*time.Second, time.Millisecond)
	for i := range 3 {
		_, err := r.verifier.Authenticate(t.Context(), r.old.AccessToken(t, acme, fmt.Sprint("user-", i)))
		require.NoError(t, err)
	}
	require.Empty(t, waiting)
	close(hold)
	require.NoError(t, <-waiting)
}

func TestWaitersHonourTheirContext(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	hold := make(chan struct{})
	r.server.set(func(s *jwksServer) { s.hold = hold })
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	token := r.old.AccessToken(t, acme, "user-1")
	go func() {
		_, err := r.verifier.Authenticate(ctx, token)
		gone <- err
	}()
	require.Eventually(t, func() bool { return r.server.fetches.Load() == 1 }, 5*time.Second, time.Millisecond)
	stays := make(chan error, 1)
	go func() {
		_, err := r.verifier.Authenticate(context.Background(), token)
		stays <- err
	}()
	cancel()
	err := <-gone
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, auth.ErrKeys)
	close(hold)
	require.NoError(t, <-stays, "who gave up must not spoil the fetch for others")
	require.EqualValues(t, 1, r.server.fetches.Load())
}

func TestFailedFetches(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	good := r.old.AccessToken(t, acme, "user-1")
	for _, broken := range []func(*jwksServer){
		func(s *jwksServer) { s.status = http.StatusInternalServerError },
		func(s *jwksServer) { s.status, s.text = http.StatusOK, []byte(`{"keys":[]}`) },
		func(s *jwksServer) { s.text = []byte(`<html>`) },
		func(s *jwksServer) { s.text = make([]byte, auth.MaxJWKSSize+1) },
		func(s *jwksServer) { s.status = http.StatusFound },
	} {
		r.server.set(broken)
		r.clock.advance(time.Second)
		_, err := r.verifier.Authenticate(t.Context(), good)
		require.ErrorIs(t, err, auth.ErrKeys)
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.NotErrorIs(t, err, iotenant.ErrInvalid)
	}
	text := r.old.JWKS(t)
	r.server.set(func(s *jwksServer) { s.status, s.text = http.StatusOK, text })
	r.clock.advance(time.Second)
	_, err := r.verifier.Authenticate(t.Context(), good)
	require.NoError(t, err)

	// From now on failures leave what is known, however many there are.
	r.server.set(func(s *jwksServer) { s.status = http.StatusServiceUnavailable })
	for range 12 {
		require.ErrorIs(t, r.keys.Refresh(t.Context()), auth.ErrKeys)
	}
	_, err = r.verifier.Authenticate(t.Context(), r.old.AccessToken(t, acme, "user-2"))
	require.NoError(t, err)
	_, err = r.verifier.Authenticate(t.Context(), r.new.AccessToken(t, acme, "user-1"))
	require.ErrorIs(t, err, auth.ErrKeys, "it may be a new key: who knows")
	r.rotate(t)
	r.server.set(func(s *jwksServer) { s.status = http.StatusOK })
	r.clock.advance(10 * time.Second)
	_, err = r.verifier.Authenticate(t.Context(), r.new.AccessToken(t, acme, "user-1"))
	require.NoError(t, err)
}

func TestUnchangedKeysKeepTheCache(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	require.NoError(t, r.keys.Refresh(t.Context()))
	before, err := r.keys.Keys(t.Context(), "old")
	require.NoError(t, err)
	require.NoError(t, r.keys.Refresh(t.Context()))
	after, err := r.keys.Keys(t.Context(), "old")
	require.NoError(t, err)
	require.Same(t, before, after)
}

func TestFetchTimesOutAndLeavesNoGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys, err := auth.NewRemoteKeys("https://issuer.example/jwks.json", func(o *auth.RemoteKeysOptions) {
			o.Client = &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})}
		})
		require.NoError(t, err)
		start := time.Now()
		_, err = keys.Keys(t.Context(), "kid")
		require.ErrorIs(t, err, auth.ErrKeys)
		require.Equal(t, 5*time.Second, time.Since(start))
	}) // Test fails if a goroutine is left
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNewRemoteKeysRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "jwks.json", "http://example.com/jwks.json", "ftp://localhost/x", "file:///etc/passwd", "https://", "http://127.0.0.1.example.com/", "://"} {
		_, err := auth.NewRemoteKeys(address)
		require.ErrorIs(t, err, auth.ErrConfig, address)
	}
	_, err := auth.NewRemoteKeys("https://example.com/", func(o *auth.RemoteKeysOptions) { o.Penalty = 0 })
	require.ErrorIs(t, err, auth.ErrConfig)
}

func TestRemoteKeysAreConcurrent(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 15 {
				_ = r.keys.Refresh(context.Background())
				_, _ = r.keys.Keys(context.Background(), "old")
				_, _ = r.keys.Keys(context.Background(), "nothing")
				r.clock.advance(time.Second)
			}
		})
	}
	wait.Wait()
	_, err := r.verifier.Authenticate(t.Context(), r.old.AccessToken(t, acme, "user-1"))
	require.NoError(t, err)
}
