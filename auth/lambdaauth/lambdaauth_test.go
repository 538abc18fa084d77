package lambdaauth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/authtest"
	"github.com/iotenant/iotenant/auth/lambdaauth"
	"github.com/iotenant/iotenant/tenant"
)

var (
	_ lambda.Handler = (*lambdaauth.Handler)(nil)

	acme = tenant.MustParseID("acme")
	// eventTime is when the events in testdata happened.
	eventTime = time.Unix(1_800_000_000, 0)
)

func eventClock() time.Time { return eventTime }

func event(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return text
}

// edit returns the event with one member replaced, found by its path.
func edit(t testing.TB, text []byte, value any, path ...string) []byte {
	t.Helper()
	var event map[string]any
	require.NoError(t, json.Unmarshal(text, &event))
	at := event
	for _, name := range path[:len(path)-1] {
		at = at[name].(map[string]any)
	}
	if last := path[len(path)-1]; value == nil {
		delete(at, last)
	} else {
		at[last] = value
	}
	edited, err := json.Marshal(event)
	require.NoError(t, err)
	return edited
}

func invoke(t testing.TB, handler http.HandlerFunc, payload []byte, optFns ...func(*lambdaauth.Options)) events.APIGatewayV2HTTPResponse {
	t.Helper()
	answer, err := lambdaauth.NewHandler(handler, optFns...).Invoke(t.Context(), payload)
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.DisallowUnknownFields()
	var response events.APIGatewayV2HTTPResponse
	require.NoError(t, decoder.Decode(&response), string(answer))
	return response
}

func TestRequest(t *testing.T) {
	t.Parallel()
	called := false
	invoke(t, func(_ http.ResponseWriter, r *http.Request) {
		called = true
		require.Equal(t, "POST", r.Method)
		require.Equal(t, "/things/pump 1/telemetry", r.URL.Path)
		require.Equal(t, "/things/pump%201/telemetry", r.URL.EscapedPath())
		require.Equal(t, "/things/pump%201/telemetry?from=2026-01-01&tag=a&tag=b%20c", r.RequestURI)
		require.Equal(t, []string{"a", "b c"}, r.URL.Query()["tag"])
		require.Equal(t, "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", r.Host)
		require.Equal(t, "203.0.113.7:0", r.RemoteAddr)
		require.True(t, r.ProtoAtLeast(1, 1))
		require.Equal(t, "application/json", r.Header.Get("Content-Type"))
		require.Equal(t, "203.0.113.7,198.51.100.1", r.Header.Get("X-Forwarded-For"))
		require.Empty(t, r.Header.Get("Host"))
		cookie, err := r.Cookie("theme")
		require.NoError(t, err)
		require.Equal(t, "dark", cookie.Value)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.JSONEq(t, `{"pressure": 71}`, string(body))
		require.EqualValues(t, 16, r.ContentLength)
		gateway, err := lambdaauth.Event(r.Context())
		require.NoError(t, err)
		require.Equal(t, "things/pump 1/telemetry", gateway.PathParameters["proxy"])
		require.Equal(t, "[admins operators]", gateway.RequestContext.Authorizer.JWT.Claims["cognito:groups"])
	}, event(t, "jwt.json"))
	require.True(t, called)
}

func TestRequestPaths(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ raw, stage, domain, path, escaped string }{
		{"/prod/a", "prod", "x.execute-api.eu-west-1.amazonaws.com", "/a", "/a"},
		{"/prod", "prod", "x.execute-api.eu-west-1.amazonaws.com", "/", "/"},
		{"/product", "prod", "x.execute-api.eu-west-1.amazonaws.com", "/product", "/product"},
		{"/prod/a", "prod", "api.example.com", "/prod/a", "/prod/a"},
		{"/prod/a", "$default", "x.execute-api.eu-west-1.amazonaws.com", "/prod/a", "/prod/a"},
		{"/a%2Fb/c", "$default", "api.example.com", "/a/b/c", "/a%2Fb/c"},
		{"/100%", "$default", "api.example.com", "/100%", "/100%25"},
		{"/é", "$default", "api.example.com", "/é", "/%C3%A9"},
		{"/a%3Bb%c3%a9", "$default", "api.example.com", "/a;bé", "/a%3Bb%c3%a9"},
		{"/a;b@c:d", "$default", "api.example.com", "/a;b@c:d", "/a;b@c:d"},
		{"", "$default", "api.example.com", "/", "/"},
		{"//evil.example.com/x", "$default", "api.example.com", "//evil.example.com/x", "//evil.example.com/x"},
		{"http://evil.example.com/x", "$default", "api.example.com", "/http://evil.example.com/x", "/http://evil.example.com/x"},
	} {
		payload := edit(t, event(t, "lambda.json"), test.raw, "rawPath")
		payload = edit(t, payload, test.stage, "requestContext", "stage")
		payload = edit(t, payload, test.domain, "requestContext", "domainName")
		invoke(t, func(_ http.ResponseWriter, r *http.Request) {
			require.Equal(t, test.path, r.URL.Path)
			require.Equal(t, test.escaped, r.URL.EscapedPath())
			require.Empty(t, r.URL.Host)
		}, payload)
	}
}

func TestRequestWithoutBodyAndHeaders(t *testing.T) {
	t.Parallel()
	payload := edit(t, event(t, "lambda.json"), json.RawMessage("null"), "headers")
	invoke(t, func(_ http.ResponseWriter, r *http.Request) {
		require.Equal(t, "api.example.com", r.Host)
		require.Equal(t, "[2001:db8::7]:0", r.RemoteAddr)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Empty(t, body)
	}, payload)
}

func TestBinaryBodies(t *testing.T) {
	t.Parallel()
	picture := []byte("\x89PNG\r\n\x1a\n\x00\xff")
	response := invoke(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, picture, body)
		gateway, err := lambdaauth.Event(r.Context())
		require.NoError(t, err)
		require.Equal(t, "arn:aws:iam::123456789012:user/example", gateway.RequestContext.Authorizer.IAM.UserARN)
		_, _ = w.Write(body)
	}, event(t, "iam.json"))
	require.True(t, response.IsBase64Encoded)
	require.Equal(t, base64.StdEncoding.EncodeToString(picture), response.Body)
	require.Equal(t, "image/png", response.Headers["Content-Type"])
}

func TestResponses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    events.APIGatewayV2HTTPResponse
	}{
		"nothing": {func(http.ResponseWriter, *http.Request) {}, events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{}}},
		"text": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a \"quoted\"\n\\ \t é 😀 \u2028") },
			events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Content-Type": "text/plain; charset=utf-8"}, Body: "a \"quoted\"\n\\ \t é 😀 \u2028"}},
		"control characters": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "\x00\x01\x1f\x7f\r") },
			events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Content-Type": "application/octet-stream"}, Body: "\x00\x01\x1f\x7f\r"}},
		"typed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusTeapot)
			w.Header().Set("Late", "1")
			fmt.Fprint(w, "{}")
		}, events.APIGatewayV2HTTPResponse{StatusCode: 201, Headers: map[string]string{"Content-Type": "application/json"}, Body: "{}"}},
		"headers and cookies": {func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
			http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
			w.Header().Add("Vary", "Accept")
			w.Header().Add("Vary", "Origin")
			w.Header()["Nothing"] = nil
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNoContent)
			_, err := w.Write([]byte("x"))
			if err == nil {
				panic("a body with a 204")
			}
		}, events.APIGatewayV2HTTPResponse{StatusCode: 204, Headers: map[string]string{"Vary": "Accept, Origin"}, Cookies: []string{"a=1", "b=2"}}},
		"panic": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Set-Cookie", "secret=1")
			fmt.Fprint(w, "half of ")
			panic("a secret reason")
		}, events.APIGatewayV2HTTPResponse{StatusCode: 500, Headers: map[string]string{"Content-Type": "application/problem+json"},
			Body: `{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the request could not be served"}`}},
		"too large": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 7<<20)) },
			events.APIGatewayV2HTTPResponse{StatusCode: 500, Headers: map[string]string{"Content-Type": "application/problem+json"},
				Body: `{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the request could not be served"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, invoke(t, test.handler, event(t, "lambda.json")))
		})
	}
	head := invoke(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "body") },
		edit(t, event(t, "lambda.json"), "HEAD", "requestContext", "http", "method"))
	require.Equal(t, 200, head.StatusCode)
	require.Empty(t, head.Body)
}

// TestResponsesThatOutgrowTheLimitEncoded writes bodies that are below the
// limit of a response, and above it as they travel.
func TestResponsesThatOutgrowTheLimitEncoded(t *testing.T) {
	t.Parallel()
	for name, body := range map[string][]byte{
		"base64":  bytes.Repeat([]byte{0xff}, 5<<20),
		"escaped": bytes.Repeat([]byte{1}, 2<<20),
		"header":  bytes.Repeat([]byte{'a'}, 6<<20-10),
	} {
		var logs bytes.Buffer
		response := invoke(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }, event(t, "lambda.json"),
			func(o *lambdaauth.Options) { o.Logger = slog.New(slog.NewTextHandler(&logs, nil)) })
		require.Equal(t, 500, response.StatusCode, name)
		require.Contains(t, logs.String(), "response too large", name)
	}
	largest := bytes.Repeat([]byte{'a'}, 6<<20-200)
	response := invoke(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(largest) }, event(t, "lambda.json"))
	require.Equal(t, 200, response.StatusCode)
	require.Len(t, response.Body, len(largest))
}

func TestWritingBeyondTheLimitFails(t *testing.T) {
	t.Parallel()
	response := invoke(t, func(w http.ResponseWriter, _ *http.Request) {
		part := make([]byte, 1<<20)
		written := 0
		for range 100 {
			if _, err := w.Write(part); err != nil {
				require.ErrorIs(t, err, iotenant.ErrInvalid)
				break
			}
			written++
		}
		require.Equal(t, 6, written)
	}, event(t, "lambda.json"))
	require.Equal(t, 500, response.StatusCode)
}

func TestUnusualEvents(t *testing.T) {
	t.Parallel()
	payload := edit(t, event(t, "lambda.json"), map[string]any{
		"x-made-up": "1", "X-MADE-up": "2", "accept": nil, "Host": "other.example.com", "a b": "kept as it is",
	}, "headers")
	payload = edit(t, payload, json.RawMessage("null"), "isBase64Encoded")
	payload = edit(t, payload, json.RawMessage("null"), "requestContext", "authorizer")
	payload = edit(t, payload, strings.Split(strings.Repeat("c=1 ", 40)+"d=2", " "), "cookies")
	invoke(t, func(_ http.ResponseWriter, r *http.Request) {
		require.ElementsMatch(t, []string{"1", "2"}, r.Header["X-Made-Up"])
		require.Equal(t, []string{""}, r.Header["Accept"])
		require.Equal(t, []string{"kept as it is"}, r.Header["a b"])
		require.Equal(t, "other.example.com", r.Host)
		require.NotContains(t, r.Header, "Host")
		cookies := r.Cookies()
		require.Len(t, cookies, 41)
		require.Equal(t, "d", cookies[40].Name)
		before := maps.Clone(r.Header)
		for name, values := range r.Header {
			_ = append(values, "written by a handler")
			require.Equal(t, before[name], values)
		}
	}, payload)
}

func TestPanicsAreLogged(t *testing.T) {
	t.Parallel()
	var logs bytes.Buffer
	invoke(t, func(http.ResponseWriter, *http.Request) { panic("boom") }, event(t, "lambda.json"), func(o *lambdaauth.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&logs, nil))
	})
	require.Contains(t, logs.String(), "panic=boom")
	require.Contains(t, logs.String(), "lambdaauth_test.go")
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	want, _ := ctx.Deadline()
	_, err := lambdaauth.NewHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, ok := r.Context().Deadline()
		require.True(t, ok)
		require.Equal(t, want, got)
	})).Invoke(ctx, event(t, "lambda.json"))
	require.NoError(t, err)
}

func TestBadEvents(t *testing.T) {
	t.Parallel()
	handler := lambdaauth.NewHandler(http.NotFoundHandler())
	good := event(t, "iam.json")
	for name, payload := range map[string][]byte{
		"empty":        nil,
		"no JSON":      []byte("x"),
		"cut":          good[:len(good)/2],
		"format 1.0":   edit(t, good, "1.0", "version"),
		"no method":    edit(t, good, nil, "requestContext", "http"),
		"bad base64":   edit(t, good, "*", "body"),
		"headers list": edit(t, good, []string{"a"}, "headers"),
	} {
		_, err := handler.Invoke(t.Context(), payload)
		require.ErrorIs(t, err, lambdaauth.ErrEvent, name)
		require.ErrorIs(t, err, iotenant.ErrInvalid, name)
	}
	_, err := lambdaauth.Event(t.Context())
	require.ErrorIs(t, err, lambdaauth.ErrEvent)
}

// gate admits acme and knows nobody else.
type gate struct{ err error }

func (g gate) Admit(_ context.Context, id tenant.ID) error {
	if id != acme {
		return tenant.ErrUnknownTenant
	}
	return g.err
}

func greet(w http.ResponseWriter, r *http.Request) {
	principal, err := auth.FromContext(r.Context())
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(w, "%s of %s in %v", principal.Username, principal.Tenant, principal.Groups)
}

type bundle struct {
	issuer   *authtest.Issuer
	verifier *auth.Verifier
}

func setup(t testing.TB) bundle {
	t.Helper()
	issuer := authtest.NewIssuer(t, func(o *authtest.IssuerOptions) { o.Now = eventClock })
	verifier, err := auth.NewVerifier([]auth.Issuer{issuer.Issuer(t)}, func(o *auth.VerifierOptions) { o.Now = eventClock })
	require.NoError(t, err)
	return bundle{issuer: issuer, verifier: verifier}
}

// serve passes an event through the middleware.
func (b bundle) serve(t testing.TB, payload []byte, optFns ...func(*lambdaauth.Options)) events.APIGatewayV2HTTPResponse {
	t.Helper()
	secured := auth.Middleware(b.verifier, gate{})(http.HandlerFunc(greet))
	return invoke(t, secured.ServeHTTP, payload, append([]func(*lambdaauth.Options){func(o *lambdaauth.Options) { o.Now = eventClock }}, optFns...)...)
}

func TestPrincipalOfAJWTAuthorizer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	trust := func(o *lambdaauth.Options) { o.Verifier = b.verifier }
	response := b.serve(t, event(t, "jwt.json"), trust)
	require.Equal(t, "ann of acme in [admins operators]", response.Body)
	numeric := edit(t, event(t, "jwt.json"), 1800003600, "requestContext", "authorizer", "jwt", "claims", "exp")
	require.Equal(t, 200, b.serve(t, numeric, trust).StatusCode, "a claim that is not a text is no reason to fail")
}

func TestAttackAuthorizerClaims(t *testing.T) {
	t.Parallel()
	b := setup(t)
	trust := func(o *lambdaauth.Options) { o.Verifier = b.verifier }
	jwt := event(t, "jwt.json") // its bearer token is no good
	require.Equal(t, 401, b.serve(t, jwt).StatusCode, "not trusted unless asked for")
	for name, values := range map[string][]any{
		"token_use":        {"id", nil},
		"iss":              {"https://evil.example", nil},
		"client_id":        {"other", nil},
		"exp":              {"1799999000", nil, "x"},
		"custom:tenant_id": {nil, "[acme]", "ACME", []string{"acme"}, ""},
		"cognito:groups":   {"admins"},
	} {
		for _, value := range values {
			payload := edit(t, jwt, value, "requestContext", "authorizer", "jwt", "claims", name)
			require.Equal(t, 401, b.serve(t, payload, trust).StatusCode, "%s %v", name, value)
		}
	}
	twice := bytes.Replace(jwt, []byte(`"custom:tenant_id": "acme"`), []byte(`"custom:tenant_id": "acme-b", "custom:tenant_id": "acme"`), 1)
	require.Equal(t, 401, b.serve(t, twice, trust).StatusCode, "claims that can be read in two ways")
	other := edit(t, jwt, "acme-b", "requestContext", "authorizer", "jwt", "claims", "custom:tenant_id")
	require.Equal(t, 403, b.serve(t, other, trust).StatusCode, "the gate is asked")
}

func TestFallsBackToTheBearerToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	payload := edit(t, event(t, "lambda.json"), "Bearer "+b.issuer.AccessToken(t, acme, "ann"), "headers", "authorization")
	require.Equal(t, "ann of acme in []", b.serve(t, payload).Body)
	require.Equal(t, 401, b.serve(t, event(t, "lambda.json")).StatusCode)
}

func TestPrincipalOfALambdaAuthorizer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	trust := func(o *lambdaauth.Options) { o.TrustAuthorizer = true }
	require.Equal(t, "ann of acme in [admins]", b.serve(t, event(t, "lambda.json"), trust).Body)
}

func TestAttackLambdaAuthorizerContext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	trust := func(o *lambdaauth.Options) { o.TrustAuthorizer = true }
	at := func(name ...string) []string {
		return append([]string{"requestContext", "authorizer", "lambda", "iotenantPrincipal"}, name...)
	}
	for _, payload := range [][]byte{
		edit(t, event(t, "lambda.json"), "2027-01-15T08:00:00Z", at("expires")...), // kept beyond its end
		edit(t, event(t, "lambda.json"), nil, at("expires")...),
		edit(t, event(t, "lambda.json"), nil, at("tenant")...),
		edit(t, event(t, "lambda.json"), "", at("tenant")...),
		edit(t, event(t, "lambda.json"), "_platform", at("tenant")...),
		edit(t, event(t, "lambda.json"), []string{"acme"}, at("tenant")...),
		edit(t, event(t, "lambda.json"), "acme", at()...),
		edit(t, event(t, "lambda.json"), nil, at()...),
		edit(t, event(t, "lambda.json"), json.RawMessage("null"), "requestContext", "authorizer", "lambda"),
		edit(t, event(t, "lambda.json"), []int{1}, "requestContext", "authorizer", "lambda"),
	} {
		require.Equal(t, 401, b.serve(t, payload, trust).StatusCode, string(payload))
	}
	require.Equal(t, 401, b.serve(t, event(t, "lambda.json")).StatusCode, "not trusted unless asked for")
	suspended := auth.Middleware(b.verifier, gate{err: tenant.ErrSuspended})(http.HandlerFunc(greet))
	response := invoke(t, suspended.ServeHTTP, event(t, "lambda.json"), trust, func(o *lambdaauth.Options) { o.Now = eventClock })
	require.Equal(t, 403, response.StatusCode, "a kept answer does not outlive the tenant's suspension")
}

func TestAuthorizer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	authorize := lambdaauth.NewAuthorizer(b.verifier, gate{})
	token := b.issuer.AccessToken(t, acme, "ann", "admins")
	answer, err := authorize(t.Context(), events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{"Bearer " + token}})
	require.NoError(t, err)
	require.True(t, answer.IsAuthorized)

	// What API Gateway makes of the answer is a principal again.
	kept, err := json.Marshal(answer.Context)
	require.NoError(t, err)
	require.NotContains(t, string(kept), token)
	payload := edit(t, event(t, "lambda.json"), json.RawMessage(kept), "requestContext", "authorizer", "lambda")
	trust := func(o *lambdaauth.Options) { o.TrustAuthorizer = true }
	require.Equal(t, "ann of acme in [admins]", b.serve(t, payload, trust).Body)
}

// TestAttackAuthorizerAnswersAreSafeToKeep checks that an answer follows from
// the identity source alone, which is the key under which it is kept.
func TestAttackAuthorizerAnswersAreSafeToKeep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	authorize := lambdaauth.NewAuthorizer(b.verifier, gate{})
	token := "Bearer " + b.issuer.AccessToken(t, acme, "ann")
	stranger := "Bearer " + b.issuer.AccessToken(t, tenant.MustParseID("acme-b"), "bob")
	first, err := authorize(t.Context(), events.APIGatewayV2CustomAuthorizerV2Request{IdentitySource: []string{token}})
	require.NoError(t, err)
	for _, path := range []string{"/tenants/acme", "/tenants/acme-b"} {
		again, err := authorize(t.Context(), events.APIGatewayV2CustomAuthorizerV2Request{
			IdentitySource: []string{token}, RawPath: path, RouteKey: "GET " + path,
			Headers: map[string]string{"authorization": stranger, "x-tenant": "acme-b"}, PathParameters: map[string]string{"tenant": "acme-b"},
		})
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
	for _, source := range [][]string{nil, {}, {""}, {"acme"}, {stranger}, {token, "acme"}, {strings.TrimPrefix(token, "Bearer ")}, {token + "x"}} {
		answer, err := authorize(t.Context(), events.APIGatewayV2CustomAuthorizerV2Request{
			IdentitySource: source, Headers: map[string]string{"authorization": token},
		})
		require.NoError(t, err)
		require.False(t, answer.IsAuthorized)
		require.Empty(t, answer.Context)
	}
}

func TestAuthorizerThatCannotTell(t *testing.T) {
	t.Parallel()
	b := setup(t)
	authorize := lambdaauth.NewAuthorizer(b.verifier, gate{err: authtest.ErrFault})
	answer, err := authorize(t.Context(), events.APIGatewayV2CustomAuthorizerV2Request{
		IdentitySource: []string{"Bearer " + b.issuer.AccessToken(t, acme, "ann")},
	})
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.False(t, answer.IsAuthorized)
}

// FuzzInvoke offers anything as an event: an error or a response, no panic,
// and no principal from what is not trusted.
func FuzzInvoke(f *testing.F) {
	for _, name := range []string{"jwt.json", "lambda.json", "iam.json"} {
		f.Add(event(f, name))
	}
	handler := lambdaauth.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := auth.FromContext(r.Context()); err == nil {
			panic("a principal from nowhere")
		}
		maps.Copy(w.Header(), r.Header)
		_, _ = io.Copy(w, r.Body)
	}))
	f.Fuzz(func(t *testing.T, payload []byte) {
		answer, err := handler.Invoke(context.Background(), payload)
		if err != nil {
			require.ErrorIs(t, err, lambdaauth.ErrEvent)
			return
		}
		var response events.APIGatewayV2HTTPResponse
		require.NoError(t, json.Unmarshal(answer, &response), string(answer))
		require.Equal(t, http.StatusOK, response.StatusCode)
	})
}
