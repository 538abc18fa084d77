package memauth

import (
	"context"
	"errors"
	"time"

	"github.com/iotenant/iotenant/auth"
)

const kindLogin = "login"

// Login implements auth.Identity. While a username has to wait after failures,
// the right password is refused too, with auth.ErrTooManyAttempts, whether or
// not there is such a user.
func (p *Provider) Login(ctx context.Context, credentials auth.Credentials) (auth.Tokens, error) {
	username, err := canonicalUsername(credentials.Username)
	if err != nil {
		return auth.Tokens{}, auth.ErrCredentials
	}
	if err := p.attempts.begin(ctx, kindLogin, username); err != nil {
		return auth.Tokens{}, err
	}
	user, err := p.checkCredentials(ctx, username, credentials.Password)
	if err != nil {
		p.options.Logger.InfoContext(ctx, "memauth: login refused", "error", err)
		return auth.Tokens{}, err
	}
	if err := p.attempts.succeed(ctx, kindLogin, username); err != nil {
		return auth.Tokens{}, err
	}
	if err := p.admit(ctx, &user); err != nil {
		return auth.Tokens{}, err
	}
	if user, err = p.renewPassword(ctx, user, credentials); err != nil {
		return auth.Tokens{}, err
	}
	return p.startSession(ctx, &user)
}

// checkCredentials does the same work whether or not there is such a user.
func (p *Provider) checkCredentials(ctx context.Context, username, password string) (User, error) {
	if len(password) > maxPassword {
		return User{}, auth.ErrCredentials
	}
	item, err := p.user(ctx, username)
	known := err == nil
	if err != nil && !errors.Is(err, auth.ErrUserNotFound) {
		return User{}, err
	}
	encoded := p.hashing.nobody
	if known {
		encoded = item.Value.PasswordHash
	}
	right, err := p.hashing.verify(ctx, password, encoded)
	if err != nil {
		return User{}, err
	}
	if !right || !known {
		return User{}, auth.ErrCredentials
	}
	return item.Value, nil
}

// admit reports what keeps a user who knows the password from a session.
func (p *Provider) admit(ctx context.Context, user *User) error {
	if !user.Confirmed {
		return auth.ErrNotConfirmed
	}
	if user.Tenant.IsZero() {
		return auth.ErrNoTenant
	}
	return p.gate.Admit(ctx, user.Tenant)
}

// renewPassword replaces a temporary password by the new one, and an outdated
// hash by one of today's cost.
func (p *Provider) renewPassword(ctx context.Context, user User, credentials auth.Credentials) (User, error) {
	password := credentials.Password
	switch {
	case user.Temporary && credentials.NewPassword == "":
		return User{}, auth.ErrNewPassword
	case user.Temporary:
		if password = credentials.NewPassword; password == credentials.Password {
			return User{}, auth.ErrNewPassword
		}
		if err := p.checkPassword(user.Username, password); err != nil {
			return User{}, err
		}
	case !p.hashing.outdated(user.PasswordHash):
		return user, nil
	}
	encoded, err := p.hashing.hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	return p.updateUser(ctx, user.Username, func(u *User) error {
		if u.PasswordHash != user.PasswordHash {
			if u.Epoch == user.Epoch && !user.Temporary {
				return nil // hashed anew by another login
			}
			return auth.ErrCredentials // replaced meanwhile
		}
		u.PasswordHash, u.Temporary = encoded, false
		return nil
	})
}

// setPassword makes password the user's own, and ends the user's sessions.
func (u *User) setPassword(encoded string) {
	u.PasswordHash, u.Temporary, u.Code = encoded, false, nil
	u.Epoch++
}

// confirm makes the user a lasting one.
func (u *User) confirm() {
	u.Confirmed, u.Code, u.ConfirmBy = true, nil, time.Time{}
}
