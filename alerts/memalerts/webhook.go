package memalerts

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

// Endpoint is where a tenant wants its alerts.
type Endpoint struct {
	// URL of the receiver. Empty: the tenant wants none.
	URL string
	// Secrets sign, at least [MinSecretLength] random bytes each: one, or two
	// while the receiver changes over.
	Secrets [][]byte
}

// Endpoints finds the endpoint of a tenant. An error that is
// [alerts.Permanent] gives the alert up.
type Endpoints func(ctx context.Context, id tenant.ID) (Endpoint, error)

// Event is the body of a webhook.
type Event struct {
	Tenant tenant.ID    `json:"tenant"`
	Alert  alerts.Alert `json:"alert"`
}

// WebhookOptions are the options of [NewWebhook].
type WebhookOptions struct {
	// Local allows what is right on one machine only: plain http, and
	// receivers at loopback and private addresses. Without it, a tenant that
	// may choose its URL can't reach what stands behind the firewall.
	Local bool
	// Timeout bounds an attempt, beside the caller's context. Default 10 s.
	Timeout time.Duration
	// MaxBody is the limit of a body in bytes. Default 256 KiB.
	MaxBody int
	// TLS is the configuration for https. Default: that of package crypto/tls.
	TLS *tls.Config
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Webhook is a notifier that posts to the endpoint of the alert's tenant. It
// follows no redirects, uses no proxy, and does not retry: that is the
// runtime's.
type Webhook struct {
	endpoints Endpoints
	options   WebhookOptions
	client    *http.Client
}

var _ alerts.Notifier = (*Webhook)(nil)

// answerKept is how much of an answer is read, so that its connection can be
// used again.
const answerKept = 16 << 10

// NewWebhook returns a notifier to the endpoints of tenants.
func NewWebhook(endpoints Endpoints, optFns ...func(*WebhookOptions)) *Webhook {
	options := WebhookOptions{Timeout: 10 * time.Second, MaxBody: 256 << 10, Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	dialer := &net.Dialer{Timeout: options.Timeout, Control: func(_, address string, _ syscall.RawConn) error {
		return checkAddress(address, options.Local)
	}}
	return &Webhook{
		endpoints: endpoints,
		options:   options,
		client: &http.Client{
			Timeout: options.Timeout,
			Transport: &http.Transport{
				DialContext:         dialer.DialContext,
				TLSClientConfig:     options.TLS,
				TLSHandshakeTimeout: options.Timeout,
				MaxIdleConnsPerHost: 8,
				IdleConnTimeout:     time.Minute,
				ForceAttemptHTTP2:   true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close closes idle connections.
func (w *Webhook) Close() { w.client.CloseIdleConnections() }

// Notify implements [alerts.Notifier]. Errors: [ErrEndpoint], [ErrBody],
// [ErrRefused], [ErrReceiver], tenant.ErrID, those of Endpoints.
func (w *Webhook) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	if err := id.Check(); err != nil {
		return err
	}
	endpoint, err := w.endpoints(ctx, id)
	if err != nil || endpoint.URL == "" {
		return err
	}
	request, err := w.request(ctx, endpoint, id, alert)
	if err != nil {
		return err
	}
	response, err := w.client.Do(request)
	if err != nil {
		return transportError(err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, answerKept)
	return answerError(response.StatusCode)
}

func (w *Webhook) request(ctx context.Context, endpoint Endpoint, id tenant.ID, alert alerts.Alert) (*http.Request, error) {
	if err := w.check(endpoint); err != nil {
		return nil, err
	}
	body, err := json.Marshal(Event{Tenant: id, Alert: alert})
	if err != nil {
		return nil, fmt.Errorf("memalerts: encode event: %w", err)
	}
	if len(body) > w.options.MaxBody {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrBody, len(body), w.options.MaxBody)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint.URL, bytes.NewReader(body))
	if err != nil {
		return nil, ErrEndpoint
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "iotenant")
	sign(request.Header, alert.ID, w.options.Now(), body, endpoint.Secrets)
	return request, nil
}

// check refuses endpoints without telling what is in them.
func (w *Webhook) check(endpoint Endpoint) error {
	target, err := url.Parse(endpoint.URL)
	switch {
	case err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https":
		return fmt.Errorf("%w: want an http or https URL", ErrEndpoint)
	case target.User != nil:
		return fmt.Errorf("%w: the URL holds credentials", ErrEndpoint)
	case target.Scheme == "http" && !w.options.Local:
		return fmt.Errorf("%w: want https", ErrEndpoint)
	case len(endpoint.Secrets) == 0:
		return fmt.Errorf("%w: no secret", ErrEndpoint)
	}
	for _, secret := range endpoint.Secrets {
		if len(secret) < MinSecretLength {
			return fmt.Errorf("%w: secret of %d bytes, want at least %d", ErrEndpoint, len(secret), MinSecretLength)
		}
	}
	return nil
}

// checkAddress refuses addresses that no receiver has. It sees the address
// that is dialled, after names are resolved.
func checkAddress(address string, local bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: address", ErrEndpoint)
	}
	ip := at.Addr().Unmap()
	switch {
	case ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast():
		return fmt.Errorf("%w: not a host's address", ErrEndpoint)
	case !local && (ip.IsLoopback() || ip.IsPrivate() || sharedAddresses.Contains(ip)):
		return fmt.Errorf("%w: private address", ErrEndpoint)
	}
	return nil
}

// sharedAddresses are those of RFC 6598, private to a network's operator.
var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10")

// transportError leaves out the URL, which may hold a secret.
func transportError(err error) error {
	if errors.Is(err, ErrEndpoint) {
		return fmt.Errorf("%w: its address is not allowed", ErrEndpoint)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return fmt.Errorf("%w: %w", ErrReceiver, err)
}

func answerError(status int) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		return fmt.Errorf("%w: status %d", ErrReceiver, status)
	default:
		return fmt.Errorf("%w: status %d", ErrRefused, status)
	}
}
