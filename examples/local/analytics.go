package main

import (
	"context"
	"embed"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

const (
	// filesPath is where links to results of data sets lead.
	filesPath = "/files"
	// sqlWorker is the program that answers SQL.
	sqlWorker = "iotenant-sqlworker"
)

//go:embed definitions
var definitions embed.FS

// lake is what takes the place of AWS IoT Analytics: channels, pipelines, data
// stores and data sets in a folder.
type lake struct {
	links         *fileanalytics.Links
	folder        *fileanalytics.Folder
	tables        *lakeanalytics.Lake
	definitions   *analytics.Definitions
	ingest        *analytics.Ingest
	feed          *feed
	rollups       *analytics.Rollups
	reprocessings *analytics.Reprocessings
	datasets      *analytics.Datasets
	// engine is nil where there is no worker for SQL.
	engine *workeranalytics.Engine
}

func (s *system) composeAnalytics(cursors tenant.CursorKeys, shadows shadow.Shadows) (err error) {
	l := &s.lake
	if l.links, err = fileanalytics.NewLinks("http://"+s.listener.Addr().String()+filesPath, s.secrets.LinkKey); err != nil {
		return err
	}
	logger := s.config.logger
	l.folder = fileanalytics.NewFolder(filepath.Join(s.config.data, "lake"), func(o *fileanalytics.FolderOptions) { o.Link, o.Logger = l.links.Link, logger })
	l.tables = lakeanalytics.New(l.folder, cursors, func(o *lakeanalytics.Options) { o.Tenants, o.Logger = s.directory.Active, logger })
	l.definitions = analytics.NewDefinitions(bolttenant.NewRepository(s.store, &analytics.DefinitionSchema), l.tables)
	environments := analytics.NewEnvironments(func(o *analytics.EnvironmentsOptions) {
		o.Things = s.devices
		o.Shadows = analytics.ThingShadowsFunc(func(ctx context.Context, id tenant.ID, thing device.ID) ([]byte, error) {
			return shadows.Get(ctx, id, thing, shadow.Name{})
		})
	})
	l.ingest = analytics.NewIngest(l.definitions, l.tables, func(o *analytics.IngestOptions) {
		o.Environment, o.Logger = environments.Of, logger
		o.Notify = func(ctx context.Context, id tenant.ID, notice analytics.FailureNotice) error {
			logger.WarnContext(ctx, "messages that a function could not process", "tenant", id.String(), "event", string(notice.Event))
			return nil
		}
	})
	if err := s.composeRollups(); err != nil {
		return err
	}
	l.feed = &feed{
		telemetry: s.telemetry, channels: l.ingest, rollups: l.rollups, marks: bolttenant.NewRepository(s.store, &feedMarkSchema),
		tenants: s.directory.Active, every: s.config.feed, logger: logger,
	}
	l.reprocessings = analytics.NewReprocessings(bolttenant.NewRepository(s.store, &analytics.ReprocessingSchema), l.ingest, func(o *analytics.ReprocessingsOptions) {
		o.Tenants, o.Logger = s.directory.Active, logger
	})
	if worker := findWorker(s.config.worker); worker != "" {
		l.engine = workeranalytics.New(l.tables, l.folder, func(o *workeranalytics.Options) { o.Command = []string{worker} })
		s.closers = append(s.closers, l.engine)
	}
	l.datasets = analytics.NewDatasets(l.definitions, bolttenant.NewRepository(s.store, &analytics.ContentSchema), bolttenant.NewRepository(s.store, &analytics.DatasetStateSchema),
		l.folder, l.sql(), func(o *analytics.DatasetsOptions) {
			o.Tenants, o.Logger = s.directory.Active, logger
			o.Snapshots = l.tables
			o.Buckets = analytics.ToBuckets(l.folder)
			o.Inputs = analytics.ToInputs(detectorInputs{s.detectors})
			o.Notify = func(ctx context.Context, id tenant.ID, late analytics.LateData) error {
				logger.WarnContext(ctx, "late data", "tenant", id.String(), "dataset", late.Dataset, "rule", late.Rule, "versions", late.Versions)
				return nil
			}
		})
	return nil
}

// minutes is the data store of the means of each minute, and the input in which
// rules see them.
const minutes = "minutes"

// composeRollups keeps what each metric of a thing was minute by minute.
func (s *system) composeRollups() (err error) {
	l := &s.lake
	l.rollups, err = analytics.NewRollups(bolttenant.NewRepository(s.store, &analytics.RollupSchema), []analytics.Rollup{{
		Name:    minutes,
		Shape:   analytics.Tumbling(analytics.Interval{Every: time.Minute}),
		Options: analytics.WindowOptions{Revise: time.Hour},
		Idle:    time.Minute,
		Into:    analytics.IntoAll(analytics.IntoDatastore(l.ingest, minutes), analytics.IntoInput(detectorInputs{s.detectors}, minutes)),
	}}, func(o *analytics.RollupsOptions) {
		o.Tenants, o.Logger = s.directory.Active, s.config.logger
	})
	return err
}

// findWorker returns the path of the program that answers SQL: a flag says
// where, or it is in the path for programs, or in bin, where make puts it; empty
// if it is not there.
func findWorker(flag string) string {
	if flag != "" {
		return flag
	}
	for _, name := range []string{sqlWorker, filepath.Join("bin", sqlWorker)} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// sql is an engine that answers nothing where there is no worker.
func (l *lake) sql() analytics.Engine {
	if l.engine == nil {
		return noWorker{}
	}
	return l.engine
}

type noWorker struct{}

func (noWorker) Query(context.Context, tenant.ID, analytics.Statement) (*analytics.Result, error) {
	return nil, fmt.Errorf("%s not found: SQL %w", sqlWorker, iotenant.ErrUnsupported)
}

// detectorInputs puts rows of data sets, and roll-ups, into detectors.
type detectorInputs struct{ detectors *alerts.Runtime }

func (d detectorInputs) PutMessages(ctx context.Context, id tenant.ID, input string, messages []analytics.InputMessage) error {
	batch := make([]alerts.Message, len(messages))
	for i, message := range messages {
		batch[i] = alerts.Message{Input: input, ID: message.ID, Payload: message.Payload}
	}
	return d.detectors.Put(ctx, id, batch...)
}

// run works on what goes on in the background until ctx ends.
func (l *lake) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.tables.Run(ctx) })
	group.Go(func() error { l.feed.run(ctx); return nil })
	group.Go(func() error { return l.rollups.Run(ctx) })
	group.Go(func() error { return l.reprocessings.Run(ctx) })
	group.Go(func() error { return l.datasets.Run(ctx) })
	return group.Wait()
}

func (s *system) seedDefinitions(ctx context.Context, id tenant.ID) error {
	entries, err := definitions.ReadDir("definitions")
	if err != nil {
		return err
	}
	for _, entry := range entries { // in the order of their names: a pipeline needs its channel
		definition, err := definitions.ReadFile("definitions/" + entry.Name())
		if err != nil {
			return err
		}
		if _, err := s.lake.definitions.Put(ctx, id, definition); err != nil {
			return fmt.Errorf("%s: %w", entry.Name(), err)
		}
	}
	return nil
}
