package dynamotenant

import (
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// Options are the options of [New].
type Options struct {
	// Now is the clock by which items expire. It should be near that of
	// DynamoDB, which deletes expired items some time later. Default time.Now.
	Now func() time.Time
	// Shards says over how many shards an entity of a tenant is spread. It is
	// called in every call, and must be fast. All processes that write for a
	// tenant need the same answer. Default: one shard.
	Shards func(id tenant.ID, entity string) Sharding
}

// Store is a table with the items of any number of repositories.
type Store struct {
	api     API
	table   string
	cursors tenant.CursorKeys
	options Options
}

// New returns the store in a table. It calls nothing; whether the table is as
// it has to be is a question for [CheckTable]. It panics if api is nil, table
// is empty or cursors is zero.
func New(api API, table string, cursors tenant.CursorKeys, optFns ...func(*Options)) *Store {
	if api == nil {
		panic("dynamotenant: nil API")
	}
	if table == "" {
		panic("dynamotenant: no table")
	}
	if err := cursors.Check(); err != nil {
		panic(err)
	}
	options := Options{
		Now:    time.Now,
		Shards: func(tenant.ID, string) Sharding { return Sharding{} },
	}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Store{api: api, table: table, cursors: cursors, options: options}
}
