// Package dynamotenant keeps tenant repositories in one DynamoDB table. It is
// the store of a system on AWS.
//
//	client := dynamodb.NewFromConfig(config)
//	store := dynamotenant.New(client, "items", cursors)
//	things := dynamotenant.NewRepository(store, &device.ThingSchema)
//
// # The table
//
// All tenants and entities share a table: [Table] describes it, [TimeToLive]
// is its expiry, [CheckTable] compares it with what exists. Keep it on demand or
// scale it, turn on point-in-time recovery; nothing here depends on that. The
// partition key of every item and of every index entry begins with
// TENANT#<tenant>#, so that credentials can be restricted to one tenant; the
// statement for that is at [API].
//
// # Calls
//
// A method makes the calls that are listed here, and no others. The client
// repeats those that fail, as its retry options say; this package repeats only
// what a batch left unprocessed, with growing pauses, and gives up after 8
// attempts without progress.
//
//	Get:         GetItem
//	Put:         PutItem
//	Delete:      DeleteItem
//	Query:       Query for each shard
//	BatchGet:    BatchGetItem for each 100 keys
//	BatchWrite:  BatchWriteItem for each 25 writes
//	Transact:    TransactWriteItems
//
// While a tenant is spread over more shards than before, see [Sharding], the
// calls listed there are added.
//
// # Lost answers
//
// A client that gets no answer sends its request again, and the second may
// find what the first has written. A Put recognises its own version and
// succeeds; a transaction has a token by which DynamoDB recognises it. A Delete
// with a condition can't tell who deleted: it then fails with
// tenant.ErrNotFound or tenant.ErrVersion although it has deleted.
//
// # Consistency
//
// Reads are eventually consistent unless the call asks otherwise; consistent
// ones cost twice as much. Index queries are always eventually consistent.
//
// # DAX
//
// A *dax.Dax of github.com/aws/aws-dax-go-v2 is an [API] as well. The program
// makes it, since making it dials. DAX caches: reads that are not consistent
// may be minutes old. Its clusters have one role for all, so IAM doesn't
// separate tenants behind it: never rely on tenant-scoped credentials there.
// Its client doesn't ask for the stored item when a condition fails, so a Put
// whose answer was lost may fail there with tenant.ErrExists or
// tenant.ErrVersion although it has written.
//
// There is no emulator of DAX: that its client fits [API] is compiled, its
// behaviour is not tested here.
package dynamotenant
