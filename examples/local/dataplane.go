package main

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// dataPlanePath is where clients of AWS IoT Events Data find their service:
// their endpoint is this address with this path.
const dataPlanePath = "/iotevents"

// dataPlaneService is what their requests are signed for.
const dataPlaneService = "ioteventsdata"

// accessKey is the secret of an access key.
type accessKey struct {
	Tenant tenant.ID `json:"tenant"`
	Secret string    `json:"secret"`
}

// ensureAccessKeys makes an access key for each tenant of the demo, unless it
// has one.
func (s *secrets) ensureAccessKeys(ids ...tenant.ID) error {
	for _, id := range ids {
		if keyID, _ := s.accessKeyOf(id); keyID == "" {
			s.AccessKeys["IOTENANT"+randomText(10)] = accessKey{Tenant: id, Secret: base64.RawURLEncoding.EncodeToString(randomBytes(30))}
		}
	}
	return s.save()
}

func (s *secrets) accessKeyOf(id tenant.ID) (keyID string, key accessKey) {
	for keyID, key := range s.AccessKeys {
		if key.Tenant == id {
			return keyID, key
		}
	}
	return "", accessKey{}
}

// accessKey is an auth.AccessKeys. The keys do not change while the program
// runs.
func (s *secrets) accessKey(_ context.Context, keyID string) (auth.AccessKey, error) {
	key, ok := s.AccessKeys[keyID]
	if !ok {
		return auth.AccessKey{}, auth.ErrSignature
	}
	return auth.AccessKey{Secret: key.Secret, Principal: auth.Principal{Tenant: key.Tenant, Subject: keyID}}, nil
}

// dataPlane is the old service for whoever signs with an access key.
func (s *system) dataPlane() http.Handler {
	logger := s.config.logger
	plane := alerts.NewDataPlane(s.detectors, func(r *http.Request) (tenant.ID, error) {
		principal, err := auth.FromContext(r.Context())
		return principal.Tenant, err
	}, func(o *alerts.DataPlaneOptions) { o.Logger = logger })
	verifier := auth.NewSignatureVerifier(dataPlaneService, s.secrets.accessKey)
	signed := auth.SignatureMiddleware(verifier, s.directory, func(o *auth.MiddlewareOptions) { o.Logger = logger })
	return signed(http.StripPrefix(dataPlanePath, plane)) // the whole path is signed
}
