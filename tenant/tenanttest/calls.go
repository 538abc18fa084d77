package tenanttest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

var callTests = []contractTest{
	{"a call with a cancelled context ends with the context's error", func(f *fixture) {
		f.put(f.a, asset("pump"))
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		f.wantRefused(ctx, context.Canceled)
	}},
	{"a call after the deadline ends with the context's error", func(f *fixture) {
		f.put(f.a, asset("pump"))
		ctx, cancel := context.WithDeadline(f.ctx, time.Unix(1, 0))
		defer cancel()
		f.wantRefused(ctx, context.DeadlineExceeded)
	}},
	{"a call made with a cancelled context has no effect", func(f *fixture) {
		version := f.put(f.a, asset("pump"))
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		_, _ = f.assets.Put(ctx, f.a, asset("pump"), tenant.Always())
		_, _ = f.assets.Put(ctx, f.a, asset("valve"), tenant.Always())
		_ = f.assets.Delete(ctx, f.a, tenant.NewKey("pump"), tenant.Always())
		f.wantList(f.a, tenant.Query{}, "pump")
		if got := f.get(f.a, "pump").Version; got != version {
			f.Errorf("the item has version %d, want %d", got, version)
		}
	}},
	{"writes whose context ends meanwhile take effect as a whole or not at all", func(f *fixture) {
		var done sync.WaitGroup
		for i := range 40 {
			done.Go(func() {
				ctx, cancel := context.WithTimeout(f.ctx, time.Duration(i)*50*time.Microsecond)
				defer cancel()
				item := numbered(i)
				_, err := f.assets.Put(ctx, f.a, item, tenant.IfAbsent())
				if err != nil && ctx.Err() == nil {
					f.Errorf("Put returned the error %v while its context was alive", err)
				}
			})
		}
		done.Wait()
		f.wantSoon("city", func() (problem string) {
			byKey, byCity := f.list(f.a, tenant.Query{}), f.list(f.a, tenant.Query{Index: "city"})
			if !slices.Equal(byKey, byCity) {
				return fmt.Sprintf("by key there are %q, by city %q", byKey, byCity)
			}
			return ""
		})
	}},
	{"all methods may be called concurrently", func(f *fixture) {
		var done sync.WaitGroup
		for worker := range 8 {
			done.Go(func() {
				id := []tenant.ID{f.a, f.b}[worker%2]
				for i := range 20 {
					item := numbered(worker*100 + i)
					key := tenant.NewKey(item.Path...)
					_, err := f.assets.Put(f.ctx, id, item, tenant.IfAbsent())
					f.wantNoErr("Put", err)
					_, err = f.assets.Get(f.ctx, id, key, tenant.Consistent)
					f.wantNoErr("Get", err)
					_, err = f.assets.Query(f.ctx, id, tenant.Query{Index: "city", Limit: 5})
					f.wantNoErr("Query", err)
					if i%2 == 0 {
						f.wantNoErr("Delete", f.assets.Delete(f.ctx, id, key, tenant.IfPresent()))
					}
				}
			})
		}
		done.Wait()
		for _, id := range []tenant.ID{f.a, f.b} {
			for _, order := range everyOrder() {
				f.wantCount(id, order, 40)
			}
		}
	}},
	{"a bad key is refused by every method", func(f *fixture) {
		for _, key := range []tenant.Key{{}, tenant.NewKey(""), tenant.NewKey("a\x1fb"), tenant.NewKey("\xff")} {
			_, err := f.assets.Get(f.ctx, f.a, key)
			f.wantErr("Get", err, tenant.ErrKey)
			f.wantErr("Delete", f.assets.Delete(f.ctx, f.a, key, tenant.Always()), tenant.ErrKey)
			if !key.IsZero() {
				_, err = f.assets.Query(f.ctx, f.a, tenant.Query{Prefix: key})
				f.wantErr("Query", err, tenant.ErrKey)
			}
		}
		_, err := f.assets.Put(f.ctx, f.a, asset(), tenant.Always())
		f.wantErr("Put without key", err, tenant.ErrKey)
		_, err = f.assets.Put(f.ctx, f.a, asset("a\x00"), tenant.Always())
		f.wantErr("Put with a bad key", err, tenant.ErrKey)
		_, err = f.assets.Put(f.ctx, f.a, Asset{Path: []string{"pump"}, City: "a\x1e"}, tenant.Always())
		f.wantErr("Put with a bad index key", err, tenant.ErrKey)
		f.wantList(f.a, tenant.Query{})
	}},
}

// wantRefused checks that every method ends with an error of a dead context.
func (f *fixture) wantRefused(ctx context.Context, want error) {
	f.Helper()
	_, err := f.assets.Get(ctx, f.a, tenant.NewKey("pump"))
	f.wantErr("Get", err, want)
	_, err = f.assets.Put(ctx, f.a, asset("pump"), tenant.Always())
	f.wantErr("Put", err, want)
	f.wantErr("Delete", f.assets.Delete(ctx, f.a, tenant.NewKey("pump"), tenant.Always()), want)
	_, err = f.assets.Query(ctx, f.a, tenant.Query{})
	f.wantErr("Query", err, want)
}
