package auth

import (
	"bytes"
	"fmt"

	"github.com/iotenant/iotenant/auth/internal/jsonscan"
)

const (
	algorithmRS256 = "RS256"

	// maxMembers limits the members of a header or a payload. Cognito allows
	// 50 custom attributes beside about 25 claims of its own.
	maxMembers = 128
	// maxSeconds is the end of the year 9999.
	maxSeconds = 253402300799
)

// header holds what is read of a token's header. The slices are views.
type header struct {
	algorithm, keyID []byte
}

// claims holds what is read of a token's payload. The slices are views.
type claims struct {
	issuer, subject, tokenUse, clientID []byte
	username, cognitoUsername           []byte
	scope, tokenID, tenant              []byte
	audiences, groups                   [][]byte

	expires, notBefore, issuedAt, authTime int64
	has                                    claimSet
}

// claimSet says which claims were there.
type claimSet uint8

const (
	hasExpires claimSet = 1 << iota
	hasNotBefore
	hasIssuedAt
	hasAuthTime
	hasTenant
)

// decoder reads headers and payloads. It is reused: its memory is that of the
// largest token so far.
type decoder struct {
	scan  jsonscan.Scanner
	text  []byte // unescaped strings
	names [maxMembers][]byte
	count int
	seen  uint64 // which sums of names occurred
}

func (d *decoder) start(text []byte) {
	d.scan = jsonscan.New(text)
	d.text = d.text[:0]
	d.count, d.seen = 0, 0
	d.scan.Object()
}

// member goes to the next member. One that occurs twice fails the scan: two
// readers could take different ones.
func (d *decoder) member() (name []byte, ok bool) {
	name, escaped, ok := d.scan.Member()
	if !ok {
		return nil, false
	}
	name = d.unescape(name, escaped)
	if !d.remember(name) {
		d.scan.Fail("member occurs twice, or too many members")
		return nil, false
	}
	return name, !d.scan.Failed()
}

func (d *decoder) remember(name []byte) bool {
	if d.count == maxMembers {
		return false
	}
	sum := len(name)
	if sum > 0 {
		sum = sum*31 + int(name[0])*7 + int(name[len(name)-1])
	}
	bit := uint64(1) << (sum & 63)
	if d.seen&bit != 0 {
		for _, other := range d.names[:d.count] {
			if bytes.Equal(other, name) {
				return false
			}
		}
	}
	d.seen |= bit
	d.names[d.count] = name
	d.count++
	return true
}

func (d *decoder) string() []byte { return d.unescape(d.scan.String()) }

func (d *decoder) unescape(raw []byte, escaped bool) []byte {
	if !escaped {
		return raw
	}
	from := len(d.text)
	var ok bool
	if d.text, ok = jsonscan.AppendUnescaped(d.text, raw); !ok {
		d.scan.Fail("half of a surrogate pair in a string")
		return nil
	}
	return d.text[from:len(d.text):len(d.text)]
}

func (d *decoder) strings(to [][]byte) [][]byte {
	d.scan.Array()
	for d.scan.Element() {
		to = append(to, d.string())
	}
	return to
}

// seconds reads a NumericDate (RFC 7519). A fraction is dropped; an exponent,
// which no issuer writes, is refused, as is a time before 1970 or after 9999.
func (d *decoder) seconds() (value int64) {
	number := d.scan.Number()
	whole, fraction, _ := bytes.Cut(number, dot)
	if bytes.IndexByte(fraction, 'e') >= 0 || bytes.IndexByte(fraction, 'E') >= 0 {
		d.scan.Fail("not a date in seconds")
		return 0
	}
	for _, c := range whole {
		if c < '0' || c > '9' || value > maxSeconds {
			d.scan.Fail("not a date in seconds")
			return 0
		}
		value = value*10 + int64(c-'0')
	}
	if value > maxSeconds {
		d.scan.Fail("not a date in seconds")
	}
	return value
}

var dot = []byte{'.'}

func (d *decoder) header(text []byte) (h header, err error) {
	d.start(text)
	for name, ok := d.member(); ok; name, ok = d.member() {
		switch string(name) {
		case "alg":
			h.algorithm = d.string()
		case "kid":
			h.keyID = d.string()
		case "crit":
			d.scan.Fail("critical extensions are not supported")
		default: // keys, certificates and URLs in a token are no evidence
			d.scan.Skip()
		}
	}
	if err := d.scan.End(); err != nil {
		return header{}, fmt.Errorf("%w: header: %w", ErrToken, err)
	}
	return h, nil
}

func (d *decoder) claims(c *claims, text []byte, tenantClaim string) error {
	*c = claims{audiences: c.audiences[:0], groups: c.groups[:0]}
	d.start(text)
	for name, ok := d.member(); ok; name, ok = d.member() {
		if string(name) == tenantClaim {
			c.tenant = d.string()
			c.has |= hasTenant
			continue
		}
		d.claim(c, name)
	}
	if err := d.scan.End(); err != nil {
		return fmt.Errorf("%w: claims: %w", ErrToken, err)
	}
	return nil
}

func (d *decoder) claim(c *claims, name []byte) {
	switch string(name) {
	case "iss":
		c.issuer = d.string()
	case "sub":
		c.subject = d.string()
	case "aud":
		c.audiences = d.audience(c.audiences)
	case "client_id":
		c.clientID = d.string()
	case "token_use":
		c.tokenUse = d.string()
	case "username":
		c.username = d.string()
	case "cognito:username":
		c.cognitoUsername = d.string()
	case "cognito:groups":
		c.groups = d.strings(c.groups)
	case "scope":
		c.scope = d.string()
	case "jti":
		c.tokenID = d.string()
	case "exp":
		c.expires = d.seconds()
		c.has |= hasExpires
	case "nbf":
		c.notBefore = d.seconds()
		c.has |= hasNotBefore
	case "iat":
		c.issuedAt = d.seconds()
		c.has |= hasIssuedAt
	case "auth_time":
		c.authTime = d.seconds()
		c.has |= hasAuthTime
	default:
		d.scan.Skip()
	}
}

func (d *decoder) audience(to [][]byte) [][]byte {
	if d.scan.Kind() == '[' {
		return d.strings(to)
	}
	return append(to, d.string())
}
