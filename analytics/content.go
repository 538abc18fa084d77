package analytics

import (
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// ContentState says how far a content is.
type ContentState string

// The states of contents, as AWS IoT Analytics calls them.
const (
	// ContentCreating: it is waiting or at work, perhaps not for the first
	// time.
	ContentCreating ContentState = "CREATING"
	// ContentSucceeded: its result is there.
	ContentSucceeded ContentState = "SUCCEEDED"
	// ContentFailed: it was given up.
	ContentFailed ContentState = "FAILED"
)

// Versions that name a content by what it is, in [Datasets.Content].
const (
	// LatestSucceeded is the newest content with a result.
	LatestSucceeded = "$LATEST_SUCCEEDED"
	// Latest is the newest content, whatever its state.
	Latest = "$LATEST"
)

// Content is what a data set gave at a time.
type Content struct {
	// Dataset is the name of the data set, Version the id of the content: a
	// UUID, name-based for a schedule time or a triggering content, so that it
	// is the same whichever process comes first.
	Dataset string `json:"dataset"`
	Version string `json:"version"`

	State ContentState `json:"state"`
	// Reason is why a content failed, in words for the people of its tenant.
	// With [ContentSucceeded] it is why running it again failed; the result is
	// then that of the run before.
	Reason string `json:"reason,omitempty"`

	// Created is when the content was asked for, Scheduled the schedule time
	// that it is for, or Created if it was asked for by hand. Completed is when
	// it succeeded or failed, zero before.
	Created   time.Time `json:"created"`
	Scheduled time.Time `json:"scheduled"`
	Completed time.Time `json:"completed,omitzero"`

	// From, included, and To, excluded, are the window of a deltaTime filter.
	// Without one, and before work began, To is zero. A zero From means all
	// before To.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`

	// Run is the number of the last run, Made that of the run that made the
	// result. They grow with each run of the data set.
	Run  int64 `json:"run"`
	Made int64 `json:"made,omitempty"`
	// Files are the objects that hold the result: one of CSV, or what a
	// container wrote.
	Files []ContentFile `json:"files,omitempty"`
	// Seen is how many rows of the data stores were in the window, if the data
	// set has rules for late data.
	Seen int64 `json:"seen,omitempty"`
	// Deliveries says what became of each delivery rule, in their order.
	Deliveries []ContentDelivery `json:"deliveries,omitempty"`

	// Entries are how to get the result, set by [Datasets.Content] alone. They
	// are empty while the content is CREATING or FAILED.
	Entries []ContentEntry `json:"-"`
}

// ContentFile is an object with a result.
type ContentFile struct {
	// Name is what a container calls it; empty for the CSV of a query.
	Name string `json:"name,omitempty"`
	// Object is its name in [Objects].
	Object string `json:"object"`
	Bytes  int64  `json:"bytes"`
}

// ContentEntry is a result that can be fetched.
type ContentEntry struct {
	// Name is that of a delivery rule, or of a container's file; it may be
	// empty.
	Name string
	// URI is a link that is valid for two hours, see Objects.Link; empty if
	// the Objects have no links, use [Datasets.Open] then.
	URI string
}

// DeliveryState says how far a delivery is.
type DeliveryState string

// The states of deliveries.
const (
	DeliveryPending   DeliveryState = "PENDING"
	DeliveryDelivered DeliveryState = "DELIVERED"
	DeliveryFailed    DeliveryState = "FAILED"
)

// ContentDelivery is what became of a delivery.
type ContentDelivery struct {
	// Entry is the entry name of the rule, Target its bucket or input.
	Entry  string        `json:"entry,omitempty"`
	Target string        `json:"target"`
	State  DeliveryState `json:"state"`
	// Attempts counts those that were begun. NextAttempt is when the next is
	// due, or the time at which others may take over.
	Attempts    int       `json:"attempts,omitempty"`
	NextAttempt time.Time `json:"nextAttempt,omitzero"`
	DeliveredAt time.Time `json:"deliveredAt,omitzero"`
	// Reason is why the last attempt failed.
	Reason string `json:"reason,omitempty"`
}

// contentsBySchedule is the index of [ContentSchema] that lists contents.
const contentsBySchedule = "schedule"

// ContentSchema is how contents are kept.
var ContentSchema = tenant.Schema[Content]{
	Entity: "dataset-content",
	Key:    func(c *Content) tenant.Key { return contentKey(c.Dataset, c.Version) },
	Indexes: []tenant.Index[Content]{
		{Name: contentsBySchedule, Key: func(c *Content) tenant.Key { return scheduleKey(c.Dataset, c.Scheduled) }},
	},
}

// Names of data sets that differ in case only are the same name.
func datasetKey(dataset string) tenant.Key { return tenant.NewKey(strings.ToLower(dataset)) }

func contentKey(dataset, version string) tenant.Key {
	return tenant.NewKey(strings.ToLower(dataset), version)
}

func scheduleKey(dataset string, at time.Time) tenant.Key {
	return tenant.NewKey(strings.ToLower(dataset), timeKey(at))
}

// timeKey is a time as a part of a key: its order is that of time.
func timeKey(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// prefix is what the names of the objects of all runs begin with.
func (c *Content) prefix() string { return resultsOf(c.Dataset) + c.Version + "." }

func resultsOf(dataset string) string { return "results/" + strings.ToLower(dataset) + "/" }

// object is the name of a file of a take, "" for the CSV. Each take has objects
// of its own, so that one that lost its claim overwrites nothing.
func (c *Content) object(take int64, file string) string {
	name := c.prefix() + strconv.FormatInt(take, 36)
	if file == "" {
		return name + ".csv"
	}
	return name + "/" + file
}

// ContentQuery selects contents of one data set.
type ContentQuery struct {
	// ScheduledFrom and ScheduledTo select from ScheduledFrom, included, to
	// ScheduledTo, excluded. Zero means no bound.
	ScheduledFrom, ScheduledTo time.Time
	// Limit is the largest number of contents in a page: 1 to tenant.MaxLimit,
	// or 0 for tenant.DefaultLimit.
	Limit int
	// Cursor continues a query: pass the same query with the Next of the page
	// before it. Only Limit may differ.
	Cursor tenant.Cursor
}
