package analytics

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Sentinel errors of [Datasets].
var (
	// ErrNoContent: the data set has no content of this version.
	ErrNoContent = fmt.Errorf("analytics: content of data set %w", iotenant.ErrNotFound)
	// ErrContent: a content can't be asked for in this way.
	ErrContent = fmt.Errorf("analytics: %w content of data set", iotenant.ErrInvalid)
	// ErrContentBacklog: [MaxQueued] contents of the data set wait.
	ErrContentBacklog = fmt.Errorf("analytics: content of data set %w: too many wait", iotenant.ErrUnavailable)
)

// Limits of [Datasets].
const (
	// MaxQueued is how many contents of a data set may wait.
	MaxQueued = 100
	// LinkValid is how long the links of a content can be used, which is what
	// the service gave.
	LinkValid = 2 * time.Hour
)

// DatasetsOptions are the options of [NewDatasets].
type DatasetsOptions struct {
	// Tenants lists the tenants whose data sets [Datasets.Run] serves. It is
	// required for Run.
	Tenants func(context.Context) iter.Seq2[tenant.ID, error]

	// Buckets and Inputs deliver to destinations in S3 and in AWS IoT Events.
	// A nil one fails the deliveries of its kind; the contents succeed all the
	// same.
	Buckets, Inputs Deliverer
	// Containers are the functions in place of images, by the image as the
	// definition has it.
	Containers map[string]ContainerFunc
	// Notify is told of late data, which is looked for if Snapshots is set
	// too: it says when there is something to look for. After an error it is
	// told again; after a crash it may be told twice.
	Notify    func(ctx context.Context, id tenant.ID, late LateData) error
	Snapshots Snapshots
	// Observe is told of each content that is made, and of each that has to
	// wait because too many are: ActionExecution and ActionExecutionThrottled
	// of CreateDatasetContent. It must not block. Default: nobody is.
	Observe func(ctx context.Context, id tenant.ID, o Observation)

	// Concurrent is how many contents of a tenant are made at the same time,
	// by all processes together. Default 2, the quota of the service.
	Concurrent int
	// Workers is how many data sets Run works on at the same time. Default 16.
	Workers int
	// SweepEvery is how often Run looks for what it has not seen yet: new
	// tenants, new definitions, and work of processes that ended. Default 1
	// minute.
	SweepEvery time.Duration
	// MinInterval is the least time between two schedule times of a data set;
	// those that come sooner are passed over. Default 0: as scheduled. The
	// service asked for 15 minutes.
	MinInterval time.Duration
	// Timeout bounds the making of one content, DeliverTimeout one attempt to
	// deliver it. Defaults 15 minutes and 1 minute.
	Timeout        time.Duration
	DeliverTimeout time.Duration
	// Attempts is how often a content, and each of its deliveries, is tried
	// before it is given up. Default 12. That the engine was too busy for it,
	// [ErrSQLBusy], is no attempt.
	Attempts int
	// RetryAfter is the pause after the first failed attempt; it doubles with
	// each further one, up to RetryAtMost. Defaults 1 s and 5 minutes.
	RetryAfter  time.Duration
	RetryAtMost time.Duration
	// LateWindows is how many windows before now late data is looked for in.
	// Default 1000.
	LateWindows int

	// Now is the clock. Default time.Now. Run sleeps by the real one.
	Now func() time.Time
	// NewVersion makes the versions of contents that are asked for by hand, of
	// 7 to 36 letters, digits and '-'. Default: random UUIDs.
	NewVersion func() string
	// Logger is told of failures that no caller hears of. Default: silent.
	Logger *slog.Logger
}

// Datasets are the data sets of all tenants: it makes their contents, by
// schedule and when asked to, keeps and delivers them. It may be used
// concurrently, and by several processes over the same repositories: a schedule
// time gives one content.
type Datasets struct {
	definitions DatasetDefinitions
	contents    tenant.Repository[Content]
	states      tenant.Repository[DatasetState]
	objects     Objects
	engine      Engine
	options     DatasetsOptions
	agenda      atomic.Pointer[datasetAgenda]
}

// NewDatasets returns the data sets that definitions knows. contents is made
// with [ContentSchema], states with [DatasetStateSchema]. Results are kept in
// objects under results/<data set>/.
func NewDatasets(definitions DatasetDefinitions, contents tenant.Repository[Content], states tenant.Repository[DatasetState], objects Objects, engine Engine, optFns ...func(*DatasetsOptions)) *Datasets {
	options := DatasetsOptions{Now: time.Now, NewVersion: newVersion, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	options.setDefaults()
	return &Datasets{definitions: definitions, contents: contents, states: states, objects: objects, engine: engine, options: options}
}

func (o *DatasetsOptions) setDefaults() {
	positive(&o.Concurrent, 2)
	positive(&o.Workers, 16)
	positive(&o.SweepEvery, time.Minute)
	positive(&o.Timeout, 15*time.Minute)
	positive(&o.DeliverTimeout, time.Minute)
	if o.Observe == nil {
		o.Observe = func(context.Context, tenant.ID, Observation) {}
	}
	positive(&o.Attempts, 12)
	positive(&o.RetryAfter, time.Second)
	positive(&o.RetryAtMost, 5*time.Minute)
	positive(&o.LateWindows, 1000)
}

func positive[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// newVersion returns a random UUID.
func newVersion() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return uuid(b[:], 4)
}

// versionOf returns a name-based UUID of what a content was made for.
func versionOf(id tenant.ID, parts ...string) string {
	sum := sha256.Sum256([]byte(id.String() + "\n" + strings.Join(parts, "\n")))
	return uuid(sum[:16], 8) // the hash is of the maker's choice
}

// uuid writes 16 bytes as a UUID of a version.
func uuid(b []byte, version byte) string {
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// now is the time in the precision in which it is kept.
func (d *Datasets) now() time.Time { return d.options.Now().UTC().Truncate(time.Microsecond) }

// definition returns the definition of a data set.
func (d *Datasets) definition(ctx context.Context, id tenant.ID, dataset string) (DatasetDefinition, error) {
	if err := checkTenant(id); err != nil {
		return DatasetDefinition{}, err
	}
	return d.definitions.Dataset(ctx, id, dataset)
}

func (d *Datasets) log(ctx context.Context, id tenant.ID, message string, err error, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("tenant", id.String()), slog.Any("error", err))
	d.options.Logger.LogAttrs(ctx, slog.LevelError, message, attrs...)
}
