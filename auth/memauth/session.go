package memauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// Session is what began with a login and goes on with each refresh.
type Session struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	Subject  string `json:"subject"`
	// Epoch is the user's at the login: a session of an earlier one is over.
	Epoch int `json:"epoch"`
	// Family is the digest of the part that all refresh tokens of the session
	// share, Secret that of the part that only the last one has.
	Family    []byte    `json:"family"`
	Secret    []byte    `json:"secret"`
	StartedAt time.Time `json:"startedAt"`
	Expires   time.Time `json:"expires"`
}

// SessionSchema is how a [Provider] keeps sessions.
var SessionSchema = tenant.Schema[Session]{
	Entity:  "auth-session",
	Key:     func(s *Session) tenant.Key { return tenant.NewKey(s.ID) },
	Expires: func(s *Session) time.Time { return s.Expires },
}

// refreshToken is what a user holds of a session. Who shows the family has had
// a token of the session; with another secret than the last, it is a used one.
type refreshToken struct {
	id, family, secret string
}

func (t refreshToken) String() string { return t.id + "." + t.family + "." + t.secret }

func parseRefreshToken(text string) (refreshToken, error) {
	parts := strings.Split(text, ".")
	if len(text) > 200 || len(parts) != 3 || tenant.NewKey(parts...).Check() != nil {
		return refreshToken{}, auth.ErrRefresh
	}
	return refreshToken{id: parts[0], family: parts[1], secret: parts[2]}, nil
}

func digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

func isDigestOf(want []byte, secret string) bool {
	return subtle.ConstantTimeCompare(want, digest(secret)) == 1
}

// newSecret returns 256 random bits as text.
func newSecret() string {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(secret[:])
}

// newID returns a random UUID.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// startSession stores a new session of the user and returns its tokens.
func (p *Provider) startSession(ctx context.Context, user *User) (auth.Tokens, error) {
	now := p.now()
	token := refreshToken{id: newID(), family: newSecret(), secret: newSecret()}
	session := Session{
		ID:        token.id,
		Username:  user.Username,
		Subject:   user.Subject,
		Epoch:     user.Epoch,
		Family:    digest(token.family),
		Secret:    digest(token.secret),
		StartedAt: now,
		Expires:   now.Add(p.options.SessionTTL),
	}
	tokens, err := p.mint(ctx, user, &session, token)
	if err != nil {
		return auth.Tokens{}, err
	}
	if _, err := p.sessions.Put(ctx, tenant.Platform(), session, tenant.IfAbsent()); err != nil {
		return auth.Tokens{}, fmt.Errorf("memauth: %w", err)
	}
	return tokens, nil
}

// Refresh implements auth.Identity.
func (p *Provider) Refresh(ctx context.Context, text string) (auth.Tokens, error) {
	token, err := parseRefreshToken(text)
	if err != nil {
		return auth.Tokens{}, err
	}
	item, err := p.sessions.Get(ctx, tenant.Platform(), tenant.NewKey(token.id), tenant.Consistent)
	if errors.Is(err, tenant.ErrNotFound) {
		return auth.Tokens{}, auth.ErrRefresh
	}
	if err != nil {
		return auth.Tokens{}, fmt.Errorf("memauth: %w", err)
	}
	session := item.Value
	if !isDigestOf(session.Family, token.family) {
		return auth.Tokens{}, auth.ErrRefresh // a guess: the session goes on
	}
	if !isDigestOf(session.Secret, token.secret) {
		return auth.Tokens{}, p.endReused(ctx, &session)
	}
	return p.continueSession(ctx, item, token)
}

func (p *Provider) continueSession(ctx context.Context, item tenant.Item[Session], token refreshToken) (auth.Tokens, error) {
	session := item.Value
	user, err := p.sessionUser(ctx, &session)
	if errors.Is(err, auth.ErrRefresh) || errors.Is(err, tenant.ErrSuspended) || errors.Is(err, tenant.ErrUnknownTenant) {
		return auth.Tokens{}, errors.Join(err, p.endSession(ctx, &session))
	}
	if err != nil {
		return auth.Tokens{}, err
	}
	token.secret = newSecret()
	session.Secret = digest(token.secret)
	tokens, err := p.mint(ctx, &user, &session, token)
	if err != nil {
		return auth.Tokens{}, err
	}
	_, err = p.sessions.Put(ctx, tenant.Platform(), session, tenant.IfVersion(item.Version))
	if errors.Is(err, tenant.ErrVersion) {
		return auth.Tokens{}, p.endReused(ctx, &session) // somebody used it at the same time
	}
	if err != nil {
		return auth.Tokens{}, fmt.Errorf("memauth: %w", err)
	}
	return tokens, nil
}

// sessionUser returns the user of a session that may go on.
func (p *Provider) sessionUser(ctx context.Context, session *Session) (User, error) {
	item, err := p.user(ctx, session.Username)
	if errors.Is(err, auth.ErrUserNotFound) {
		return User{}, auth.ErrRefresh
	}
	if err != nil {
		return User{}, err
	}
	user := item.Value
	if user.Subject != session.Subject || user.Epoch != session.Epoch || user.Tenant.IsZero() {
		return User{}, auth.ErrRefresh
	}
	return user, p.gate.Admit(ctx, user.Tenant)
}

func (p *Provider) endReused(ctx context.Context, session *Session) error {
	p.options.Logger.WarnContext(ctx, "memauth: refresh token used twice: session ended", "subject", session.Subject, "session", session.ID)
	return errors.Join(auth.ErrRefresh, p.endSession(ctx, session))
}

func (p *Provider) endSession(ctx context.Context, session *Session) error {
	if err := p.sessions.Delete(ctx, tenant.Platform(), tenant.NewKey(session.ID), tenant.Always()); err != nil {
		return fmt.Errorf("memauth: %w", err)
	}
	return nil
}

// SignOut implements auth.Identity.
func (p *Provider) SignOut(ctx context.Context, id tenant.ID, subject string) error {
	user, err := p.userOf(ctx, id, subject)
	if err != nil {
		return err
	}
	_, err = p.updateUser(ctx, user.Username, func(u *User) error {
		if !u.isIn(id, subject) {
			return auth.ErrUserNotFound
		}
		u.Epoch++
		return nil
	})
	return err
}

// EndSessions ends all sessions of all users of a tenant. Tell it to the
// directory, so that a suspension outlasts the tenant's return:
//
//	directory.OnSuspend(func(id tenant.ID) { err := provider.EndSessions(ctx, id) … })
func (p *Provider) EndSessions(ctx context.Context, id tenant.ID) error {
	if err := id.Check(); err != nil {
		return err
	}
	query := tenant.Query{Index: tenantIndex, Prefix: tenant.NewKey(id.String())}
	for item, err := range tenant.All(ctx, p.users, tenant.Platform(), query) {
		if err != nil {
			return userError(err)
		}
		_, err = p.updateUser(ctx, item.Value.Username, func(u *User) error {
			u.Epoch++
			return nil
		})
		if err != nil && !errors.Is(err, auth.ErrUserNotFound) {
			return err
		}
	}
	return nil
}
