package memauth

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// User is a stored user.
type User struct {
	// Username is in lower case; it is the key.
	Username string `json:"username"`
	Subject  string `json:"subject"`
	Email    string `json:"email"`
	Name     string `json:"name,omitempty"`
	Locale   string `json:"locale,omitempty"`
	TimeZone string `json:"timeZone,omitempty"`
	// Tenant is zero until the backend assigns one.
	Tenant tenant.ID `json:"tenant,omitzero"`
	Groups []string  `json:"groups,omitempty"`
	// PasswordHash is in PHC string format.
	PasswordHash string `json:"passwordHash"`
	// Temporary says that the password must be replaced at the next login.
	Temporary bool `json:"temporary,omitempty"`
	Confirmed bool `json:"confirmed,omitempty"`
	// ConfirmBy is when a sign-up that is not confirmed is forgotten.
	ConfirmBy time.Time `json:"confirmBy,omitzero"`
	// Code is the digest of the code that is under way.
	Code *StoredCode `json:"code,omitempty"`
	// Epoch counts the times at which all sessions were ended.
	Epoch     int       `json:"epoch,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// StoredCode is what is kept of a code.
type StoredCode struct {
	Purpose Purpose   `json:"purpose"`
	Digest  []byte    `json:"digest"`
	Expires time.Time `json:"expires"`
}

const (
	subjectIndex = "subject"
	tenantIndex  = "tenant"
)

// UserSchema is how a [Provider] keeps users.
var UserSchema = tenant.Schema[User]{
	Entity: "auth-user",
	Key:    func(u *User) tenant.Key { return tenant.NewKey(u.Username) },
	Indexes: []tenant.Index[User]{
		{Name: subjectIndex, Key: func(u *User) tenant.Key { return tenant.NewKey(u.Subject) }},
		{Name: tenantIndex, Key: func(u *User) tenant.Key {
			if u.Tenant.IsZero() {
				return tenant.Key{}
			}
			return tenant.NewKey(u.Tenant.String())
		}},
	},
	Expires: func(u *User) time.Time { return u.ConfirmBy },
}

func (u *User) profile() auth.Profile {
	return auth.Profile{
		Subject:   u.Subject,
		Username:  u.Username,
		Email:     u.Email,
		Name:      u.Name,
		Locale:    u.Locale,
		TimeZone:  u.TimeZone,
		Confirmed: u.Confirmed,
		Tenant:    u.Tenant,
		Groups:    u.Groups,
		CreatedAt: u.CreatedAt,
		UpdatedAt: u.UpdatedAt,
	}
}

func (p *Provider) user(ctx context.Context, username string) (tenant.Item[User], error) {
	item, err := p.users.Get(ctx, tenant.Platform(), tenant.NewKey(username), tenant.Consistent)
	return item, userError(err)
}

// updateUser changes a user. If change returns an error, nothing is written.
func (p *Provider) updateUser(ctx context.Context, username string, change func(*User) error) (User, error) {
	item, err := tenant.Update(ctx, p.users, tenant.Platform(), tenant.NewKey(username), func(u *User) error {
		u.UpdatedAt = p.now()
		return change(u)
	})
	return item.Value, userError(err)
}

func userError(err error) error {
	switch {
	case errors.Is(err, tenant.ErrNotFound):
		return auth.ErrUserNotFound
	case errors.Is(err, tenant.ErrExists):
		return auth.ErrUserExists
	case err != nil && iotenant.KindOf(err) == nil:
		return fmt.Errorf("memauth: %w", err)
	}
	return err
}

// userOf returns a user of a tenant.
func (p *Provider) userOf(ctx context.Context, id tenant.ID, subject string) (User, error) {
	if err := id.Check(); err != nil {
		return User{}, err
	}
	key := tenant.NewKey(subject)
	if key.Check() != nil {
		return User{}, auth.ErrUserNotFound
	}
	query := tenant.Query{Index: subjectIndex, Prefix: key}
	for item, err := range tenant.All(ctx, p.users, tenant.Platform(), query) {
		if err != nil {
			return User{}, userError(err)
		}
		if item.Value.isIn(id, subject) {
			return item.Value, nil
		}
	}
	return User{}, auth.ErrUserNotFound
}

func (u *User) isIn(id tenant.ID, subject string) bool { return u.Tenant == id && u.Subject == subject }

// Limits of what a user may choose, in bytes.
const (
	maxUsername = 128
	maxEmail    = 254
	maxText     = 200
	maxPassword = 256
	maxGroups   = 100
)

// canonicalUsername returns the form in which usernames are compared and
// stored.
func canonicalUsername(username string) (string, error) {
	if username == "" || len(username) > maxUsername || !utf8.ValidString(username) {
		return "", fmt.Errorf("%w: username: want 1 to %d bytes of UTF-8", auth.ErrProfile, maxUsername)
	}
	for _, r := range username {
		if !unicode.IsGraphic(r) || unicode.IsSpace(r) {
			return "", fmt.Errorf("%w: username: holds a space or a control character", auth.ErrProfile)
		}
	}
	lower := strings.Map(foldCase, username)
	if len(lower) > maxUsername {
		return "", fmt.Errorf("%w: username: longer than %d bytes in lower case", auth.ErrProfile, maxUsername)
	}
	return lower, nil
}

// foldCase returns the same for all characters that differ only in case, of
// which some have more than two: the long s is an s as well.
func foldCase(r rune) rune {
	first := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		first = min(first, next)
	}
	return unicode.ToLower(first)
}

func checkEmail(email string) error {
	address, err := mail.ParseAddress(email)
	if err != nil || len(email) > maxEmail || address.Address != email {
		return fmt.Errorf("%w: email: not an address", auth.ErrProfile)
	}
	return nil
}

func checkText(what, text string) error {
	if len(text) > maxText || !utf8.ValidString(text) {
		return fmt.Errorf("%w: %s: want at most %d bytes of UTF-8", auth.ErrProfile, what, maxText)
	}
	for _, r := range text {
		if unicode.IsControl(r) {
			return fmt.Errorf("%w: %s: holds a control character", auth.ErrProfile, what)
		}
	}
	return nil
}

// localePattern is the shape of a BCP 47 tag.
var localePattern = regexp.MustCompile(`^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*$`)

// zonePattern is the shape of a name in the IANA time zone database. The name
// is not looked up: not every machine has the database.
var zonePattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_+-]*(/[a-zA-Z0-9_+-]+)*$`)

func checkPattern(what, text string, pattern *regexp.Regexp) error {
	if text != "" && (len(text) > maxText || !pattern.MatchString(text)) {
		return fmt.Errorf("%w: %s: not well formed", auth.ErrProfile, what)
	}
	return nil
}

func checkGroups(groups []string) error {
	if len(groups) > maxGroups {
		return fmt.Errorf("%w: %d groups, limit %d", auth.ErrProfile, len(groups), maxGroups)
	}
	for _, group := range groups {
		if err := checkText("group", group); err != nil {
			return err
		}
		if group == "" || strings.ContainsFunc(group, unicode.IsSpace) {
			return fmt.Errorf("%w: group %q: empty or holds a space", auth.ErrProfile, group)
		}
	}
	return nil
}
