package memauth

import (
	"context"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// Profile implements auth.Identity.
func (p *Provider) Profile(ctx context.Context, id tenant.ID, subject string) (auth.Profile, error) {
	user, err := p.userOf(ctx, id, subject)
	if err != nil {
		return auth.Profile{}, err
	}
	return user.profile(), nil
}

// UpdateProfile implements auth.Identity.
func (p *Provider) UpdateProfile(ctx context.Context, id tenant.ID, subject string, change auth.ProfileChange) (auth.Profile, error) {
	if err := checkChange(change); err != nil {
		return auth.Profile{}, err
	}
	user, err := p.userOf(ctx, id, subject)
	if err != nil {
		return auth.Profile{}, err
	}
	user, err = p.updateUser(ctx, user.Username, func(u *User) error {
		if !u.isIn(id, subject) {
			return auth.ErrUserNotFound
		}
		u.apply(change)
		return nil
	})
	if err != nil {
		return auth.Profile{}, err
	}
	return user.profile(), nil
}

func checkChange(change auth.ProfileChange) error {
	if change.Name != nil {
		if err := checkText("name", *change.Name); err != nil {
			return err
		}
	}
	if change.Locale != nil {
		if err := checkPattern("locale", *change.Locale, localePattern); err != nil {
			return err
		}
	}
	if change.TimeZone != nil {
		return checkPattern("timeZone", *change.TimeZone, zonePattern)
	}
	return nil
}

func (u *User) apply(change auth.ProfileChange) {
	if change.Name != nil {
		u.Name = *change.Name
	}
	if change.Locale != nil {
		u.Locale = *change.Locale
	}
	if change.TimeZone != nil {
		u.TimeZone = *change.TimeZone
	}
}
