package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// concludeTimeout bounds the writes of an outcome after Run was told to end.
const concludeTimeout = 10 * time.Second

// production is an attempt at a run, by one process at a time.
type production struct {
	*visit

	run     queuedRun
	take    int64
	content Content        // as it is going to be
	version tenant.Version // of the item that it replaces
}

// produce makes the first content that waits, if there is one. It reports
// whether there may be another.
func (v *visit) produce(ctx context.Context) (more bool, err error) {
	if len(v.state.Queue) == 0 || v.state.Queue[0].NotBefore.After(v.now()) {
		return false, nil
	}
	token, ok, err := v.claim(ctx, v.id, v.definition.Name)
	if err != nil {
		return false, err
	}
	if !ok {
		v.busy = true
		v.observe(ctx, ActionExecutionThrottled)
		return false, nil
	}
	defer v.release(ctx, v.id, token)
	p, err := v.begin(ctx)
	if p == nil || err != nil {
		return false, err
	}
	if p.content.concludes(p.run.Run) { // by a process that ended then
		return true, p.pop(ctx)
	}
	return true, p.attempt(ctx, token)
}

func (v *visit) observe(ctx context.Context, metric Metric) {
	v.options.Observe(ctx, v.id, Observation{Metric: metric, Value: 1, Action: "CreateDatasetContent", Dataset: v.definition.Name})
}

// begin takes the first run and decides on its window; nil if there is none.
func (v *visit) begin(ctx context.Context) (*production, error) {
	p := &production{visit: v}
	err := v.change(ctx, func(s *datasetState) error {
		if len(s.Queue) == 0 || s.Queue[0].NotBefore.After(v.now()) {
			p.take = 0
			return errUnchanged
		}
		s.Takes++
		head := &s.Queue[0]
		head.Attempts++
		if delta := v.definition.Delta; delta != nil && head.To.IsZero() {
			head.From, head.To = head.window(delta, v.triggers, s.Frontier)
		}
		p.run, p.take = *head, s.Takes
		return nil
	})
	if err != nil || p.take == 0 {
		return nil, err
	}
	return p, p.load(ctx)
}

// load reads the content, and shows that it is being made if that was not done
// before.
func (p *production) load(ctx context.Context) error {
	if p.run.Again {
		if err := p.show(ctx, p.id, p.definition.Name, &p.run); err != nil && !errors.Is(err, tenant.ErrNotFound) {
			return err
		}
	}
	item, err := p.stored(ctx)
	if errors.Is(err, tenant.ErrExists) { // whoever asked for it was faster
		item, err = p.stored(ctx)
	}
	if err != nil {
		return fmt.Errorf("analytics: content: %w", err)
	}
	p.content, p.version = item.Value, item.Version
	return nil
}

// stored returns the content as it is kept, which it writes if it is missing.
func (p *production) stored(ctx context.Context) (tenant.Item[Content], error) {
	item, err := p.contents.Get(ctx, p.id, contentKey(p.definition.Name, p.run.Version), tenant.Consistent)
	if !errors.Is(err, tenant.ErrNotFound) {
		return item, err
	}
	item.Value = p.run.content(p.definition.Name)
	item.Version, err = p.contents.Put(ctx, p.id, item.Value, tenant.IfAbsent())
	return item, err
}

// attempt makes the content and notes what became of it.
func (p *production) attempt(ctx context.Context, token string) error {
	p.observe(ctx, ActionExecution)
	made := p.content
	made.Files, made.From, made.To = nil, p.run.From, p.run.To
	var err error
	if p.run.Attempts > p.options.Attempts { // the process ended during the last one
		err = errGivenUp
	} else {
		err = p.holding(ctx, p.id, token, func(ctx context.Context) error { return p.make(ctx, &made) })
	}
	interrupted, late := err != nil && ctx.Err() != nil, errors.Is(ctx.Err(), context.DeadlineExceeded)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), concludeTimeout)
	defer cancel()
	switch {
	case err == nil:
		return p.succeed(ctx, made)
	case errors.Is(err, errClaimLost):
		p.dropFiles(ctx, &made)
		return nil // it is for others to say what became of it
	case interrupted:
		p.dropFiles(ctx, &made)
		return p.postpone(ctx, func(head *queuedRun) {
			if !late { // else it may need more time than there ever is
				head.Attempts--
			}
		})
	}
	p.dropFiles(ctx, &made)
	if errors.Is(err, ErrSQLBusy) { // that was no attempt, whoever is to blame
		p.observe(ctx, ActionExecutionThrottled)
		return p.postpone(ctx, func(head *queuedRun) {
			head.Attempts--
			head.NotBefore = p.now().Add(busyPause)
		})
	}
	reason, final := p.reason(err)
	p.log(ctx, p.id, "a content was not made", err, slog.String("dataset", p.definition.Name), slog.String("version", p.run.Version), slog.Bool("final", final))
	if final || p.run.Attempts >= p.options.Attempts {
		return p.fail(ctx, reason)
	}
	return p.postpone(ctx, func(head *queuedRun) { head.NotBefore = p.now().Add(p.backoff(head.Attempts)) })
}

var (
	errGivenUp = errors.New("analytics: attempts are used up")
	errTooLong = errors.New("analytics: making the content took too long")
)

// make makes the result of a content.
func (p *production) make(ctx context.Context, made *Content) (err error) {
	defer contain(&err)
	ctx, cancel := context.WithTimeoutCause(ctx, p.options.Timeout, errTooLong)
	defer cancel()
	defer func() {
		if cause := context.Cause(ctx); err != nil && (errors.Is(cause, errTooLong) || errors.Is(cause, errClaimLost)) {
			err = cause
		}
	}()
	if p.definition.Container != nil {
		return p.runContainer(ctx, made)
	}
	return p.query(ctx, made)
}

// query writes the result of the statement to an object.
func (p *production) query(ctx context.Context, made *Content) error {
	statement := Statement{SQL: p.definition.SQL, Now: p.run.Created}
	if delta := p.definition.Delta; delta != nil {
		statement.Delta = &Delta{TimeExpression: delta.TimeExpression, From: p.run.From, To: p.run.To}
	}
	if p.looksForLateData() { // before, so that nothing that comes now goes unnoticed
		seen, err := p.count(ctx, p.run.From, p.run.To)
		if err != nil {
			return err
		}
		made.Seen = seen
	}
	result, err := p.engine.Query(ctx, p.id, statement)
	if err != nil {
		return statementError{err}
	}
	defer func() { _ = result.Close() }()
	file := ContentFile{Object: made.object(p.take, "")}
	made.Files = []ContentFile{file}
	reader, writer := io.Pipe()
	written := make(chan error, 1)
	go func() {
		var err error
		defer func() {
			written <- err
			writer.CloseWithError(err)
		}()
		defer contain(&err)
		err = WriteCSV(writer, result)
	}()
	body := &counted{reader: reader}
	err = p.objects.Put(ctx, p.id, file.Object, body)
	reader.CloseWithError(io.ErrClosedPipe)
	if cause := <-written; cause != nil && !errors.Is(cause, io.ErrClosedPipe) {
		return statementError{cause}
	}
	made.Files[0].Bytes = body.bytes
	return err
}

// counted counts what is read.
type counted struct {
	reader io.Reader
	bytes  int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.reader.Read(b)
	c.bytes += int64(n)
	return n, err
}

// statementError is an error of the engine, whose text people may see.
type statementError struct{ error }

func (e statementError) Unwrap() error { return e.error }

// reason returns what people of the tenant are told of a failure, and whether
// trying again is of no use.
func (p *production) reason(err error) (reason string, final bool) {
	_, statement := errors.AsType[statementError](err)
	_, told := errors.AsType[containerError](err)
	permanent := isPermanent(err)
	switch {
	case errors.Is(err, errTooLong):
		return fmt.Sprintf("it took longer than %s", p.options.Timeout), true
	case errors.Is(err, errGivenUp):
		return "the last attempt did not end", true
	case told && permanent, statement && (errors.Is(err, ErrSQL) || errors.Is(err, ErrSQLLimit) || errors.Is(err, ErrNoTable)):
		return shorten(strings.TrimPrefix(err.Error(), "analytics: ")), true
	case errors.Is(err, ErrCorrupt):
		return "stored data can't be read", false
	case told:
		return "the container did not end well", false
	case statement && errors.Is(err, iotenant.ErrUnsupported):
		return "SQL is not available here", true
	case statement && permanent:
		return "the statement was refused", true
	case permanent:
		return "the result was refused by the storage", true
	}
	return "the SQL engine or the storage is unavailable", false
}

// isPermanent reports whether an error will not pass.
func isPermanent(err error) bool {
	switch iotenant.KindOf(err) {
	case nil, iotenant.ErrUnavailable, iotenant.ErrConflict:
		return false
	default:
		return true
	}
}

// maxReason bounds what is kept of the text of an error, in bytes.
const maxReason = 1000

func shorten(text string) string {
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "..."
	}
	return text
}

// backoff is the pause after so many attempts.
func (d *Datasets) backoff(attempts int) time.Duration {
	wait := d.options.RetryAfter
	for range attempts - 1 {
		if wait *= 2; wait >= d.options.RetryAtMost {
			return d.options.RetryAtMost
		}
	}
	return wait
}

// postpone lets the run be tried again.
func (p *production) postpone(ctx context.Context, change func(head *queuedRun)) error {
	return p.change(ctx, func(s *datasetState) error {
		head := s.head(p.run.Run)
		if head == nil {
			return errUnchanged
		}
		change(head)
		return nil
	})
}

// succeed writes a content with its result, and then notes that. Objects of runs
// before stay until the content is deleted: there may be links to them.
func (p *production) succeed(ctx context.Context, made Content) error {
	made.State, made.Reason, made.Run, made.Made, made.Completed = ContentSucceeded, "", p.run.Run, p.run.Run, p.now()
	made.Deliveries = nil
	for _, rule := range p.definition.Deliveries {
		made.Deliveries = append(made.Deliveries, ContentDelivery{
			Entry: rule.EntryName, Target: cmp.Or(rule.Input, rule.Bucket), State: DeliveryPending, NextAttempt: made.Completed,
		})
	}
	return p.conclude(ctx, made)
}

// fail writes that a content was given up; one that was made before keeps its
// result.
func (p *production) fail(ctx context.Context, reason string) error {
	failed := p.content
	failed.Run, failed.Reason, failed.Completed = p.run.Run, reason, p.now()
	if failed.State = ContentFailed; failed.Made != 0 {
		failed.State = ContentSucceeded
	} else {
		failed.From, failed.To = p.run.From, p.run.To
	}
	return p.conclude(ctx, failed)
}

// conclude writes what became of the content, unless another process did or it
// was deleted, and then notes that the run is over.
func (p *production) conclude(ctx context.Context, outcome Content) error {
	for {
		_, err := p.contents.Put(ctx, p.id, outcome, tenant.IfVersion(p.version))
		if err == nil {
			p.content = outcome
			return p.pop(ctx)
		}
		if !errors.Is(err, tenant.ErrVersion) && !errors.Is(err, tenant.ErrTransactionConflict) {
			return fmt.Errorf("analytics: write content: %w", err)
		}
		item, err := p.contents.Get(ctx, p.id, contentKey(outcome.Dataset, outcome.Version), tenant.Consistent)
		switch {
		case errors.Is(err, tenant.ErrNotFound):
			p.dropFiles(ctx, &outcome)
			return nil
		case err != nil:
			return fmt.Errorf("analytics: read content: %w", err)
		case item.Value.concludes(p.run.Run):
			p.dropFiles(ctx, &outcome)
			p.content = item.Value
			return p.pop(ctx)
		}
		p.version = item.Version // a delivery was noted
	}
}

// pop notes that the run is over. Of a data set that was deleted nothing stays.
func (p *production) pop(ctx context.Context) error {
	state, err := p.Datasets.pop(ctx, p.id, &p.content, p.run.Run)
	if !errors.Is(err, tenant.ErrNotFound) {
		if err == nil {
			p.state = state
		}
		return err
	}
	p.state = datasetState{Dataset: p.definition.Name}
	return p.remove(ctx, p.id, &p.content)
}

// dropFiles deletes what this attempt wrote. What can't be deleted is nobody's
// result, and goes with the content.
func (p *production) dropFiles(ctx context.Context, made *Content) {
	var names []string
	for _, file := range made.Files {
		if file.Object == made.object(p.take, file.Name) {
			names = append(names, file.Object)
		}
	}
	if len(names) == 0 {
		return
	}
	if err := p.objects.Delete(ctx, p.id, names...); err != nil {
		p.log(ctx, p.id, "objects of an attempt were not deleted", err, slog.String("dataset", made.Dataset), slog.String("version", made.Version))
	}
}
