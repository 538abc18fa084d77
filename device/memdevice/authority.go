package memdevice

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// AuthorityOptions are the options of [NewAuthority].
type AuthorityOptions struct {
	// Validity of the authority's certificate and of those that it issues.
	// Default 10 years.
	Validity time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Authority is a certificate authority within the process. It issues the
// certificates with which a local broker and its devices prove themselves to
// each other. Keys are ECDSA on P-256.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	options     AuthorityOptions
}

func authorityOptions(optFns []func(*AuthorityOptions)) AuthorityOptions {
	options := AuthorityOptions{Validity: 10 * 365 * 24 * time.Hour, Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	return options
}

// NewAuthority returns an authority with a new key.
func NewAuthority(optFns ...func(*AuthorityOptions)) (*Authority, error) {
	a := &Authority{options: authorityOptions(optFns)}
	template := a.template("iotenant local authority")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("memdevice: new authority: %w", err)
	}
	if a.certificate, err = create(template, template, &a.key.PublicKey, a.key); err != nil {
		return nil, fmt.Errorf("memdevice: new authority: %w", err)
	}
	return a, nil
}

// The types of PEM blocks.
const (
	pemCertificate = "CERTIFICATE"
	pemKey         = "PRIVATE KEY"
)

// ParseAuthority returns the authority that [Authority.MarshalPEM] wrote. An
// error is of kind iotenant.ErrInvalid.
func ParseAuthority(text []byte, optFns ...func(*AuthorityOptions)) (*Authority, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("memdevice: %w authority: %w", iotenant.ErrInvalid, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("memdevice: %w authority: not the certificate and ECDSA key of one", iotenant.ErrInvalid)
	}
	return &Authority{certificate: pair.Leaf, key: key, options: authorityOptions(optFns)}, nil
}

// MarshalPEM returns certificate and private key of the authority, to be kept
// as a secret and read with [ParseAuthority].
func (a *Authority) MarshalPEM() ([]byte, error) {
	key, err := MarshalKeyPEM(tls.Certificate{PrivateKey: a.key})
	if err != nil {
		return nil, err
	}
	return append(a.CertificatePEM(), key...), nil
}

// CertificatePEM returns the authority's certificate, for clients to trust.
func (a *Authority) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: a.certificate.Raw})
}

// Pool returns a pool that holds the authority's certificate.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// IssueServer returns a certificate for a server with these host names and IP
// addresses.
func (a *Authority) IssueServer(hosts ...string) (tls.Certificate, error) {
	template := a.template("iotenant local server")
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.issue(template)
}

// IssueClient returns a certificate for a thing, whose name is the common name
// of its subject. It proves nothing until it is registered; see
// device.Registry.AddCertificate. Errors: tenant.ErrID, device.ErrID.
func (a *Authority) IssueClient(id tenant.ID, thing device.ID) (tls.Certificate, error) {
	if err := id.Check(); err != nil {
		return tls.Certificate{}, err
	}
	if err := thing.Check(); err != nil {
		return tls.Certificate{}, err
	}
	// Common names have at most 64 characters (RFC 5280), thing names 128.
	// Longer ones are common, and accepted by the TLS library of Go, OpenSSL
	// and AWS IoT Core.
	template := a.template(device.ThingName(id, thing))
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(template)
}

func (a *Authority) template(name string) *x509.Certificate {
	now := a.options.Now()
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Minute), // clocks differ
		NotAfter:  now.Add(a.options.Validity),
	}
}

func (a *Authority) issue(template *x509.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("memdevice: issue: %w", err)
	}
	certificate, err := create(template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("memdevice: issue: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key, Leaf: certificate}, nil
}

func create(template, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// MarshalCertificatePEM returns the certificates of a pair as PEM.
func MarshalCertificatePEM(pair tls.Certificate) []byte {
	var text []byte
	for _, der := range pair.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: der})...)
	}
	return text
}

// MarshalKeyPEM returns the private key of a pair as PEM.
func MarshalKeyPEM(pair tls.Certificate) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("memdevice: marshal key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der}), nil
}
