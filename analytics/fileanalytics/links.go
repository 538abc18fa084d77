package fileanalytics

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// MinLinkKeyLength is the least length of a key of links in bytes.
const MinLinkKeyLength = 32

// LinkOptions are the options of [NewLinks].
type LinkOptions struct {
	// PreviousKey is the key before the last change of keys, whose links are
	// still good, of at least [MinLinkKeyLength] bytes. Default: none. It is not
	// needed any more analytics.MaxLink after the change.
	PreviousKey []byte
	// Now is the clock of expiry. Default time.Now.
	Now func() time.Time
	// Logger gets why an object could not be served. Default: none.
	Logger *slog.Logger
}

// Links makes and serves URLs from which anybody can GET an object for a while,
// as presigned URLs of S3 are:
//
//	https://api.example.com/files/acme/contents/daily.csv?expires=1772366400&signature=…
//
// The signature is HMAC-SHA-256 over tenant, name and expiry. A URL is good for
// one object of one tenant, for GET and HEAD, until it expires: it can't be
// revoked before, except by deleting the object or changing the key.
type Links struct {
	base    url.URL
	keys    [][]byte
	options LinkOptions
}

var (
	errForged  = errors.New("fileanalytics: forged link")
	errExpired = errors.New("fileanalytics: expired link")
)

// NewLinks returns Links below the URL base, which leads to [Links.Handler], by
// http or https. key is secret, of at least [MinLinkKeyLength] random bytes; all
// processes that make or serve the same links need the same. The error is of
// kind iotenant.ErrInvalid.
func NewLinks(base string, key []byte, optFns ...func(*LinkOptions)) (*Links, error) {
	options := LinkOptions{Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	parsed, err := url.Parse(base)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
		return nil, fmt.Errorf("fileanalytics: %w base of links: want a URL of http or https with a path at most", iotenant.ErrInvalid)
	}
	keys := [][]byte{key}
	if options.PreviousKey != nil {
		keys = append(keys, options.PreviousKey)
	}
	for i, key := range keys {
		if len(key) < MinLinkKeyLength {
			return nil, fmt.Errorf("fileanalytics: %w key %d of links: %d bytes, want at least %d", iotenant.ErrInvalid, i+1, len(key), MinLinkKeyLength)
		}
		keys[i] = slices.Clone(key)
	}
	directory := strings.TrimSuffix(parsed.Path, "/") + "/"
	return &Links{
		base:    url.URL{Scheme: parsed.Scheme, Host: parsed.Host, Path: directory},
		keys:    keys,
		options: options,
	}, nil
}

// Link returns the URL of an object, whether there is one or not. Give it to
// FolderOptions.Link. Errors: tenant.ErrID, analytics.ErrObjectName,
// analytics.ErrObjects.
func (l *Links) Link(id tenant.ID, name string, valid time.Duration) (string, error) {
	if err := analytics.CheckObjectLink(id, name, valid); err != nil {
		return "", err
	}
	expires := strconv.FormatInt(l.options.Now().Add(valid).Unix(), 10)
	link := l.base
	link.Path += id.String() + "/" + name
	link.RawQuery = url.Values{
		"expires":   {expires},
		"signature": {base64.RawURLEncoding.EncodeToString(sign(l.keys[0], id, name, expires))},
	}.Encode()
	return link.String(), nil
}

// sign authenticates what a link allows. The separator is in no part.
func sign(key []byte, id tenant.ID, name, expires string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("iotenant object link\x00" + id.String() + "\x00" + name + "\x00" + expires))
	return mac.Sum(nil)
}

// parse returns what a link allows, or errForged or errExpired.
func (l *Links) parse(link *url.URL) (tenant.ID, string, error) {
	path, below := strings.CutPrefix(link.Path, l.base.Path)
	text, name, _ := strings.Cut(path, "/")
	id, err := tenant.ParseID(text)
	if !below || err != nil || analytics.CheckObjectName(name) != nil {
		return tenant.ID{}, "", errForged
	}
	query, err := url.ParseQuery(link.RawQuery)
	if err != nil || len(query["expires"]) != 1 || len(query["signature"]) != 1 {
		return tenant.ID{}, "", errForged
	}
	expires := query.Get("expires")
	if !l.isSigned(id, name, expires, query.Get("signature")) {
		return tenant.ID{}, "", errForged
	}
	end, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || l.options.Now().Unix() >= end {
		return tenant.ID{}, "", errExpired
	}
	return id, name, nil
}

func (l *Links) isSigned(id tenant.ID, name, expires, signature string) bool {
	given, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(l.keys, func(key []byte) bool { return hmac.Equal(given, sign(key, id, name, expires)) })
}
