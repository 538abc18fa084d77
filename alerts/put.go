package alerts

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// task is what a batch holds for one detector.
type task struct {
	ref      ref
	model    *compiled // whose engine read the messages
	messages []taskMessage
}

// taskMessage is a message of a batch as one model reads it.
type taskMessage struct {
	index   int // in the batch
	message *detector.Message
	id      string
	hash    uint64 // of input and id, if there is an id
	hops    int
}

// Put evaluates messages, each by every active model of the tenant that reads
// its input, in the order of the arguments for each detector and in parallel
// across detectors. Timers that are due by now fire before.
//
// A nil error means that the effects are durable: state, timers, accepted
// message ids and decided actions are written, together and once per detector.
// Actions are delivered after that by [Runtime.Run] or [Runtime.Sweep].
//
// Otherwise the error is a [*PutError] that tells which messages failed, or it
// concerns the whole batch: tenant.ErrID, the error of ctx, or the failure to
// read models, of kind iotenant.ErrUnavailable. A message without id that
// failed with such a kind may have been evaluated.
//
// Failures of one message at one model: [ErrMessage]; detector.ErrPayload;
// detector.ErrKey; [ErrEvaluation]; tenant.ErrTooLarge; [ErrBacklog],
// [ErrContention] and others of kind iotenant.ErrUnavailable, after which the
// message is to be put again. Nothing else is affected by them.
func (r *Runtime) Put(ctx context.Context, id tenant.ID, messages ...Message) error {
	if err := id.Check(); err != nil {
		return fmt.Errorf("alerts: put: %w", err)
	}
	routes, err := r.models.routesOf(ctx, id)
	if err != nil {
		return fmt.Errorf("alerts: put: %w", err)
	}
	pairs, failures := routes.pair(messages)
	for range routeRounds {
		tasks, failed := r.sort(id, messages, pairs)
		failures = append(failures, failed...)
		failed, replaced := r.runTasks(ctx, tasks)
		failures = append(failures, failed...)
		if pairs = nil; len(replaced) == 0 {
			break
		}
		// Another process switched the model: its new version decides.
		r.models.forget(id)
		if routes, err = r.models.routesOf(ctx, id); err != nil {
			return fmt.Errorf("alerts: put: %w", err)
		}
		pairs = routes.pairAgain(messages, replaced)
	}
	for _, p := range pairs {
		failures = append(failures, Failure{Index: p.index, Model: p.model.name, Err: ErrContention})
	}
	return putError(failures)
}

// routeRounds bounds how often a batch follows models that are switched.
const routeRounds = 5

// pair is a message of a batch and a model that wants it.
type pair struct {
	index int
	model *compiled
}

// pair finds the models that want each message.
func (r *routes) pair(messages []Message) (pairs []pair, failures []Failure) {
	pairs = make([]pair, 0, len(messages))
	for i := range messages {
		if err := messages[i].check(); err != nil {
			failures = append(failures, Failure{Index: i, Err: err})
			continue
		}
		for _, model := range r.byInput[messages[i].Input] {
			pairs = append(pairs, pair{i, model})
		}
	}
	return pairs, failures
}

// pairAgain finds the current version of the models of tasks that met a
// replaced one. Messages that it does not want any more are left out.
func (r *routes) pairAgain(messages []Message, replaced []*task) (pairs []pair) {
	for _, t := range replaced {
		for i := range t.messages {
			index := t.messages[i].index
			for _, model := range r.byInput[messages[index].Input] {
				if model.name == t.ref.model {
					pairs = append(pairs, pair{index, model})
				}
			}
		}
	}
	return pairs
}

// sort reads the messages and sorts them by detector.
func (r *Runtime) sort(id tenant.ID, messages []Message, pairs []pair) (tasks []*task, failures []Failure) {
	byRef := make(map[ref]*task, len(pairs))
	for _, p := range pairs {
		m := &messages[p.index]
		read, err := r.read(p.model, m)
		if err != nil {
			failures = append(failures, Failure{Index: p.index, Model: p.model.name, Err: err})
			continue
		}
		if read.Ignored() {
			r.messages.Put(read)
			continue
		}
		to := ref{id: id, model: p.model.name, key: string(read.Key())}
		t := byRef[to]
		if t == nil {
			t = &task{ref: to, model: p.model}
			byRef[to] = t
			tasks = append(tasks, t)
		}
		t.messages = append(t.messages, newTaskMessage(p.index, m, read))
	}
	return tasks, failures
}

func newTaskMessage(index int, m *Message, read *detector.Message) taskMessage {
	t := taskMessage{index: index, message: read, id: m.ID, hops: m.hops}
	if m.ID != "" {
		t.hash = messageHash(m.Input, m.ID)
	}
	return t
}

func (r *Runtime) read(c *compiled, m *Message) (read *detector.Message, err error) {
	defer recovered(&err)
	read = r.messages.Get().(*detector.Message)
	if err := c.engine.Read(read, m.Input, m.Payload); err != nil {
		r.messages.Put(read)
		return nil, err
	}
	return read, nil
}

// recovered turns a panic of the engine into [ErrEvaluation], so that one
// model can't take the process down.
func recovered(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("%w: panic: %v", ErrEvaluation, cause)
	}
}

// runTasks evaluates tasks in parallel. It returns what failed, and the tasks
// whose model was replaced meanwhile, with the messages that are left.
func (r *Runtime) runTasks(ctx context.Context, tasks []*task) (failures []Failure, replaced []*task) {
	var mu sync.Mutex
	each(len(tasks), r.options.Parallel, func(i int) {
		failed, again := r.runTask(ctx, tasks[i])
		mu.Lock()
		defer mu.Unlock()
		failures = append(failures, failed...)
		if again {
			replaced = append(replaced, tasks[i])
		}
	})
	return failures, replaced
}

// each calls do for 0 to n-1, at most parallel of them at the same time.
func each(n, parallel int, do func(i int)) {
	if n == 1 {
		do(0)
		return
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n, parallel) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	group.Wait()
}
