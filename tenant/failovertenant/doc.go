// Package failovertenant keeps the items of a tenant in the stores of several
// Regions: it writes in one of them, the tenant's home, and reads in another while
// that one is down.
//
//	store := failovertenant.New([]failovertenant.Region{
//		{Name: "eu-west-1", Transactor: ireland, Homes: dynamotenant.NewRepository(ireland, &failovertenant.HomeSchema)},
//		{Name: "eu-central-1", Transactor: frankfurt, Homes: dynamotenant.NewRepository(frankfurt, &failovertenant.HomeSchema)},
//	})
//	sites := failovertenant.NewRepository(store, &SiteSchema, map[string]tenant.Repository[Site]{
//		"eu-west-1":    dynamotenant.NewRepository(ireland, &SiteSchema),
//		"eu-central-1": dynamotenant.NewRepository(frankfurt, &SiteSchema),
//	})
//
// The package doesn't replicate. Something else does, a DynamoDB global table for
// example, or the reads in other Regions find nothing. All stores need the same
// cursor keys.
//
// # Reads
//
// A read goes to the home. If the home is unavailable, it goes to the next Region
// that answers, and its result may be old. A read that asks for consistency
// is never answered from elsewhere: it fails with kind iotenant.ErrUnavailable,
// unless Options.StaleReads allows it. It costs a second read, of the home's own word
// that it still is the home.
//
// A breaker per Region keeps calls away from one that fails: after
// Options.Failures failures in a row it is left alone for Options.OpenFor; then one call
// tries. It starts no goroutine. Only errors of kind iotenant.ErrUnavailable, and
// reads without an answer within Options.TryFor, count.
//
// # Writes
//
// A write goes to the home and nowhere else: it never fails over by itself. It is
// a transaction that also checks a fence, an item that names the home and its
// epoch. Moving a tenant rewrites the fences, so a writer that has not heard of
// the move is refused with [ErrMoved] by the store itself, whatever it
// believes. Conditions hold as in any repository, against the state at the home.
//
// The fence takes one of the 100 operations of a transaction, see [MaxOps], and
// doubles the capacity that a single write consumes on DynamoDB. A process looks a
// home up by reading the fences in all Regions, once per tenant and Options.KnowFor.
//
// # Moving a tenant without loss
//
//  1. [Store.Drain]: from now on nothing of the tenant is written anywhere.
//  2. Wait until everything has arrived in the new Region. A global table replicates
//     items apart from each other, so no single item tells; wait for several times the
//     highest ReplicationLatency that CloudWatch shows for the last hour.
//  3. [Store.Move]. All processes learn of it within Options.KnowFor, and writers
//     at their next write. Acknowledged writes are all there.
//
// # When a Region is lost
//
// [Store.Move] with [Force] makes a Region the home that lacks what had not yet
// arrived: what was acknowledged at the old home in the last moments is missing.
// Regions that don't answer are not told, see Moved.Untold: who reaches only those
// goes on writing there. When such a Region is back, move the tenant once more to
// where it is, before anybody uses the Region; a global table also brings it the
// fences itself, soon after it is back.
//
// # What a DynamoDB global table gives
//
// In its default mode, EVENTUAL (MREC):
//
//   - Writes arrive in the other Regions later, usually within a second, without a bound.
//     What a Region acknowledged is durable in that Region only.
//   - Conditions and transactions are judged by the replica of the Region that is
//     called. Two Regions can both accept contradicting writes; the later one by
//     timestamp wins, item by item, and nobody is told. This package avoids
//     it by writing in one Region.
//   - A transaction arrives item by item. A read that fails over may see a part
//     of it; tenant.Usage and its items, for example.
//   - A consistent read is consistent with the writes of its own Region.
//   - After a forced move, what the lost Region had not sent arrives when it is back.
//     It loses against later writes of the same item, and stays where there
//     were none: an item that was deleted or counted anew meanwhile may be
//     back. Recount quotas then.
//   - DAX is not told of writes that arrive from another Region: its items are old
//     until their TTL. Don't put it before a Region that reads may fail over to.
//
// In mode STRONG (MRSC) there are no transactions, so there are no fences: this
// package can't be used, and isn't needed, because every Region accepts writes and
// reads the latest.
package failovertenant
