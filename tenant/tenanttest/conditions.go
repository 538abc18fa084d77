package tenanttest

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/iotenant/iotenant/tenant"
)

var conditionTests = []contractTest{
	{"Put and Delete obey the condition on an item that is there", func(f *fixture) {
		for _, test := range []struct {
			name             string
			cond             func(current tenant.Version) tenant.Condition
			wantPut, wantDel error
		}{
			{"Always", func(tenant.Version) tenant.Condition { return tenant.Always() }, nil, nil},
			{"IfAbsent", func(tenant.Version) tenant.Condition { return tenant.IfAbsent() }, tenant.ErrExists, tenant.ErrCondition},
			{"IfPresent", func(tenant.Version) tenant.Condition { return tenant.IfPresent() }, nil, nil},
			{"IfVersion(current)", tenant.IfVersion, nil, nil},
			{"IfVersion(other)", func(v tenant.Version) tenant.Condition { return tenant.IfVersion(v + 1) }, tenant.ErrVersion, tenant.ErrVersion},
			{"zero", func(tenant.Version) tenant.Condition { return tenant.Condition{} }, tenant.ErrCondition, tenant.ErrCondition},
			{"IfVersion(0)", func(tenant.Version) tenant.Condition { return tenant.IfVersion(0) }, tenant.ErrCondition, tenant.ErrCondition},
		} {
			before := f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo"})
			_, err := f.assets.Put(f.ctx, f.a, Asset{Path: []string{"pump"}, City: "Bergen"}, test.cond(before))
			f.wantOutcome("Put("+test.name+")", err, test.wantPut)
			f.wantCity("Put("+test.name+")", test.wantPut == nil, "Bergen", "Oslo")

			before = f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo"})
			err = f.assets.Delete(f.ctx, f.a, tenant.NewKey("pump"), test.cond(before))
			f.wantOutcome("Delete("+test.name+")", err, test.wantDel)
			if test.wantDel == nil {
				f.wantAbsent(f.a, "pump")
			} else {
				f.wantCity("Delete("+test.name+")", false, "", "Oslo")
			}
		}
	}},
	{"Put and Delete obey the condition on an item that is not there", func(f *fixture) {
		gone := f.put(f.a, asset("pump"))
		f.delete(f.a, "pump")
		for _, test := range []struct {
			name             string
			cond             tenant.Condition
			wantPut, wantDel error
		}{
			{"Always", tenant.Always(), nil, nil},
			{"IfAbsent", tenant.IfAbsent(), nil, tenant.ErrCondition},
			{"IfPresent", tenant.IfPresent(), tenant.ErrNotFound, tenant.ErrNotFound},
			{"IfVersion(gone)", tenant.IfVersion(gone), tenant.ErrVersion, tenant.ErrVersion},
			{"zero", tenant.Condition{}, tenant.ErrCondition, tenant.ErrCondition},
		} {
			err := f.assets.Delete(f.ctx, f.a, tenant.NewKey("pump"), test.cond)
			f.wantOutcome("Delete("+test.name+")", err, test.wantDel)
			_, err = f.assets.Put(f.ctx, f.a, asset("pump"), test.cond)
			f.wantOutcome("Put("+test.name+")", err, test.wantPut)
			if test.wantPut != nil {
				f.wantAbsent(f.a, "pump")
			}
			f.delete(f.a, "pump")
		}
	}},
	{"of many writers that create one item one succeeds", func(f *fixture) {
		f.wantOneWinner(tenant.IfAbsent(), tenant.ErrExists)
	}},
	{"of many writers that replace one version one succeeds", func(f *fixture) {
		f.wantOneWinner(tenant.IfVersion(f.put(f.a, asset("pump"))), tenant.ErrVersion)
	}},
	{"no update is lost among many writers", func(f *fixture) {
		f.put(f.a, asset("counter"))
		var done sync.WaitGroup
		for range f.store.Writers {
			done.Go(func() {
				_, err := tenant.Update(f.ctx, f.assets, f.a, tenant.NewKey("counter"), func(a *Asset) error {
					a.Weight++
					return nil
				})
				f.wantNoErr("Update", err)
			})
		}
		done.Wait()
		if got := f.get(f.a, "counter").Value.Weight; got != float64(f.store.Writers) {
			f.Errorf("%d updates were counted, want %d", int(got), f.store.Writers)
		}
	}},
}

func (f *fixture) wantOutcome(call string, err, want error) {
	f.Helper()
	if want == nil {
		f.wantNoErr(call, err)
		return
	}
	f.wantErr(call, err, want)
}

// wantCity checks which of two states the pump is in, also in the index.
func (f *fixture) wantCity(call string, written bool, after, before string) {
	f.Helper()
	want := before
	if written {
		want = after
	}
	if got := f.get(f.a, "pump").Value.City; got != want {
		f.Errorf("after %s the city is %q, want %q", call, got, want)
	}
	f.wantList(f.a, tenant.Query{Index: "city", Prefix: tenant.NewKey(want)}, "pump")
	f.wantList(f.a, tenant.Query{Index: "city"}, "pump")
}

func (f *fixture) wantOneWinner(cond tenant.Condition, wantLosers error) {
	f.Helper()
	const writers = 16
	var winner atomic.Int64
	var winners atomic.Int32
	var done sync.WaitGroup
	for i := range writers {
		done.Go(func() {
			_, err := f.assets.Put(f.ctx, f.a, Asset{Path: []string{"pump"}, Weight: float64(i + 1)}, cond)
			switch {
			case err == nil:
				winners.Add(1)
				winner.Store(int64(i + 1))
			case !errors.Is(err, wantLosers):
				f.Errorf("Put returned the error %v, want none or %q", err, wantLosers)
			}
		})
	}
	done.Wait()
	if winners.Load() != 1 {
		f.Errorf("%d of %d writers succeeded, want 1", winners.Load(), writers)
	}
	if got := f.get(f.a, "pump").Value.Weight; got != float64(winner.Load()) {
		f.Errorf("the item is that of writer %v, want that of the one that succeeded, %d", got, winner.Load())
	}
}
