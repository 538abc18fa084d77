package analyticstest

import (
	"context"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// FaultyIngester returns an ingester that does what ingester does, but for the
// faults that decide chooses for each call: an [OpPut] whose name is the
// channel. decide may be called concurrently.
func FaultyIngester(ingester analytics.Ingester, decide func(Call) Fault) analytics.Ingester {
	return faultyIngester{ingester, decide}
}

type faultyIngester struct {
	ingester analytics.Ingester
	decide   func(Call) Fault
}

func (f faultyIngester) Put(ctx context.Context, id tenant.ID, channel string, messages []analytics.Row) error {
	_, err := apply(ctx, f.decide(Call{OpPut, id, channel}), func() (none, error) {
		return none{}, f.ingester.Put(ctx, id, channel, messages)
	})
	return err
}
