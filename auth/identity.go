package auth

import (
	"context"
	"log/slog"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

//go:generate go tool -modfile=../tools/go.mod mockgen -source=identity.go -destination=authmock/identity.go -package=authmock -write_source_comment=false -write_package_comment=false

// Identity is an identity provider as the users of an application meet it.
// memauth is one. What only the backend may do, such as assigning a user to a
// tenant, is not here but on the implementations.
//
// The contract, sentence by sentence, as package authtest checks it:
//
//   - Usernames are unique over all tenants, and differ in more than case.
//   - A user who signed up has no tenant, whatever the request held: the
//     backend assigns it. Until then no token is issued.
//   - Tokens of a user carry the user's tenant, and no call of this interface
//     changes it.
//   - Login gives the same answer for an unknown user and a wrong password.
//   - A code works once, for one user; after a few wrong tries in a row no
//     more are taken for a while.
//   - A refresh token works once. Using it again revokes its session: every
//     token that came from the same login.
//   - SignOut ends all sessions of the user: their refresh tokens stop
//     working. Access tokens stay valid until they expire.
//   - Login and Refresh are refused with tenant.ErrSuspended while the user's
//     tenant is suspended.
//   - A user of another tenant is [ErrUserNotFound].
//   - A call made with a cancelled context has no effect.
//   - All methods may be called concurrently.
type Identity interface {
	// SignUp registers a user and sends a code to the e-mail address. Errors:
	// [ErrProfile], [ErrPassword], [ErrUserExists].
	SignUp(ctx context.Context, request SignUp) (Profile, error)

	// Confirm completes a sign-up with the code that was sent. The error is
	// [ErrCode] or [ErrTooManyAttempts].
	Confirm(ctx context.Context, username, code string) error

	// Login starts a session. Errors: [ErrCredentials], [ErrTooManyAttempts];
	// with the right password also [ErrNotConfirmed], [ErrNewPassword],
	// [ErrPassword], [ErrNoTenant], tenant.ErrSuspended.
	Login(ctx context.Context, credentials Credentials) (Tokens, error)

	// Refresh continues a session: it takes a refresh token and returns new
	// tokens. Errors: [ErrRefresh], tenant.ErrSuspended.
	Refresh(ctx context.Context, refreshToken string) (Tokens, error)

	// Profile returns a user of the tenant by Principal.Subject. The error is
	// [ErrUserNotFound].
	Profile(ctx context.Context, id tenant.ID, subject string) (Profile, error)

	// UpdateProfile changes what a user may change. Errors:
	// [ErrUserNotFound], [ErrProfile].
	UpdateProfile(ctx context.Context, id tenant.ID, subject string, change ProfileChange) (Profile, error)

	// SignOut ends all sessions of a user. The error is [ErrUserNotFound].
	SignOut(ctx context.Context, id tenant.ID, subject string) error
}

// SignUp is a request to register. There is no tenant in it: a tenant that a
// client could choose would be no tenant.
type SignUp struct {
	Username string
	Password string
	Email    string
	// Name is for people; it may be empty.
	Name string
}

// Credentials prove who a user is.
type Credentials struct {
	Username string
	Password string
	// NewPassword replaces a temporary password; see [ErrNewPassword]. It is
	// ignored for any other.
	NewPassword string
}

// Tokens are what a login or a refresh gives.
type Tokens struct {
	// AccessToken is for calling APIs, as a bearer token.
	AccessToken string `json:"accessToken"`
	// IDToken tells an application who its user is.
	IDToken string `json:"idToken"`
	// RefreshToken is for Identity.Refresh, once.
	RefreshToken string `json:"refreshToken"`
	// Expires is when access and ID token expire.
	Expires time.Time `json:"expires"`
}

// Profile is what is known of a user.
type Profile struct {
	Subject  string `json:"subject"`
	Username string `json:"username"`
	Email    string `json:"email"`
	Name     string `json:"name,omitempty"`
	// Locale is a BCP 47 tag, TimeZone a name of the IANA database; both may
	// be empty.
	Locale    string    `json:"locale,omitempty"`
	TimeZone  string    `json:"timeZone,omitempty"`
	Confirmed bool      `json:"confirmed"`
	Tenant    tenant.ID `json:"tenant,omitzero"`
	Groups    []string  `json:"groups,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// ProfileChange says what to change; nil means unchanged. Neither tenant nor
// groups are in it: they belong to the backend.
type ProfileChange struct {
	Name     *string `json:"name,omitempty"`
	Locale   *string `json:"locale,omitempty"`
	TimeZone *string `json:"timeZone,omitempty"`
}

const redacted = "[redacted]"

// String hides the secrets from fmt.
func (s SignUp) String() string { return "sign-up " + redacted }

// GoString hides the secrets from fmt.
func (s SignUp) GoString() string { return s.String() }

// LogValue hides the secrets from slog.
func (s SignUp) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String hides the secrets from fmt.
func (c Credentials) String() string { return "credentials " + redacted }

// GoString hides the secrets from fmt.
func (c Credentials) GoString() string { return c.String() }

// LogValue hides the secrets from slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String hides the tokens from fmt.
func (t Tokens) String() string { return "tokens " + redacted }

// GoString hides the tokens from fmt.
func (t Tokens) GoString() string { return t.String() }

// LogValue hides the tokens from slog.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(t.String()) }
