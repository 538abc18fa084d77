package auth

import (
	"fmt"

	"github.com/iotenant/iotenant"
)

// Sentinel errors of token verification and of HTTP entries. Each wraps a kind
// of package iotenant. No error text holds a token or a part of one.
var (
	// ErrToken: the token is refused. The text says why; it is meant for
	// logs, not for whoever sent the token.
	ErrToken = fmt.Errorf("auth: token refused: %w", iotenant.ErrDenied)
	// ErrExpired: the token was good and is expired. It is an [ErrToken].
	ErrExpired = fmt.Errorf("%w: expired", ErrToken)
	// ErrUnauthenticated: there is no principal, or no token.
	ErrUnauthenticated = fmt.Errorf("auth: unauthenticated: %w", iotenant.ErrDenied)
	// ErrForbidden: the principal lacks the group or scope that this needs.
	ErrForbidden = fmt.Errorf("auth: forbidden: %w", iotenant.ErrDenied)
	// ErrKeys: the keys of an issuer could not be had, so a token can't be
	// judged now.
	ErrKeys = fmt.Errorf("auth: signing keys %w", iotenant.ErrUnavailable)
	// ErrJWKS: a text is not a usable JSON Web Key Set.
	ErrJWKS = fmt.Errorf("auth: %w key set", iotenant.ErrInvalid)
	// ErrConfig: a verifier or a key source is configured wrongly.
	ErrConfig = fmt.Errorf("auth: %w configuration", iotenant.ErrInvalid)
)

// Sentinel errors of an [Identity].
var (
	// ErrCredentials: username or password is wrong. Which of them is not
	// said.
	ErrCredentials = fmt.Errorf("auth: wrong username or password: %w", iotenant.ErrDenied)
	// ErrTooManyAttempts: too many failures for this username; try later.
	ErrTooManyAttempts = fmt.Errorf("auth: too many attempts: %w", iotenant.ErrUnavailable)
	// ErrNotConfirmed: the password is right, the sign-up is not confirmed.
	ErrNotConfirmed = fmt.Errorf("auth: sign-up not confirmed: %w", iotenant.ErrDenied)
	// ErrNewPassword: the password is right and temporary; log in with
	// Credentials.NewPassword.
	ErrNewPassword = fmt.Errorf("auth: new password required: %w", iotenant.ErrDenied)
	// ErrNoTenant: the password is right, and the backend has not assigned
	// the user to a tenant.
	ErrNoTenant = fmt.Errorf("auth: user without tenant: %w", iotenant.ErrDenied)
	// ErrCode: the code is wrong, used, expired, or was tried too often, or
	// the user is unknown. Which of them is not said.
	ErrCode = fmt.Errorf("auth: wrong or expired code: %w", iotenant.ErrDenied)
	// ErrRefresh: the refresh token is wrong, used, expired or revoked. Which
	// of them is not said.
	ErrRefresh = fmt.Errorf("auth: refresh token refused: %w", iotenant.ErrDenied)
	// ErrPassword: a new password breaks the policy; the text says how.
	ErrPassword = fmt.Errorf("auth: %w password", iotenant.ErrInvalid)
	// ErrProfile: a username, e-mail address or other part of a profile is
	// not well formed; the text says which.
	ErrProfile = fmt.Errorf("auth: %w profile", iotenant.ErrInvalid)
	// ErrUserExists: the username is taken.
	ErrUserExists = fmt.Errorf("auth: user %w", iotenant.ErrExists)
	// ErrUserNotFound: the tenant has no such user.
	ErrUserNotFound = fmt.Errorf("auth: user %w", iotenant.ErrNotFound)
)
