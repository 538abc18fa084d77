package lambdaauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/events"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// contextPrincipal is the member of an authorizer's answer that holds the
// principal.
const contextPrincipal = "iotenantPrincipal"

// errNoPrincipal: no trusted authorizer says who calls.
var errNoPrincipal = fmt.Errorf("lambdaauth: no authorizer data: %w", auth.ErrUnauthenticated)

// principal returns who calls, as far as a trusted authorizer says it.
func (h *Handler) principal(e *event) (auth.Principal, error) {
	if h.options.Verifier != nil && e.jwtClaims != nil {
		claims, err := parseClaims(e.jwtClaims)
		if err != nil {
			return auth.Principal{}, err
		}
		return h.options.Verifier.Principal(claims)
	}
	if h.options.TrustAuthorizer && e.lambdaContext != nil {
		return h.contextPrincipal(e.lambdaContext)
	}
	return auth.Principal{}, errNoPrincipal
}

func (h *Handler) contextPrincipal(text []byte) (auth.Principal, error) {
	var answer map[string]json.RawMessage
	if err := json.Unmarshal(text, &answer); err != nil {
		return auth.Principal{}, fmt.Errorf("%w: authorizer context: %w", ErrEvent, err)
	}
	member, ok := answer[contextPrincipal]
	if !ok {
		return auth.Principal{}, errNoPrincipal
	}
	var principal auth.Principal
	if err := json.Unmarshal(member, &principal); err != nil {
		return auth.Principal{}, fmt.Errorf("%w: authorizer context: %w", ErrEvent, err)
	}
	if err := principal.Tenant.Check(); err != nil {
		return auth.Principal{}, fmt.Errorf("%w: authorizer context: %w", ErrEvent, err)
	}
	if !h.options.Now().Before(principal.Expires) {
		return auth.Principal{}, auth.ErrExpired // an answer that was kept too long
	}
	return principal, nil
}

// AuthorizerOptions are the options of [NewAuthorizer].
type AuthorizerOptions struct {
	// Logger is told why a request was refused. Default silent.
	Logger *slog.Logger
}

// Authorizer is a Lambda authorizer of an HTTP API, payload format 2.0, with
// simple responses. Give it to lambda.Start.
type Authorizer func(ctx context.Context, event events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error)

// NewAuthorizer returns an authorizer that admits good bearer tokens of active
// tenants. Configure it with the identity source
//
//	$request.header.Authorization
//
// and no other. API Gateway may keep an answer and give it for other requests
// with the same identity source. That is safe, because an answer depends on
// nothing else: the token is taken from the identity source, never from path,
// query or other headers, and says itself whose it is. A handler that needs
// the tenant takes it from the principal in the answer; it checks the expiry
// again, and auth.Middleware the tenant.
//
// A refused token is answered with isAuthorized false. The error is
// of kind iotenant.ErrUnavailable if a token can't be judged now; API Gateway
// makes it a 500 and keeps nothing.
func NewAuthorizer(authenticator auth.Authenticator, gate tenant.Gate, optFns ...func(*AuthorizerOptions)) Authorizer {
	options := AuthorizerOptions{Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	return func(ctx context.Context, event events.APIGatewayV2CustomAuthorizerV2Request) (events.APIGatewayV2CustomAuthorizerSimpleResponse, error) {
		principal, err := authorize(ctx, authenticator, gate, event.IdentitySource)
		kind := iotenant.KindOf(err)
		switch {
		case err == nil:
			return events.APIGatewayV2CustomAuthorizerSimpleResponse{
				IsAuthorized: true,
				Context:      map[string]any{contextPrincipal: principal},
			}, nil
		case errors.Is(kind, iotenant.ErrDenied) || errors.Is(kind, iotenant.ErrInvalid):
			options.Logger.InfoContext(ctx, "lambdaauth: request refused", "error", err)
			return events.APIGatewayV2CustomAuthorizerSimpleResponse{}, nil
		}
		return events.APIGatewayV2CustomAuthorizerSimpleResponse{}, err
	}
}

func authorize(ctx context.Context, authenticator auth.Authenticator, gate tenant.Gate, identitySource []string) (auth.Principal, error) {
	if len(identitySource) != 1 {
		return auth.Principal{}, fmt.Errorf("%w: want one identity source, the Authorization header", auth.ErrUnauthenticated)
	}
	token, err := auth.BearerToken(http.Header{"Authorization": identitySource})
	if err != nil {
		return auth.Principal{}, err
	}
	principal, err := authenticator.Authenticate(ctx, token)
	if err != nil {
		return auth.Principal{}, err
	}
	return principal, gate.Admit(ctx, principal.Tenant)
}
