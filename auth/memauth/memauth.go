package memauth

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// Repositories are what a [Provider] keeps. All items are under
// tenant.Platform(): usernames are unique over all tenants.
type Repositories struct {
	// Users is made with [UserSchema].
	Users tenant.Repository[User]
	// Sessions is made with [SessionSchema].
	Sessions tenant.Repository[Session]
	// Attempts is made with [AttemptSchema].
	Attempts tenant.Repository[Attempt]
	// Keys is made with [KeySchema]. It holds private keys: who can read it
	// can act as anybody.
	Keys tenant.Repository[SigningKey]
}

// Argon2 are the cost parameters of argon2id (RFC 9106).
type Argon2 struct {
	// MemoryKiB is the memory of one hash in KiB.
	MemoryKiB uint32
	// Passes over the memory.
	Passes uint32
	// Lanes is the parallelism of one hash.
	Lanes uint8
}

// Options are the options of [New].
type Options struct {
	// Issuer is the claim "iss" of the tokens: the URL under which
	// [Provider.JWKS] is served at /.well-known/jwks.json. Default
	// "http://localhost:8080".
	Issuer string
	// ClientID is the one app client. Default "local".
	ClientID string
	// TokenTTL is how long access and ID tokens are valid. Default 1 h.
	TokenTTL time.Duration
	// SessionTTL is how long after a login it can be refreshed. Default 30
	// days.
	SessionTTL time.Duration
	// CodeTTL is how long a code can be used. Default 15 min.
	CodeTTL time.Duration
	// SignUpTTL is how long a sign-up waits to be confirmed; then the
	// username is free again. Default 24 h.
	SignUpTTL time.Duration
	// KeyTTL is how long a key signs before the next takes over. Default 30
	// days.
	KeyTTL time.Duration
	// MinPassword is the least length of a password in characters. Default
	// 10. The largest is 256 bytes.
	MinPassword int
	// CheckPassword refuses further passwords, such as those known from
	// breaches. It returns an error for the user to read, or nil. Default nil.
	CheckPassword func(password string) error
	// Hashing is the cost of a password hash. Passwords that were hashed
	// with other parameters still work, and are hashed anew at login.
	// Default 19 MiB, 2 passes, 1 lane: the least that OWASP advises.
	Hashing Argon2
	// MaxHashing is how many passwords are hashed at the same time; others
	// wait. Default GOMAXPROCS.
	MaxHashing int
	// FreeAttempts is how many attempts in a row are judged without waiting.
	// If all fail, the username waits 1 s for the next, and after each
	// further failure twice as long, at most 15 min. A success forgets them,
	// and so does an hour without an attempt. Passwords and codes are counted
	// apart. Default 5.
	FreeAttempts int
	// Sender delivers codes. Default none: then sign-up and forgotten
	// passwords are refused with iotenant.ErrUnsupported, and users are
	// created by [Provider.AdminCreateUser].
	Sender Sender
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of refused logins, reused refresh tokens and new keys,
	// never of secrets. Default silent.
	Logger *slog.Logger
}

// Sender delivers codes to users.
type Sender interface {
	// Send delivers a code. It should hand it to a queue and return soon:
	// how long it takes tells whether a user exists.
	Send(ctx context.Context, message Message) error
}

// SenderFunc is a function that is a [Sender].
type SenderFunc func(ctx context.Context, message Message) error

// Send calls the function.
func (f SenderFunc) Send(ctx context.Context, message Message) error { return f(ctx, message) }

// Message is a code on its way to a user.
type Message struct {
	Purpose  Purpose
	Username string
	Email    string
	// Code is a secret of six digits.
	Code    string
	Expires time.Time
}

// Purpose says what a code is for.
type Purpose string

// The purposes of codes.
const (
	PurposeSignUp Purpose = "sign-up"
	PurposeReset  Purpose = "reset-password"
)

// Provider is an identity provider. It is an auth.Identity, and the
// auth.KeySource of its own tokens.
type Provider struct {
	users    tenant.Repository[User]
	sessions tenant.Repository[Session]
	gate     tenant.Gate
	options  Options
	attempts limiter
	hashing  hasher
	keys     keyring
}

var (
	_ auth.Identity  = (*Provider)(nil)
	_ auth.KeySource = (*Provider)(nil)
)

// New returns the identity provider kept in repositories, for tenants that
// gate admits. It panics on options that can't work.
func New(repositories Repositories, gate tenant.Gate, optFns ...func(*Options)) *Provider {
	options := Options{
		Issuer:       "http://localhost:8080",
		ClientID:     "local",
		TokenTTL:     time.Hour,
		SessionTTL:   30 * 24 * time.Hour,
		CodeTTL:      15 * time.Minute,
		SignUpTTL:    24 * time.Hour,
		KeyTTL:       30 * 24 * time.Hour,
		MinPassword:  10,
		Hashing:      Argon2{MemoryKiB: 19 << 10, Passes: 2, Lanes: 1},
		MaxHashing:   runtime.GOMAXPROCS(0),
		FreeAttempts: 5,
		Now:          time.Now,
		Logger:       slog.New(slog.DiscardHandler),
	}
	for _, fn := range optFns {
		fn(&options)
	}
	if err := options.check(); err != nil {
		panic(err)
	}
	return &Provider{
		users:    repositories.Users,
		sessions: repositories.Sessions,
		gate:     gate,
		options:  options,
		attempts: limiter{attempts: repositories.Attempts, free: options.FreeAttempts, now: options.Now},
		hashing:  newHasher(options.Hashing, options.MaxHashing),
		keys:     newKeyring(repositories.Keys, options),
	}
}

func (o Options) check() error {
	switch {
	case o.Issuer == "" || o.ClientID == "":
		return fmt.Errorf("%w: memauth: Issuer and ClientID must not be empty", auth.ErrConfig)
	case min(o.TokenTTL, o.SessionTTL, o.CodeTTL, o.SignUpTTL, o.KeyTTL) < time.Second:
		return fmt.Errorf("%w: memauth: a TTL is less than a second", auth.ErrConfig)
	case o.Hashing.MemoryKiB < 8*uint32(o.Hashing.Lanes) || o.Hashing.Passes < 1 || o.Hashing.Lanes < 1:
		return fmt.Errorf("%w: memauth: Hashing needs a pass, a lane, and 8 KiB for each lane", auth.ErrConfig)
	case o.MinPassword < 1 || o.MinPassword > maxPassword || o.MaxHashing < 1 || o.FreeAttempts < 1:
		return fmt.Errorf("%w: memauth: MinPassword, MaxHashing and FreeAttempts must be positive", auth.ErrConfig)
	}
	return nil
}

// Issuer returns what a verifier of this provider's tokens needs. The keys are
// taken from the provider itself, without HTTP.
func (p *Provider) Issuer() auth.Issuer {
	return auth.Issuer{
		Names:     []string{p.options.Issuer},
		ClientIDs: []string{p.options.ClientID},
		Keys:      p,
	}
}

// now is the time as it is stored.
func (p *Provider) now() time.Time { return p.options.Now().UTC().Truncate(time.Millisecond) }

var errNoSender = fmt.Errorf("memauth: no Sender: %w", iotenant.ErrUnsupported)
