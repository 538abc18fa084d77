package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/memalerts"
	"github.com/iotenant/iotenant/alerts/smtpalerts"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/memauth"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/mqttdevice"
	"github.com/iotenant/iotenant/examples/internal/api"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/shadow/memshadow"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

// config is what the flags say.
type config struct {
	http    string
	mqtt    string
	mqtts   string
	data    string
	rate    float64
	webhook string
	mail    mailConfig
	// feed is how often telemetry goes to the channels, worker the program
	// that answers SQL.
	feed   time.Duration
	worker string
	// retention is how many days telemetry is kept, 0 for ever.
	retention int
	// actionLimit is how many actions of a tenant are delivered in a minute;
	// 0 means all.
	actionLimit int
	logger      *slog.Logger
}

// system is the whole backend in one process.
type system struct {
	config       config
	secrets      *secrets
	certificates *certificates
	closers      []io.Closer

	store     *bolttenant.Store
	telemetry *fileanalytics.Store
	directory *tenant.Directory
	identity  *memauth.Provider
	devices   *device.Registry
	broker    *mqttdevice.Broker
	models    *alerts.Models
	alerts    *alerts.Alerts
	shelves   *alerts.Shelves
	detectors *alerts.Runtime
	ingest    *ingest
	lake      lake
	handler   http.Handler
	listener  net.Listener
	raised    atomic.Uint64
}

// open opens the data folder and puts the system together. Nothing runs yet.
func open(c config) (s *system, err error) {
	s = &system{config: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return s, err
	}
	if s.secrets, err = loadSecrets(c.data); err != nil {
		return s, err
	}
	cursors, err := tenant.NewCursorKeys(s.secrets.CursorKey)
	if err != nil {
		return s, err
	}
	if s.store, err = bolttenant.Open(filepath.Join(c.data, "items.db"), cursors); err != nil {
		return s, err
	}
	s.closers = append(s.closers, s.store) // the folder is this program's from here on
	if s.certificates, err = openCertificates(filepath.Join(c.data, "certificates")); err != nil {
		return s, err
	}
	if s.telemetry, err = fileanalytics.Open(filepath.Join(c.data, "telemetry"), cursors, func(o *fileanalytics.Options) {
		o.RetentionDays, o.Logger = c.retention, c.logger
	}); err != nil {
		return s, err
	}
	s.closers = append(s.closers, s.telemetry)
	if s.listener, err = net.Listen("tcp", c.http); err != nil {
		return s, err
	}
	s.closers = append(s.closers, s.listener)
	return s, s.compose(cursors)
}

func (s *system) compose(cursors tenant.CursorKeys) error {
	s.directory = tenant.NewDirectory(bolttenant.NewRepository(s.store, &tenant.TenantSchema), func(o *tenant.DirectoryOptions) {
		o.Plans = bolttenant.NewRepository(s.store, &tenant.PlanSchema)
	})
	s.composeIdentity()
	if err := s.composeDevices(); err != nil {
		return err
	}
	if err := s.composeAlerts(); err != nil {
		return err
	}
	shadows := memshadow.New(bolttenant.NewRepository(s.store, &memshadow.RecordSchema), s.broker, func(o *memshadow.Options) { o.Logger = s.config.logger })
	if err := s.composeAnalytics(cursors, shadows); err != nil {
		return err
	}
	s.ingest.telemetry, s.ingest.detectors, s.ingest.feed, s.ingest.shadows = s.telemetry, s.detectors, s.lake.feed, shadows

	verifier, err := auth.NewVerifier([]auth.Issuer{s.identity.Issuer()})
	if err != nil {
		return err
	}
	handler := api.New(api.Services{
		Authenticator: verifier,
		Gate:          s.directory,
		Identity:      s.identity,
		Tenants:       s.directory,
		Devices:       s.devices,
		Telemetry:     s.telemetry,
		Shadows:       shadows,
		Commands:      shadow.NewCommander(shadows, s.broker),
		Models:        s.models,
		Alerts:        s.alerts,
		Detectors:     s.detectors,
		Shelves:       s.shelves,
		Definitions:   s.lake.definitions,
		Ingest:        s.lake.ingest,
		Reprocessings: s.lake.reprocessings,
		Datasets:      s.lake.datasets,
		Engine:        s.lake.sql(),
	}, func(o *api.Options) {
		o.Logger = s.config.logger
		o.KeySet = s.identity.JWKS()
		o.Disconnect = s.broker.DisconnectThing
	})
	mux := http.NewServeMux()
	s.handleDataPlanes(mux)
	mux.Handle(filesPath+"/", s.lake.links.Handler(s.lake.folder))
	mux.Handle("/", handler)
	s.handler = mux
	return nil
}

func (s *system) composeIdentity() {
	s.identity = memauth.New(memauth.Repositories{
		Users:    bolttenant.NewRepository(s.store, &memauth.UserSchema),
		Sessions: bolttenant.NewRepository(s.store, &memauth.SessionSchema),
		Attempts: bolttenant.NewRepository(s.store, &memauth.AttemptSchema),
		Keys:     bolttenant.NewRepository(s.store, &memauth.KeySchema),
	}, s.directory, func(o *memauth.Options) {
		o.Issuer = "http://" + s.listener.Addr().String()
		o.Sender = outbox{folder: filepath.Join(s.config.data, "mail")}
		o.Logger = s.config.logger
	})
}

func (s *system) composeDevices() error {
	quotas := tenant.NewQuotas(s.store, bolttenant.NewRepository(s.store, &tenant.UsageSchema), s.directory)
	s.devices = device.NewRegistry(
		tenant.NewQuotaRepository(quotas, bolttenant.NewRepository(s.store, &device.ThingSchema), &device.ThingSchema),
		bolttenant.NewRepository(s.store, &device.CredentialSchema),
		bolttenant.NewRepository(s.store, &device.PresenceSchema),
	)
	s.ingest = &ingest{logger: s.config.logger}
	server, err := s.certificates.server()
	if err != nil {
		return err
	}
	s.broker = mqttdevice.New(s.devices, s.directory, s.ingest, func(o *mqttdevice.Options) {
		o.Address = s.config.mqtt
		o.TLSAddress = s.config.mqtts
		o.TLS = server
		o.Presence = s.devices
		o.Limits.PublishRate = s.config.rate
		o.Logger = s.config.logger
	})
	// A suspended tenant's devices and users are sent away at once.
	s.directory.OnSuspend(s.broker.DisconnectTenant)
	s.directory.OnSuspend(func(id tenant.ID) {
		if err := s.identity.EndSessions(context.Background(), id); err != nil {
			s.config.logger.Error("sessions of a suspended tenant not ended", "tenant", id.String(), "error", err)
		}
	})
	return s.broker.Listen()
}

func (s *system) composeAlerts() error {
	detectors := bolttenant.NewRepository(s.store, &alerts.DetectorSchema)
	records := bolttenant.NewRepository(s.store, &alerts.AlertSchema)
	s.models = alerts.NewModels(bolttenant.NewRepository(s.store, &alerts.ModelSchema), detectors, func(o *alerts.ModelsOptions) { o.Logger = s.config.logger })
	s.alerts = alerts.NewAlerts(records)
	s.shelves = alerts.NewShelves(bolttenant.NewRepository(s.store, &alerts.ShelfSchema))
	notifier, err := s.notifier()
	if err != nil {
		return err
	}
	s.detectors = alerts.NewRuntime(s.models, detectors, records, notifier, func(o *alerts.Options) {
		o.Notifiers = map[detector.ActionKind]alerts.Notifier{detector.ActionIoTTopic: alerts.ToTopics(s.broker)}
		o.Tenants = s.directory.Active
		o.ActionLimit = func(tenant.ID) int { return s.config.actionLimit }
		o.Budgets = bolttenant.NewRepository(s.store, &alerts.ActionBudgetSchema)
		o.Shelves = s.shelves
		o.SweepEvery = 10 * time.Second
		o.Logger = s.config.logger
	})
	return nil
}

// notifier tells the log, and the webhook and the mail server if there are any.
func (s *system) notifier() (alerts.Notifier, error) {
	log := memalerts.NewLog(s.config.logger)
	counted := alerts.NotifierFunc(func(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
		s.raised.Add(1)
		return log.Notify(ctx, id, alert)
	})
	notifiers := []alerts.Notifier{counted}
	if s.config.webhook != "" {
		endpoint := memalerts.Endpoint{URL: s.config.webhook, Secrets: [][]byte{s.secrets.WebhookKey}}
		notifiers = append(notifiers, memalerts.NewWebhook(func(context.Context, tenant.ID) (memalerts.Endpoint, error) {
			return endpoint, nil
		}, func(o *memalerts.WebhookOptions) { o.Local = true }))
	}
	if s.config.mail.server != "" {
		mailer, err := s.config.mail.mailer(func(o *smtpalerts.Options) { o.Email = s.emailOf })
		if err != nil {
			return nil, err
		}
		notifiers = append(notifiers, mailer)
	}
	return memalerts.NewFanOut(notifiers...), nil
}

// run serves until ctx ends.
func (s *system) run(ctx context.Context) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.store.Run(ctx) })
	group.Go(func() error { return s.telemetry.Run(ctx) })
	group.Go(func() error { return s.broker.Run(ctx) })
	group.Go(func() error { return s.detectors.Run(ctx) })
	group.Go(func() error { return s.lake.run(ctx) })
	group.Go(func() error {
		if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return server.Shutdown(stopping)
	})
	return group.Wait()
}

// close closes what open opened, last first.
func (s *system) close() error {
	var errs []error
	for _, closer := range slices.Backward(s.closers) {
		if err := closer.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
