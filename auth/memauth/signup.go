package memauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// SignUp implements auth.Identity. The user waits to be confirmed for
// Options.SignUpTTL, and has no tenant until [Provider.AssignTenant]. If the
// code can't be sent, the user is there nevertheless: see
// [Provider.ResendCode].
func (p *Provider) SignUp(ctx context.Context, request auth.SignUp) (auth.Profile, error) {
	if p.options.Sender == nil {
		return auth.Profile{}, errNoSender
	}
	user, err := p.newUser(ctx, NewUser{
		Username: request.Username,
		Password: request.Password,
		Email:    request.Email,
		Name:     request.Name,
	})
	if err != nil {
		return auth.Profile{}, err
	}
	user.ConfirmBy = user.CreatedAt.Add(p.options.SignUpTTL)
	message := p.newCode(&user, PurposeSignUp)
	if _, err := p.users.Put(ctx, tenant.Platform(), user, tenant.IfAbsent()); err != nil {
		return auth.Profile{}, userError(err)
	}
	return user.profile(), p.send(ctx, message)
}

// Confirm implements auth.Identity.
func (p *Provider) Confirm(ctx context.Context, username, code string) error {
	return p.useCode(ctx, PurposeSignUp, username, code, (*User).confirm)
}

// ResendCode sends a new code to a user who waits to be confirmed; the old one
// is void. For any other username it does nothing and says nothing. The error
// is auth.ErrTooManyAttempts, or that of the Sender.
func (p *Provider) ResendCode(ctx context.Context, username string) error {
	return p.sendCode(ctx, PurposeSignUp, username)
}

// ForgotPassword sends a code for [Provider.ResetPassword] to a confirmed
// user. For any other username it does nothing and says nothing. The error is
// auth.ErrTooManyAttempts, or that of the Sender.
func (p *Provider) ForgotPassword(ctx context.Context, username string) error {
	return p.sendCode(ctx, PurposeReset, username)
}

// ResetPassword sets a new password with the code that was sent, and ends all
// sessions of the user. Errors: auth.ErrPassword, auth.ErrCode,
// auth.ErrTooManyAttempts.
func (p *Provider) ResetPassword(ctx context.Context, username, code, password string) error {
	canonical, err := canonicalUsername(username)
	if err != nil {
		return auth.ErrCode
	}
	if err := p.checkPassword(canonical, password); err != nil {
		return err
	}
	encoded, err := p.hashing.hash(ctx, password)
	if err != nil {
		return err
	}
	return p.useCode(ctx, PurposeReset, canonical, code, func(u *User) { u.setPassword(encoded) })
}

// newCode gives the user a code and returns the message that carries it.
func (p *Provider) newCode(user *User, purpose Purpose) Message {
	code := newDigits()
	expires := p.now().Add(p.options.CodeTTL)
	user.Code = &StoredCode{Purpose: purpose, Digest: codeDigest(user, code), Expires: expires}
	return Message{Purpose: purpose, Username: user.Username, Email: user.Email, Code: code, Expires: expires}
}

func newDigits() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return fmt.Sprintf("%06d", n)
}

// codeDigest binds a code to its user.
func codeDigest(user *User, code string) []byte { return digest(user.Subject + "." + code) }

func (p *Provider) send(ctx context.Context, message Message) error {
	if err := p.options.Sender.Send(ctx, message); err != nil {
		return fmt.Errorf("memauth: code not sent: %w: %w", iotenant.ErrUnavailable, err)
	}
	return nil
}

// errNoCode: no code is to be sent to this user.
var errNoCode = errors.New("memauth: no code")

func (p *Provider) sendCode(ctx context.Context, purpose Purpose, username string) error {
	if p.options.Sender == nil {
		return errNoSender
	}
	username, err := canonicalUsername(username)
	if err != nil {
		return nil //nolint:nilerr // there is no such user, which is not told
	}
	if err := p.attempts.begin(ctx, "send-"+string(purpose), username); err != nil {
		return err
	}
	var message Message
	_, err = p.updateUser(ctx, username, func(u *User) error {
		if u.Confirmed == (purpose == PurposeSignUp) {
			return errNoCode
		}
		message = p.newCode(u, purpose)
		return nil
	})
	if errors.Is(err, errNoCode) || errors.Is(err, auth.ErrUserNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.send(ctx, message)
}

// useCode applies change to the user if code is the one that was sent, once.
func (p *Provider) useCode(ctx context.Context, purpose Purpose, username, code string, change func(*User)) error {
	username, err := canonicalUsername(username)
	if err != nil {
		return auth.ErrCode
	}
	if err := p.attempts.begin(ctx, string(purpose), username); err != nil {
		return err
	}
	_, err = p.updateUser(ctx, username, func(u *User) error {
		if !u.hasCode(purpose, code) || !p.now().Before(u.Code.Expires) {
			return auth.ErrCode
		}
		u.Code = nil
		change(u)
		return nil
	})
	if errors.Is(err, auth.ErrUserNotFound) {
		return auth.ErrCode
	}
	if err != nil {
		return err
	}
	return p.attempts.succeed(ctx, string(purpose), username)
}

func (u *User) hasCode(purpose Purpose, code string) bool {
	return u.Code != nil && u.Code.Purpose == purpose && isDigestOf(u.Code.Digest, u.Subject+"."+code)
}
