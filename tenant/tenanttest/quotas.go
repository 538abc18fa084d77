package tenanttest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/iotenant/iotenant/tenant"
)

// needUsages skips tests on stores that declare no repository of usages.
func needUsages(tests []contractTest) []contractTest {
	var needing []contractTest
	for _, test := range tests {
		needing = append(needing, contractTest{test.sentence, func(f *fixture) {
			if f.store.Usages == nil {
				f.Skip("the store declares no repository of usages")
			}
			test.check(f)
		}})
	}
	return needTransactor(needing)
}

// quotaTests check that a quota holds on the store. What a QuotaRepository does
// is tested in package tenant; here is what the store has to do for it.
var quotaTests = []contractTest{
	{"as many items are created as the quota allows, among any number of writers", func(f *fixture) {
		const quota, writers, processes = 50, 64, 8
		limited := make([]*tenant.QuotaRepository[Asset], processes)
		for i := range limited {
			limited[i] = f.limited(quota)
		}
		errs := make([]error, writers)
		var done sync.WaitGroup
		for i := range writers {
			done.Go(func() { _, errs[i] = limited[i%processes].Put(f.ctx, f.a, numbered(i), tenant.IfAbsent()) })
		}
		done.Wait()
		created := 0
		for i, err := range errs {
			var refused *tenant.QuotaError
			switch {
			case err == nil:
				created++
			case !errors.As(err, &refused):
				f.Errorf("writer %d: %v", i, err)
			case *refused != tenant.QuotaError{Entity: "asset", Limit: quota, Used: quota}:
				f.Errorf("writer %d: %+v", i, *refused)
			}
		}
		if created != quota {
			f.Errorf("%d of %d writers created an item, the quota is %d", created, writers, quota)
		}
		f.wantCounted(limited[0], f.a, quota)
	}},
	{"the counter follows items that are created and deleted at once", func(f *fixture) {
		const quota = 7
		var done sync.WaitGroup
		for worker := range 6 {
			done.Go(func() {
				limited := f.limited(quota)
				for i := range 12 {
					f.wantQuotaOrCondition(churn(f.ctx, limited, f.a, worker+i, (worker*5+i*3)%10))
				}
			})
		}
		done.Wait()
		n := len(f.list(f.a, tenant.Query{}))
		if n > quota {
			f.Errorf("there are %d items, the quota is %d", n, quota)
		}
		f.wantCounted(f.limited(quota), f.a, n)
	}},
	{"a batch creates as many items as fit, in the order of its writes", func(f *fixture) {
		limited := f.limited(70)
		writes := make([]tenant.Write[Asset], 120)
		want := make([]error, len(writes))
		for i := range writes {
			writes[i] = tenant.PutWrite(numbered(i))
			if i >= 70 {
				want[i] = tenant.ErrQuota
			}
		}
		_, err := limited.BatchWrite(f.ctx, f.a, writes)
		f.wantEntryErrs("BatchWrite", err, want...)
		f.wantCounted(limited, f.a, 70)
	}},
	{"a quota is that of one tenant", func(f *fixture) {
		limited := f.limited(1)
		for _, id := range []tenant.ID{f.a, f.b} {
			_, err := limited.Put(f.ctx, id, asset("pump"), tenant.IfAbsent())
			f.wantNoErr("Put", err)
			_, err = limited.Put(f.ctx, id, asset("valve"), tenant.IfAbsent())
			f.wantErr("Put beyond the quota", err, tenant.ErrQuota)
			f.wantForeignIDsHidden(err)
			f.wantCounted(limited, id, 1)
		}
	}},
}

// churn makes one of the calls that may create or delete an item.
func churn(ctx context.Context, limited *tenant.QuotaRepository[Asset], id tenant.ID, call, item int) error {
	asset, key := numbered(item), numberedKey(item)
	var err error
	switch call % 6 {
	case 0:
		_, err = limited.Put(ctx, id, asset, tenant.IfAbsent())
	case 1:
		_, err = limited.Put(ctx, id, asset, tenant.Always())
	case 2:
		err = limited.Delete(ctx, id, key, tenant.IfPresent())
	case 3:
		err = limited.Delete(ctx, id, key, tenant.Always())
	case 4:
		_, err = limited.BatchWrite(ctx, id, []tenant.Write[Asset]{tenant.PutWrite(asset), tenant.DeleteWrite[Asset](numberedKey(item + 1))})
	case 5:
		_, err = limited.Put(ctx, id, asset, tenant.IfPresent())
	}
	return err
}

func (f *fixture) wantQuotaOrCondition(err error) {
	f.Helper()
	for _, expected := range []error{tenant.ErrQuota, tenant.ErrExists, tenant.ErrNotFound} {
		if errors.Is(err, expected) {
			return
		}
	}
	f.wantNoErr("a call", err)
}

// limited returns the repository of assets with a quota.
func (f *fixture) limited(quota int64) *tenant.QuotaRepository[Asset] {
	schema := assetSchema("asset")
	schema.Expires = nil
	plans := onePlan{tenant.Plan{Name: "test", Quotas: map[string]int64{"asset": quota}}}
	return tenant.NewQuotaRepository(tenant.NewQuotas(f.store.Transactor, f.store.Usages, plans), f.store.NewRepository(schema), schema)
}

// onePlan is the plan of all.
type onePlan struct{ plan tenant.Plan }

func (p onePlan) PlanOf(context.Context, tenant.ID) (tenant.Plan, error) { return p.plan, nil }

// wantCounted checks that there are so many items, and that the counter says so.
func (f *fixture) wantCounted(limited *tenant.QuotaRepository[Asset], id tenant.ID, want int) {
	f.Helper()
	f.wantCount(id, tenant.Query{}, want)
	usage, err := limited.Usage(f.ctx, id)
	f.wantNoErr("Usage", err)
	if (usage != tenant.Usage{Entity: "asset", Used: int64(want)}) {
		f.Errorf("the counter is %s, want %d", fmt.Sprint(usage), want)
	}
}
