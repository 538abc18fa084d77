// Package authtest checks implementations of auth.Identity, makes them fail on
// purpose, and issues tokens for tests.
//
// [TestIdentity] checks the contract of auth.Identity, one subtest for each
// sentence. [NewIssuer] is for whoever tests handlers: its tokens are good for
// a verifier that needs no network.
//
//	issuer := authtest.NewIssuer(t)
//	verifier, err := auth.NewVerifier([]auth.Issuer{issuer.Issuer(t)})
//	request.Header.Set("Authorization", "Bearer "+issuer.AccessToken(t, id, "user-1", "admins"))
package authtest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// System is an identity provider under test, with the backend's side of it.
type System struct {
	Identity auth.Identity
	// Verifier takes the provider's access tokens.
	Verifier auth.Authenticator
	// Code returns the code that was sent last to a user, as the user's
	// mailbox would.
	Code func(t *testing.T, username string) string
	// Assign makes a user one of a tenant, as the backend does.
	Assign func(ctx context.Context, username string, id tenant.ID) error
	// Suspend suspends a tenant.
	Suspend func(ctx context.Context, id tenant.ID) error
}

// Open makes a new provider without users, for one test. Its gate admits the
// tenants "acme" and "acme-b".
type Open func(t *testing.T) System

// TestIdentity checks the contract of auth.Identity on the providers that open
// makes.
func TestIdentity(t *testing.T, open Open) {
	for _, test := range []struct {
		sentence string
		check    func(*fixture)
	}{
		{"usernames are unique and differ in more than case", uniqueUsernames},
		{"bad sign-ups are refused", badSignUps},
		{"a sign-up has no tenant and no token", noTenant},
		{"tokens carry the tenant", tokensCarryTenant},
		{"unknown user and wrong password get the same answer", sameAnswer},
		{"guessing is slowed down", slowGuessing},
		{"a code works once", codeOnce},
		{"wrong codes are slowed down", slowCodes},
		{"a code is for one user", codeOfOther},
		{"a refresh token works once", refreshOnce},
		{"of many refreshes with one token at most one works", refreshRace},
		{"bad refresh tokens are refused", badRefresh},
		{"sign-out ends all sessions", signOut},
		{"a suspended tenant gets no tokens", suspended},
		{"a user of another tenant is not found", otherTenant},
		{"the zero tenant is refused", zeroTenant},
		{"a profile changes as asked", updateProfile},
		{"bad profile changes are refused", badChange},
		{"a cancelled call has no effect", cancelled},
		{"methods may be called concurrently", concurrent},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			test.check(newFixture(t, open))
		})
	}
}

const password = "correct horse battery"

type fixture struct {
	*testing.T
	System
	ctx  context.Context
	a, b tenant.ID
}

func newFixture(t *testing.T, open Open) *fixture {
	return &fixture{
		T:      t,
		System: open(t),
		ctx:    t.Context(),
		a:      tenant.MustParseID("acme"),
		b:      tenant.MustParseID("acme-b"),
	}
}

// signUp registers a user who is not confirmed yet.
func (f *fixture) signUp(username string) auth.Profile {
	f.Helper()
	profile, err := f.Identity.SignUp(f.ctx, auth.SignUp{
		Username: username, Password: password, Email: username + "@example.com", Name: "Somebody",
	})
	f.wantNoErr("SignUp", err)
	return profile
}

// user registers a confirmed user of a tenant, and returns the user's subject.
func (f *fixture) user(username string, id tenant.ID) string {
	f.Helper()
	profile := f.signUp(username)
	f.wantNoErr("Confirm", f.Identity.Confirm(f.ctx, username, f.Code(f.T, username)))
	f.wantNoErr("Assign", f.Assign(f.ctx, username, id))
	return profile.Subject
}

func (f *fixture) login(username string) auth.Tokens {
	f.Helper()
	tokens, err := f.tryLogin(username, password)
	f.wantNoErr("Login", err)
	return tokens
}

func (f *fixture) tryLogin(username, password string) (auth.Tokens, error) {
	return f.Identity.Login(f.ctx, auth.Credentials{Username: username, Password: password})
}

func (f *fixture) wantErr(call string, err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Errorf("%s returned the error %v, want one that is %q", call, err, want)
	}
}

func (f *fixture) wantNoErr(call string, err error) {
	f.Helper()
	if err != nil {
		f.Fatalf("%s returned the error %v, want none", call, err)
	}
}

func uniqueUsernames(f *fixture) {
	f.signUp("Ann")
	for _, username := range []string{"Ann", "ann", "ANN"} {
		_, err := f.Identity.SignUp(f.ctx, auth.SignUp{Username: username, Password: password, Email: "a@example.com"})
		f.wantErr("SignUp("+username+")", err, auth.ErrUserExists)
		f.wantErr("SignUp("+username+")", err, iotenant.ErrExists)
	}
}

func badSignUps(f *fixture) {
	good := auth.SignUp{Username: "ann", Password: password, Email: "ann@example.com"}
	for name, test := range map[string]struct {
		change func(*auth.SignUp)
		want   error
	}{
		"no username":      {func(s *auth.SignUp) { s.Username = "" }, auth.ErrProfile},
		"control in name":  {func(s *auth.SignUp) { s.Username = "a\x00b" }, auth.ErrProfile},
		"no email":         {func(s *auth.SignUp) { s.Email = "" }, auth.ErrProfile},
		"no address":       {func(s *auth.SignUp) { s.Email = "ann" }, auth.ErrProfile},
		"injected header":  {func(s *auth.SignUp) { s.Email = "ann@example.com\r\nBcc: x@example.com" }, auth.ErrProfile},
		"no password":      {func(s *auth.SignUp) { s.Password = "" }, auth.ErrPassword},
		"short password":   {func(s *auth.SignUp) { s.Password = "abc" }, auth.ErrPassword},
		"endless password": {func(s *auth.SignUp) { s.Password = string(make([]byte, 1<<16)) }, auth.ErrPassword},
	} {
		request := good
		test.change(&request)
		_, err := f.Identity.SignUp(f.ctx, request)
		f.wantErr(name, err, test.want)
	}
	f.signUp("ann") // none of them took the name
}

func noTenant(f *fixture) {
	if profile := f.signUp("ann"); !profile.Tenant.IsZero() || profile.Confirmed || profile.Subject == "" {
		f.Errorf("SignUp returned %+v, want a subject, no tenant, not confirmed", profile)
	}
	_, err := f.tryLogin("ann", password)
	f.wantErr("Login before Confirm", err, auth.ErrNotConfirmed)
	f.wantNoErr("Confirm", f.Identity.Confirm(f.ctx, "ann", f.Code(f.T, "ann")))
	_, err = f.tryLogin("ann", password)
	f.wantErr("Login without tenant", err, auth.ErrNoTenant)
	f.wantNoErr("Assign", f.Assign(f.ctx, "ann", f.a))
	f.login("ann")
}

func tokensCarryTenant(f *fixture) {
	for username, id := range map[string]tenant.ID{"ann": f.a, "bob": f.b} {
		subject := f.user(username, id)
		tokens := f.login(username)
		f.wantPrincipal(tokens, id, subject)
		tokens, err := f.Identity.Refresh(f.ctx, tokens.RefreshToken)
		f.wantNoErr("Refresh", err)
		f.wantPrincipal(tokens, id, subject)
	}
}

func (f *fixture) wantPrincipal(tokens auth.Tokens, id tenant.ID, subject string) {
	f.Helper()
	principal, err := f.Verifier.Authenticate(f.ctx, tokens.AccessToken)
	f.wantNoErr("Authenticate", err)
	if principal.Tenant != id || principal.Subject != subject || !principal.Expires.Equal(tokens.Expires) {
		f.Errorf("the access token is of tenant %s, subject %s, until %s; want %s, %s, %s",
			principal.Tenant, principal.Subject, principal.Expires, id, subject, tokens.Expires)
	}
	if _, err := f.Verifier.Authenticate(f.ctx, tokens.RefreshToken); !errors.Is(err, auth.ErrToken) {
		f.Errorf("the refresh token passes as an access token: %v", err)
	}
}

func sameAnswer(f *fixture) {
	f.user("ann", f.a)
	_, wrong := f.tryLogin("ann", "not the password")
	_, unknown := f.tryLogin("nobody", "not the password")
	f.wantErr("Login with a wrong password", wrong, auth.ErrCredentials)
	f.wantErr("Login of an unknown user", unknown, auth.ErrCredentials)
	if wrong != nil && unknown != nil && wrong.Error() != unknown.Error() {
		f.Errorf("the answers differ: %q, %q", wrong, unknown)
	}
	f.login("ANN")
}

// guesses is more than any provider lets pass.
const guesses = 12

func slowGuessing(f *fixture) {
	f.user("ann", f.a)
	for _, username := range []string{"ann", "nobody"} {
		var err error
		for range guesses {
			_, err = f.tryLogin(username, "not the password")
		}
		f.wantErr("Login of "+username+" after many failures", err, auth.ErrTooManyAttempts)
	}
}

func codeOnce(f *fixture) {
	f.signUp("ann")
	code := f.Code(f.T, "ann")
	f.wantErr("Confirm with another code", f.Identity.Confirm(f.ctx, "ann", wrongCode(code)), auth.ErrCode)
	f.wantErr("Confirm with no code", f.Identity.Confirm(f.ctx, "ann", ""), auth.ErrCode)
	f.wantNoErr("Confirm", f.Identity.Confirm(f.ctx, "ann", code))
	f.wantErr("Confirm again", f.Identity.Confirm(f.ctx, "ann", code), auth.ErrCode)
	f.wantErr("Confirm of nobody", f.Identity.Confirm(f.ctx, "nobody", code), auth.ErrCode)
}

// wrongCode returns another code of the same form.
func wrongCode(code string) string {
	last := byte('0')
	if code[len(code)-1] == last {
		last = '1'
	}
	return code[:len(code)-1] + string(last)
}

func slowCodes(f *fixture) {
	f.signUp("ann")
	code := f.Code(f.T, "ann")
	for _, username := range []string{"ann", "nobody"} {
		var err error
		for range guesses {
			err = f.Identity.Confirm(f.ctx, username, wrongCode(code))
		}
		f.wantErr("Confirm of "+username+" after many wrong codes", err, auth.ErrTooManyAttempts)
	}
	if f.Identity.Confirm(f.ctx, "ann", code) == nil {
		f.Error("the right code works after many wrong ones")
	}
}

func codeOfOther(f *fixture) {
	f.signUp("ann")
	f.signUp("bob")
	if code := f.Code(f.T, "ann"); code != f.Code(f.T, "bob") {
		f.wantErr("Confirm with the code of another", f.Identity.Confirm(f.ctx, "bob", code), auth.ErrCode)
	}
}

func refreshOnce(f *fixture) {
	f.user("ann", f.a)
	other := f.login("ann")
	first := f.login("ann")
	second, err := f.Identity.Refresh(f.ctx, first.RefreshToken)
	f.wantNoErr("Refresh", err)
	if second.RefreshToken == first.RefreshToken {
		f.Error("Refresh returned the same refresh token")
	}
	_, err = f.Identity.Refresh(f.ctx, first.RefreshToken)
	f.wantErr("Refresh with a used token", err, auth.ErrRefresh)
	_, err = f.Identity.Refresh(f.ctx, second.RefreshToken)
	f.wantErr("Refresh with the newest token after the reuse", err, auth.ErrRefresh)
	_, err = f.Identity.Refresh(f.ctx, other.RefreshToken)
	f.wantNoErr("Refresh of another session", err)
}

func refreshRace(f *fixture) {
	f.user("ann", f.a)
	tokens := f.login("ann")
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
		won  int
	)
	for range 8 {
		wait.Go(func() {
			_, err := f.Identity.Refresh(f.ctx, tokens.RefreshToken)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else {
				f.wantErr("Refresh", err, auth.ErrRefresh)
			}
		})
	}
	wait.Wait()
	if won > 1 {
		f.Errorf("%d refreshes with one token worked, want at most one", won)
	}
}

func badRefresh(f *fixture) {
	f.user("ann", f.a)
	tokens := f.login("ann")
	for _, token := range []string{
		"", "x", "..", "a.b.c", tokens.RefreshToken + "x", "x" + tokens.RefreshToken,
		tokens.AccessToken, tokens.IDToken, "\x00.\x00.\x00", string(make([]byte, 1<<16)),
	} {
		_, err := f.Identity.Refresh(f.ctx, token)
		f.wantErr("Refresh", err, auth.ErrRefresh)
	}
}

func signOut(f *fixture) {
	subject := f.user("ann", f.a)
	one, two := f.login("ann"), f.login("ann")
	f.wantNoErr("SignOut", f.Identity.SignOut(f.ctx, f.a, subject))
	for _, tokens := range []auth.Tokens{one, two} {
		_, err := f.Identity.Refresh(f.ctx, tokens.RefreshToken)
		f.wantErr("Refresh after SignOut", err, auth.ErrRefresh)
	}
	_, err := f.Identity.Refresh(f.ctx, f.login("ann").RefreshToken)
	f.wantNoErr("Refresh of a session that began after SignOut", err)
}

func suspended(f *fixture) {
	f.user("ann", f.a)
	f.user("bob", f.b)
	ann, bob := f.login("ann"), f.login("bob")
	f.wantNoErr("Suspend", f.Suspend(f.ctx, f.a))
	_, err := f.Identity.Refresh(f.ctx, ann.RefreshToken)
	f.wantErr("Refresh", err, iotenant.ErrDenied)
	_, err = f.tryLogin("ann", password)
	f.wantErr("Login", err, tenant.ErrSuspended)
	_, err = f.tryLogin("ann", "not the password")
	f.wantErr("Login with a wrong password", err, auth.ErrCredentials)
	_, err = f.Identity.Refresh(f.ctx, bob.RefreshToken)
	f.wantNoErr("Refresh in another tenant", err)
}

func otherTenant(f *fixture) {
	ann, bob := f.user("ann", f.a), f.user("bob", f.b)
	tokens := f.login("bob")
	for _, subject := range []string{bob, "nobody", "", "\x00"} {
		_, err := f.Identity.Profile(f.ctx, f.a, subject)
		f.wantErr("Profile", err, auth.ErrUserNotFound)
		name := "changed"
		_, err = f.Identity.UpdateProfile(f.ctx, f.a, subject, auth.ProfileChange{Name: &name})
		f.wantErr("UpdateProfile", err, auth.ErrUserNotFound)
		f.wantErr("SignOut", f.Identity.SignOut(f.ctx, f.a, subject), auth.ErrUserNotFound)
	}
	profile, err := f.Identity.Profile(f.ctx, f.b, bob)
	f.wantNoErr("Profile", err)
	if profile.Name != "Somebody" || profile.Tenant != f.b {
		f.Errorf("the other tenant's user is %+v now", profile)
	}
	_, err = f.Identity.Refresh(f.ctx, tokens.RefreshToken)
	f.wantNoErr("Refresh of the other tenant's user", err)
	if profile, err = f.Identity.Profile(f.ctx, f.a, ann); err != nil || profile.Username != "ann" {
		f.Errorf("Profile returned %+v, %v", profile, err)
	}
}

func zeroTenant(f *fixture) {
	subject := f.user("ann", f.a)
	_, err := f.Identity.Profile(f.ctx, tenant.ID{}, subject)
	f.wantErr("Profile", err, tenant.ErrID)
	_, err = f.Identity.UpdateProfile(f.ctx, tenant.ID{}, subject, auth.ProfileChange{})
	f.wantErr("UpdateProfile", err, tenant.ErrID)
	f.wantErr("SignOut", f.Identity.SignOut(f.ctx, tenant.ID{}, subject), tenant.ErrID)
}

func updateProfile(f *fixture) {
	subject := f.user("ann", f.a)
	name, locale, zone := "Ann Ångström", "nb-NO", "Europe/Oslo"
	_, err := f.Identity.UpdateProfile(f.ctx, f.a, subject, auth.ProfileChange{Name: &name, Locale: &locale})
	f.wantNoErr("UpdateProfile", err)
	_, err = f.Identity.UpdateProfile(f.ctx, f.a, subject, auth.ProfileChange{TimeZone: &zone})
	f.wantNoErr("UpdateProfile", err)
	profile, err := f.Identity.Profile(f.ctx, f.a, subject)
	f.wantNoErr("Profile", err)
	if profile.Name != name || profile.Locale != locale || profile.TimeZone != zone || profile.Tenant != f.a || !profile.Confirmed {
		f.Errorf("Profile returned %+v", profile)
	}
}

func badChange(f *fixture) {
	subject := f.user("ann", f.a)
	long, control, spaced := string(make([]byte, 4096)), "a\nb", "no such zone"
	for _, change := range []auth.ProfileChange{
		{Name: &long}, {Name: &control}, {Locale: &control}, {TimeZone: &spaced}, {TimeZone: &control},
	} {
		_, err := f.Identity.UpdateProfile(f.ctx, f.a, subject, change)
		f.wantErr("UpdateProfile", err, auth.ErrProfile)
	}
}

func cancelled(f *fixture) {
	subject := f.user("ann", f.a)
	tokens := f.login("ann")
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	name := "changed"
	_, err := f.Identity.SignUp(ctx, auth.SignUp{Username: "bob", Password: password, Email: "bob@example.com"})
	f.wantErr("SignUp", err, context.Canceled)
	f.wantErr("Confirm", f.Identity.Confirm(ctx, "ann", "000000"), context.Canceled)
	_, err = f.Identity.Login(ctx, auth.Credentials{Username: "ann", Password: password})
	f.wantErr("Login", err, context.Canceled)
	_, err = f.Identity.Refresh(ctx, tokens.RefreshToken)
	f.wantErr("Refresh", err, context.Canceled)
	_, err = f.Identity.Profile(ctx, f.a, subject)
	f.wantErr("Profile", err, context.Canceled)
	_, err = f.Identity.UpdateProfile(ctx, f.a, subject, auth.ProfileChange{Name: &name})
	f.wantErr("UpdateProfile", err, context.Canceled)
	f.wantErr("SignOut", f.Identity.SignOut(ctx, f.a, subject), context.Canceled)

	profile, err := f.Identity.Profile(f.ctx, f.a, subject)
	f.wantNoErr("Profile", err)
	if profile.Name == name {
		f.Error("the cancelled UpdateProfile has changed the profile")
	}
	_, err = f.Identity.Refresh(f.ctx, tokens.RefreshToken)
	f.wantNoErr("Refresh after cancelled calls", err)
	f.signUp("bob")
}

func concurrent(f *fixture) {
	var wait sync.WaitGroup
	for _, username := range []string{"ann", "bob", "cid", "dora"} {
		wait.Go(func() {
			subject := f.signUp(username).Subject
			if err := f.Identity.Confirm(f.ctx, username, f.Code(f.T, username)); err != nil {
				f.Errorf("Confirm returned the error %v", err)
			}
			if err := f.Assign(f.ctx, username, f.a); err != nil {
				f.Errorf("Assign returned the error %v", err)
			}
			tokens, err := f.tryLogin(username, password)
			if err != nil {
				f.Errorf("Login returned the error %v", err)
				return
			}
			f.wantPrincipal(tokens, f.a, subject)
		})
	}
	wait.Wait()
}
