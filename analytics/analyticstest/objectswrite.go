package analyticstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing/iotest"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// sizes are lengths of objects around those at which backends change their
// ways.
var sizes = []int{0, 1, 4095, 4096, 4097, 1 << 16, 5 << 20, 5<<20 + 1, 17<<20 + 3}

var putTests = []objectsTest{
	{"objects come back byte by byte, of any size", func(f *objectsFixture) {
		for i, size := range sizes {
			content := bytesOf(uint64(i), size)
			name := fmt.Sprint("size/", size)
			f.put(f.a, name, content)
			f.wantContent(f.a, name, content)
			if list, err := f.objects.List(f.ctx, f.a, name, "", 1); err != nil || len(list) != 1 || list[0].Size != int64(size) {
				f.Errorf("List(%q): %+v, %v", name, list, err)
			}
		}
	}},
	{"a body may come in pieces", func(f *objectsFixture) {
		content := bytesOf(1, 10_000)
		for name, body := range map[string]io.Reader{
			"bytes":     iotest.OneByteReader(strings.NewReader(content)),
			"halves":    iotest.HalfReader(strings.NewReader(content)),
			"data, EOF": iotest.DataErrReader(strings.NewReader(content)),
			"buffer":    bytes.NewBufferString(content),
		} {
			if err := f.objects.Put(f.ctx, f.a, name, body); err != nil {
				f.Errorf("Put(%q): %v", name, err)
			}
			f.wantContent(f.a, name, content)
		}
	}},
	{"a body is read to its end from where it is", func(f *objectsFixture) {
		body := strings.NewReader("0123456789")
		if _, err := body.Seek(4, io.SeekStart); err != nil {
			f.Fatal(err)
		}
		if err := f.objects.Put(f.ctx, f.a, "x", body); err != nil {
			f.Errorf("Put: %v", err)
		}
		f.wantContent(f.a, "x", "456789")
	}},
	{"it replaces what was there", func(f *objectsFixture) {
		for _, content := range []string{"first", "a longer second", "3rd", ""} {
			f.put(f.a, "x", content)
			f.wantContent(f.a, "x", content)
		}
		f.wantNames(f.a, "", "", "x")
	}},
	{"names of all kinds are kept apart", func(f *objectsFixture) {
		f.fill(f.a, namesOfAllKinds()...)
		for _, name := range namesOfAllKinds() {
			f.wantContent(f.a, name, name)
		}
		if got := len(f.pages(f.a, "", 100)); got != len(namesOfAllKinds()) {
			f.Errorf("%d names, want %d", got, len(namesOfAllKinds()))
		}
	}},
	{"an error of the body ends it without effect", func(f *objectsFixture) {
		errBody := errors.New("connection broke")
		f.put(f.a, "x", "old")
		for _, size := range sizes {
			f.wantErr("Put", f.objects.Put(f.ctx, f.a, "x", broken(size, errBody)), errBody)
			f.wantErr("Put", f.objects.Put(f.ctx, f.a, "new/x", broken(size, errBody)), errBody)
			f.wantErr("Create", f.objects.Create(f.ctx, f.a, "new/x", broken(size, errBody)), errBody)
		}
		f.wantContent(f.a, "x", "old")
		f.wantMissing(f.a, "new/x")
		f.wantNames(f.a, "", "", "x")
		f.wantErr("Put", f.objects.Put(f.ctx, f.a, "x", broken(3, io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF)
		f.wantContent(f.a, "x", "old")
	}},
	{"a context that is cancelled in the body ends it", func(f *objectsFixture) {
		f.put(f.a, "x", "old")
		for _, size := range []int{1, 100_000, 6 << 20} {
			for _, write := range []func(context.Context, tenant.ID, string, io.Reader) error{f.objects.Put, f.objects.Create} {
				ctx, cancel := context.WithCancel(f.ctx)
				f.wantErr("new", write(ctx, f.a, "new", &endless{size, cancel}), context.Canceled)
			}
			ctx, cancel := context.WithCancel(f.ctx)
			f.wantErr("Put", f.objects.Put(ctx, f.a, "x", &endless{size, cancel}), context.Canceled)
		}
		f.wantContent(f.a, "x", "old")
		f.wantNames(f.a, "", "", "x")
	}},
}

// namesOfAllKinds are names that file systems, URLs and shells treat in their
// own ways, and pairs of which one looks like the folder of the other.
func namesOfAllKinds() []string {
	names := []string{
		"a", "A", "a/b", "a/B", "a/b/c", "A/b", "a-b", "a.b", "a!b", "a0", "a b", "a%2fb", "a%2Fb", "a%", "a%25", "a%2", "b.", "b..", "b...", "b",
		"con", "CON", "nul/x", "aux.csv", "COM1", "lpt9.txt", "x.tmp", "temp", "tmp/x", ".tmp", ".hidden", "..hidden", "...", "-", "--", "-rf", "=", "a=b",
		"__dt=2026-01-10/part-0.parquet", "log/00000000000000000001", "name:stream", "C:", "*", "it's", "(1)", "a,b", "_", "!", "'",
		strings.Repeat("x", analytics.MaxObjectName), strings.Repeat("X", analytics.MaxObjectName), strings.Repeat("x", 255), strings.Repeat("x", 256), strings.Repeat("%", 200),
		strings.Repeat("y/", analytics.MaxObjectName/2-1) + "yy", strings.Repeat("z", 300) + "/" + strings.Repeat("z", 300), strings.Repeat("C:/", 200) + "c",
	}
	for _, c := range "!_.*'()=%:,- " {
		names = append(names, "char/x"+string(c)+"x")
	}
	return names
}

var createTests = []objectsTest{
	{"it takes a free name", func(f *objectsFixture) {
		f.wantErr("first", f.create(f.a, "x", "first"), nil)
		f.wantErr("second", f.create(f.a, "x", "second"), analytics.ErrObjectExists)
		f.wantErr("kind", f.create(f.a, "x", ""), iotenant.ErrExists)
		f.wantContent(f.a, "x", "first")
		f.put(f.a, "x", "put")
		f.wantErr("third", f.create(f.a, "x", "third"), analytics.ErrObjectExists)
		f.wantContent(f.a, "x", "put")
		f.delete(f.a, "x")
		f.wantErr("fourth", f.create(f.a, "x", "fourth"), nil)
		f.wantContent(f.a, "x", "fourth")
	}},
	{"it knows other names by nothing but their bytes", func(f *objectsFixture) {
		for _, name := range namesOfAllKinds() {
			if err := f.create(f.a, name, name); err != nil {
				f.Errorf("Create(%q): %v", name, err)
			}
		}
		for _, name := range namesOfAllKinds() {
			f.wantErr("again", f.create(f.a, name, ""), analytics.ErrObjectExists)
			f.wantContent(f.a, name, name)
		}
	}},
	{"objects may be of any size", func(f *objectsFixture) {
		for i, size := range sizes {
			content, name := bytesOf(uint64(i), size), fmt.Sprint("size/", size)
			f.wantErr(name, f.create(f.a, name, content), nil)
			f.wantErr(name, f.create(f.a, name, content[size/2:]), analytics.ErrObjectExists)
			f.wantContent(f.a, name, content)
		}
	}},
	{"of several at a time at most one is acknowledged", func(f *objectsFixture) {
		const rounds, racers = 10, 32
		won := 0
		for round := range rounds {
			name := fmt.Sprintf("log/%020d", round)
			winners := f.race(racers, func(racer int) error { return f.create(f.a, name, fmt.Sprint("racer ", racer)) })
			switch len(winners) {
			case 0:
			case 1:
				won++
				f.wantContent(f.a, name, fmt.Sprint("racer ", winners[0]))
			default:
				f.Errorf("%s: racers %v were all acknowledged", name, winners)
			}
		}
		if won == 0 {
			f.Errorf("nobody won any of %d rounds", rounds)
		}
	}},
	{"tenants don't race with each other", func(f *objectsFixture) {
		ids := []tenant.ID{f.a, f.b, tenant.MustParseID("acm")}
		if winners := f.race(len(ids), func(i int) error { return f.create(ids[i], "x", ids[i].String()) }); len(winners) != len(ids) {
			f.Errorf("winners %v", winners)
		}
		for _, id := range ids {
			f.wantContent(id, "x", id.String())
		}
	}},
}

// race calls create at the same time, and returns which were acknowledged.
func (f *objectsFixture) race(racers int, create func(racer int) error) (winners []int) {
	start := make(chan struct{})
	var mu sync.Mutex
	var group sync.WaitGroup
	for racer := range racers {
		group.Go(func() {
			<-start
			err := create(racer)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				winners = append(winners, racer)
			case !errors.Is(err, analytics.ErrObjectExists) && !errors.Is(err, iotenant.ErrUnavailable):
				f.Errorf("Create: %v", err)
			}
		})
	}
	close(start)
	group.Wait()
	return winners
}

var deleteTests = []objectsTest{
	{"deleted objects are gone, others stay", func(f *objectsFixture) {
		f.fill(f.a, "a", "a/b", "a/b/c", "a/c", "ab", "b/x/y/z")
		f.delete(f.a, "a/b", "b/x/y/z")
		for _, name := range []string{"a/b", "b/x/y/z"} {
			f.wantMissing(f.a, name)
		}
		f.wantNames(f.a, "", "", "a", "a/b/c", "a/c", "ab")
		f.delete(f.a, "a")
		f.wantNames(f.a, "", "", "a/b/c", "a/c", "ab")
		f.wantContent(f.a, "a/b/c", "a/b/c")
		f.put(f.a, "b/x/y", "new")
		f.wantContent(f.a, "b/x/y", "new")
	}},
	{"what is missing is deleted already", func(f *objectsFixture) {
		f.fill(f.a, "a", "b/c")
		f.delete(f.a)
		f.delete(f.a, "missing", "b", "b/c/d", "a/b", "a", "a", "missing")
		f.delete(f.a, "a")
		f.wantNames(f.a, "", "", "b/c")
	}},
	{"many are deleted at once, too many not at all", func(f *objectsFixture) {
		names := make([]string, analytics.MaxObjectList+1)
		for i := range names {
			names[i] = fmt.Sprintf("many/%04d", i)
		}
		f.fill(f.a, names[:50]...)
		f.put(f.a, names[len(names)-1], "last")
		f.wantErr("too many", f.objects.Delete(f.ctx, f.a, names...), analytics.ErrObjects)
		f.wantContent(f.a, names[0], names[0])
		f.delete(f.a, names[:analytics.MaxObjectList]...)
		f.wantNames(f.a, "", "", names[len(names)-1])
	}},
	{"a bad name among others deletes nothing", func(f *objectsFixture) {
		f.put(f.a, "a", "a")
		f.wantErr("Delete", f.objects.Delete(f.ctx, f.a, "a", "../x"), analytics.ErrObjectName)
		f.wantContent(f.a, "a", "a")
	}},
	{"what is put while its neighbours are deleted stays", func(f *objectsFixture) {
		var group sync.WaitGroup
		for w := range 4 {
			group.Go(func() {
				mine, gone := fmt.Sprint("deep/er/folder/", w), fmt.Sprint("deep/er/", w, "/x")
				for i := range 25 {
					f.put(f.a, mine, fmt.Sprint(i))
					f.put(f.a, gone, "x")
					f.wantContent(f.a, mine, fmt.Sprint(i))
					f.delete(f.a, gone, mine)
					f.wantMissing(f.a, mine)
				}
				f.put(f.a, mine, "end")
			})
		}
		group.Wait()
		f.wantNames(f.a, "", "", "deep/er/folder/0", "deep/er/folder/1", "deep/er/folder/2", "deep/er/folder/3")
	}},
}
