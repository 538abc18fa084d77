package analytics

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/iotenant/iotenant/tenant"
)

// LateData says that rows came after the content of their window was made: the
// event "IoT Analytics Dataset Lifecycle Notification". Ask for the contents
// again by [Datasets.CreateContent] with their versions.
type LateData struct {
	Dataset string
	// Rule is the name of the late data rule.
	Rule string
	// Versions are the contents whose windows got rows.
	Versions []string
}

// Notifier is told of late data. After an error it is told again; it may be
// told twice after a crash.
type Notifier interface {
	Late(ctx context.Context, id tenant.ID, late LateData) error
}

// NotifierFunc is a function that is a [Notifier].
type NotifierFunc func(ctx context.Context, id tenant.ID, late LateData) error

// Late calls the function.
func (f NotifierFunc) Late(ctx context.Context, id tenant.ID, late LateData) error {
	return f(ctx, id, late)
}

// MarshalJSON writes the detail of the service's event.
func (l LateData) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(struct {
		Version  string   `json:"event-detail-version"`
		Dataset  string   `json:"dataset-name"`
		Rule     string   `json:"late-data-rule-name"`
		Versions []string `json:"version-ids"`
		Message  *string  `json:"message"`
	}{"1.0", l.Dataset, l.Rule, l.Versions, nil})
	if err != nil {
		return nil, fmt.Errorf("analytics: late data: %w", err)
	}
	return text, nil
}

// Snapshots tells whether a data store has changed. A [Lake] is one.
type Snapshots interface {
	Snapshot(ctx context.Context, id tenant.ID, table TableID) (Snapshot, error)
}
