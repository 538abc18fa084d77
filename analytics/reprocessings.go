package analytics

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// ReprocessingsOptions are the options of [NewReprocessings]. Where nothing else
// is said, a number or duration that is not positive means the default.
type ReprocessingsOptions struct {
	// Tenants are those that [Reprocessings.Run] works for, asked for once per
	// SweepEvery. Needed by Run only.
	Tenants func(ctx context.Context) iter.Seq2[tenant.ID, error]
	// PerDay is how many of a pipeline may be started in 24 hours. Default
	// 1,000, the quota of the service; negative: any number.
	PerDay int
	// PageSize is how many messages are read and stored at a time. After a
	// crash the last page is repeated, and the data store must still know its
	// ids, see [Lake]. Default 500, limit [Window].
	PageSize int
	// LeaseFor is how long one that a process works on is left alone by
	// others, and so how long it rests after that process has crashed. If a
	// page takes longer, another process may repeat it, which stores nothing
	// twice. Default 2 minutes.
	LeaseFor time.Duration
	// SweepFor is how long a sweep works for a tenant. Default 10 minutes.
	SweepFor time.Duration
	// SweepEvery is how often Run looks for work that it was not told of.
	// Default 1 minute.
	SweepEvery time.Duration
	// Workers is how many tenants Run works for at the same time. Default 4.
	Workers int
	// Keep is how long ended ones are remembered, at least 24 hours. Default 90
	// days.
	Keep time.Duration
	// NewID makes ids: UUIDs. Default: random ones.
	NewID func() string
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of failures that no caller hears of. Default: silent.
	Logger *slog.Logger
}

// Reprocessings send messages that channels have through pipelines again. They
// may be used concurrently, also by several processes over the same
// repository.
type Reprocessings struct {
	repository tenant.Repository[Reprocessing]
	ingest     *Ingest
	options    ReprocessingsOptions
	worker     string
	loop       atomic.Pointer[reprocessLoop] // of Run
}

// NewReprocessings returns the reprocessings kept in a repository made with
// [ReprocessingSchema].
func NewReprocessings(repository tenant.Repository[Reprocessing], ingest *Ingest, optFns ...func(*ReprocessingsOptions)) *Reprocessings {
	var options ReprocessingsOptions
	for _, fn := range optFns {
		fn(&options)
	}
	options.setDefaults()
	return &Reprocessings{repository: repository, ingest: ingest, options: options, worker: rand.Text()}
}

func (o *ReprocessingsOptions) setDefaults() {
	if o.PerDay == 0 {
		o.PerDay = 1000
	}
	positive(&o.PageSize, 500)
	o.PageSize = min(o.PageSize, Window, tenant.MaxLimit)
	positive(&o.LeaseFor, 2*time.Minute)
	positive(&o.SweepFor, 10*time.Minute)
	positive(&o.SweepEvery, time.Minute)
	positive(&o.Workers, 4)
	positive(&o.Keep, 90*24*time.Hour)
	o.Keep = max(o.Keep, 24*time.Hour)
	if o.NewID == nil {
		o.NewID = newVersion
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func (r *Reprocessings) now() time.Time { return r.options.Now().UTC().Truncate(time.Millisecond) }

// Start begins a reprocessing, which [Reprocessings.Sweep] or Run then work
// on; a Run of the same Reprocessings at once. It goes on with the definition that the pipeline has now. The rows are
// of the days on which their messages were received. Errors: tenant.ErrID,
// [ErrReprocessing], [ErrNoDefinition] if there is no such pipeline,
// [ErrReprocessingRuns], [ErrQuota].
//
// ReprocessReplace is refused if another pipeline writes to the same data
// store, since what it wrote would be lost; and it replaces days of which the
// channel still has messages only: what retention has removed there stays in
// the data store.
func (r *Reprocessings) Start(ctx context.Context, id tenant.ID, request ReprocessingRequest) (Reprocessing, error) {
	if request.Mode == "" {
		request.Mode = ReprocessAppend
	}
	if err := checkTenant(id); err != nil {
		return Reprocessing{}, fmt.Errorf("analytics: start reprocessing: %w", err)
	}
	if err := request.check(); err != nil {
		return Reprocessing{}, fmt.Errorf("analytics: start reprocessing: %w", err)
	}
	started, err := r.start(ctx, id, request)
	if err != nil {
		return Reprocessing{}, fmt.Errorf("analytics: start reprocessing of %.128s: %w", request.Pipeline, err)
	}
	return started, nil
}

func (r *Reprocessings) start(ctx context.Context, id tenant.ID, request ReprocessingRequest) (Reprocessing, error) {
	next, err := r.prepare(ctx, id, request)
	if err != nil {
		return Reprocessing{}, err
	}
	if err := r.admit(ctx, id, &next); err != nil {
		return Reprocessing{}, err
	}
	version, err := r.repository.Put(ctx, id, next, tenant.IfAbsent())
	if err != nil {
		return Reprocessing{}, err
	}
	// Of two that were started at the same time each sees the other here.
	if err := r.admit(ctx, id, &next); err != nil {
		return Reprocessing{}, errors.Join(err, r.repository.Delete(ctx, id, reprocessingKey(next.Pipeline, next.ID), tenant.IfVersion(version)))
	}
	r.ingest.observe(ctx, id, Observation{Metric: ActionExecution, Value: 1, Action: "StartPipelineReprocessing", Pipeline: next.Pipeline})
	if l := r.loop.Load(); l != nil {
		l.ask(id)
	}
	return next, nil
}

// prepare makes a reprocessing of a request.
func (r *Reprocessings) prepare(ctx context.Context, id tenant.ID, request ReprocessingRequest) (Reprocessing, error) {
	definitions := r.ingest.definitions
	definition, err := definitions.Get(ctx, id, pipeline.ResourcePipeline, request.Pipeline)
	if err != nil {
		return Reprocessing{}, err
	}
	l, err := load(definition.Kind, definition.Definition, definitions.options.Pipeline)
	if err != nil {
		return Reprocessing{}, fmt.Errorf("%w: %w", ErrReprocessing, err)
	}
	now := r.now()
	next := Reprocessing{
		ID: r.options.NewID(), Pipeline: definition.Name, Status: ReprocessingRunning, Mode: request.Mode,
		Definition: definition.Definition, Channel: l.pipeline.Channel(), Datastore: l.pipeline.Datastore(),
		CreatedAt: now, UpdatedAt: now,
	}
	if request.Mode == ReprocessReplace {
		if err := r.checkAlone(ctx, id, next.Datastore); err != nil {
			return Reprocessing{}, err
		}
		next.Staging = "reprocessing_" + strings.ReplaceAll(next.ID, "-", "")
	}
	if next.Spans, err = r.spans(ctx, id, request, next.Channel); err != nil {
		return Reprocessing{}, err
	}
	if request.Mode == ReprocessReplace {
		next.Days = next.Spans[0]
	}
	return next, nil
}

// spans returns the times that a request is about.
func (r *Reprocessings) spans(ctx context.Context, id tenant.ID, request ReprocessingRequest, channel string) ([]Span, error) {
	if request.Mode == ReprocessAppend && len(request.Paths) == 0 {
		to := r.options.Now().Add(1) // without an end it would run after what comes in meanwhile
		if !request.To.IsZero() {
			to = request.To
		}
		return []Span{{request.From, to}}, nil
	}
	snapshot, err := r.ingest.lake.Snapshot(ctx, id, TableID{ChannelTable, channel})
	if err != nil {
		return nil, err
	}
	if len(request.Paths) > 0 {
		return spansOf(&snapshot, request.Paths)
	}
	days, err := daysOf(&snapshot, request.From, request.To, r.options.Now())
	return []Span{days}, err
}

// checkAlone refuses to replace what other pipelines wrote.
func (r *Reprocessings) checkAlone(ctx context.Context, id tenant.ID, datastore string) error {
	flow, err := r.ingest.definitions.readFlow(ctx, id, nil)
	if err != nil {
		return err
	}
	if n := flow.writersOf(datastore); n > 1 {
		return fmt.Errorf("%w: %d pipelines write to data store %s, want one to replace what it wrote", ErrReprocessing, n, datastore)
	}
	return nil
}

// admit refuses one beside another of the pipeline, or beyond the quota.
func (r *Reprocessings) admit(ctx context.Context, id tenant.ID, next *Reprocessing) error {
	recent := 0
	for other, err := range r.All(ctx, id, next.Pipeline) {
		switch {
		case err != nil:
			return err
		case other.ID == next.ID:
		case other.isBusy():
			return fmt.Errorf("%w: %s", ErrReprocessingRuns, other.ID)
		case other.CreatedAt.After(next.CreatedAt.Add(-24 * time.Hour)):
			recent++
		}
	}
	if r.options.PerDay > 0 && recent >= r.options.PerDay {
		return fmt.Errorf("%w: %d reprocessings in 24 hours", ErrQuota, recent)
	}
	return nil
}

// Get returns a reprocessing of a pipeline. Errors: [ErrNoReprocessing],
// tenant.ErrID.
func (r *Reprocessings) Get(ctx context.Context, id tenant.ID, pipeline, reprocessing string) (Reprocessing, error) {
	item, err := r.get(ctx, id, pipeline, reprocessing)
	if err != nil {
		return Reprocessing{}, fmt.Errorf("analytics: get reprocessing: %w", err)
	}
	return item.Value, nil
}

func (r *Reprocessings) get(ctx context.Context, id tenant.ID, pipeline, reprocessing string) (tenant.Item[Reprocessing], error) {
	item, err := r.repository.Get(ctx, id, reprocessingKey(pipeline, reprocessing), tenant.Consistent)
	if errors.Is(err, tenant.ErrNotFound) || errors.Is(err, tenant.ErrKey) {
		return item, ErrNoReprocessing
	}
	return item, err
}

// All returns the reprocessings of a pipeline, those that ended too, in no
// particular order. It ends after the first error.
func (r *Reprocessings) All(ctx context.Context, id tenant.ID, pipeline string) iter.Seq2[Reprocessing, error] {
	return func(yield func(Reprocessing, error) bool) {
		query := tenant.Query{Prefix: tenant.NewKey(strings.ToLower(pipeline)), Consistent: true}
		for item, err := range tenant.All(ctx, r.repository, id, query) {
			if err != nil {
				yield(Reprocessing{}, fmt.Errorf("analytics: list reprocessings: %w", err))
				return
			}
			if !yield(item.Value, nil) {
				return
			}
		}
	}
}

// Cancel ends a reprocessing. What it appended stays; what it was to replace is
// as it was. One that has ended already, or that has read everything and is
// about to replace, is no error, and left to itself. Errors:
// [ErrNoReprocessing], tenant.ErrID.
func (r *Reprocessings) Cancel(ctx context.Context, id tenant.ID, pipeline, reprocessing string) error {
	item, err := r.get(ctx, id, pipeline, reprocessing)
	if err == nil {
		item, err = tenant.Update(ctx, r.repository, id, reprocessingKey(pipeline, reprocessing), func(current *Reprocessing) error {
			if current.isBusy() && !current.Replacing {
				current.end(ReprocessingCancelled, "", r.now(), r.options.Keep)
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("analytics: cancel reprocessing: %w", err)
	}
	if item.Value.Status == ReprocessingCancelled {
		r.unstage(ctx, id, &item.Value)
	}
	return nil
}

func (r *Reprocessings) log(ctx context.Context, id tenant.ID, of *Reprocessing, text string, err error) {
	r.options.Logger.LogAttrs(ctx, slog.LevelError, text, slog.String("tenant", id.String()),
		slog.String("pipeline", of.Pipeline), slog.String("reprocessing", of.ID), slog.Any("error", err))
}

var errNoTenants = fmt.Errorf("analytics: run reprocessings: %w: ReprocessingsOptions.Tenants is nil", iotenant.ErrInvalid)
