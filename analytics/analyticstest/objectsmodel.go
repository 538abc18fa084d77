package analyticstest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// TestObjectsModel runs random operations of three tenants on Objects and on a
// map, and compares every result. Objects stay open meanwhile. The same seed
// makes the same operations; it is logged.
func TestObjectsModel(t *testing.T, open OpenObjects, seed uint64, operations int) {
	t.Helper()
	t.Logf("seed %d, %d operations", seed, operations)
	f := newObjectsFixture(t, open)
	run := objectsRun{
		objectsFixture: f,
		random:         rand.New(rand.NewPCG(seed, seed)),
		ids:            []tenant.ID{f.a, f.b, tenant.MustParseID("acm")},
		model:          map[tenant.ID]map[string]string{},
	}
	for _, id := range run.ids {
		run.model[id] = map[string]string{}
	}
	for i := range operations {
		run.step(run.ids[run.random.IntN(len(run.ids))])
		if t.Failed() {
			t.Fatalf("seed %d: operation %d differs from the model", seed, i)
		}
	}
}

type objectsRun struct {
	*objectsFixture
	random *rand.Rand
	ids    []tenant.ID
	model  map[tenant.ID]map[string]string
	open   []openedObject
}

type openedObject struct {
	object  analytics.Object
	name    string
	content string
}

// name returns one of few names, some of which look like the folder of others.
func (r *objectsRun) name() string {
	parts := make([]string, 1+r.random.IntN(3))
	for i := range parts {
		parts[i] = []string{"a", "b", "A", "a-", "a%2Fb", "log", "." + "a"}[r.random.IntN(7)]
	}
	return strings.Join(parts, "/")
}

func (r *objectsRun) content() string {
	size := r.random.IntN(200)
	if r.random.IntN(20) == 0 {
		size = r.random.IntN(100_000)
	}
	return bytesOf(r.random.Uint64(), size)
}

func (r *objectsRun) step(id tenant.ID) {
	r.Helper()
	stored, name := r.model[id], r.name()
	switch n := r.random.IntN(12); {
	case n < 2:
		content := r.content()
		r.put(id, name, content)
		stored[name] = content
	case n < 4:
		r.stepCreate(id, name)
	case n < 6:
		r.stepOpen(id, name)
	case n < 9:
		r.stepList(id)
	case n < 10:
		names := []string{name, r.name(), r.name()}
		r.delete(id, names...)
		maps.DeleteFunc(stored, func(name, _ string) bool { return slices.Contains(names, name) })
	default:
		r.stepRead()
	}
}

func (r *objectsRun) stepCreate(id tenant.ID, name string) {
	content := r.content()
	err := r.create(id, name, content)
	if _, taken := r.model[id][name]; taken {
		r.wantErr("Create "+name, err, analytics.ErrObjectExists)
		return
	}
	r.wantErr("Create "+name, err, nil)
	r.model[id][name] = content
}

func (r *objectsRun) stepOpen(id tenant.ID, name string) {
	want, there := r.model[id][name]
	if !there {
		r.wantMissing(id, name)
		return
	}
	r.wantContent(id, name, want)
	if len(r.open) < 10 {
		r.open = append(r.open, openedObject{r.opened(id, name), name, want})
	}
}

// stepRead reads an object that was opened a while ago.
func (r *objectsRun) stepRead() {
	if len(r.open) == 0 {
		return
	}
	i := r.random.IntN(len(r.open))
	old := r.open[i]
	got, err := contentOf(old.object)
	if errors.Is(err, analytics.ErrNoObject) {
		r.open = slices.Delete(r.open, i, i+1)
		return
	}
	if err != nil || got != old.content {
		r.Errorf("open object %q: %d bytes, %v, was %d bytes", old.name, len(got), err, len(old.content))
	}
	if r.random.IntN(4) == 0 {
		r.wantErr("Close", old.object.Close(), nil)
		r.open = slices.Delete(r.open, i, i+1)
	}
}

func (r *objectsRun) stepList(id tenant.ID) {
	prefix, after := r.bound(), r.bound()
	limit := 1 + r.random.IntN(12)
	var want []string
	for _, name := range slices.Sorted(maps.Keys(r.model[id])) {
		if strings.HasPrefix(name, prefix) && name > after && len(want) < limit {
			want = append(want, fmt.Sprint(name, " ", len(r.model[id][name])))
		}
	}
	list, err := r.objects.List(r.ctx, id, prefix, after, limit)
	var got []string
	for _, info := range list {
		got = append(got, fmt.Sprint(info.Name, " ", info.Size))
	}
	if err != nil || !slices.Equal(got, want) {
		r.Errorf("List(%q, %q, %d): %q, %v, want %q", prefix, after, limit, got, err, want)
	}
}

// bound returns nothing, or the beginning of a name.
func (r *objectsRun) bound() string {
	if r.random.IntN(2) == 0 {
		return ""
	}
	name := r.name() + "/"
	return name[:1+r.random.IntN(len(name))]
}
