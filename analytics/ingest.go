package analytics

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// IngestOptions are the options of [NewIngest]. A number or duration that is not
// positive means the default.
type IngestOptions struct {
	// Environment is what the pipelines of a tenant call: functions, its
	// registry, its shadows; [Environments] makes one. An error fails the call
	// that needed it. Default: none, and activities that need it fail.
	Environment func(ctx context.Context, id tenant.ID) (*pipeline.Environment, error)
	// Notify is told of messages that a function could not process. They are in
	// the channel and can be processed again. Its error is logged. Default:
	// nobody is told.
	Notify func(ctx context.Context, id tenant.ID, notice FailureNotice) error
	// Observe is told what to count. It is called often, also concurrently, and
	// must return soon. Default: nobody counts.
	Observe func(ctx context.Context, id tenant.ID, observation Observation)
	// ARN names what clients of the service know by one: service is
	// "iotanalytics" or "lambda", resource such as "pipeline/mine" or
	// "function:mine". Default: arn:aws:<service>:::<resource>.
	ARN func(id tenant.ID, service, resource string) string

	// TenantParallel is how many batches of one tenant go through pipelines at
	// the same time; further ones wait. So a slow function takes a part of the
	// process only. Default 16.
	TenantParallel int
	// FunctionTimeout bounds one call of a function, ActivityTimeout all of
	// [Ingest.RunActivity]. Defaults: 15 minutes and 30 s, those of the service.
	FunctionTimeout time.Duration
	ActivityTimeout time.Duration

	// NewID makes ids for messages without one, at most 64 bytes long and never
	// the same. Default: random text.
	NewID func() string
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of failures that no caller hears of. Default: silent.
	Logger *slog.Logger
}

// Ingest takes messages for channels, and what pipelines make of them to data
// stores. Make one per process. It may be used concurrently.
type Ingest struct {
	definitions *Definitions
	lake        Lake
	options     IngestOptions
	shares      shares
	arenas      sync.Pool // of *arena
}

// NewIngest returns an Ingest for the channels and pipelines in definitions.
// lake is the one that definitions has.
func NewIngest(definitions *Definitions, lake Lake, optFns ...func(*IngestOptions)) *Ingest {
	var options IngestOptions
	for _, fn := range optFns {
		fn(&options)
	}
	options.setDefaults()
	return &Ingest{
		definitions: definitions, lake: lake, options: options,
		shares: shares{limit: options.TenantParallel, tenants: map[tenant.ID]*share{}},
		arenas: sync.Pool{New: func() any { return new(arena) }},
	}
}

func (o *IngestOptions) setDefaults() {
	if o.Environment == nil {
		o.Environment = func(context.Context, tenant.ID) (*pipeline.Environment, error) { return nil, nil }
	}
	if o.ARN == nil {
		o.ARN = anyARN
	}
	positive(&o.TenantParallel, 16)
	positive(&o.FunctionTimeout, 15*time.Minute)
	positive(&o.ActivityTimeout, 30*time.Second)
	if o.NewID == nil {
		o.NewID = rand.Text
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

func (n *Ingest) observe(ctx context.Context, id tenant.ID, o Observation) {
	if n.options.Observe != nil {
		n.options.Observe(ctx, id, o)
	}
}

// share is what one tenant has of the process.
type share struct {
	places chan struct{}
	users  int
}

// shares bound what a tenant does at the same time.
type shares struct {
	limit int

	mu      sync.Mutex
	tenants map[tenant.ID]*share
}

// enter takes a place, until leave. If there is none, it calls waiting and
// waits. The error is that of ctx.
func (s *shares) enter(ctx context.Context, id tenant.ID, waiting func()) (*share, error) {
	s.mu.Lock()
	mine := s.tenants[id]
	if mine == nil {
		mine = &share{places: make(chan struct{}, s.limit)}
		s.tenants[id] = mine
	}
	mine.users++
	s.mu.Unlock()
	select {
	case mine.places <- struct{}{}:
		return mine, nil
	default:
	}
	waiting()
	select {
	case mine.places <- struct{}{}:
		return mine, nil
	case <-ctx.Done():
		s.drop(id, mine)
		return nil, context.Cause(ctx)
	}
}

func (s *shares) leave(id tenant.ID, mine *share) {
	<-mine.places
	s.drop(id, mine)
}

func (s *shares) drop(id tenant.ID, mine *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(s.tenants, id)
	}
}
