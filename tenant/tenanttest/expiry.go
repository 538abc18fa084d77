package tenanttest

import (
	"time"

	"github.com/iotenant/iotenant/tenant"
)

var expiryTests = []contractTest{
	{"an item is visible until its expiry, then not", func(f *fixture) {
		f.put(f.a, f.expiring(10*time.Second))
		f.clock.advance(10*time.Second - 1)
		f.get(f.a, "pump")
		f.wantList(f.a, tenant.Query{}, "pump")
		f.wantList(f.a, tenant.Query{Index: "city"}, "pump")
		f.clock.advance(1)
		f.wantAbsent(f.a, "pump")
	}},
	{"expiry counts whole seconds", func(f *fixture) {
		f.put(f.a, f.expiring(10*time.Second+999*time.Millisecond))
		f.clock.advance(10 * time.Second)
		f.wantAbsent(f.a, "pump")
	}},
	{"an item put with an expiry in the past is never visible", func(f *fixture) {
		f.put(f.a, f.expiring(-time.Hour))
		f.wantAbsent(f.a, "pump")
	}},
	{"an item without expiry stays", func(f *fixture) {
		f.put(f.a, asset("pump"))
		f.clock.advance(200 * 365 * 24 * time.Hour)
		f.get(f.a, "pump")
	}},
	{"an expired item counts as absent for conditions and may be put again", func(f *fixture) {
		version := f.put(f.a, f.expiring(time.Second))
		f.clock.advance(time.Second)
		_, err := f.assets.Put(f.ctx, f.a, f.expiring(time.Second), tenant.IfPresent())
		f.wantErr("Put(IfPresent)", err, tenant.ErrNotFound)
		_, err = f.assets.Put(f.ctx, f.a, f.expiring(time.Second), tenant.IfVersion(version))
		f.wantErr("Put(IfVersion)", err, tenant.ErrVersion)
		err = f.assets.Delete(f.ctx, f.a, tenant.NewKey("pump"), tenant.IfPresent())
		f.wantErr("Delete(IfPresent)", err, tenant.ErrNotFound)
		err = f.assets.Delete(f.ctx, f.a, tenant.NewKey("pump"), tenant.IfVersion(version))
		f.wantErr("Delete(IfVersion)", err, tenant.ErrVersion)
		again, err := f.assets.Put(f.ctx, f.a, Asset{Path: []string{"pump"}, City: "Bergen"}, tenant.IfAbsent())
		f.wantNoErr("Put(IfAbsent)", err)
		if again == version {
			f.Errorf("version %d of the expired item was used again", version)
		}
		f.wantList(f.a, tenant.Query{Index: "city"}, "pump")
	}},
	{"an expired item can be deleted", func(f *fixture) {
		f.put(f.a, f.expiring(time.Second))
		f.clock.advance(time.Second)
		f.delete(f.a, "pump")
		f.wantAbsent(f.a, "pump")
	}},
	{"a put moves the expiry", func(f *fixture) {
		f.put(f.a, f.expiring(time.Second))
		f.put(f.a, f.expiring(time.Minute))
		f.clock.advance(2 * time.Second)
		f.get(f.a, "pump")
		f.put(f.a, asset("pump"))
		f.clock.advance(time.Hour)
		f.get(f.a, "pump")
	}},
	{"expired items leave no gap in pages", func(f *fixture) {
		for i := range 60 {
			item := numbered(i)
			if i%3 != 0 {
				item.Until = f.clock.now().Add(time.Second)
			}
			f.put(f.a, item)
		}
		f.clock.advance(time.Second)
		for _, order := range everyOrder() {
			order.Limit = 7
			f.wantCount(f.a, order, 20)
		}
	}},
}

// expiring returns an asset that expires after d.
func (f *fixture) expiring(d time.Duration) Asset {
	return Asset{Path: []string{"pump"}, City: "Oslo", Until: f.clock.now().Add(d)}
}
