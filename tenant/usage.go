package tenant

import "fmt"

// Usage counts the items that a tenant has of one entity. A [QuotaRepository]
// keeps it, in the same transactions as the items.
type Usage struct {
	Entity string `json:"entity"`
	Used   int64  `json:"used"`
}

// UsageSchema is how [Quotas] keep usage, for each tenant under its own id.
var UsageSchema = Schema[Usage]{
	Entity: "usage",
	Key:    func(u *Usage) Key { return NewKey(u.Entity) },
}

// QuotaError says which quota of a tenant is exhausted. It is [ErrQuota].
type QuotaError struct {
	Entity string
	// Limit is the quota, and Used the number of items that there are. After a
	// change of the plan it may be the greater one.
	Limit, Used int64
}

// Error describes the quota.
func (e *QuotaError) Error() string {
	return fmt.Sprintf("%v: %s: %d of %d", ErrQuota, e.Entity, e.Used, e.Limit)
}

// Unwrap returns ErrQuota.
func (e *QuotaError) Unwrap() error { return ErrQuota }
