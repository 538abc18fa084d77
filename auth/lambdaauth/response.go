package lambdaauth

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/iotenant/iotenant"
)

// maxResponse is Lambda's limit of a synchronous response, in bytes.
const maxResponse = 6 << 20

// errOverflow: a response is larger than Lambda can answer.
var errOverflow = fmt.Errorf("lambdaauth: response too large: %w", iotenant.ErrInvalid)

// response is a http.ResponseWriter that writes an HTTP API response.
type response struct {
	method string
	header http.Header
	status int    // 0 until the header is written
	head   []byte // the encoded status, cookies and headers
	typed  bool   // there is a Content-Type, or there must be none
	body   []byte
	// size counts what the handler wrote, overflown that it was too much.
	size      int
	overflown bool

	firstHead [256]byte
	firstBody [512]byte
}

func (r *response) start(method string) {
	r.method, r.header, r.status = method, http.Header{}, 0
	r.head, r.body = r.firstHead[:0], r.firstBody[:0]
	r.size, r.overflown = 0, false
}

// Header implements http.ResponseWriter.
func (r *response) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter. Informational responses, which
// can't be sent, and all but the first final one, are ignored.
func (r *response) WriteHeader(status int) {
	if r.status != 0 || status >= 100 && status <= 199 {
		return
	}
	r.status = status
	r.head = append(r.head[:0], `{"statusCode":`...)
	r.head = strconv.AppendInt(r.head, int64(status), 10)
	r.appendCookies()
	r.appendHeaders()
}

// appendHeaders leaves the object open, for a Content-Type that is found out
// from the body.
func (r *response) appendHeaders() {
	_, typed := r.header["Content-Type"]
	_, encoded := r.header["Content-Encoding"] // the type can't be seen
	r.typed = typed || encoded || !r.bodyAllowed()
	r.head = append(r.head, `,"headers":{`...)
	first := true
	for name, values := range r.header {
		if name == "Set-Cookie" || len(values) == 0 {
			continue
		}
		if !first {
			r.head = append(r.head, ',')
		}
		first = false
		r.head = appendString(r.head, name)
		r.head = append(r.head, ':')
		if len(values) == 1 {
			r.head = appendString(r.head, values[0])
		} else {
			r.head = appendString(r.head, strings.Join(values, ", "))
		}
	}
}

func (r *response) appendCookies() {
	for i, cookie := range r.header["Set-Cookie"] {
		if i == 0 {
			r.head = append(r.head, `,"cookies":[`...)
		} else {
			r.head = append(r.head, ',')
		}
		r.head = appendString(r.head, cookie)
	}
	if len(r.header["Set-Cookie"]) > 0 {
		r.head = append(r.head, ']')
	}
}

// Write implements http.ResponseWriter. What is more than Lambda can answer is
// an error, and makes the response a 500.
func (r *response) Write(data []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if !r.bodyAllowed() {
		return 0, http.ErrBodyNotAllowed
	}
	if r.method == http.MethodHead {
		return len(data), nil
	}
	if r.size += len(data); r.size > maxResponse {
		r.body, r.overflown = nil, true
		return 0, errOverflow
	}
	r.body = append(r.body, data...)
	return len(data), nil
}

func (r *response) bodyAllowed() bool {
	return r.status >= 200 && r.status != http.StatusNoContent && r.status != http.StatusNotModified
}

// fail replaces whatever was written by a 500.
func (r *response) fail() {
	r.start(r.method)
	r.header.Set("Content-Type", "application/problem+json")
	r.WriteHeader(http.StatusInternalServerError)
	_, _ = r.Write([]byte(`{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the request could not be served"}`))
}

// encode returns the response as API Gateway reads it.
func (r *response) encode() []byte {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	out := make([]byte, 0, len(r.head)+len(r.body)+len(r.body)/8+128)
	out = append(out, r.head...)
	if !r.typed && len(r.body) > 0 {
		if out[len(out)-1] != '{' {
			out = append(out, ',')
		}
		out = append(out, `"Content-Type":`...)
		out = appendString(out, http.DetectContentType(r.body))
	}
	out = append(out, '}')
	if len(r.body) == 0 {
		return append(out, '}')
	}
	out = append(out, `,"body":`...)
	if utf8.Valid(r.body) {
		out = appendString(out, r.body)
		return append(out, '}')
	}
	out = append(out, '"')
	out = base64.StdEncoding.AppendEncode(out, r.body)
	return append(out, `","isBase64Encoded":true}`...)
}

const hexDigits = "0123456789abcdef"

// appendString appends text, which is UTF-8, as a JSON string. What is not
// UTF-8 is replaced.
func appendString[T string | []byte](to []byte, text T) []byte {
	to = append(to, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))]))
			if r == utf8.RuneError && size == 1 {
				to = append(to, text[start:i]...)
				to = append(to, "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		to = append(to, text[start:i]...)
		switch c {
		case '"', '\\':
			to = append(to, '\\', c)
		case '\n':
			to = append(to, '\\', 'n')
		case '\r':
			to = append(to, '\\', 'r')
		case '\t':
			to = append(to, '\\', 't')
		default:
			to = append(to, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	to = append(to, text[start:]...)
	return append(to, '"')
}
