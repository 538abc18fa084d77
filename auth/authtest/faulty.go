package authtest

import (
	"context"
	"fmt"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// ErrFault is an error for faults, of the kind with which a backend reports
// that it failed.
var ErrFault = fmt.Errorf("authtest: injected fault: %w", iotenant.ErrUnavailable)

// Operation is a method of auth.Identity.
type Operation string

// The operations.
const (
	OpSignUp        Operation = "SignUp"
	OpConfirm       Operation = "Confirm"
	OpLogin         Operation = "Login"
	OpRefresh       Operation = "Refresh"
	OpProfile       Operation = "Profile"
	OpUpdateProfile Operation = "UpdateProfile"
	OpSignOut       Operation = "SignOut"
)

// Fault is what happens to a call. The zero Fault lets it pass.
type Fault struct {
	// Before is returned instead of making the call.
	Before error
	// After is returned after the call was made, instead of its result: the
	// response was lost.
	After error
}

// Faulty returns an identity provider that does what identity does, but for
// the faults that decide chooses for each call. decide may be called
// concurrently.
func Faulty(identity auth.Identity, decide func(Operation) Fault) auth.Identity {
	return &faulty{identity: identity, decide: decide}
}

type faulty struct {
	identity auth.Identity
	decide   func(Operation) Fault
}

func (f *faulty) SignUp(ctx context.Context, request auth.SignUp) (auth.Profile, error) {
	return apply(f.decide(OpSignUp), func() (auth.Profile, error) { return f.identity.SignUp(ctx, request) })
}

func (f *faulty) Confirm(ctx context.Context, username, code string) error {
	return applyError(f.decide(OpConfirm), func() error { return f.identity.Confirm(ctx, username, code) })
}

func (f *faulty) Login(ctx context.Context, credentials auth.Credentials) (auth.Tokens, error) {
	return apply(f.decide(OpLogin), func() (auth.Tokens, error) { return f.identity.Login(ctx, credentials) })
}

func (f *faulty) Refresh(ctx context.Context, refreshToken string) (auth.Tokens, error) {
	return apply(f.decide(OpRefresh), func() (auth.Tokens, error) { return f.identity.Refresh(ctx, refreshToken) })
}

func (f *faulty) Profile(ctx context.Context, id tenant.ID, subject string) (auth.Profile, error) {
	return apply(f.decide(OpProfile), func() (auth.Profile, error) { return f.identity.Profile(ctx, id, subject) })
}

func (f *faulty) UpdateProfile(ctx context.Context, id tenant.ID, subject string, change auth.ProfileChange) (auth.Profile, error) {
	return apply(f.decide(OpUpdateProfile), func() (auth.Profile, error) {
		return f.identity.UpdateProfile(ctx, id, subject, change)
	})
}

func (f *faulty) SignOut(ctx context.Context, id tenant.ID, subject string) error {
	return applyError(f.decide(OpSignOut), func() error { return f.identity.SignOut(ctx, id, subject) })
}

func apply[R any](fault Fault, call func() (R, error)) (R, error) {
	var none R
	if fault.Before != nil {
		return none, fault.Before
	}
	result, err := call()
	if fault.After != nil {
		return none, fault.After
	}
	return result, err
}

func applyError(fault Fault, call func() error) error {
	_, err := apply(fault, func() (struct{}, error) { return struct{}{}, call() })
	return err
}
