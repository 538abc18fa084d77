package auth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// ErrSignature: a request's signature is refused. The text says why; it is
// meant for logs, not for whoever sent the request.
var ErrSignature = fmt.Errorf("auth: signature refused: %w", iotenant.ErrDenied)

// AccessKey is the secret of an access key, and whose it is.
type AccessKey struct {
	Secret string
	// Principal has a tenant. Its Expires, if not zero, is when the key ends.
	Principal Principal
}

// AccessKeys finds an access key by its id. The error is [ErrSignature] for an
// unknown one.
type AccessKeys func(ctx context.Context, accessKeyID string) (AccessKey, error)

// SignatureOptions are the options of [NewSignatureVerifier].
type SignatureOptions struct {
	// Region in which requests must be signed. Default: any.
	Region string
	// Skew is how far the time of a signature may lie from now. Default 5
	// minutes, as AWS has it.
	Skew time.Duration
	// MaxBody is the limit of a body in bytes, which is read before the
	// request is believed. Default 1 MiB.
	MaxBody int64
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// SignatureVerifier verifies requests that AWS's SDKs have signed: Signature
// Version 4 in the Authorization header, with the body signed. It lets an
// existing client of an AWS service talk to a handler that speaks the service's
// protocol, with access keys of the platform's own.
//
// Presigned URLs, unsigned and chunked payloads are refused.
//
// Source: IAM User Guide, "Create a signed AWS API request".
type SignatureVerifier struct {
	service string
	keys    AccessKeys
	options SignatureOptions
}

// NewSignatureVerifier returns a verifier of requests that were signed for a
// service, such as "ioteventsdata".
func NewSignatureVerifier(service string, keys AccessKeys, optFns ...func(*SignatureOptions)) *SignatureVerifier {
	options := SignatureOptions{Skew: 5 * time.Minute, MaxBody: 1 << 20, Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	return &SignatureVerifier{service: service, keys: keys, options: options}
}

// Parts of a signature.
const (
	signatureAlgorithm = "AWS4-HMAC-SHA256"
	signatureTime      = "20060102T150405Z"
	signatureEnd       = "aws4_request"
)

// signature is a parsed Authorization header.
type signature struct {
	keyID, date, region, service string
	headers                      []string // in lower case, sorted
	value                        []byte
}

// Verify returns the principal who signed the request. The body is read, and
// can be read again. Errors: [ErrUnauthenticated] if the request has no
// signature of this kind, [ErrSignature], those of AccessKeys and of reading
// the body.
func (v *SignatureVerifier) Verify(r *http.Request) (Principal, error) {
	s, err := parseSignature(r.Header)
	if err != nil {
		return Principal{}, err
	}
	at, err := v.checkScope(&s, r.Header)
	if err != nil {
		return Principal{}, err
	}
	body, err := v.readBody(r)
	if err != nil {
		return Principal{}, err
	}
	key, err := v.keys(r.Context(), s.keyID)
	if err != nil {
		return Principal{}, err
	}
	if !hmac.Equal(s.value, sign(&s, at, canonicalRequest(r, &s, body), key.Secret)) || key.Secret == "" {
		return Principal{}, fmt.Errorf("%w: it does not match", ErrSignature)
	}
	if expires := key.Principal.Expires; !expires.IsZero() && !v.options.Now().Before(expires) {
		return Principal{}, fmt.Errorf("%w: the access key is expired", ErrSignature)
	}
	if err := key.Principal.Tenant.Check(); err != nil {
		return Principal{}, fmt.Errorf("%w: the access key has no tenant", ErrSignature)
	}
	return key.Principal, nil
}

func parseSignature(header http.Header) (s signature, err error) {
	values := header["Authorization"]
	if len(values) == 0 {
		return s, ErrUnauthenticated
	}
	algorithm, rest, _ := strings.Cut(values[0], " ")
	if algorithm != signatureAlgorithm {
		return s, ErrUnauthenticated
	}
	if len(values) > 1 {
		return s, fmt.Errorf("%w: several Authorization headers", ErrSignature)
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := parts[name]; twice {
			return s, fmt.Errorf("%w: malformed Authorization header", ErrSignature)
		}
		parts[name] = value
	}
	scope := strings.Split(parts["Credential"], "/")
	s.value, err = hex.DecodeString(parts["Signature"])
	if err != nil || len(scope) != 5 || scope[4] != signatureEnd || len(parts) != 3 {
		return s, fmt.Errorf("%w: malformed Authorization header", ErrSignature)
	}
	s.keyID, s.date, s.region, s.service = scope[0], scope[1], scope[2], scope[3]
	s.headers = strings.Split(parts["SignedHeaders"], ";")
	for _, needed := range []string{"host", "x-amz-date"} {
		if !slices.Contains(s.headers, needed) {
			return s, fmt.Errorf("%w: %s is not signed", ErrSignature, needed)
		}
	}
	if !slices.IsSorted(s.headers) {
		return s, fmt.Errorf("%w: signed headers are not sorted", ErrSignature)
	}
	return s, nil
}

// checkScope checks for what and when the request was signed.
func (v *SignatureVerifier) checkScope(s *signature, header http.Header) (at string, err error) {
	dates := header["X-Amz-Date"]
	if len(dates) != 1 {
		return "", fmt.Errorf("%w: want one X-Amz-Date", ErrSignature)
	}
	at = dates[0]
	signed, err := time.Parse(signatureTime, at)
	switch {
	case err != nil || !strings.HasPrefix(at, s.date):
		return "", fmt.Errorf("%w: X-Amz-Date does not fit the scope", ErrSignature)
	case v.options.Now().Sub(signed).Abs() > v.options.Skew:
		return "", fmt.Errorf("%w: signed too long ago, or in the future", ErrSignature)
	case s.service != v.service:
		return "", fmt.Errorf("%w: signed for another service", ErrSignature)
	case v.options.Region != "" && s.region != v.options.Region:
		return "", fmt.Errorf("%w: signed for another Region", ErrSignature)
	}
	return at, nil
}

func (v *SignatureVerifier) readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, v.options.MaxBody))
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, fmt.Errorf("%w: body of more than %d bytes", ErrSignature, v.options.MaxBody)
		}
		return nil, fmt.Errorf("auth: read body: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

// canonicalRequest is what is signed of a request.
func canonicalRequest(r *http.Request, s *signature, body []byte) string {
	var text strings.Builder
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	digest := sha256.Sum256(body)
	text.WriteString(r.Method + "\n" + escape(path, true) + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range s.headers {
		text.WriteString(name + ":" + canonicalHeader(r, name) + "\n")
	}
	text.WriteString("\n" + strings.Join(s.headers, ";") + "\n" + hex.EncodeToString(digest[:]))
	return text.String()
}

func canonicalQuery(query url.Values) string {
	type pair struct{ name, value string }
	var pairs []pair
	for name, values := range query {
		for _, value := range values {
			pairs = append(pairs, pair{escape(name, false), escape(value, false)})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	var text strings.Builder
	for i, p := range pairs {
		if i > 0 {
			text.WriteByte('&')
		}
		text.WriteString(p.name + "=" + p.value)
	}
	return text.String()
}

func canonicalHeader(r *http.Request, name string) string {
	if name == "host" {
		return r.Host
	}
	if name == "content-length" {
		return fmt.Sprint(r.ContentLength)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, value := range values {
		values[i] = strings.Join(strings.Fields(value), " ")
	}
	return strings.Join(values, ",")
}

// escape encodes all but unreserved characters (RFC 3986), and the slashes of
// a path. A path comes encoded and is encoded once more.
func escape(text string, path bool) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0, path && c == '/':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

func sign(s *signature, at, canonical, secret string) []byte {
	digest := sha256.Sum256([]byte(canonical))
	scope := strings.Join([]string{s.date, s.region, s.service, signatureEnd}, "/")
	text := strings.Join([]string{signatureAlgorithm, at, scope, hex.EncodeToString(digest[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, signatureEnd, text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return key
}

// SignatureMiddleware returns a middleware that lets through requests that an
// access key of an active tenant has signed, with the [Principal] in the
// request's context; see [FromContext]. Refusals are answered as AWS answers
// them, so that an SDK understands: 403 with MissingAuthenticationTokenException,
// InvalidSignatureException or AccessDeniedException, 503 with
// ServiceUnavailableException when that can't be found out now.
func SignatureMiddleware(verifier *SignatureVerifier, gate tenant.Gate, optFns ...func(*MiddlewareOptions)) func(http.Handler) http.Handler {
	options := middlewareOptions(optFns)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			principal, err := verifier.Verify(r)
			if err == nil {
				err = gate.Admit(r.Context(), principal.Tenant)
			}
			if err != nil {
				options.Logger.InfoContext(r.Context(), "auth: signed request refused", "method", r.Method, "path", r.URL.Path, "error", err)
				refuseSigned(w, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), principal)))
		})
	}
}

func refuseSigned(w http.ResponseWriter, err error) {
	status, code, text := http.StatusForbidden, "AccessDeniedException", "access denied"
	switch {
	case errors.Is(err, ErrUnauthenticated):
		code, text = "MissingAuthenticationTokenException", "the request is not signed"
	case errors.Is(err, ErrSignature):
		code, text = "InvalidSignatureException", "the signature is not accepted"
	case !errors.Is(err, iotenant.ErrDenied):
		status, code, text = http.StatusServiceUnavailable, "ServiceUnavailableException", "try again later"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"message":%q}`, text) // the client is gone: nobody to tell
}
