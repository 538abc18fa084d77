package tenanttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// needTransactor skips tests on stores that declare no transactions.
func needTransactor(tests []contractTest) []contractTest {
	var needing []contractTest
	for _, test := range tests {
		needing = append(needing, contractTest{test.sentence, func(f *fixture) {
			if f.store.Transactor == nil {
				f.Skip("the store declares that it has no transactions")
			}
			test.check(f)
		}})
	}
	return needing
}

var transactionTests = []contractTest{
	{"operations on several entities take effect together", func(f *fixture) {
		sites := assetSchema("site")
		siteAssets := f.store.NewRepository(sites)
		f.put(f.a, Asset{Path: []string{"old"}, City: "Oslo"})
		f.put(f.a, Asset{Path: []string{"gone"}, City: "Oslo"})
		checked := f.put(f.a, asset("checked"))
		versions := f.transact(f.a,
			tenant.PutOp(f.schema, Asset{Path: []string{"new"}, City: "Oslo"}, tenant.IfAbsent()),
			tenant.PutOp(sites, Asset{Path: []string{"new"}, City: "Bergen"}, tenant.IfAbsent()),
			tenant.DeleteOp(f.schema, tenant.NewKey("gone"), tenant.IfPresent()),
			tenant.CheckOp(f.schema, tenant.NewKey("checked"), tenant.IfVersion(checked)),
			tenant.PutOp(f.schema, Asset{Path: []string{"old"}, City: "Bergen"}, tenant.IfPresent()),
			tenant.CheckOp(sites, tenant.NewKey("none"), tenant.IfAbsent()),
		)
		site, err := siteAssets.Get(f.ctx, f.a, tenant.NewKey("new"), tenant.Consistent)
		f.wantNoErr("Get of the other entity", err)
		want := []tenant.Version{f.get(f.a, "new").Version, site.Version, 0, 0, f.get(f.a, "old").Version, 0}
		if !reflect.DeepEqual(versions, want) || site.Value.City != "Bergen" {
			f.Errorf("Transact returned the versions %d, want %d", versions, want)
		}
		if got := f.get(f.a, "checked").Version; got != checked {
			f.Errorf("a check changed its item to version %d", got)
		}
		f.wantAbsent(f.a, "gone")
		f.wantList(f.a, tenant.Query{Index: "city"}, "old", "new")
	}},
	{"if any condition fails nothing is written and the error says which", func(f *fixture) {
		for failing := range 5 {
			f.put(f.a, Asset{Path: []string{"there"}, City: "Oslo"})
			before := f.get(f.a, "there")
			var ops []tenant.Op
			for i := range 5 {
				ops = append(ops, tenant.PutOp(f.schema, numbered(i), tenant.IfAbsent()))
			}
			ops[failing] = tenant.PutOp(f.schema, Asset{Path: []string{"there"}, City: "Bergen"}, tenant.IfAbsent())
			_, err := f.store.Transactor.Transact(f.ctx, f.a, ops...)
			want := make([]error, 5)
			want[failing] = tenant.ErrExists
			f.wantOpErrs("Transact", err, want...)
			f.wantList(f.a, tenant.Query{}, "there")
			f.wantList(f.a, tenant.Query{Index: "city", Prefix: tenant.NewKey("Oslo")}, "there")
			if got := f.get(f.a, "there"); !reflect.DeepEqual(got, before) {
				f.Errorf("a refused transaction changed %+v to %+v", before, got)
			}
		}
	}},
	{"every failed condition is named", func(f *fixture) {
		version := f.put(f.a, asset("there"))
		_, err := f.store.Transactor.Transact(f.ctx, f.a,
			tenant.PutOp(f.schema, asset("there"), tenant.IfVersion(version+1)),
			tenant.PutOp(f.schema, asset("new"), tenant.Always()),
			tenant.DeleteOp(f.schema, tenant.NewKey("none"), tenant.IfPresent()),
			tenant.CheckOp(f.schema, tenant.NewKey("neither"), tenant.IfAbsent()),
			tenant.CheckOp(f.schema, tenant.NewKey("nor"), tenant.IfVersion(version)),
		)
		f.wantOpErrs("Transact", err, tenant.ErrVersion, nil, tenant.ErrNotFound, nil, tenant.ErrVersion)
		f.wantErr("Transact", err, iotenant.ErrConflict)
		f.wantList(f.a, tenant.Query{}, "there")
	}},
	{"each operation obeys its condition on an item that is there", func(f *fixture) {
		f.checkConditions(true, func() tenant.Version { return f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo"}) })
	}},
	{"each operation obeys its condition on an item that is not there", func(f *fixture) {
		f.checkConditions(false, func() tenant.Version {
			version := f.put(f.a, asset("pump"))
			f.delete(f.a, "pump")
			return version
		})
	}},
	{"an expired item counts as absent for operations", func(f *fixture) {
		f.checkConditions(false, func() tenant.Version {
			version := f.put(f.a, f.expiring(time.Second))
			f.clock.advance(time.Second)
			return version
		})
	}},
	{"operations that are wrong in themselves are reported by position", func(f *fixture) {
		f.put(f.a, asset("there"))
		there := tenant.NewKey("there")
		bad := []struct {
			op   tenant.Op
			want error
		}{
			{tenant.PutOp(f.schema, asset(), tenant.Always()), tenant.ErrKey},
			{tenant.PutOp(f.schema, Asset{Path: []string{"pump"}, City: "\x1e"}, tenant.Always()), tenant.ErrKey},
			{tenant.PutOp(f.schema, Asset{Path: []string{"pump"}, Weight: math.Inf(1)}, tenant.Always()), iotenant.ErrInvalid},
			{tenant.PutOp(f.schema, f.sized(tenant.MaxItemSize+1), tenant.Always()), tenant.ErrTooLarge},
			{tenant.PutOp(f.schema, asset("pump"), tenant.Condition{}), tenant.ErrCondition},
			{tenant.PutOp(f.schema, asset("pump"), tenant.IfVersion(0)), tenant.ErrCondition},
			{tenant.PutOp[Asset](nil, asset("pump"), tenant.Always()), iotenant.ErrInvalid},
			{tenant.PutOp(&tenant.Schema[Asset]{}, asset("pump"), tenant.Always()), iotenant.ErrInvalid},
			{tenant.DeleteOp(f.schema, tenant.Key{}, tenant.Always()), tenant.ErrKey},
			{tenant.DeleteOp(f.schema, there, tenant.IfAbsent()), tenant.ErrCondition},
			{tenant.DeleteOp(f.schema, there, tenant.Condition{}), tenant.ErrCondition},
			{tenant.DeleteOp[Asset](nil, there, tenant.Always()), iotenant.ErrInvalid},
			{tenant.CheckOp(f.schema, tenant.NewKey("a", ""), tenant.IfPresent()), tenant.ErrKey},
			{tenant.CheckOp(f.schema, there, tenant.Always()), tenant.ErrCondition},
			{tenant.CheckOp(&tenant.Schema[Asset]{Entity: "Bad"}, there, tenant.IfPresent()), iotenant.ErrInvalid},
			{tenant.Op{}, tenant.ErrTransaction},
		}
		for i, test := range bad {
			_, err := f.store.Transactor.Transact(f.ctx, f.a,
				tenant.PutOp(f.schema, asset("first"), tenant.Always()), test.op, tenant.PutOp(f.schema, asset("last"), tenant.Always()))
			f.wantOpErrs(fmt.Sprintf("Transact(bad operation %d)", i), err, nil, test.want, nil)
		}
		f.wantList(f.a, tenant.Query{}, "there")
	}},
	{"a transaction of nothing, too many operations, or two on one item is refused", func(f *fixture) {
		pump := tenant.NewKey("pump")
		put, remove, check := tenant.PutOp(f.schema, asset("pump"), tenant.Always()),
			tenant.DeleteOp(f.schema, pump, tenant.Always()), tenant.CheckOp(f.schema, pump, tenant.IfAbsent())
		var many []tenant.Op
		for i := range f.store.MaxOps + 1 {
			many = append(many, tenant.PutOp(f.schema, numbered(i), tenant.Always()))
		}
		for _, ops := range [][]tenant.Op{nil, many, {put, put}, {put, remove}, {check, put}, {check, check}} {
			_, err := f.store.Transactor.Transact(f.ctx, f.a, ops...)
			f.wantErr(fmt.Sprintf("Transact of %d operations", len(ops)), err, tenant.ErrTransaction)
		}
		f.wantList(f.a, tenant.Query{})
		f.transact(f.a, many[:f.store.MaxOps]...)
		f.wantCount(f.a, tenant.Query{Index: "rank"}, f.store.MaxOps)
	}},
	{"a transaction of the greatest size is applied and a greater one refused", func(f *fixture) {
		var ops []tenant.Op
		left := f.store.MaxTransactionSize
		for i := 0; left > tenant.MaxItemSize; i++ {
			ops = append(ops, tenant.PutOp(assetSchema(fmt.Sprint("large-", i)), f.sized(tenant.MaxItemSize), tenant.IfAbsent()))
			left -= tenant.MaxItemSize
		}
		_, err := f.store.Transactor.Transact(f.ctx, f.a, append(ops, tenant.PutOp(f.schema, f.sized(left+1), tenant.IfAbsent()))...)
		f.wantErr("Transact of more bytes", err, tenant.ErrTransaction)
		f.wantList(f.a, tenant.Query{})
		f.transact(f.a, append(ops, tenant.PutOp(f.schema, f.sized(left), tenant.IfAbsent()))...)
		f.wantList(f.a, tenant.Query{}, "large")
	}},
	{"what a transaction puts is kept as its encoding keeps it, and not shared", func(f *fixture) {
		put := Asset{
			Path: []string{"hall 1", "Pumpe-ß"}, City: "Oslo", Rank: []string{"a", "b"}, Until: f.clock.now().AddDate(1, 0, 0).UTC(),
			Weight: 1.5, Notes: []string{"<&>", ""}, Labels: map[string]string{"k": "v\x00\n"}, Blob: []byte{0, 1, 0xff}, Unsaved: "lost",
		}
		version := f.transact(f.a, tenant.PutOp(f.schema, put, tenant.IfAbsent()))[0]
		want := put
		want.Unsaved, want.Notes, want.Labels, want.Blob = "", []string{"<&>", ""}, map[string]string{"k": "v\x00\n"}, []byte{0, 1, 0xff}
		put.Notes[0], put.Labels["k"], put.Blob[0] = "changed", "changed", 'X'
		if got := f.get(f.a, want.Path...); !reflect.DeepEqual(got, tenant.Item[Asset]{Value: want, Version: version}) {
			f.Errorf("Get returned\n\t%+v, want\n\t%+v of version %d", got, want, version)
		}
	}},
	{"an operation may be used again", func(f *fixture) {
		op := tenant.PutOp(f.schema, asset("pump"), tenant.Always())
		if first, second := f.transact(f.a, op)[0], f.transact(f.a, op)[0]; first == second {
			f.Errorf("two transactions gave the version %d", first)
		}
	}},
	{"a version is not used again by transactions", func(f *fixture) {
		seen := map[tenant.Version]bool{}
		put := tenant.PutOp(f.schema, asset("pump"), tenant.Always())
		for range 5 {
			for _, version := range []tenant.Version{f.transact(f.a, put)[0], f.put(f.a, asset("pump")), f.transact(f.a, put)[0]} {
				if version == 0 || seen[version] {
					f.Errorf("version %d was used again", version)
				}
				seen[version] = true
			}
			f.transact(f.a, tenant.DeleteOp(f.schema, tenant.NewKey("pump"), tenant.IfPresent()))
		}
	}},
	{"a transaction with a cancelled context has no effect", func(f *fixture) {
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		_, err := f.store.Transactor.Transact(ctx, f.a, tenant.PutOp(f.schema, asset("pump"), tenant.Always()))
		f.wantErr("Transact", err, context.Canceled)
		f.wantList(f.a, tenant.Query{})
	}},
	{"a transaction whose context ends meanwhile takes effect as a whole or not at all", func(f *fixture) {
		var done sync.WaitGroup
		for i := range 40 {
			done.Go(func() {
				ctx, cancel := context.WithTimeout(f.ctx, time.Duration(i)*50*time.Microsecond)
				defer cancel()
				left, right := pair(i)
				_, err := f.store.Transactor.Transact(ctx, f.a, tenant.PutOp(f.schema, left, tenant.IfAbsent()), tenant.PutOp(f.schema, right, tenant.IfAbsent()))
				if err != nil && ctx.Err() == nil {
					f.Errorf("Transact returned the error %v while its context was alive", err)
				}
			})
		}
		done.Wait()
		for i := range 40 {
			f.wantWholePair(i)
		}
	}},
	{"no transfer is lost or made in part among concurrent transactions and writes", func(f *fixture) {
		f.checkTransfers()
	}},
	{"of many transactions that create one item one succeeds", func(f *fixture) {
		const writers = 12
		var done sync.WaitGroup
		var mu sync.Mutex
		var won []int
		for i := range writers {
			done.Go(func() {
				own := numbered(i)
				_, err := f.store.Transactor.Transact(f.ctx, f.a,
					tenant.PutOp(f.schema, asset("shared"), tenant.IfAbsent()), tenant.PutOp(f.schema, own, tenant.IfAbsent()))
				switch {
				case err == nil:
					mu.Lock()
					defer mu.Unlock()
					won = append(won, i)
				case !errors.Is(err, tenant.ErrExists) && !errors.Is(err, tenant.ErrTransactionConflict):
					f.Errorf("Transact returned the error %v", err)
				}
			})
		}
		done.Wait()
		if len(won) != 1 {
			f.Fatalf("the transactions %d succeeded, want one", won)
		}
		f.wantList(f.a, tenant.Query{}, fmt.Sprintf("item/%04d", won[0]), "shared")
	}},
}

var transactionIsolationTests = []contractTest{
	{"a transaction neither sees nor changes another tenant's items", func(f *fixture) {
		version := f.put(f.a, Asset{Path: []string{"pump"}, City: "Oslo"})
		before := f.get(f.a, "pump")
		pump := tenant.NewKey("pump")
		for _, op := range []tenant.Op{
			tenant.PutOp(f.schema, asset("pump"), tenant.IfPresent()),
			tenant.PutOp(f.schema, asset("pump"), tenant.IfVersion(version)),
			tenant.DeleteOp(f.schema, pump, tenant.IfPresent()),
			tenant.DeleteOp(f.schema, pump, tenant.IfVersion(version)),
			tenant.CheckOp(f.schema, pump, tenant.IfPresent()),
			tenant.CheckOp(f.schema, pump, tenant.IfVersion(version)),
		} {
			if _, err := f.store.Transactor.Transact(f.ctx, f.b, op); err == nil {
				f.Error("a transaction met the item of another tenant")
			}
		}
		f.transact(f.b, tenant.CheckOp(f.schema, pump, tenant.IfAbsent()))
		f.transact(f.b, tenant.DeleteOp(f.schema, pump, tenant.Always()))
		f.transact(f.b, tenant.PutOp(f.schema, Asset{Path: []string{"pump"}, City: "Bergen"}, tenant.IfAbsent()))
		f.transact(f.b, tenant.DeleteOp(f.schema, pump, tenant.IfPresent()))
		if got := f.get(f.a, "pump"); !reflect.DeepEqual(got, before) {
			f.Errorf("a transaction of another tenant changed %+v to %+v", before, got)
		}
		f.wantList(f.a, tenant.Query{Index: "city"}, "pump")
	}},
	{"an operation made for one tenant acts for the tenant of the call", func(f *fixture) {
		op := tenant.PutOp(f.schema, asset("pump"), tenant.IfAbsent())
		f.transact(f.a, op)
		f.transact(f.b, op)
		version := f.get(f.a, "pump").Version
		f.transact(f.b, tenant.DeleteOp(f.schema, tenant.NewKey("pump"), tenant.IfPresent()))
		if got := f.get(f.a, "pump").Version; got != version {
			f.Errorf("the item of another tenant has version %d, want %d", got, version)
		}
		f.wantAbsent(f.b, "pump")
	}},
	{"the errors of transactions don't hold another tenant's id", func(f *fixture) {
		version := f.put(f.a, asset("pump"))
		_, stale := f.store.Transactor.Transact(f.ctx, f.b,
			tenant.PutOp(f.schema, asset("pump"), tenant.IfVersion(version)), tenant.CheckOp(f.schema, tenant.NewKey("none"), tenant.IfPresent()))
		_, bad := f.store.Transactor.Transact(f.ctx, f.b, tenant.PutOp(f.schema, asset(), tenant.Always()))
		_, twice := f.store.Transactor.Transact(f.ctx, f.b,
			tenant.DeleteOp(f.schema, tenant.NewKey("pump"), tenant.Always()), tenant.PutOp(f.schema, asset("pump"), tenant.Always()))
		f.wantForeignIDsHidden(stale, bad, twice)
	}},
	{"the zero ID is refused by Transact", func(f *fixture) {
		_, err := f.store.Transactor.Transact(f.ctx, tenant.ID{}, tenant.PutOp(f.schema, asset("pump"), tenant.Always()))
		f.wantErr("Transact", err, tenant.ErrID)
		_, err = f.store.Transactor.Transact(f.ctx, tenant.ID{})
		f.wantErr("Transact of nothing", err, tenant.ErrID)
	}},
}

// transact makes a transaction that must succeed.
func (f *fixture) transact(id tenant.ID, ops ...tenant.Op) []tenant.Version {
	f.Helper()
	versions, err := f.store.Transactor.Transact(f.ctx, id, ops...)
	if err != nil || len(versions) != len(ops) {
		f.Fatalf("Transact of %d operations returned %d versions, %v", len(ops), len(versions), err)
	}
	return versions
}

// wantOpErrs checks that err is a TransactionError with these errors.
func (f *fixture) wantOpErrs(call string, err error, want ...error) {
	f.Helper()
	var refused *tenant.TransactionError
	if !errors.As(err, &refused) {
		f.Fatalf("%s returned the error %v, want a *tenant.TransactionError", call, err)
	}
	f.wantErrs(call, refused.Errs, want)
}

// checkConditions tries each operation under each condition that it takes on
// the pump, beside an operation whose condition holds. prepare brings the pump
// into its state and returns the version that it has, or had.
func (f *fixture) checkConditions(isThere bool, prepare func() tenant.Version) {
	f.Helper()
	for _, test := range []struct {
		name          string
		cond          func(tenant.Version) tenant.Condition
		there, absent error
	}{
		{"Always", func(tenant.Version) tenant.Condition { return tenant.Always() }, nil, nil},
		{"IfAbsent", func(tenant.Version) tenant.Condition { return tenant.IfAbsent() }, tenant.ErrExists, nil},
		{"IfPresent", func(tenant.Version) tenant.Condition { return tenant.IfPresent() }, nil, tenant.ErrNotFound},
		{"IfVersion(current)", tenant.IfVersion, nil, tenant.ErrVersion},
		{"IfVersion(other)", func(v tenant.Version) tenant.Condition { return tenant.IfVersion(v + 1) }, tenant.ErrVersion, tenant.ErrVersion},
	} {
		want := test.absent
		if isThere {
			want = test.there
		}
		for _, action := range []tenant.Action{tenant.ActionPut, tenant.ActionDelete, tenant.ActionCheck} {
			f.delete(f.a, "valve")
			op := f.pumpOp(action, test.cond(prepare()))
			if op.Check() == nil {
				f.checkOp(test.name, op, want)
			}
		}
	}
}

func (f *fixture) pumpOp(action tenant.Action, cond tenant.Condition) tenant.Op {
	switch action {
	case tenant.ActionPut:
		return tenant.PutOp(f.schema, Asset{Path: []string{"pump"}, City: "Bergen"}, cond)
	case tenant.ActionDelete:
		return tenant.DeleteOp(f.schema, tenant.NewKey("pump"), cond)
	default:
		return tenant.CheckOp(f.schema, tenant.NewKey("pump"), cond)
	}
}

// checkOp makes a transaction of op, which is on the pump, and of one that puts
// the valve. Both must take effect, or neither, op failing with want.
func (f *fixture) checkOp(condition string, op tenant.Op, want error) {
	f.Helper()
	call := fmt.Sprintf("Transact(action %d, %s)", op.Action(), condition)
	pump, valve := tenant.NewKey("pump"), tenant.NewKey("valve")
	wantPump := f.batchGet(f.a, pump)[0]
	versions, err := f.store.Transactor.Transact(f.ctx, f.a, tenant.PutOp(f.schema, asset("valve"), tenant.IfAbsent()), op)
	after := f.batchGet(f.a, pump, valve)
	if want != nil {
		f.wantOpErrs(call, err, nil, want)
		versions = []tenant.Version{0, 0}
	} else {
		f.wantNoErr(call, err)
		switch op.Action() {
		case tenant.ActionPut:
			wantPump = tenant.Item[Asset]{Value: Asset{Path: []string{"pump"}, City: "Bergen"}, Version: versions[1]}
		case tenant.ActionDelete:
			wantPump = tenant.Item[Asset]{}
		case tenant.ActionCheck:
		}
	}
	if !reflect.DeepEqual(after[0], wantPump) || after[1].Version != versions[0] {
		f.Errorf("%s returned the versions %d and left %+v, want %+v", call, versions, after, wantPump)
	}
}

// pair returns two assets that belong together.
func pair(i int) (left, right Asset) {
	return asset("left", fmt.Sprint(i)), asset("right", fmt.Sprint(i))
}

// wantWholePair checks that both assets of a pair are there, or none. A
// transaction whose caller has gone may be taking effect at this moment.
func (f *fixture) wantWholePair(i int) {
	f.Helper()
	left, right := pair(i)
	for range 20 {
		items := f.batchGet(f.a, tenant.NewKey(left.Path...), tenant.NewKey(right.Path...))
		if (items[0].Version == 0) == (items[1].Version == 0) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	f.Errorf("half of transaction %d took effect", i)
}

// checkTransfers moves weight between assets by transactions, beside updates
// that add to it, and checks the sum.
func (f *fixture) checkTransfers() {
	f.Helper()
	const accounts, each, workers, moves, deposits = 4, 100, 8, 15, 40
	key := func(i int) tenant.Key { return tenant.NewKey("account", fmt.Sprint(i)) }
	for i := range accounts {
		f.put(f.a, Asset{Path: key(i).Parts(), Weight: each})
	}
	var done sync.WaitGroup
	for worker := range workers {
		done.Go(func() {
			for move := range moves {
				from := (worker + move) % accounts
				to := (from + 1 + move%(accounts-1)) % accounts
				_, err := tenant.TransactRetry(f.ctx, f.store.Transactor, f.a, func(ctx context.Context) ([]tenant.Op, error) {
					return f.transfer(ctx, key(from), key(to))
				})
				f.wantNoErr("TransactRetry", err)
			}
		})
	}
	done.Go(func() {
		for range deposits {
			_, err := tenant.Update(f.ctx, f.assets, f.a, key(0), func(a *Asset) error {
				a.Weight++
				return nil
			})
			f.wantNoErr("Update", err)
		}
	})
	done.Wait()
	sum := 0.0
	for i := range accounts {
		sum += f.get(f.a, key(i).Parts()...).Value.Weight
	}
	if sum != accounts*each+deposits {
		f.Errorf("the sum of all accounts is %v, want %d", sum, accounts*each+deposits)
	}
}

// transfer returns operations that move a weight of 1.
func (f *fixture) transfer(ctx context.Context, from, to tenant.Key) ([]tenant.Op, error) {
	items, err := f.assets.BatchGet(ctx, f.a, []tenant.Key{from, to}, tenant.Consistent)
	if err != nil {
		return nil, err
	}
	items[0].Value.Weight--
	items[1].Value.Weight++
	return []tenant.Op{
		tenant.PutOp(f.schema, items[0].Value, tenant.IfVersion(items[0].Version)),
		tenant.PutOp(f.schema, items[1].Value, tenant.IfVersion(items[1].Version)),
	}, nil
}
