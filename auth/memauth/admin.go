package memauth

import (
	"context"
	"fmt"
	"slices"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// NewUser describes a user whom the backend creates.
type NewUser struct {
	Username string
	Password string
	Email    string
	// Name is for people; it may be empty.
	Name   string
	Tenant tenant.ID
	Groups []string
	// Temporary makes the user replace the password at the first login; see
	// auth.ErrNewPassword.
	Temporary bool
}

// String hides the password from fmt.
func (u NewUser) String() string { return "user " + u.Username }

// GoString hides the password from fmt.
func (u NewUser) GoString() string { return u.String() }

// AdminCreateUser creates a confirmed user of a tenant: an invitation, if the
// password is temporary. It is for the backend, never for clients. The tenant
// need not exist yet. Errors: auth.ErrProfile, auth.ErrPassword,
// auth.ErrUserExists, tenant.ErrID.
func (p *Provider) AdminCreateUser(ctx context.Context, request NewUser) (auth.Profile, error) {
	if err := checkTenant(request.Tenant); err != nil {
		return auth.Profile{}, err
	}
	if err := checkGroups(request.Groups); err != nil {
		return auth.Profile{}, err
	}
	user, err := p.newUser(ctx, request)
	if err != nil {
		return auth.Profile{}, err
	}
	user.Tenant, user.Groups, user.Temporary = request.Tenant, slices.Clone(request.Groups), request.Temporary
	user.confirm()
	if _, err := p.users.Put(ctx, tenant.Platform(), user, tenant.IfAbsent()); err != nil {
		return auth.Profile{}, userError(err)
	}
	return user.profile(), nil
}

// AssignTenant makes a user, who signed up or comes from elsewhere, one of a
// tenant, with these groups and no others, and ends the user's sessions. It is
// for the backend, never for clients. Errors: auth.ErrUserNotFound,
// auth.ErrProfile, tenant.ErrID.
func (p *Provider) AssignTenant(ctx context.Context, username string, id tenant.ID, groups ...string) (auth.Profile, error) {
	if err := checkTenant(id); err != nil {
		return auth.Profile{}, err
	}
	if err := checkGroups(groups); err != nil {
		return auth.Profile{}, err
	}
	username, err := canonicalUsername(username)
	if err != nil {
		return auth.Profile{}, err
	}
	user, err := p.updateUser(ctx, username, func(u *User) error {
		u.Tenant, u.Groups = id, slices.Clone(groups)
		u.Epoch++
		return nil
	})
	if err != nil {
		return auth.Profile{}, err
	}
	return user.profile(), nil
}

// checkTenant refuses what no user can belong to.
func checkTenant(id tenant.ID) error {
	if id == tenant.Platform() {
		return fmt.Errorf("%w: reserved", tenant.ErrID)
	}
	return id.Check()
}

// newUser checks a request and returns the user to be stored, without tenant
// and not confirmed.
func (p *Provider) newUser(ctx context.Context, request NewUser) (User, error) {
	username, err := canonicalUsername(request.Username)
	if err != nil {
		return User{}, err
	}
	if err := checkEmail(request.Email); err != nil {
		return User{}, err
	}
	if err := checkText("name", request.Name); err != nil {
		return User{}, err
	}
	if err := p.checkPassword(username, request.Password); err != nil {
		return User{}, err
	}
	encoded, err := p.hashing.hash(ctx, request.Password)
	if err != nil {
		return User{}, err
	}
	now := p.now()
	return User{
		Username:     username,
		Subject:      newID(),
		Email:        request.Email,
		Name:         request.Name,
		PasswordHash: encoded,
		CreatedAt:    now,
		UpdatedAt:    now,
	}, nil
}
