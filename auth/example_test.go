package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/authtest"
	"github.com/iotenant/iotenant/tenant"
)

// A Lambda that carries its user pool's keys in a file verifies without a
// network.
func ExampleParseJWKS() {
	text, err := os.ReadFile("testdata/jwks.json")
	if err != nil {
		panic(err)
	}
	keys, err := auth.ParseJWKS(text)
	fmt.Println(keys.Len(), err)

	pool, err := auth.CognitoIssuer("eu-west-1_AbCd12345", []string{"1example23456789"})
	if err != nil {
		panic(err)
	}
	pool.Keys = keys // verify without a network
	_, err = auth.NewVerifier([]auth.Issuer{pool})
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// <nil>
}

func ExampleCognitoIssuer() {
	_, err := auth.CognitoIssuer("AbCd12345", []string{"1example23456789"})
	fmt.Println(err)
	// Output: auth: invalid configuration: "AbCd12345" is no user pool id, want for example eu-west-1_AbCd12345
}

func ExampleNewVerifier() {
	t := &testing.T{} // in a test, the test's own
	issuer := authtest.NewIssuer(t)
	verifier, err := auth.NewVerifier([]auth.Issuer{issuer.Issuer(t)})
	if err != nil {
		panic(err)
	}
	token := issuer.AccessToken(t, tenant.MustParseID("acme"), "user-1", "admins")
	principal, err := verifier.Authenticate(context.Background(), token)
	fmt.Println(principal.Tenant, principal.Subject, principal.InGroup("admins"), err)

	_, err = verifier.Authenticate(context.Background(), "not a token")
	fmt.Println(err)
	// Output:
	// acme user-1 true <nil>
	// auth: token refused: denied: want three parts
}

func ExampleNewRemoteKeys() {
	keys, err := auth.NewRemoteKeys("http://example.com/.well-known/jwks.json")
	fmt.Println(keys, err)
	// Output: <nil> auth: invalid configuration: key set URL "http://example.com/.well-known/jwks.json": want https, or http of a loopback host
}

func ExampleMiddleware() {
	t := &testing.T{} // in a test, the test's own
	issuer := authtest.NewIssuer(t)
	verifier, err := auth.NewVerifier([]auth.Issuer{issuer.Issuer(t)})
	if err != nil {
		panic(err)
	}
	var directory tenant.Gate = gateFunc(func(tenant.ID) error { return nil }) // elsewhere a *tenant.Directory
	secured := auth.Middleware(verifier, directory)
	handler := secured(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		principal, err := auth.FromContext(r.Context())
		fmt.Fprintln(w, principal.Tenant, err)
	}))

	request := httptest.NewRequest(http.MethodGet, "/things", nil)
	request.Header.Set("Authorization", "Bearer "+issuer.AccessToken(t, tenant.MustParseID("acme"), "user-1"))
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	fmt.Print(answer.Code, " ", answer.Body)

	request.Header.Del("Authorization")
	answer = httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	fmt.Println(answer.Code, answer.Body)
	// Output:
	// 200 acme <nil>
	// 401 {"type":"about:blank","title":"Unauthorized","status":401,"detail":"a bearer token is required"}
}

// A handler's own test needs no token.
func ExampleNewContext() {
	ctx := auth.NewContext(context.Background(), auth.Principal{Tenant: tenant.MustParseID("acme"), Subject: "user-1"})
	principal, err := auth.FromContext(ctx)
	fmt.Println(principal.Tenant, principal.Subject, err)
	// Output: acme user-1 <nil>
}
