package memauth_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/memauth"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func ExampleNew() {
	ctx := context.Background()
	store := memtenant.New(tenant.RandomCursorKeys())
	directory := tenant.NewDirectory(memtenant.NewRepository(store, &tenant.TenantSchema))
	acme, err := directory.Create(ctx, tenant.MustParseID("acme"), "Acme Ltd")
	if err != nil {
		panic(err)
	}
	mailbox := map[string]string{}
	provider := memauth.New(memauth.Repositories{
		Users:    memtenant.NewRepository(store, &memauth.UserSchema),
		Sessions: memtenant.NewRepository(store, &memauth.SessionSchema),
		Attempts: memtenant.NewRepository(store, &memauth.AttemptSchema),
		Keys:     memtenant.NewRepository(store, &memauth.KeySchema),
	}, directory, func(o *memauth.Options) {
		o.Sender = memauth.SenderFunc(func(_ context.Context, message memauth.Message) error {
			mailbox[message.Email] = message.Code
			return nil
		})
	})
	verifier, err := auth.NewVerifier([]auth.Issuer{provider.Issuer()})
	if err != nil {
		panic(err)
	}

	// The user signs up and confirms.
	_, err = provider.SignUp(ctx, auth.SignUp{Username: "ann", Password: "correct horse battery", Email: "ann@example.com"})
	fmt.Println("sign up:", err)
	fmt.Println("confirm:", provider.Confirm(ctx, "ann", mailbox["ann@example.com"]))
	credentials := auth.Credentials{Username: "ann", Password: "correct horse battery"}
	_, err = provider.Login(ctx, credentials)
	fmt.Println("login:", errors.Is(err, auth.ErrNoTenant))

	// The backend decides whose user this is.
	_, err = provider.AssignTenant(ctx, "ann", acme.ID, "admins")
	fmt.Println("assign:", err)
	tokens, err := provider.Login(ctx, credentials)
	fmt.Println("login:", err)
	principal, err := verifier.Authenticate(ctx, tokens.AccessToken)
	fmt.Println("verify:", principal.Tenant, principal.Username, principal.Groups, err)
	// Output:
	// sign up: <nil>
	// confirm: <nil>
	// login: true
	// assign: <nil>
	// login: <nil>
	// verify: acme ann [admins] <nil>
}
