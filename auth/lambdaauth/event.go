package lambdaauth

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/auth/internal/jsonscan"
)

// event is what is read of an HTTP API event, in one pass.
type event struct {
	payload                    []byte
	version, rawPath, rawQuery string
	method, protocol, sourceIP string
	stage, domainName, host    string
	header                     http.Header
	cookies                    []string
	body                       string
	base64Encoded              bool
	jwtClaims, lambdaContext   []byte // JSON, views of the payload

	// Room for what most events need, with the event in one piece of memory.
	firstValues [usualHeaders]string
	firstText   [512]byte
	cookie      [1]string
	address     url.URL
}

// usualHeaders is room for the headers and cookies that an event has. A map
// with more room takes twice the memory.
const usualHeaders = 14

// reader reads an event.
type reader struct {
	scan   jsonscan.Scanner
	copied string   // the payload: strings are parts of it
	text   []byte   // the last string that was escaped
	values []string // of headers, and the cookies
}

func newReader(payload []byte) reader {
	return reader{scan: jsonscan.New(payload), copied: string(payload)}
}

func (e *event) parse(payload []byte) error {
	r := newReader(payload)
	r.values, r.text = e.firstValues[:0], e.firstText[:0]
	e.payload, e.header = payload, make(http.Header, usualHeaders)
	if r.object() {
		for name, ok := r.member(); ok; name, ok = r.member() {
			r.eventMember(e, name)
		}
	}
	if err := r.scan.End(); err != nil {
		return fmt.Errorf("%w: %w", ErrEvent, err)
	}
	if e.version != "2.0" || e.method == "" {
		return fmt.Errorf("%w: want one of an HTTP API in payload format 2.0", ErrEvent)
	}
	return nil
}

// object enters an object, if there is one: null has no members.
func (r *reader) object() bool {
	if r.null() {
		return false
	}
	r.scan.Object()
	return true
}

func (r *reader) null() bool {
	if r.scan.Kind() != 'n' {
		return false
	}
	r.scan.Null()
	return true
}

// member goes to the next member, whose value is to be read or skipped. The
// name is lost with the next string.
func (r *reader) member() (name []byte, ok bool) {
	name, escaped, ok := r.scan.Member()
	if escaped {
		name = r.unescape(name)
	}
	return name, ok
}

// string reads a string. null is an empty one.
func (r *reader) string() string {
	if r.null() {
		return ""
	}
	raw, escaped := r.scan.String()
	if escaped {
		return string(r.unescape(raw))
	}
	end := max(r.scan.Offset()-1, 0) // before the quote
	return r.copied[end-len(raw) : end]
}

func (r *reader) unescape(raw []byte) []byte {
	text, ok := jsonscan.AppendUnescaped(slices.Grow(r.text[:0], len(raw)), raw)
	if r.text = text; !ok {
		r.scan.Fail("half of a surrogate pair in a string")
	}
	return text
}

// strings reads a list of strings. It has room for no other.
func (r *reader) strings() []string {
	if r.null() {
		return nil
	}
	start := len(r.values)
	r.scan.Array()
	for r.scan.Element() {
		r.values = append(r.values, r.string())
	}
	return r.values[start:len(r.values):len(r.values)]
}

func (r *reader) eventMember(e *event, name []byte) {
	switch string(name) {
	case "version":
		e.version = r.string()
	case "rawPath":
		e.rawPath = r.string()
	case "rawQueryString":
		e.rawQuery = r.string()
	case "cookies":
		e.cookies = r.strings()
	case "headers":
		r.headers(e)
	case "body":
		e.body = r.string()
	case "isBase64Encoded":
		e.base64Encoded = !r.null() && r.scan.Bool()
	case "requestContext":
		r.requestContext(e)
	default:
		r.scan.Skip()
	}
}

func (r *reader) headers(e *event) {
	if !r.object() {
		return
	}
	for name, ok := r.member(); ok; name, ok = r.member() {
		key := headerKey(name)
		if key == "Host" {
			e.host = r.string()
			continue
		}
		r.header(e, key)
	}
}

// header reads the value of a header. It has room for no other, so that
// appending to it copies it.
func (r *reader) header(e *event, key string) {
	r.values = append(r.values, r.string())
	n := len(r.values)
	if before, ok := e.header[key]; ok {
		e.header[key] = append(before, r.values[n-1])
		return
	}
	e.header[key] = r.values[n-1 : n : n]
}

func (r *reader) requestContext(e *event) {
	if !r.object() {
		return
	}
	for name, ok := r.member(); ok; name, ok = r.member() {
		switch string(name) {
		case "stage":
			e.stage = r.string()
		case "domainName":
			e.domainName = r.string()
		case "http":
			r.http(e)
		case "authorizer":
			r.authorizer(e)
		default:
			r.scan.Skip()
		}
	}
}

func (r *reader) http(e *event) {
	if !r.object() {
		return
	}
	for name, ok := r.member(); ok; name, ok = r.member() {
		switch string(name) {
		case "method":
			e.method = r.string()
		case "protocol":
			e.protocol = r.string()
		case "sourceIp":
			e.sourceIP = r.string()
		default:
			r.scan.Skip()
		}
	}
}

func (r *reader) authorizer(e *event) {
	if !r.object() {
		return
	}
	for name, ok := r.member(); ok; name, ok = r.member() {
		switch string(name) {
		case "jwt":
			r.jwt(e)
		case "lambda":
			e.lambdaContext = r.scan.Skip()
		default:
			r.scan.Skip()
		}
	}
}

func (r *reader) jwt(e *event) {
	if !r.object() {
		return
	}
	for name, ok := r.member(); ok; name, ok = r.member() {
		if value := r.scan.Skip(); string(name) == "claims" {
			e.jwtClaims = value
		}
	}
}

// parseClaims reads the claims of a JWT authorizer, which are texts; a number
// or list is taken as written. One that occurs twice is refused.
func parseClaims(text []byte) (map[string]string, error) {
	r := newReader(text)
	claims := make(map[string]string, 32)
	if r.object() {
		for raw, ok := r.member(); ok; raw, ok = r.member() {
			r.claim(claims, string(raw))
		}
	}
	if err := r.scan.End(); err != nil {
		return nil, fmt.Errorf("%w: claims of the JWT authorizer: %w", ErrEvent, err)
	}
	return claims, nil
}

func (r *reader) claim(claims map[string]string, name string) {
	if _, twice := claims[name]; twice {
		r.scan.Fail("claim occurs twice")
		return
	}
	if r.scan.Kind() == '"' {
		claims[name] = r.string()
		return
	}
	claims[name] = string(r.scan.Skip())
}

// request returns the HTTP request that the event stands for.
func (e *event) request(ctx context.Context, body *body) (*http.Request, error) {
	text, err := e.decodeBody()
	if err != nil {
		return nil, err
	}
	if len(e.cookies) > 0 {
		e.cookie[0] = strings.Join(e.cookies, "; ")
		e.header["Cookie"] = e.cookie[:]
	}
	address, uri := e.url()
	host := e.host
	if host == "" {
		host = e.domainName
	}
	major, minor, ok := http.ParseHTTPVersion(e.protocol)
	if !ok {
		e.protocol, major, minor = "HTTP/1.1", 1, 1
	}
	request := &http.Request{
		Method:        e.method,
		URL:           address,
		Proto:         e.protocol,
		ProtoMajor:    major,
		ProtoMinor:    minor,
		Header:        e.header,
		Body:          http.NoBody,
		ContentLength: int64(len(text)),
		Host:          host,
		RemoteAddr:    net.JoinHostPort(e.sourceIP, "0"),
		RequestURI:    uri,
	}
	if text != "" {
		body.Reset(text)
		request.Body = body
	}
	return request.WithContext(ctx), nil
}

// body is the body of a request.
type body struct{ strings.Reader }

// Close implements io.Closer.
func (*body) Close() error { return nil }

func (e *event) decodeBody() (string, error) {
	if !e.base64Encoded {
		return e.body, nil
	}
	body, err := base64.StdEncoding.DecodeString(e.body)
	if err != nil {
		return "", fmt.Errorf("%w: body: %w", ErrEvent, err)
	}
	return string(body), nil
}

// url returns the URL that the client asked for, and how it stands in a
// request line. A path that is not well encoded is taken as it is.
func (e *event) url() (address *url.URL, uri string) {
	raw := e.path()
	address = &e.address
	address.Path, address.RawQuery = raw, e.rawQuery
	if !plainPath(raw) {
		path, err := url.PathUnescape(raw)
		if err != nil {
			return address, address.RequestURI()
		}
		address.Path = path
		if usual := address.EscapedPath(); usual != raw {
			if address.RawPath = raw; address.EscapedPath() == usual {
				address.RawPath = ""
			}
			return address, address.RequestURI()
		}
	}
	if e.rawQuery == "" {
		return address, raw
	}
	return address, raw + "?" + e.rawQuery
}

// plainPath reports whether every byte of a path stands for itself.
func plainPath(path string) bool {
	for _, c := range []byte(path) {
		if !isLetterOrDigit(c) && c != '/' && c != '-' && c != '_' && c != '.' && c != '~' {
			return false
		}
	}
	return true
}

func isLetterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// path returns the path within the API: the default domain puts the stage
// before it, unless that is $default; a domain of one's own doesn't.
func (e *event) path() string {
	path := e.rawPath
	if e.stage != "" && e.stage != "$default" && strings.Contains(e.domainName, ".execute-api.") {
		if rest, ok := strings.CutPrefix(path, "/"+e.stage); ok && (rest == "" || rest[0] == '/') {
			path = rest
		}
	}
	if !strings.HasPrefix(path, "/") {
		return "/" + path
	}
	return path
}
