package device

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// MaxCredentials is the number of credentials that a thing may have at once:
// enough to rotate them.
const MaxCredentials = 10

// Sizes of what is random in a password, in bytes.
const (
	passwordIDSize     = 12
	passwordSecretSize = 32
	passwordSaltSize   = 16
)

// CredentialKind says how a device proves which thing it is.
type CredentialKind string

// The kinds of credentials.
const (
	CredentialPassword    CredentialKind = "password"
	CredentialCertificate CredentialKind = "certificate"
)

// Credential is what a thing proves itself with. It holds no secret.
type Credential struct {
	// ID identifies the credential within the tenant. Of a certificate it is
	// the SHA-256 fingerprint in hex, like the certificate id of AWS IoT.
	ID    string         `json:"id"`
	Thing ID             `json:"thing"`
	Kind  CredentialKind `json:"kind"`
	// Salt and Hash are what is kept of a password.
	Salt      []byte    `json:"salt,omitempty"`
	Hash      []byte    `json:"hash,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	// ExpiresAt is the end of a certificate's validity. Zero: never.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

// CredentialSchema is how a [Registry] keeps credentials. The key is the
// credential's ID alone, so within a tenant a certificate belongs to one thing.
var CredentialSchema = tenant.Schema[Credential]{
	Entity: "credential",
	Key:    func(c *Credential) tenant.Key { return tenant.NewKey(c.ID) },
	Indexes: []tenant.Index[Credential]{
		{Name: "thing", Key: func(c *Credential) tenant.Key { return tenant.NewKey(c.Thing.text) }},
	},
}

// Proof is what a device shows to prove which thing it is. If it shows both, the
// certificate counts.
type Proof struct {
	Password string
	// Certificate is one for which the device has proved that it holds the
	// private key: TLS does.
	Certificate *x509.Certificate
}

// Authenticator decides whether a device is the thing that it says it is.
// [Registry] is one.
type Authenticator interface {
	// Authenticate returns the credential that the proof belongs to. Errors:
	// [ErrCredential], whatever the cause, also for a thing that does not
	// exist; or kind iotenant.ErrUnavailable. It may be called concurrently.
	Authenticate(ctx context.Context, id tenant.ID, thing ID, proof Proof) (Credential, error)
}

var _ Authenticator = (*Registry)(nil)

// AddPassword gives a thing a password, which is random and shown this once:
// the registry keeps a salted hash of it. A thing may have several, to change
// one while the other still works. Errors: tenant.ErrID, [ErrID],
// tenant.ErrNotFound, [ErrCredentialLimit].
func (r *Registry) AddPassword(ctx context.Context, id tenant.ID, thing ID) (credential Credential, password string, err error) {
	random := make([]byte, passwordIDSize+passwordSecretSize+passwordSaltSize)
	rand.Read(random) // never fails
	name, secret, salt := random[:passwordIDSize], random[passwordIDSize:passwordIDSize+passwordSecretSize], random[passwordIDSize+passwordSecretSize:]
	credential = Credential{ID: hex.EncodeToString(name), Thing: thing, Kind: CredentialPassword, Salt: salt}
	password = credential.ID + "." + base64.RawURLEncoding.EncodeToString(secret)
	if credential.Hash, err = hashPassword(id, thing, password, salt); err != nil {
		return Credential{}, "", fmt.Errorf("device: add password: %w", err)
	}
	if credential, err = r.addCredential(ctx, id, credential); err != nil {
		return Credential{}, "", fmt.Errorf("device: add password: %w", err)
	}
	return credential, password, nil
}

// hashPassword needs no slow function: a password has 256 random bits, so
// guessing is hopeless at any speed. Tenant and thing go in, so that a hash is
// worthless elsewhere.
func hashPassword(id tenant.ID, thing ID, password string, salt []byte) ([]byte, error) {
	return hkdf.Key(sha256.New, []byte(password), salt, "iotenant device password "+ThingName(id, thing), sha256.Size)
}

// AddCertificate registers a client certificate for a thing, by its
// fingerprint, as AWS IoT Core does without a CA. A certificate belongs to one
// thing of the tenant: one that is registered is refused with tenant.ErrExists.
// One whose subject common name is a thing name is taken only for that thing.
// Errors: tenant.ErrID, [ErrID], [ErrCertificate], tenant.ErrExists,
// tenant.ErrNotFound, [ErrCredentialLimit].
func (r *Registry) AddCertificate(ctx context.Context, id tenant.ID, thing ID, certificate *x509.Certificate) (Credential, error) {
	if certificate == nil || len(certificate.Raw) == 0 {
		return Credential{}, fmt.Errorf("device: add certificate: %w: none", ErrCertificate)
	}
	if !nameFits(certificate, id, thing) {
		return Credential{}, fmt.Errorf("device: add certificate: %w: its common name is the name of another thing", ErrCertificate)
	}
	if !r.options.Now().Before(certificate.NotAfter) {
		return Credential{}, fmt.Errorf("device: add certificate: %w: expired at %s", ErrCertificate, certificate.NotAfter.Format(time.RFC3339))
	}
	credential, err := r.addCredential(ctx, id, Credential{
		ID:        Fingerprint(certificate),
		Thing:     thing,
		Kind:      CredentialCertificate,
		ExpiresAt: certificate.NotAfter,
	})
	if err != nil {
		return Credential{}, fmt.Errorf("device: add certificate: %w", err)
	}
	return credential, nil
}

// Fingerprint returns the SHA-256 fingerprint of a certificate in hex.
func Fingerprint(certificate *x509.Certificate) string {
	digest := sha256.Sum256(certificate.Raw)
	return hex.EncodeToString(digest[:])
}

// nameFits reports whether the certificate's common name is no thing name, or
// that of this thing.
func nameFits(certificate *x509.Certificate, id tenant.ID, thing ID) bool {
	owner, named, err := ParseThingName(certificate.Subject.CommonName)
	return err != nil || owner == id && named == thing
}

func (r *Registry) addCredential(ctx context.Context, id tenant.ID, credential Credential) (Credential, error) {
	thing, err := r.getThing(ctx, id, credential.Thing)
	if err != nil {
		return Credential{}, err
	}
	present, err := r.credentialsOf(ctx, id, credential.Thing)
	if err != nil {
		return Credential{}, err
	}
	if len(present) >= MaxCredentials {
		return Credential{}, fmt.Errorf("%w: %d", ErrCredentialLimit, len(present))
	}
	credential.CreatedAt = r.now()
	if credential.CreatedAt.Before(thing.Value.CreatedAt) {
		credential.CreatedAt = thing.Value.CreatedAt // made by a process whose clock is ahead
	}
	if _, err := r.credentials.Put(ctx, id, credential, tenant.IfAbsent()); err != nil {
		return Credential{}, err
	}
	// The thing may have been deleted meanwhile: then nothing would take the
	// credential back, and a thing of the same name would inherit it.
	if _, err := r.getThing(ctx, id, credential.Thing); err != nil {
		return Credential{}, errors.Join(err, r.credentials.Delete(ctx, id, tenant.NewKey(credential.ID), tenant.Always()))
	}
	return credential, nil
}

// Credentials returns the credentials of a thing, without their hashes, in the
// order of their ids. Errors: tenant.ErrID, [ErrID], tenant.ErrNotFound.
func (r *Registry) Credentials(ctx context.Context, id tenant.ID, thing ID) ([]Credential, error) {
	if _, err := r.getThing(ctx, id, thing); err != nil {
		return nil, fmt.Errorf("device: credentials: %w", err)
	}
	credentials, err := r.credentialsOf(ctx, id, thing)
	if err != nil {
		return nil, fmt.Errorf("device: credentials: %w", err)
	}
	for i := range credentials {
		credentials[i].Salt, credentials[i].Hash = nil, nil
	}
	return credentials, nil
}

func (r *Registry) credentialsOf(ctx context.Context, id tenant.ID, thing ID) ([]Credential, error) {
	var credentials []Credential
	query := tenant.Query{Index: "thing", Prefix: tenant.NewKey(thing.text)}
	for item, err := range tenant.All(ctx, r.credentials, id, query) {
		if err != nil {
			return nil, err
		}
		credentials = append(credentials, item.Value)
	}
	return credentials, nil
}

// Revoke takes a credential from a thing: from now on Authenticate refuses it.
// Connections that were made with it live on until the transport ends them.
// Errors: tenant.ErrID, [ErrID], tenant.ErrNotFound, also for a credential of
// another thing.
func (r *Registry) Revoke(ctx context.Context, id tenant.ID, thing ID, credential string) error {
	if err := checkIDs(id, thing); err != nil {
		return err
	}
	key := tenant.NewKey(credential)
	item, err := r.credentials.Get(ctx, id, key, tenant.Consistent)
	if err == nil && item.Value.Thing != thing {
		err = tenant.ErrNotFound
	}
	if err == nil {
		err = r.credentials.Delete(ctx, id, key, tenant.IfPresent())
	}
	if err != nil {
		return fmt.Errorf("device: revoke: %w", err)
	}
	return nil
}

// Authenticate implements [Authenticator]. What a refusal wraps says why, for
// the log of an operator: don't tell it to the device.
func (r *Registry) Authenticate(ctx context.Context, id tenant.ID, thing ID, proof Proof) (Credential, error) {
	if err := checkIDs(id, thing); err != nil {
		return Credential{}, err
	}
	name, refusal := r.claimed(id, thing, proof)
	if refusal != "" {
		return Credential{}, fmt.Errorf("%w: %s", ErrCredential, refusal)
	}
	item, err := r.credentials.Get(ctx, id, tenant.NewKey(name), tenant.Consistent)
	switch {
	case errors.Is(err, tenant.ErrNotFound) || errors.Is(err, tenant.ErrKey):
		return Credential{}, fmt.Errorf("%w: not registered", ErrCredential)
	case err != nil:
		return Credential{}, fmt.Errorf("device: authenticate: %w", err)
	}
	if refusal := item.Value.refuse(id, thing, proof); refusal != "" {
		return Credential{}, fmt.Errorf("%w: %s", ErrCredential, refusal)
	}
	holder, err := r.getThing(ctx, id, thing)
	switch {
	case errors.Is(err, tenant.ErrNotFound):
		return Credential{}, fmt.Errorf("%w: no such thing", ErrCredential)
	case err != nil:
		return Credential{}, fmt.Errorf("device: authenticate: %w", err)
	case item.Value.CreatedAt.Before(holder.Value.CreatedAt):
		// Delete finds credentials by an index, which may lag.
		return Credential{}, fmt.Errorf("%w: of an earlier thing of this name", ErrCredential)
	}
	return item.Value, nil
}

// claimed returns the id of the credential that the proof says it is.
func (r *Registry) claimed(id tenant.ID, thing ID, proof Proof) (name, refusal string) {
	if proof.Certificate == nil {
		name, _, ok := strings.Cut(proof.Password, ".")
		if !ok {
			return "", "not a password of this registry"
		}
		return name, ""
	}
	now := r.options.Now()
	switch {
	case !nameFits(proof.Certificate, id, thing):
		return "", "certificate names another thing"
	case now.Before(proof.Certificate.NotBefore):
		return "", "certificate not yet valid"
	case !now.Before(proof.Certificate.NotAfter):
		return "", "certificate expired"
	}
	return Fingerprint(proof.Certificate), ""
}

// refuse says why the stored credential does not accept the proof.
func (c *Credential) refuse(id tenant.ID, thing ID, proof Proof) (refusal string) {
	if c.Thing != thing {
		return "of another thing"
	}
	if proof.Certificate != nil {
		if c.Kind != CredentialCertificate {
			return "not a certificate"
		}
		return ""
	}
	hash, err := hashPassword(id, thing, proof.Password, c.Salt)
	if err != nil || c.Kind != CredentialPassword || subtle.ConstantTimeCompare(hash, c.Hash) != 1 {
		return "wrong password"
	}
	return ""
}
