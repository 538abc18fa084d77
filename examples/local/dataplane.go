package main

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// Where clients of AWS IoT Events Data and AWS IoT Analytics find their services,
// and what their requests are signed for: their endpoint is this address with
// this path.
const (
	dataPlanePath    = "/iotevents"
	dataPlaneService = "ioteventsdata"
	analyticsPath    = "/iotanalytics"
	analyticsService = "iotanalytics"
)

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

// signed serves an old service below path for whoever signs for it with an
// access key.
func (s *system) signed(path, service string, plane http.Handler) http.Handler {
	verifier := auth.NewSignatureVerifier(service, s.secrets.accessKey)
	middleware := auth.SignatureMiddleware(verifier, s.directory, func(o *auth.MiddlewareOptions) { o.Logger = s.config.logger })
	return middleware(http.StripPrefix(path, plane)) // the whole path is signed
}

// signer is the tenant whose access key signed a request.
func signer(r *http.Request) (tenant.ID, error) {
	principal, err := auth.FromContext(r.Context())
	return principal.Tenant, err
}

// handleDataPlanes adds the old services.
func (s *system) handleDataPlanes(mux *http.ServeMux) {
	logger := s.config.logger
	events := alerts.NewDataPlane(s.detectors, signer, func(o *alerts.DataPlaneOptions) { o.Logger = logger })
	mux.Handle(dataPlanePath+"/", s.signed(dataPlanePath, dataPlaneService, events))
	lake := analytics.NewDataPlane(s.lake.ingest, signer, func(o *analytics.DataPlaneOptions) {
		o.Reprocessings, o.Datasets, o.Definitions, o.Logger = s.lake.reprocessings, s.lake.datasets, true, logger
	})
	mux.Handle(analyticsPath+"/", s.signed(analyticsPath, analyticsService, lake))
}
