package alerts

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// Options are the options of [NewRuntime]. Where nothing else is said, a number
// or duration that is not positive means the default.
type Options struct {
	// Notifiers deliver the actions of one kind, in place of the notifier
	// given to NewRuntime. Unless they are named here, actions of kind
	// detector.ActionIoTEvents are put back into the runtime, and those of
	// kind detector.ActionSiteWise die with iotenant.ErrUnsupported.
	Notifiers map[detector.ActionKind]Notifier
	// Tenants are those whose timers and actions [Runtime.Run] serves, asked
	// for once per SweepEvery. Needed by Run only.
	Tenants func(ctx context.Context) iter.Seq2[tenant.ID, error]

	// ActionLimit is how many actions of a tenant may be delivered in a
	// minute. What comes on top is kept with [StatusSuppressed], and an alert
	// of kind [KindStorm] tells how much it was. A number that is not positive
	// means no limit. Nil: there is none.
	ActionLimit func(tenant.ID) int
	// Budgets, made with [ActionBudgetSchema], lets all processes share the
	// limit: together they never deliver more. A process takes shares of a
	// 16th of the limit, at most 100, so up to one share each may remain
	// unused. Nil: each process has the whole limit.
	Budgets tenant.Repository[ActionBudget]
	// Shelves hold detectors whose alerts are not delivered for a time. Nil:
	// none are.
	Shelves *Shelves

	// Waker is told of each time at which a timer or an action is due, before
	// it is stored. If it fails, so does the message that caused it. Nil: Run,
	// or a regular Sweep, finds them.
	Waker Waker

	// Parallel is how many detectors one Put evaluates at the same time.
	// Default 64.
	Parallel int
	// CacheSize is how many idle detectors are held in memory, so that a
	// message costs one write and no read; each takes some 900 bytes. Default
	// 100,000; 0 means none.
	CacheSize int

	// SweepEvery is how often Run looks for what it has not seen yet: work of
	// tenants that are new and of processes that ended. Default 1 minute.
	SweepEvery time.Duration
	// Workers is how many timers and actions Run works on at the same time,
	// TenantWorkers how many of these for one tenant. Defaults 64 and 16.
	Workers       int
	TenantWorkers int

	// NotifyTimeout bounds one call of a notifier. Default 30 s.
	NotifyTimeout time.Duration
	// Attempts is how often an action is tried before it is dead. Default 12.
	Attempts int
	// RetryAfter is the pause after the first failed attempt; it doubles with
	// each further one, up to RetryAtMost. Defaults 1 s and 5 minutes.
	RetryAfter  time.Duration
	RetryAtMost time.Duration
	// KeepAlerts is how long alerts are kept. Default 90 days; 0 means for
	// ever.
	KeepAlerts time.Duration

	// Now is the clock. Default time.Now. Run sleeps by the real one.
	Now func() time.Time
	// Logger is told of failures that no caller hears of: at level Error what
	// waits or is given up, at level Warn actions that a model got wrong.
	// Default: silent.
	Logger *slog.Logger
}

// Runtime evaluates messages and timers, and delivers what detectors decide.
// Make one per process. It may be used concurrently.
type Runtime struct {
	models    *Models
	detectors tenant.Repository[DetectorRecord]
	alerts    tenant.Repository[Alert]
	notifier  Notifier
	options   Options

	cache    *cache
	limiter  *limiter
	messages sync.Pool // of *detector.Message
	results  sync.Pool // of *detector.Result
	agenda   atomic.Pointer[agenda]
}

// NewRuntime returns a runtime for models. detectors is made with
// [DetectorSchema], the same that models has; alerts with [AlertSchema].
// notifier delivers the actions of every kind that Options.Notifiers does not
// name.
func NewRuntime(models *Models, detectors tenant.Repository[DetectorRecord], alerts tenant.Repository[Alert], notifier Notifier, optFns ...func(*Options)) *Runtime {
	options := Options{
		CacheSize:  100_000,
		KeepAlerts: 90 * 24 * time.Hour,
		Now:        time.Now,
		Logger:     slog.New(slog.DiscardHandler),
	}
	for _, fn := range optFns {
		fn(&options)
	}
	options.setDefaults()
	return &Runtime{
		models:    models,
		detectors: detectors,
		alerts:    alerts,
		notifier:  notifier,
		options:   options,
		cache:     newCache(options.CacheSize),
		limiter:   newLimiter(options.Budgets),
		messages:  sync.Pool{New: func() any { return new(detector.Message) }},
		results:   sync.Pool{New: func() any { return new(detector.Result) }},
	}
}

func (o *Options) setDefaults() {
	positive(&o.Parallel, 64)
	positive(&o.SweepEvery, time.Minute)
	positive(&o.Workers, 64)
	positive(&o.TenantWorkers, 16)
	positive(&o.NotifyTimeout, 30*time.Second)
	positive(&o.Attempts, 12)
	positive(&o.RetryAfter, time.Second)
	positive(&o.RetryAtMost, 5*time.Minute)
}

func positive[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// now is the time in the precision of the engine.
func (r *Runtime) now() time.Time { return r.options.Now().UTC().Truncate(time.Microsecond) }

// later tells a running Run that there is work at a time.
func (r *Runtime) later(j job, at time.Time) {
	if a := r.agenda.Load(); a != nil {
		a.add(j, at)
	}
}

func (r *Runtime) log(ctx context.Context, id tenant.ID, message string, err error, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("tenant", id.String()), slog.Any("error", err))
	r.options.Logger.LogAttrs(ctx, slog.LevelError, message, attrs...)
}
