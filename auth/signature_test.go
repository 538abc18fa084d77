package auth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

var (
	signedAt  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	acmeLine  = auth.Principal{Tenant: tenant.MustParseID("acme"), Subject: "line-1"}
	otherLine = auth.Principal{Tenant: tenant.MustParseID("other"), Subject: "line-2"}
)

func accessKeys(_ context.Context, id string) (auth.AccessKey, error) {
	switch id {
	case "AKACME":
		return auth.AccessKey{Secret: "acme's secret", Principal: acmeLine}, nil
	case "AKOTHER":
		return auth.AccessKey{Secret: "other's secret", Principal: otherLine}, nil
	case "AKEXPIRED":
		expired := acmeLine
		expired.Expires = signedAt
		return auth.AccessKey{Secret: "acme's secret", Principal: expired}, nil
	case "AKNOTENANT":
		return auth.AccessKey{Secret: "acme's secret"}, nil
	case "AKNOSECRET":
		return auth.AccessKey{Principal: acmeLine}, nil
	case "AKFAILING":
		return auth.AccessKey{}, fmt.Errorf("database: %w", iotenant.ErrUnavailable)
	}
	return auth.AccessKey{}, fmt.Errorf("%w: unknown access key", auth.ErrSignature)
}

func newSignatureVerifier() *auth.SignatureVerifier {
	return auth.NewSignatureVerifier("ioteventsdata", accessKeys, func(o *auth.SignatureOptions) {
		o.Region, o.MaxBody = "eu-west-1", 1000
		o.Now = func() time.Time { return signedAt }
	})
}

// signedWith signs as AWS's SDK does.
type signedWith struct {
	id, secret, service, region string
	at                          time.Time
}

func acmeSigns() signedWith {
	return signedWith{"AKACME", "acme's secret", "ioteventsdata", "eu-west-1", signedAt}
}

func (s signedWith) request(t require.TestingT, method, target, body string, header http.Header) *http.Request {
	request := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	maps.Copy(request.Header, header)
	s.sign(t, request, body)
	return request
}

func (s signedWith) sign(t require.TestingT, request *http.Request, body string) {
	digest := sha256.Sum256([]byte(body))
	credentials := aws.Credentials{AccessKeyID: s.id, SecretAccessKey: s.secret}
	err := v4.NewSigner().SignHTTP(context.Background(), credentials, request, hex.EncodeToString(digest[:]), s.service, s.region, s.at)
	require.NoError(t, err)
}

// What AWS's own signer signs is accepted, whatever the request.
func TestSignatureOfTheSDKIsAccepted(t *testing.T) {
	t.Parallel()
	verifier := newSignatureVerifier()
	text := rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ019-._~ /:@!$&'()*+,;=%?#ü€\"<>[]{}|\\^`")), 0, 12, -1)
	rapid.Check(t, func(rt *rapid.T) {
		target := url.URL{Scheme: "http", Host: "events.example.com:8080", Path: "/" + text.Draw(rt, "path")}
		query := url.Values{}
		for range rapid.IntRange(0, 3).Draw(rt, "parameters") {
			query.Add(rapid.StringMatching(`[a-zA-Z0-9-]{0,4}`).Draw(rt, "name"), text.Draw(rt, "value"))
		}
		target.RawQuery = query.Encode()
		if strings.HasPrefix(target.Path, "//") {
			rt.Skip("a request has no such target")
		}
		header := http.Header{
			"Content-Type":     {"application/json"},
			"X-Amz-Meta":       {"  a   b ", rapid.StringMatching(`[ -~]{0,10}`).Draw(rt, "header")},
			"Amz-Sdk-Request":  {"attempt=1; max=3"},
			"X-Unsigned-Hop":   {"1"},
			"User-Agent":       {"aws-sdk"},
			"X-Amzn-Something": nil,
		}
		body := text.Draw(rt, "body")
		signed := acmeSigns().request(rt, rapid.SampledFrom([]string{"GET", "POST", "DELETE"}).Draw(rt, "method"), target.String(), body, header)
		principal, err := verifier.Verify(signed)
		require.NoError(rt, err)
		require.Equal(rt, acmeLine, principal)
		kept, err := io.ReadAll(signed.Body)
		require.NoError(rt, err)
		require.Equal(rt, body, string(kept))
	})
}

// Whatever is changed after signing is noticed.
func TestAttackTamperedRequest(t *testing.T) {
	t.Parallel()
	const target, body = "http://host/detectors/m/keyValues?keyValue=k", `{"messages":[]}`
	verifier := newSignatureVerifier()
	for name, tamper := range map[string]func(*http.Request){
		"method":     func(r *http.Request) { r.Method = http.MethodDelete },
		"path":       func(r *http.Request) { r.URL.Path = "/detectors/n/keyValues" },
		"query":      func(r *http.Request) { r.URL.RawQuery = "keyValue=l" },
		"more query": func(r *http.Request) { r.URL.RawQuery += "&keyValue=l" },
		"host":       func(r *http.Request) { r.Host = "another" },
		"body":       func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"messages":[1]}`)) },
		"no body":    func(r *http.Request) { r.Body = nil },
		"type":       func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"date":       func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260301T120001Z") },
		"two dates":  func(r *http.Request) { r.Header.Add("X-Amz-Date", "20260301T120001Z") },
		"twice":      func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) },
		"signature":  replaceAuthorization("Signature=", "Signature=00"),
		"empty":      replaceAuthorization("Signature=", "Signature=,X="),
		"key":        replaceAuthorization("AKACME", "AKOTHER"),
		"region":     replaceAuthorization("eu-west-1", "us-east-1"),
		"service":    replaceAuthorization("ioteventsdata", "iotanalytics"),
		"day":        replaceAuthorization("20260301/", "20260302/"),
		"end":        replaceAuthorization("aws4_request", "aws5_request"),
		"no host":    replaceAuthorization(";host", ""),
		"no date":    replaceAuthorization(";x-amz-date", ""),
		"unsorted":   replaceAuthorization("host;x-amz-date", "x-amz-date;host"),
		"fewer":      replaceAuthorization("content-type;", ""),
		"more":       replaceAuthorization("host;", "host;x-amz-data;"),
		"unsigned":   func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"); r.Body = http.NoBody },
	} {
		request := acmeSigns().request(t, http.MethodPost, target, body, http.Header{"Content-Type": {"application/json"}})
		_, err := verifier.Verify(request)
		require.NoError(t, err, name)
		request = acmeSigns().request(t, http.MethodPost, target, body, http.Header{"Content-Type": {"application/json"}})
		tamper(request)
		_, err = verifier.Verify(request)
		require.ErrorIs(t, err, auth.ErrSignature, name)
	}
}

func replaceAuthorization(old, with string) func(*http.Request) {
	return func(r *http.Request) {
		before := r.Header.Get("Authorization")
		after := strings.Replace(before, old, with, 1)
		if after == before {
			panic("nothing to replace: " + before)
		}
		r.Header.Set("Authorization", after)
	}
}

func TestAttackSignatureScope(t *testing.T) {
	t.Parallel()
	verifier := newSignatureVerifier()
	for name, change := range map[string]func(*signedWith){
		"another secret":      func(s *signedWith) { s.secret = "other's secret" },
		"another key":         func(s *signedWith) { s.id = "AKOTHER" },
		"unknown key":         func(s *signedWith) { s.id = "AKUNKNOWN" },
		"expired key":         func(s *signedWith) { s.id = "AKEXPIRED" },
		"key without tenant":  func(s *signedWith) { s.id = "AKNOTENANT" },
		"key without secret":  func(s *signedWith) { s.id, s.secret = "AKNOSECRET", "" },
		"another service":     func(s *signedWith) { s.service = "iotevents" },
		"another region":      func(s *signedWith) { s.region = "us-east-1" },
		"signed too long ago": func(s *signedWith) { s.at = signedAt.Add(-5*time.Minute - time.Second) },
		"signed in advance":   func(s *signedWith) { s.at = signedAt.Add(5*time.Minute + time.Second) },
	} {
		signer := acmeSigns()
		change(&signer)
		_, err := verifier.Verify(signer.request(t, http.MethodPost, "http://host/inputs/messages", "{}", nil))
		require.ErrorIs(t, err, auth.ErrSignature, name)
		require.NotContains(t, err.Error(), "secret")
	}
	for _, skew := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		signer := acmeSigns()
		signer.at = signedAt.Add(skew)
		_, err := verifier.Verify(signer.request(t, http.MethodPost, "http://host/", "", nil))
		require.NoError(t, err)
	}
}

func TestSignatureRefusals(t *testing.T) {
	t.Parallel()
	verifier := newSignatureVerifier()
	for header, want := range map[string]error{
		"":                            auth.ErrUnauthenticated,
		"Bearer token":                auth.ErrUnauthenticated,
		"AWS4-ECDSA-P256-SHA256 a":    auth.ErrUnauthenticated,
		"AWS4-HMAC-SHA256":            auth.ErrSignature,
		"AWS4-HMAC-SHA256 Credential": auth.ErrSignature,
		"AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=zz": auth.ErrSignature,
		"AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=, Signature=00":     auth.ErrSignature,
		"AWS4-HMAC-SHA256 Credential=a, Credential=b, SignedHeaders=host, Signature=00":      auth.ErrSignature,
	} {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		if header != "" {
			request.Header.Set("Authorization", header)
		}
		_, err := verifier.Verify(request)
		require.ErrorIs(t, err, want, header)
	}

	large := strings.Repeat("x", 1001)
	_, err := verifier.Verify(acmeSigns().request(t, http.MethodPost, "http://host/", large, nil))
	require.ErrorContains(t, err, "body of more than 1000 bytes")

	broken := acmeSigns().request(t, http.MethodPost, "http://host/", "", nil)
	broken.Body = io.NopCloser(io.MultiReader(bytes.NewReader([]byte("a")), failingReader{}))
	_, err = verifier.Verify(broken)
	require.ErrorIs(t, err, errBroken)
}

var errBroken = errors.New("broken")

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errBroken }

func TestSignatureMiddleware(t *testing.T) {
	t.Parallel()
	open := gateFunc(func(tenant.ID) error { return nil })
	handler := func(gate tenant.Gate) http.Handler {
		return auth.SignatureMiddleware(newSignatureVerifier(), gate)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			principal, err := auth.FromContext(r.Context())
			if err != nil {
				panic(err)
			}
			_, _ = io.WriteString(w, principal.Tenant.String())
		}))
	}
	serve := func(gate tenant.Gate, signer signedWith, signed bool) *httptest.ResponseRecorder {
		request := httptest.NewRequest(http.MethodPost, "http://host/inputs/messages", strings.NewReader("{}"))
		if signed {
			signer.sign(t, request, "{}")
		}
		recorder := httptest.NewRecorder()
		handler(gate).ServeHTTP(recorder, request)
		return recorder
	}
	require.Equal(t, "acme", serve(open, acmeSigns(), true).Body.String())

	wrong, failing := acmeSigns(), acmeSigns()
	wrong.secret, failing.id = "guessed", "AKFAILING"
	for _, test := range []struct {
		answer *httptest.ResponseRecorder
		status int
		code   string
	}{
		{serve(open, acmeSigns(), false), 403, "MissingAuthenticationTokenException"},
		{serve(open, wrong, true), 403, "InvalidSignatureException"},
		{serve(open, failing, true), 503, "ServiceUnavailableException"},
		{serve(gateFunc(func(tenant.ID) error { return tenant.ErrSuspended }), acmeSigns(), true), 403, "AccessDeniedException"},
		{serve(gateFunc(func(tenant.ID) error { return iotenant.ErrUnavailable }), acmeSigns(), true), 503, "ServiceUnavailableException"},
	} {
		require.Equal(t, test.status, test.answer.Code)
		require.Equal(t, test.code, test.answer.Header().Get("X-Amzn-Errortype"))
		require.Contains(t, test.answer.Body.String(), `"message"`)
		require.NotContains(t, test.answer.Body.String(), "acme")
	}
}

func ExampleNewSignatureVerifier() {
	keys := func(_ context.Context, id string) (auth.AccessKey, error) {
		if id != "AKEXAMPLE" { // from a repository, in a program
			return auth.AccessKey{}, fmt.Errorf("%w: unknown access key", auth.ErrSignature)
		}
		principal := auth.Principal{Tenant: tenant.MustParseID("acme"), Subject: "line-1"}
		return auth.AccessKey{Secret: "a long random text", Principal: principal}, nil
	}
	verifier := auth.NewSignatureVerifier("ioteventsdata", keys)
	_, err := verifier.Verify(httptest.NewRequest(http.MethodPost, "/inputs/messages", nil))
	fmt.Println(errors.Is(err, auth.ErrUnauthenticated))
	// Output: true
}

func FuzzSignatureVerifier(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKACME/20260301/eu-west-1/ioteventsdata/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", "/a?b=c", "{}")
	verifier := newSignatureVerifier()
	f.Fuzz(func(t *testing.T, header, target, body string) {
		parsed, err := url.Parse(target)
		if err != nil {
			t.Skip()
		}
		request := &http.Request{
			Method: http.MethodPost, URL: parsed, Host: "host", Body: io.NopCloser(strings.NewReader(body)),
			Header: http.Header{"Authorization": {header}, "X-Amz-Date": {"20260301T120000Z"}},
		}
		if _, err := verifier.Verify(request); err == nil {
			t.Fatal("accepted without knowing the secret")
		}
	})
}
