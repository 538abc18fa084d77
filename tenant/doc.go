// Package tenant holds who owns what: tenant ids, the tenant-keyed repository
// in which every other package keeps its items, and the directory of tenants.
//
// # The tenant can't be forgotten
//
// [ID] is an opaque type. It is parsed once, at the edge, from something
// verified, and is the second argument of every call, after ctx. Forgetting it
// does not compile; the zero ID is refused everywhere; what belongs to another
// tenant is [ErrNotFound].
//
// # Repositories
//
// [Repository] keeps the items of one entity. Describe the entity by a
// [Schema], beside its type, and make the repository with a backend:
//
//	type Site struct{ Name, City string }
//
//	var SiteSchema = tenant.Schema[Site]{
//		Entity:  "site",
//		Key:     func(s *Site) tenant.Key { return tenant.NewKey(s.Name) },
//		Indexes: []tenant.Index[Site]{{Name: "city", Key: func(s *Site) tenant.Key { return tenant.NewKey(s.City) }}},
//	}
//
//	store, err := bolttenant.Open("sites.db", cursorKeys)
//	sites := bolttenant.NewRepository(store, &SiteSchema)
//	version, err := sites.Put(ctx, id, Site{Name: "north", City: "Oslo"}, tenant.IfAbsent())
//
// A write names the [Condition] under which it may happen, so overwriting
// blindly is a decision. A list is pages underneath, with a [Cursor] that can
// be given to clients, and an iterator on top: [All].
//
// # Many items at once
//
// BatchGet and BatchWrite do many things that have nothing to do with each
// other, for less than one by one. What failed of them is a [*BatchError], so
// nobody can overlook that a part did.
//
// What has to change together is a transaction, also across entities. The
// Store of a backend is a [Transactor]:
//
//	versions, err := store.Transact(ctx, id,
//		tenant.PutOp(&SiteSchema, site, tenant.IfAbsent()),
//		tenant.PutOp(&CountSchema, count, tenant.IfVersion(read.Version)),
//	)
//
// An [Op] holds no tenant, and the call takes one, so a transaction over two
// tenants can't be written down. [Update] and [TransactRetry] read, decide and
// write again until nobody wrote in between.
//
// # Encoding
//
// Items are encoded as JSON, unless *T implements encoding.BinaryAppender and
// encoding.BinaryUnmarshaler. Fields that JSON leaves out are lost.
//
// # Limits
//
// An encoded item has at most [MaxItemSize] bytes, a key [MaxKeyLength], a
// schema [MaxIndexes] indexes, a page [MaxLimit] items, a batch [MaxBatch]
// entries, a transaction [MaxOps] operations and [MaxTransactionSize] bytes.
// They are the same in every backend, so that what works on a laptop works on
// DynamoDB. For the same reason no backend reads an index consistently.
//
// # Once
//
// [Once] executes a function once for each key of a tenant, however often the
// message that asks for it is delivered.
//
// # Tenants
//
// [Directory] creates, lists and suspends tenants. It is the [Gate] that every
// entry of a system asks before it serves. It also keeps the [Plan] that a tenant
// has; a [QuotaRepository] lets no tenant have more items than its plan allows.
package tenant

//go:generate go tool -modfile=../tools/go.mod mockgen -source=repository.go -destination=tenantmock/repository.go -package=tenantmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=transaction.go -destination=tenantmock/transactor.go -package=tenantmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=directory.go -destination=tenantmock/gate.go -package=tenantmock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=plan.go -destination=tenantmock/plansource.go -package=tenantmock -write_source_comment=false -write_package_comment=false
