package analytics

import (
	"context"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// What [DatasetContents].Content takes in place of a version.
const (
	// LatestContent is the newest content, also one that is being created or
	// that failed.
	LatestContent = "$LATEST"
	// LatestSucceeded is the newest content that succeeded. It is what an
	// empty version means.
	LatestSucceeded = "$LATEST_SUCCEEDED"
)

// ContentState is what has become of a content.
type ContentState string

// The states of contents.
const (
	ContentCreating  ContentState = "CREATING"
	ContentSucceeded ContentState = "SUCCEEDED"
	ContentFailed    ContentState = "FAILED"
)

// Content is a result of a data set: one run of its action.
type Content struct {
	Dataset string
	// Version is a UUID.
	Version string
	State   ContentState
	// Reason says why a content failed.
	Reason string
	// CreatedAt is when it was asked for, ScheduledAt the time that it is for,
	// CompletedAt when it ended; zero while it has not.
	CreatedAt, ScheduledAt, CompletedAt time.Time
	// Entries are where it can be read from, once it succeeded. A list of
	// contents leaves them out.
	Entries []ContentEntry
}

// ContentEntry is a file of a content.
type ContentEntry struct {
	// Name is the entryName of the delivery rule; it may be empty.
	Name string
	// URI is a link from which anybody can GET the file for a while.
	URI string
}

// ContentQuery selects contents of a data set.
type ContentQuery struct {
	// From and To select from From, included, to To, excluded, by ScheduledAt.
	// Zero means no bound.
	From, To time.Time
	// Limit is the largest number of contents in a page: 1 to tenant.MaxLimit,
	// or 0 for tenant.DefaultLimit.
	Limit int
	// Cursor continues a list: pass the same query with the Next of the page
	// before it.
	Cursor tenant.Cursor
}

// DatasetContents is what clients of the old service do with the contents of
// data sets, see [NewDataPlane].
type DatasetContents interface {
	// CreateContent starts a content of a data set and returns its version. A
	// version is that of a content whose window is run again; only data sets
	// with a deltaTime filter take one. Errors: tenant.ErrID, of kind
	// iotenant.ErrNotFound, ErrInvalid, ErrConflict while too many are being
	// created.
	CreateContent(ctx context.Context, id tenant.ID, dataset, version string) (string, error)
	// Content returns a content by its version, [LatestContent], or
	// [LatestSucceeded], which an empty version means. Errors: tenant.ErrID, of
	// kind iotenant.ErrNotFound.
	Content(ctx context.Context, id tenant.ID, dataset, version string) (Content, error)
	// Contents lists contents, newest first. Errors: tenant.ErrID,
	// tenant.ErrCursor, of kind iotenant.ErrNotFound.
	Contents(ctx context.Context, id tenant.ID, dataset string, query ContentQuery) (Page[Content], error)
	// DeleteContent deletes a content by what Content takes. Errors:
	// tenant.ErrID, of kind iotenant.ErrNotFound.
	DeleteContent(ctx context.Context, id tenant.ID, dataset, version string) error
}
