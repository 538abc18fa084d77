package memauth_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/authtest"
	"github.com/iotenant/iotenant/auth/memauth"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

const password = "correct horse battery"

var acme = tenant.MustParseID("acme")

// bundle is a provider with all that it stands on.
type bundle struct {
	*memauth.Provider
	repositories memauth.Repositories
	directory    *tenant.Directory
	clock        *clock
	mailbox      *mailbox
	logs         *bytes.Buffer
	verifier     *auth.Verifier
}

func setup(t *testing.T, optFns ...func(*memauth.Options)) *bundle {
	t.Helper()
	b := &bundle{clock: newClock(), mailbox: &mailbox{}, logs: new(bytes.Buffer)}
	store := memtenant.New(tenant.RandomCursorKeys(), func(o *memtenant.Options) { o.Now = b.clock.now })
	b.directory = tenant.NewDirectory(memtenant.NewRepository(store, &tenant.TenantSchema), func(o *tenant.DirectoryOptions) {
		o.Now = b.clock.now
	})
	for _, id := range []string{"acme", "acme-b"} {
		_, err := b.directory.Create(t.Context(), tenant.MustParseID(id), id)
		require.NoError(t, err)
	}
	b.repositories = memauth.Repositories{
		Users:    memtenant.NewRepository(store, &memauth.UserSchema),
		Sessions: memtenant.NewRepository(store, &memauth.SessionSchema),
		Attempts: memtenant.NewRepository(store, &memauth.AttemptSchema),
		Keys:     memtenant.NewRepository(store, &memauth.KeySchema),
	}
	storeKey(t, b, optFns...)
	b.Provider = b.newProvider(optFns...)
	verifier, err := auth.NewVerifier([]auth.Issuer{b.Provider.Issuer()}, func(o *auth.VerifierOptions) { o.Now = b.clock.now })
	require.NoError(t, err)
	b.verifier = verifier
	return b
}

// testKey saves each test the making of an RSA key.
var testKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return encoded
})

func storeKey(t *testing.T, b *bundle, optFns ...func(*memauth.Options)) {
	t.Helper()
	options := memauth.Options{TokenTTL: time.Hour, KeyTTL: 30 * 24 * time.Hour}
	for _, fn := range optFns {
		fn(&options)
	}
	until := b.clock.now().Add(options.KeyTTL)
	_, err := b.repositories.Keys.Put(t.Context(), tenant.Platform(), memauth.SigningKey{
		Sequence: 1, ID: "key-1", Private: testKey(), CreatedAt: b.clock.now(),
		SignsUntil: until, Expires: until.Add(options.TokenTTL + 5*time.Minute),
	}, tenant.IfAbsent())
	require.NoError(t, err)
}

// newProvider is what a second process would have.
func (b *bundle) newProvider(optFns ...func(*memauth.Options)) *memauth.Provider {
	return memauth.New(b.repositories, b.directory, append([]func(*memauth.Options){func(o *memauth.Options) {
		o.Hashing = memauth.Argon2{MemoryKiB: 8, Passes: 1, Lanes: 1}
		o.Sender = b.mailbox
		o.Now = b.clock.now
		o.Logger = slog.New(slog.NewTextHandler(b.logs, nil))
	}}, optFns...)...)
}

func (b *bundle) createUser(t *testing.T, username string) auth.Profile {
	t.Helper()
	profile, err := b.AdminCreateUser(t.Context(), memauth.NewUser{
		Username: username, Password: password, Email: username + "@example.com", Tenant: acme, Groups: []string{"admins"},
	})
	require.NoError(t, err)
	return profile
}

func (b *bundle) login(t *testing.T, username, password string) auth.Tokens {
	t.Helper()
	tokens, err := b.Login(t.Context(), auth.Credentials{Username: username, Password: password})
	require.NoError(t, err)
	return tokens
}

// mailbox keeps what was sent last to each user.
type mailbox struct {
	mu   sync.Mutex
	last map[string]memauth.Message
	sent int
	fail error
}

func (m *mailbox) Send(_ context.Context, message memauth.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	if m.last == nil {
		m.last = map[string]memauth.Message{}
	}
	m.last[message.Username] = message
	m.sent++
	return nil
}

func (m *mailbox) code(username string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last[strings.ToLower(username)].Code
}

type clock struct {
	mu   sync.Mutex
	time time.Time
}

func newClock() *clock { return &clock{time: time.Now().Truncate(time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	authtest.TestIdentity(t, func(t *testing.T) authtest.System {
		b := setup(t, func(o *memauth.Options) { o.Logger = slog.New(slog.DiscardHandler) })
		return authtest.System{
			Identity: b.Provider,
			Verifier: b.verifier,
			Code:     func(_ *testing.T, username string) string { return b.mailbox.code(username) },
			Assign: func(ctx context.Context, username string, id tenant.ID) error {
				_, err := b.AssignTenant(ctx, username, id)
				return err
			},
			Suspend: func(ctx context.Context, id tenant.ID) error {
				_, err := b.directory.Suspend(ctx, id, "test")
				return err
			},
		}
	})
}

func TestNewRefusesBadOptions(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*memauth.Options){
		"issuer":   func(o *memauth.Options) { o.Issuer = "" },
		"client":   func(o *memauth.Options) { o.ClientID = "" },
		"ttl":      func(o *memauth.Options) { o.TokenTTL = 0 },
		"memory":   func(o *memauth.Options) { o.Hashing.MemoryKiB = 1 },
		"lanes":    func(o *memauth.Options) { o.Hashing.Lanes = 0 },
		"attempts": func(o *memauth.Options) { o.FreeAttempts = 0 },
	} {
		require.Panics(t, func() { memauth.New(memauth.Repositories{}, nil, change) }, name)
	}
}

func TestTokensHaveCognitosClaims(t *testing.T) {
	t.Parallel()
	b := setup(t)
	profile := b.createUser(t, "ann")
	tokens := b.login(t, "ann", password)
	now := float64(b.clock.now().Unix())

	access := claimsOf(t, tokens.AccessToken)
	for _, name := range []string{"origin_jti", "event_id", "jti"} {
		require.Len(t, access[name], 36, name)
		delete(access, name)
	}
	require.Equal(t, map[string]any{
		"sub": profile.Subject, "cognito:groups": []any{"admins"}, "iss": "http://localhost:8080", "client_id": "local",
		"token_use": "access", "scope": "aws.cognito.signin.user.admin", "auth_time": now, "iat": now, "exp": now + 3600,
		"version": 2.0, "username": "ann", "custom:tenant_id": "acme",
	}, access)

	id := claimsOf(t, tokens.IDToken)
	for _, name := range []string{"origin_jti", "event_id", "jti"} {
		delete(id, name)
	}
	require.Equal(t, map[string]any{
		"sub": profile.Subject, "cognito:groups": []any{"admins"}, "iss": "http://localhost:8080", "aud": "local",
		"token_use": "id", "auth_time": now, "iat": now, "exp": now + 3600, "cognito:username": "ann",
		"email": "ann@example.com", "email_verified": true, "custom:tenant_id": "acme",
	}, id)
}

func claimsOf(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(payload, &claims))
	return claims
}

func TestRefreshKeepsTheLoginTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	first := b.login(t, "ann", password)
	b.clock.advance(10 * time.Minute)
	second, err := b.Refresh(t.Context(), first.RefreshToken)
	require.NoError(t, err)
	require.Equal(t, claimsOf(t, first.AccessToken)["auth_time"], claimsOf(t, second.AccessToken)["auth_time"])
	require.Equal(t, claimsOf(t, first.AccessToken)["origin_jti"], claimsOf(t, second.AccessToken)["origin_jti"])
	require.NotEqual(t, claimsOf(t, first.AccessToken)["jti"], claimsOf(t, second.AccessToken)["jti"])

	b.clock.advance(31 * 24 * time.Hour)
	_, err = b.Refresh(t.Context(), second.RefreshToken)
	require.ErrorIs(t, err, auth.ErrRefresh, "a session ends after SessionTTL, refreshed or not")
}

func TestAttackGuessedRefreshTokenDoesNotEndTheSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	tokens := b.login(t, "ann", password)
	session, _, _ := strings.Cut(tokens.RefreshToken, ".")
	_, err := b.Refresh(t.Context(), session+".guess.guess")
	require.ErrorIs(t, err, auth.ErrRefresh)
	_, err = b.Refresh(t.Context(), tokens.RefreshToken)
	require.NoError(t, err, "who only knows the session's id must not be able to end it")
}

func TestAttackSuspendedTenantSessionsStayEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	b.createUser(t, "bob")
	tried, untried := b.login(t, "ann", password), b.login(t, "bob", password)
	b.directory.OnSuspend(func(id tenant.ID) { require.NoError(t, b.EndSessions(t.Context(), id)) })
	_, err := b.directory.Suspend(t.Context(), acme, "unpaid")
	require.NoError(t, err)
	_, err = b.Refresh(t.Context(), tried.RefreshToken)
	require.ErrorIs(t, err, iotenant.ErrDenied)
	_, err = b.directory.Resume(t.Context(), acme)
	require.NoError(t, err)
	for _, tokens := range []auth.Tokens{tried, untried} {
		_, err = b.Refresh(t.Context(), tokens.RefreshToken)
		require.ErrorIs(t, err, auth.ErrRefresh)
	}
	b.login(t, "ann", password)
}

func TestAttackReassignedUserLosesTheOldTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	profile := b.createUser(t, "ann")
	tokens := b.login(t, "ann", password)
	other := tenant.MustParseID("acme-b")
	moved, err := b.AssignTenant(t.Context(), "Ann", other, "viewers")
	require.NoError(t, err)
	require.Equal(t, []string{"viewers"}, moved.Groups)
	_, err = b.Refresh(t.Context(), tokens.RefreshToken)
	require.ErrorIs(t, err, auth.ErrRefresh)
	_, err = b.Profile(t.Context(), acme, profile.Subject)
	require.ErrorIs(t, err, auth.ErrUserNotFound)
	principal, err := b.verifier.Authenticate(t.Context(), b.login(t, "ann", password).AccessToken)
	require.NoError(t, err)
	require.Equal(t, other, principal.Tenant)
	require.False(t, principal.InGroup("admins"))
}

func TestAttackPlatformIsNoUsersTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []tenant.ID{tenant.Platform(), {}} {
		_, err := b.AdminCreateUser(t.Context(), memauth.NewUser{Username: "eve", Password: password, Email: "e@example.com", Tenant: id})
		require.ErrorIs(t, err, tenant.ErrID)
		b.createUser(t, "ann-"+fmt.Sprint(id.IsZero()))
		_, err = b.AssignTenant(t.Context(), "ann-"+fmt.Sprint(id.IsZero()), id)
		require.ErrorIs(t, err, tenant.ErrID)
	}
}

func TestTemporaryPassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.AdminCreateUser(t.Context(), memauth.NewUser{
		Username: "ann", Password: password, Email: "ann@example.com", Tenant: acme, Temporary: true,
	})
	require.NoError(t, err)
	login := func(password, renewed string) error {
		_, err := b.Login(t.Context(), auth.Credentials{Username: "ann", Password: password, NewPassword: renewed})
		return err
	}
	require.ErrorIs(t, login(password, ""), auth.ErrNewPassword)
	require.ErrorIs(t, login(password, password), auth.ErrNewPassword)
	require.ErrorIs(t, login(password, "short"), auth.ErrPassword)
	require.ErrorIs(t, login("wrong", "another fine secret"), auth.ErrCredentials)
	require.NoError(t, login(password, "another fine secret"))
	require.ErrorIs(t, login(password, ""), auth.ErrCredentials)
	require.NoError(t, login("another fine secret", "ignored otherwise"))
	require.NoError(t, login("another fine secret", ""))
}

func TestForgottenPassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	tokens := b.login(t, "ann", password)
	require.NoError(t, b.ForgotPassword(t.Context(), "nobody"))
	require.NoError(t, b.ForgotPassword(t.Context(), "\x00"))
	require.Zero(t, b.mailbox.sent)
	require.NoError(t, b.ForgotPassword(t.Context(), "ann"))
	code := b.mailbox.code("ann")

	require.ErrorIs(t, b.Confirm(t.Context(), "ann", code), auth.ErrCode, "a code is for one purpose")
	require.ErrorIs(t, b.ResetPassword(t.Context(), "ann", code, "short"), auth.ErrPassword)
	require.ErrorIs(t, b.ResetPassword(t.Context(), "nobody", code, "another fine secret"), auth.ErrCode)
	require.NoError(t, b.ResetPassword(t.Context(), "ann", code, "another fine secret"))
	require.ErrorIs(t, b.ResetPassword(t.Context(), "ann", code, "a third fine secret"), auth.ErrCode)
	_, err := b.Refresh(t.Context(), tokens.RefreshToken)
	require.ErrorIs(t, err, auth.ErrRefresh, "whoever knew the old password is out")
	b.login(t, "ann", "another fine secret")
}

func TestCodesExpireAndAreReplaced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.SignUp(t.Context(), auth.SignUp{Username: "ann", Password: password, Email: "ann@example.com"})
	require.NoError(t, err)
	old := b.mailbox.code("ann")
	b.clock.advance(15 * time.Minute)
	require.ErrorIs(t, b.Confirm(t.Context(), "ann", old), auth.ErrCode)
	require.NoError(t, b.ResendCode(t.Context(), "ann"))
	require.NoError(t, b.Confirm(t.Context(), "ann", b.mailbox.code("ann")))

	sent := b.mailbox.sent
	require.NoError(t, b.ResendCode(t.Context(), "ann"), "says nothing of a confirmed user")
	require.NoError(t, b.ForgotPassword(t.Context(), "ann"))
	require.Equal(t, sent+1, b.mailbox.sent)
	for err = nil; err == nil; err = b.ForgotPassword(t.Context(), "ann") {
		require.Less(t, b.mailbox.sent, sent+10, "a mailbox can be flooded")
	}
	require.ErrorIs(t, err, auth.ErrTooManyAttempts)
}

func TestSignUpIsForgottenUnlessConfirmed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request := auth.SignUp{Username: "ann", Password: password, Email: "ann@example.com"}
	_, err := b.SignUp(t.Context(), request)
	require.NoError(t, err)
	b.clock.advance(24 * time.Hour)
	_, err = b.SignUp(t.Context(), request)
	require.NoError(t, err, "the name is free again")
	require.NoError(t, b.Confirm(t.Context(), "ann", b.mailbox.code("ann")))
	b.clock.advance(48 * time.Hour)
	_, err = b.SignUp(t.Context(), request)
	require.ErrorIs(t, err, auth.ErrUserExists)
}

func TestSenderFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mailbox.fail = errors.New("mail server down")
	_, err := b.SignUp(t.Context(), auth.SignUp{Username: "ann", Password: password, Email: "ann@example.com"})
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	b.mailbox.fail = nil
	require.NoError(t, b.ResendCode(t.Context(), "ann"))
	require.NoError(t, b.Confirm(t.Context(), "ann", b.mailbox.code("ann")))

	silent := b.newProvider(func(o *memauth.Options) { o.Sender = nil })
	_, err = silent.SignUp(t.Context(), auth.SignUp{Username: "bob", Password: password, Email: "bob@example.com"})
	require.ErrorIs(t, err, iotenant.ErrUnsupported)
	require.ErrorIs(t, silent.ForgotPassword(t.Context(), "ann"), iotenant.ErrUnsupported)
}

func TestAttackUsernamesThatDifferInCaseOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"risk", "straße", "σας", "Ünal"} {
		b.createUser(t, name)
	}
	for _, name := range []string{"RISK", "Ri\u017fk", "ris\u212a", "STRAßE", "stra\u1e9ee", "ΣΑΣ", "σασ", "ünal"} {
		_, err := b.SignUp(t.Context(), auth.SignUp{Username: name, Password: password, Email: "e@example.com"})
		require.ErrorIs(t, err, auth.ErrUserExists, name)
		_, err = b.Login(t.Context(), auth.Credentials{Username: name, Password: password})
		require.NoError(t, err, name)
	}
}

func TestAttackReusedRefreshToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	stolen := b.login(t, "ann", password).RefreshToken
	owner, err := b.Refresh(t.Context(), stolen)
	require.NoError(t, err)
	restarted := b.newProvider()
	_, err = restarted.Refresh(t.Context(), stolen)
	require.ErrorIs(t, err, auth.ErrRefresh, "used already, before a restart")
	_, err = restarted.Refresh(t.Context(), owner.RefreshToken)
	require.ErrorIs(t, err, auth.ErrRefresh, "one of the two was a thief's: the session is over")
}

func TestAttackGuessedCode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.SignUp(t.Context(), auth.SignUp{Username: "ann", Password: password, Email: "ann@example.com"})
	require.NoError(t, err)
	for _, guess := range []string{"", "0", "000000000000", "\x00", "wrong!"} {
		require.ErrorIs(t, b.Confirm(t.Context(), "ann", guess), auth.ErrCode)
	}
	require.ErrorIs(t, b.Confirm(t.Context(), "ann", b.mailbox.code("ann")), auth.ErrTooManyAttempts, "guesses are counted")
	b.clock.advance(time.Second)
	require.NoError(t, b.Confirm(t.Context(), "ann", b.mailbox.code("ann")))
}

func TestAttackUserOfAnotherTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann := b.createUser(t, "ann")
	other := tenant.MustParseID("acme-b")
	_, err := b.Profile(t.Context(), other, ann.Subject)
	require.ErrorIs(t, err, auth.ErrUserNotFound)
	name := "renamed"
	_, err = b.UpdateProfile(t.Context(), other, ann.Subject, auth.ProfileChange{Name: &name})
	require.ErrorIs(t, err, auth.ErrUserNotFound)
	require.ErrorIs(t, b.SignOut(t.Context(), other, ann.Subject), auth.ErrUserNotFound)
}

func TestBackOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	try := func(password string) error {
		_, err := b.Login(t.Context(), auth.Credentials{Username: "ann", Password: password})
		return err
	}
	for range 5 {
		require.ErrorIs(t, try("wrong"), auth.ErrCredentials)
	}
	require.ErrorIs(t, try(password), auth.ErrTooManyAttempts, "the right password waits too")
	for wait := time.Second; wait < 15*time.Minute; wait *= 2 {
		b.clock.advance(wait - time.Millisecond)
		require.ErrorIs(t, try("wrong"), auth.ErrTooManyAttempts)
		b.clock.advance(time.Millisecond)
		require.ErrorIs(t, try("wrong"), auth.ErrCredentials)
	}
	b.clock.advance(15 * time.Minute)
	require.NoError(t, try(password))
	require.ErrorIs(t, try("wrong"), auth.ErrCredentials)
	require.NoError(t, try(password), "a success forgets the failures")
}

func TestAttackParallelGuesses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	var wait sync.WaitGroup
	var mu sync.Mutex
	judged := 0
	for range 40 {
		wait.Go(func() {
			_, err := b.Login(t.Context(), auth.Credentials{Username: "ann", Password: "wrong"})
			if errors.Is(err, auth.ErrCredentials) {
				mu.Lock()
				judged++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	require.LessOrEqual(t, judged, 5, "guesses at the same time are more than in a row")
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	old := b.login(t, "ann", password)
	_, err := b.verifier.Authenticate(t.Context(), old.AccessToken)
	require.NoError(t, err)
	require.NoError(t, b.RotateKeys(t.Context()))
	renewed := b.login(t, "ann", password)
	require.NotEqual(t, keyID(t, old), keyID(t, renewed))
	for _, tokens := range []auth.Tokens{old, renewed} {
		_, err = b.verifier.Authenticate(t.Context(), tokens.AccessToken)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"key-1", keyID(t, renewed)}, published(t, b.Provider))

	// Another process learns of the new key from the store.
	verifier, err := auth.NewVerifier([]auth.Issuer{b.newProvider().Issuer()}, func(o *auth.VerifierOptions) { o.Now = b.clock.now })
	require.NoError(t, err)
	_, err = verifier.Authenticate(t.Context(), renewed.AccessToken)
	require.NoError(t, err)
}

func TestKeysRotateWithTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	b.clock.advance(30*24*time.Hour - time.Second)
	last := b.login(t, "ann", password)
	require.Equal(t, "key-1", keyID(t, last))
	b.clock.advance(time.Second)
	renewed := b.login(t, "ann", password)
	require.NotEqual(t, "key-1", keyID(t, renewed))
	b.clock.advance(time.Hour - 2*time.Second)
	_, err := b.verifier.Authenticate(t.Context(), last.AccessToken)
	require.NoError(t, err, "the last token of the old key is valid to its end")
	b.clock.advance(10 * time.Minute)
	require.Equal(t, []string{keyID(t, renewed)}, published(t, b.Provider))
}

func TestKeysOutliveTokensThatBecameLonger(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	require.Equal(t, "key-1", keyID(t, b.login(t, "ann", password)))
	b.clock.advance(30*24*time.Hour - time.Minute)
	restarted := b.newProvider(func(o *memauth.Options) { o.TokenTTL = 24 * time.Hour })
	tokens, err := restarted.Login(t.Context(), auth.Credentials{Username: "ann", Password: password})
	require.NoError(t, err)
	b.clock.advance(24*time.Hour - time.Minute)
	_, err = b.verifier.Authenticate(t.Context(), tokens.AccessToken)
	require.NoError(t, err, "the key is gone before its last token")
}

func TestAttackRemovedKeyStopsVerifying(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	tokens := b.login(t, "ann", password)
	_, err := b.verifier.Authenticate(t.Context(), tokens.AccessToken)
	require.NoError(t, err)
	require.NoError(t, b.RotateKeys(t.Context()))
	page, err := b.repositories.Keys.Query(t.Context(), tenant.Platform(), tenant.Query{})
	require.NoError(t, err)
	require.NoError(t, b.repositories.Keys.Delete(t.Context(), tenant.Platform(),
		memauth.KeySchema.Key(&page.Items[0].Value), tenant.Always()))
	b.clock.advance(time.Minute)
	_, err = b.verifier.Authenticate(t.Context(), tokens.AccessToken)
	require.ErrorIs(t, err, auth.ErrToken, "also if the token is in the cache")
}

func TestKeysAreMadeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	b.clock.advance(31 * 24 * time.Hour) // the only key is gone
	var wait sync.WaitGroup
	for range 3 {
		other := b.newProvider(func(o *memauth.Options) { o.Logger = slog.New(slog.DiscardHandler) })
		wait.Go(func() {
			_, err := other.Login(t.Context(), auth.Credentials{Username: "ann", Password: password})
			require.NoError(t, err)
		})
	}
	wait.Wait()
	require.Len(t, published(t, b.Provider), 1)
}

func keyID(t *testing.T, tokens auth.Tokens) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(tokens.AccessToken, ".")[0])
	require.NoError(t, err)
	var header struct{ Kid, Alg string }
	require.NoError(t, json.Unmarshal(text, &header))
	require.Equal(t, "RS256", header.Alg)
	return header.Kid
}

func published(t *testing.T, p *memauth.Provider) (kids []string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	p.JWKS().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil))
	require.Equal(t, http.StatusOK, recorder.Code)
	_, err := auth.ParseJWKS(recorder.Body.Bytes())
	require.NoError(t, err)
	var document struct{ Keys []map[string]string }
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &document))
	for _, key := range document.Keys {
		require.NotContains(t, key, "d", "a private key is published")
		kids = append(kids, key["kid"])
	}
	return kids
}

func TestVerificationOverHTTP(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	server := httptest.NewServer(b.JWKS())
	defer server.Close()
	keys, err := auth.NewRemoteKeys(server.URL)
	require.NoError(t, err)
	issuer := b.Provider.Issuer()
	issuer.Keys = keys
	verifier, err := auth.NewVerifier([]auth.Issuer{issuer})
	require.NoError(t, err)
	principal, err := verifier.Authenticate(t.Context(), b.login(t, "ann", password).AccessToken)
	require.NoError(t, err)
	require.Equal(t, acme, principal.Tenant)
	require.Equal(t, []string{"admins"}, principal.Groups)
}

func TestHashesFollowTheCost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	dearer := b.newProvider(func(o *memauth.Options) { o.Hashing = memauth.Argon2{MemoryKiB: 16, Passes: 2, Lanes: 1} })
	_, err := dearer.Login(t.Context(), auth.Credentials{Username: "ann", Password: password})
	require.NoError(t, err)
	item, err := b.repositories.Users.Get(t.Context(), tenant.Platform(), tenant.NewKey("ann"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(item.Value.PasswordHash, "$argon2id$v=19$m=16,t=2,p=1$"), item.Value.PasswordHash)
	b.login(t, "ann", password)
}

// interrupted is a repository of users in which something else happens just
// before the first write.
type interrupted struct {
	tenant.Repository[memauth.User]
	first sync.Once
	by    func()
}

func (r *interrupted) Put(ctx context.Context, id tenant.ID, user memauth.User, cond tenant.Condition) (tenant.Version, error) {
	r.first.Do(r.by)
	return r.Repository.Put(ctx, id, user, cond)
}

func TestLoginsAtTheSameTimeHashAnew(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile func(*bundle)
		want      error
	}{
		"hashed by another login": {func(b *bundle) { b.login(t, "ann", password) }, nil},
		"password replaced": {func(b *bundle) {
			require.NoError(t, b.ForgotPassword(t.Context(), "ann"))
			require.NoError(t, b.ResetPassword(t.Context(), "ann", b.mailbox.code("ann"), "another fine secret"))
		}, auth.ErrCredentials},
	} {
		b := setup(t)
		b.createUser(t, "ann")
		dearer := func(o *memauth.Options) { o.Hashing = memauth.Argon2{MemoryKiB: 16, Passes: 2, Lanes: 1} }
		b.Provider = b.newProvider(dearer)
		users := b.repositories.Users
		b.repositories.Users = &interrupted{Repository: users, by: func() { test.meanwhile(b) }}
		late := b.newProvider(dearer)
		_, err := late.Login(t.Context(), auth.Credentials{Username: "ann", Password: password})
		require.ErrorIs(t, err, test.want, name)
	}
}

func TestAttackSecretsAreNotLoggedNorStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret := []string{password}
	_, err := b.SignUp(t.Context(), auth.SignUp{Username: "ann", Password: password, Email: "ann@example.com"})
	require.NoError(t, err)
	secret = append(secret, b.mailbox.code("ann"))
	require.NoError(t, b.Confirm(t.Context(), "ann", b.mailbox.code("ann")))
	_, err = b.AssignTenant(t.Context(), "ann", acme)
	require.NoError(t, err)
	tokens := b.login(t, "ann", password)
	_, err = b.Refresh(t.Context(), tokens.RefreshToken)
	require.NoError(t, err)
	_, err = b.Refresh(t.Context(), tokens.RefreshToken)
	require.ErrorIs(t, err, auth.ErrRefresh)
	_, _ = b.Login(t.Context(), auth.Credentials{Username: "ann", Password: "wrong-" + password})
	parts := strings.Split(tokens.RefreshToken, ".")
	secret = append(secret, tokens.AccessToken, tokens.IDToken, parts[1], parts[2])

	logger := slog.New(slog.NewJSONHandler(b.logs, nil))
	logger.Info("values", "tokens", tokens, "credentials", auth.Credentials{Password: password}, "sign-up", auth.SignUp{Password: password})
	fmt.Fprintf(b.logs, "%v %+v %#v", tokens, auth.Credentials{Password: password}, memauth.NewUser{Password: password})
	user, err := b.repositories.Users.Get(t.Context(), tenant.Platform(), tenant.NewKey("ann"))
	require.NoError(t, err)
	session, err := b.repositories.Sessions.Query(t.Context(), tenant.Platform(), tenant.Query{})
	require.NoError(t, err)
	stored, err := json.Marshal([]any{user, session})
	require.NoError(t, err)
	for _, s := range secret {
		require.NotContains(t, b.logs.String(), s)
		require.NotContains(t, string(stored), s)
	}
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createUser(t, "ann")
	down := func(tenanttest.Call) tenanttest.Fault { return tenanttest.Fault{Before: tenanttest.ErrFault} }
	tokens := b.login(t, "ann", password)
	for name, repositories := range map[string]memauth.Repositories{
		"users":    {Users: tenanttest.Faulty(b.repositories.Users, down), Sessions: b.repositories.Sessions, Attempts: b.repositories.Attempts, Keys: b.repositories.Keys},
		"sessions": {Users: b.repositories.Users, Sessions: tenanttest.Faulty(b.repositories.Sessions, down), Attempts: b.repositories.Attempts, Keys: b.repositories.Keys},
		"attempts": {Users: b.repositories.Users, Sessions: b.repositories.Sessions, Attempts: tenanttest.Faulty(b.repositories.Attempts, down), Keys: b.repositories.Keys},
		"keys":     {Users: b.repositories.Users, Sessions: b.repositories.Sessions, Attempts: b.repositories.Attempts, Keys: tenanttest.Faulty(b.repositories.Keys, down)},
	} {
		broken := memauth.New(repositories, b.directory, func(o *memauth.Options) {
			o.Hashing = memauth.Argon2{MemoryKiB: 8, Passes: 1, Lanes: 1}
			o.Now = b.clock.now
		})
		_, err := broken.Login(t.Context(), auth.Credentials{Username: "ann", Password: password})
		require.ErrorIs(t, err, iotenant.ErrUnavailable, name)
		if name != "attempts" {
			_, err = broken.Refresh(t.Context(), tokens.RefreshToken)
			require.ErrorIs(t, err, iotenant.ErrUnavailable, name)
		}
		if name == "keys" {
			_, err = broken.Keys(t.Context(), "key-1")
			require.ErrorIs(t, err, auth.ErrKeys)
		}
	}
	_, err := b.Refresh(t.Context(), tokens.RefreshToken)
	require.NoError(t, err, "a refresh that failed before its write leaves the token good")
}
