package lambdaauth

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/iotenant/iotenant/auth/internal/jsonscan"
)

// event is what is read of an HTTP API event, in one pass.
type event struct {
	payload                    []byte
	version, rawPath, rawQuery string
	method, protocol, sourceIP string
	stage, domainName          string
	header                     http.Header
	cookies                    []string
	body                       string
	base64Encoded              bool
	jwtClaims, lambdaContext   []byte // JSON, views of the payload
}

// usualHeaders is room for the headers that an event has.
const usualHeaders = 16

// reader reads an event.
type reader struct {
	scan   jsonscan.Scanner
	copied string   // the payload: strings are parts of it
	text   []byte   // the last string that was escaped
	values []string // of headers
}

func newReader(payload []byte) reader {
	return reader{scan: jsonscan.New(payload), copied: string(payload)}
}

func parseEvent(payload []byte) (*event, error) {
	r := newReader(payload)
	r.values = make([]string, 0, usualHeaders)
	e := &event{payload: payload, header: make(http.Header, usualHeaders)}
	r.object(func(name []byte) { r.member(e, name) })
	if err := r.scan.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	if e.version != "2.0" || e.method == "" {
		return nil, fmt.Errorf("%w: want one of an HTTP API in payload format 2.0", ErrEvent)
	}
	return e, nil
}

// object calls read for each member, to read or skip its value. The name is
// lost with the next string. null is an object without members.
func (r *reader) object(read func(name []byte)) {
	if r.scan.Kind() == 'n' {
		r.scan.Null()
		return
	}
	r.scan.Object()
	for raw, escaped, ok := r.scan.Member(); ok; raw, escaped, ok = r.scan.Member() {
		if escaped {
			raw = r.unescape(raw)
		}
		read(raw)
	}
}

// string reads a string. null is an empty one.
func (r *reader) string() string {
	if r.scan.Kind() == 'n' {
		r.scan.Null()
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
	text, ok := jsonscan.AppendUnescaped(r.text[:0], raw)
	if r.text = text; !ok {
		r.scan.Fail("half of a surrogate pair in a string")
	}
	return text
}

func (r *reader) strings() (list []string) {
	if r.scan.Kind() == 'n' {
		r.scan.Null()
		return nil
	}
	r.scan.Array()
	for r.scan.Element() {
		list = append(list, r.string())
	}
	return list
}

func (r *reader) member(e *event, name []byte) {
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
		r.object(func(name []byte) { r.headerMember(e, name) })
	case "body":
		e.body = r.string()
	case "isBase64Encoded":
		e.base64Encoded = r.scan.Bool()
	case "requestContext":
		r.object(func(name []byte) { r.contextMember(e, name) })
	default:
		r.scan.Skip()
	}
}

// headerMember reads a header. Its value has room for no other, so that
// appending to it copies it.
func (r *reader) headerMember(e *event, name []byte) {
	key := http.CanonicalHeaderKey(string(name))
	r.values = append(r.values, r.string())
	n := len(r.values)
	if before, ok := e.header[key]; ok {
		e.header[key] = append(before, r.values[n-1])
		return
	}
	e.header[key] = r.values[n-1 : n : n]
}

func (r *reader) contextMember(e *event, name []byte) {
	switch string(name) {
	case "stage":
		e.stage = r.string()
	case "domainName":
		e.domainName = r.string()
	case "http":
		r.object(func(name []byte) { r.httpMember(e, name) })
	case "authorizer":
		r.object(func(name []byte) { r.authorizerMember(e, name) })
	default:
		r.scan.Skip()
	}
}

func (r *reader) httpMember(e *event, name []byte) {
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

func (r *reader) authorizerMember(e *event, name []byte) {
	switch string(name) {
	case "jwt":
		r.object(func(name []byte) {
			if value := r.scan.Skip(); string(name) == "claims" {
				e.jwtClaims = value
			}
		})
	case "lambda":
		e.lambdaContext = r.scan.Skip()
	default:
		r.scan.Skip()
	}
}

// parseClaims reads the claims of a JWT authorizer, which are texts; a number
// or list is taken as written. One that occurs twice is refused.
func parseClaims(text []byte) (map[string]string, error) {
	r := newReader(text)
	claims := make(map[string]string, 32)
	r.object(func(raw []byte) {
		name := string(raw)
		if _, twice := claims[name]; twice {
			r.scan.Fail("claim occurs twice")
			return
		}
		if r.scan.Kind() == '"' {
			claims[name] = r.string()
			return
		}
		claims[name] = string(r.scan.Skip())
	})
	if err := r.scan.End(); err != nil {
		return nil, fmt.Errorf("%w: claims of the JWT authorizer: %w", ErrEvent, err)
	}
	return claims, nil
}

// request returns the HTTP request that the event stands for.
func (e *event) request(ctx context.Context) (*http.Request, error) {
	body, err := e.decodeBody()
	if err != nil {
		return nil, err
	}
	if len(e.cookies) > 0 {
		e.header.Set("Cookie", strings.Join(e.cookies, "; "))
	}
	address := e.url()
	host := e.header.Get("Host")
	if host == "" {
		host = e.domainName
	}
	e.header.Del("Host")
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
		ContentLength: int64(len(body)),
		Host:          host,
		RemoteAddr:    net.JoinHostPort(e.sourceIP, "0"),
		RequestURI:    address.RequestURI(),
	}
	if len(body) > 0 {
		request.Body = io.NopCloser(strings.NewReader(body))
	}
	return request.WithContext(ctx), nil
}

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

// url returns the URL that the client asked for. A path that is not well
// encoded is taken as it is.
func (e *event) url() *url.URL {
	raw := e.path()
	address := &url.URL{Path: raw, RawQuery: e.rawQuery}
	if path, err := url.PathUnescape(raw); err == nil {
		address.Path, address.RawPath = path, raw
		if address.EscapedPath() == (&url.URL{Path: path}).EscapedPath() {
			address.RawPath = ""
		}
	}
	return address
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
