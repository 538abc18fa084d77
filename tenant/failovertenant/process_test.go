package failovertenant_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
	"github.com/iotenant/iotenant/tenant/failovertenant"
)

// A Region of these tests is a process of its own with a durable store, so that it
// can be killed. It speaks just enough HTTP for a failovertenant.Store.

// regionChild makes the test binary such a process: the path of its store.
const regionChild = "IOTENANT_REGION_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(regionChild); path != "" {
		if err := serveRegion(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// reading is what the load writes: N grows with each write.
type reading struct {
	Name string
	N    int
}

var readingSchema = tenant.Schema[reading]{
	Entity: "reading",
	Key:    func(r *reading) tenant.Key { return tenant.NewKey(r.Name) },
}

type call struct {
	Tenant     tenant.ID
	Entity     string
	Keys       []string // of a BatchGet; none for a Query
	Cursor     tenant.Cursor
	Consistent bool
	Ops        []operation // of a Transact
}

type operation struct {
	Entity  string
	Action  tenant.Action
	Kind    tenant.ConditionKind
	Version tenant.Version
	Key     string
	Value   any
}

type answer struct {
	Items    []item
	Next     tenant.Cursor
	Versions []tenant.Version
	Err      string
	Errs     []string // of a TransactionError
}

type item struct {
	Value   json.RawMessage
	Version tenant.Version
}

// serveRegion serves a store until standard input ends.
func serveRegion(path string) error {
	store, err := bolttenant.Open(path, tenant.RandomCursorKeys())
	if err != nil {
		return err
	}
	readings := bolttenant.NewRepository(store, &readingSchema)
	homes := bolttenant.NewRepository(store, &failovertenant.HomeSchema)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var c call
		var a answer
		err := json.NewDecoder(r.Body).Decode(&c)
		switch {
		case err != nil:
		case c.Ops != nil:
			a.Versions, err = store.Transact(r.Context(), c.Tenant, opsOf(c.Ops)...)
		case c.Entity == readingSchema.Entity:
			err = serveRead(r.Context(), readings, &c, &a)
		default:
			err = serveRead(r.Context(), homes, &c, &a)
		}
		a.setErr(err)
		_ = json.NewEncoder(w).Encode(a) // who has left needs no answer
	}))
	fmt.Println(server.URL)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func serveRead[T any](ctx context.Context, items tenant.Repository[T], c *call, a *answer) error {
	var found []tenant.Item[T]
	var err error
	if c.Keys == nil {
		var page tenant.Page[T]
		page, err = items.Query(ctx, c.Tenant, tenant.Query{Cursor: c.Cursor, Consistent: c.Consistent})
		found, a.Next = page.Items, page.Next
	} else {
		keys := make([]tenant.Key, len(c.Keys))
		for i, key := range c.Keys {
			keys[i] = tenant.NewKey(key)
		}
		found, err = items.BatchGet(ctx, c.Tenant, keys)
	}
	for _, f := range found {
		value, err := json.Marshal(f.Value)
		if err != nil {
			return err
		}
		a.Items = append(a.Items, item{value, f.Version})
	}
	return err
}

func opsOf(operations []operation) (ops []tenant.Op) {
	for _, o := range operations {
		if o.Entity == readingSchema.Entity {
			ops = append(ops, opOf(&readingSchema, o))
		} else {
			ops = append(ops, opOf(&failovertenant.HomeSchema, o))
		}
	}
	return ops
}

func opOf[T any](schema *tenant.Schema[T], o operation) tenant.Op {
	cond := tenant.IfVersion(o.Version)
	switch o.Kind {
	case tenant.KindAlways:
		cond = tenant.Always()
	case tenant.KindAbsent:
		cond = tenant.IfAbsent()
	case tenant.KindPresent:
		cond = tenant.IfPresent()
	case tenant.KindVersion:
	}
	switch o.Action {
	case tenant.ActionDelete:
		return tenant.DeleteOp(schema, tenant.NewKey(o.Key), cond)
	case tenant.ActionCheck:
		return tenant.CheckOp(schema, tenant.NewKey(o.Key), cond)
	case tenant.ActionPut:
	}
	var value T
	if text, err := json.Marshal(o.Value); err != nil || json.Unmarshal(text, &value) != nil {
		return tenant.Op{}
	}
	return tenant.PutOp(schema, value, cond)
}

// told are the errors that a Region tells apart.
var told = []error{tenant.ErrNotFound, tenant.ErrExists, tenant.ErrVersion, tenant.ErrTransactionConflict, tenant.ErrCursor}

func (a *answer) setErr(err error) {
	if refused, ok := errors.AsType[*tenant.TransactionError](err); ok {
		for _, err := range refused.Errs {
			a.Errs = append(a.Errs, nameOf(err))
		}
		return
	}
	a.Err = nameOf(err)
}

func nameOf(err error) string {
	for _, known := range told {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func (a *answer) err() error {
	if a.Errs == nil {
		return errorNamed(a.Err)
	}
	refused := &tenant.TransactionError{}
	for _, name := range a.Errs {
		refused.Errs = append(refused.Errs, errorNamed(name))
	}
	return refused
}

func errorNamed(name string) error {
	for _, known := range told {
		if known.Error() == name {
			return known
		}
	}
	if name != "" {
		return fmt.Errorf("%w: %s", iotenant.ErrUnavailable, name)
	}
	return nil
}

// regionProcess is the process of a Region, and a client of it.
type regionProcess struct {
	name   string
	path   string
	client *http.Client
	url    atomic.Pointer[string]
	cmd    *exec.Cmd
	stdin  io.Closer
}

var _ losable = (*regionProcess)(nil)

func (r *regionProcess) readings() tenant.Repository[reading] {
	return remote[reading]{region: r, entity: readingSchema.Entity}
}

func (r *regionProcess) homes() tenant.Repository[failovertenant.Home] {
	return remote[failovertenant.Home]{region: r, entity: failovertenant.HomeSchema.Entity}
}

func newRegionProcess(t *testing.T, name string) *regionProcess {
	t.Helper()
	r := &regionProcess{
		name: name, path: t.TempDir() + "/region.db",
		client: &http.Client{Transport: &http.Transport{
			MaxIdleConnsPerHost: 16,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		}},
	}
	r.restore(t)
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		if r.cmd != nil {
			require.NoError(t, r.stdin.Close())
			require.NoError(t, r.cmd.Wait())
		}
	})
	return r
}

// restore starts the process, with what is in its file.
func (r *regionProcess) restore(t *testing.T) {
	t.Helper()
	r.cmd = exec.Command(os.Args[0])
	r.cmd.Env = append(os.Environ(), regionChild+"="+r.path)
	r.cmd.Stderr = os.Stderr
	stdin, err := r.cmd.StdinPipe()
	require.NoError(t, err)
	r.stdin = stdin
	stdout, err := r.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, r.cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	url := strings.TrimSpace(line)
	r.url.Store(&url)
}

// lose kills the process, whatever it is doing.
func (r *regionProcess) lose(t *testing.T) {
	t.Helper()
	require.NoError(t, r.cmd.Process.Kill())
	require.Error(t, r.cmd.Wait())
	r.cmd = nil
	r.client.CloseIdleConnections()
}

// ask sends a call. Whatever happens on the way is unavailability.
func (r *regionProcess) ask(ctx context.Context, c call) (a answer, err error) {
	body, err := json.Marshal(c)
	if err != nil {
		return a, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, *r.url.Load(), bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	response, err := r.client.Do(request)
	if err != nil {
		return a, fmt.Errorf("%s: %w: %w", r.name, iotenant.ErrUnavailable, err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		return a, fmt.Errorf("%s: %w: %w", r.name, iotenant.ErrUnavailable, err)
	}
	return a, a.err()
}

func (r *regionProcess) Transact(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
	c := call{Tenant: id, Ops: []operation{}}
	for i := range ops {
		op := &ops[i]
		record, err := op.Record()
		if err != nil {
			return nil, err
		}
		cond := op.Condition()
		c.Ops = append(c.Ops, operation{op.Entity(), op.Action(), cond.Kind(), cond.Version(), record.Key, op.Value()})
	}
	a, err := r.ask(ctx, c)
	return a.Versions, err
}

// remote is what a failovertenant.Store reads of a repository in a Region.
type remote[T any] struct {
	tenant.Repository[T] // its writes are transactions
	region               *regionProcess
	entity               string
}

func (r remote[T]) Get(ctx context.Context, id tenant.ID, key tenant.Key, _ ...func(*tenant.ReadOptions)) (tenant.Item[T], error) {
	items, err := r.BatchGet(ctx, id, []tenant.Key{key})
	switch {
	case err != nil:
		return tenant.Item[T]{}, err
	case items[0].Version == 0:
		return tenant.Item[T]{}, tenant.ErrNotFound
	}
	return items[0], nil
}

func (r remote[T]) BatchGet(ctx context.Context, id tenant.ID, keys []tenant.Key, _ ...func(*tenant.ReadOptions)) ([]tenant.Item[T], error) {
	c := call{Tenant: id, Entity: r.entity, Keys: []string{}}
	for _, key := range keys {
		c.Keys = append(c.Keys, key.Encoded())
	}
	page, err := r.ask(ctx, c)
	return page.Items, err
}

func (r remote[T]) Query(ctx context.Context, id tenant.ID, query tenant.Query) (tenant.Page[T], error) {
	return r.ask(ctx, call{Tenant: id, Entity: r.entity, Cursor: query.Cursor, Consistent: query.Consistent})
}

func (r remote[T]) ask(ctx context.Context, c call) (page tenant.Page[T], err error) {
	a, err := r.region.ask(ctx, c)
	page.Next = a.Next
	for _, i := range a.Items {
		found := tenant.Item[T]{Version: i.Version}
		if err := json.Unmarshal(i.Value, &found.Value); err != nil {
			return page, err
		}
		page.Items = append(page.Items, found)
	}
	return page, err
}
