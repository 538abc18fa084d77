package analytics

import (
	"context"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Run makes contents when they are due, for all tenants that
// DatasetsOptions.Tenants names, until ctx ends: by schedule, asked for by
// [Datasets.CreateContent], or because a data set before them has a new one. It
// delivers them, tells of late data, and deletes what is out of retention. It
// goes on after failures: what failed is tried again, and no tenant waits for
// another. Run it once per Datasets; several processes may run over the same
// repositories. Run returns nil, after what it began has ended, or kind
// iotenant.ErrInvalid without DatasetsOptions.Tenants.
func (d *Datasets) Run(ctx context.Context) error { return iotenant.ErrUnsupported }

// Sweep does for one tenant what [Datasets.Run] would do now, until nothing is
// left to do. It is for programs that can't have Run: a function that is started
// on a schedule. It goes on after failures and returns them together; contents
// that fail are no error.
func (d *Datasets) Sweep(ctx context.Context, id tenant.ID) error { return iotenant.ErrUnsupported }

// Produce is [Datasets.Sweep] for one data set. Errors: kind
// iotenant.ErrNotFound if there is no such data set, tenant.ErrID.
func (d *Datasets) Produce(ctx context.Context, id tenant.ID, dataset string) error {
	return iotenant.ErrUnsupported
}

type datasetAgenda struct{}

func (d *Datasets) wake(tenant.ID, string) {}
