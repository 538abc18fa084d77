package tenant

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant/internal/backoff"
)

// OnceOptions are the options of [NewOnce].
type OnceOptions struct {
	// Lease is how long an execution may run before its holder counts as
	// crashed and another call may take over. It may be longer than the time
	// that a caller has: a crashed holder then blocks its key for longer, and
	// a slow one is never doubled. Default 15 min, the longest that a Lambda
	// function runs. Must be positive.
	Lease time.Duration
	// LeaseWithinDeadline shortens the lease to what is left until the
	// deadline of the caller's context, if it has one: where a process ends at
	// its deadline, as a Lambda function does, others needn't wait for longer.
	LeaseWithinDeadline bool
	// Keep is how long an outcome is kept after the execution. What comes again
	// later is executed again. Default 24 h. Must be positive.
	Keep time.Duration
	// Now is the clock. Those of all processes should agree to much less than
	// Lease. Default time.Now.
	Now func() time.Time
	// NewID makes an identifier that is not made again. Default crypto/rand.Text.
	NewID func() string
}

// Bounds of the writes that record an outcome: they have a time of their own,
// because the caller's may be over when the function returns.
const (
	onceRecordAttempts = 10
	onceRecordTime     = 5 * time.Second
	onceClaimAttempts  = 10
)

// Once executes functions once for each key of a tenant, however often the
// messages or requests that ask for it come: it keeps the outcome, and gives it
// to those who come later.
//
// Exactly once is what everybody sees as long as holders live: a holder that
// crashes, or loses its store, after it has acted and before the outcome is
// recorded leaves a key that is executed again when the lease has ended. So a
// function should itself bear to be repeated, or hand the key on to what it calls.
//
// An execution costs two writes; to find that there was one costs a refused write
// and a read.
//
// The store decides who executes. A store of several Regions that settles
// conflicts afterwards, like a DynamoDB global table in its default mode, decides
// per Region: send each key to one Region.
type Once[R any] struct {
	records   Repository[OnceRecord]
	operation string
	options   OnceOptions
}

// NewOnce returns a Once that keeps records in a repository made with
// [OnceSchema]. operation names what is done, "charge" for example: it is part of
// every key, so that several operations may use one repository and the same message
// ids. R is the result of the operation; it is kept as JSON. For an operation
// without result take struct{}.
func NewOnce[R any](records Repository[OnceRecord], operation string, optFns ...func(*OnceOptions)) *Once[R] {
	options := OnceOptions{Lease: 15 * time.Minute, Keep: 24 * time.Hour, Now: time.Now, NewID: rand.Text}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Once[R]{records: records, operation: operation, options: options}
}

// Do calls fn, unless it was called for this key before, and returns its result,
// or the one that is kept. payload is what the key stands for, the body of a
// message as it came for example: the same key with another payload is refused
// with [ErrPayload]. Its digest is taken before fn is called; nil is an empty payload.
//
// fn gets a context that also ends with the lease. What it returns decides:
//
//   - nil: the result is kept.
//   - an error: the key is free again, and Do returns the error.
//   - an error made by [Final]: it is kept as the outcome. Do returns it now
//     and later, as a [*FinalError].
//
// A panic frees the key and goes on.
//
// Other errors: [ErrInProgress] while another call executes; [ErrLeaseLost]
// if the lease ended and another call took over, whose outcome is the one that counts;
// [ErrTooLarge], also later, if fn was called and its result exceeds [MaxItemSize];
// kind iotenant.ErrInvalid for a result that JSON can't hold, which counts as
// too large later, and for options that are out of range; [ErrID], [ErrKey];
// kind iotenant.ErrUnavailable if the outcome couldn't be recorded: fn is called
// again when the lease has ended.
func (o *Once[R]) Do(ctx context.Context, id ID, key Key, payload []byte, fn func(ctx context.Context) (R, error)) (R, error) {
	var none R
	record, err := o.newRecord(ctx, key, payload)
	if err != nil {
		return none, fmt.Errorf("tenant: once: %w", err)
	}
	claimed, err := o.claim(ctx, id, record)
	if err != nil {
		return none, fmt.Errorf("tenant: once: %s: %w", o.operation, err)
	}
	if claimed.Value.Holder != record.Holder {
		return outcome[R](&claimed.Value)
	}
	return o.execute(ctx, id, claimed, fn)
}

// newRecord returns the record of an execution that begins now.
func (o *Once[R]) newRecord(ctx context.Context, key Key, payload []byte) (OnceRecord, error) {
	if err := key.Check(); err != nil {
		return OnceRecord{}, err
	}
	lease, err := o.lease(ctx)
	if err != nil {
		return OnceRecord{}, err
	}
	digest := sha256.Sum256(payload)
	until := o.options.Now().UTC().Add(lease)
	return OnceRecord{
		Path:        append([]string{o.operation}, key.Parts()...),
		Fingerprint: digest[:],
		Status:      OnceRunning,
		Holder:      o.options.NewID(),
		LeaseUntil:  until,
		ExpiresAt:   until.Add(o.options.Keep),
	}, nil
}

// lease returns how long an execution that begins now may take. A context with
// no time left is not a context without a deadline.
func (o *Once[R]) lease(ctx context.Context) (time.Duration, error) {
	lease, keep := o.options.Lease, o.options.Keep
	if lease <= 0 || keep <= 0 {
		return 0, fmt.Errorf("%w options: lease %s, keep %s, want more than 0", iotenant.ErrInvalid, lease, keep)
	}
	deadline, ok := ctx.Deadline()
	if !ok || !o.options.LeaseWithinDeadline {
		return lease, ctx.Err()
	}
	left := time.Until(deadline)
	if left <= 0 {
		return 0, context.DeadlineExceeded
	}
	return min(lease, left), ctx.Err()
}

// claim stores record, or returns the outcome that is stored already. Who holds
// the item that it returns is told by its Holder.
func (o *Once[R]) claim(ctx context.Context, id ID, record OnceRecord) (Item[OnceRecord], error) {
	cond := IfAbsent()
	for attempt := range onceClaimAttempts {
		version, err := o.records.Put(ctx, id, record, cond)
		if err == nil {
			return Item[OnceRecord]{Value: record, Version: version}, nil
		}
		refused := errors.Is(err, ErrExists) || errors.Is(err, ErrVersion)
		found, getErr := o.records.Get(ctx, id, NewKey(record.Path...), Consistent)
		switch {
		case getErr == nil && found.Value.Holder == record.Holder:
			return found, nil // the write was made, its answer was lost
		case !refused:
			return Item[OnceRecord]{}, err
		case errors.Is(getErr, ErrNotFound):
			cond = IfAbsent()
		case getErr != nil:
			return Item[OnceRecord]{}, getErr
		default:
			free, err := o.judge(&found.Value, &record)
			if err != nil || !free {
				return found, err
			}
			cond = IfVersion(found.Version)
		}
		if err := backoff.Pause(ctx, attempt); err != nil {
			return Item[OnceRecord]{}, err
		}
	}
	return Item[OnceRecord]{}, ErrInProgress
}

// judge reports whether record may replace found; if not, found is an outcome.
func (o *Once[R]) judge(found, record *OnceRecord) (free bool, err error) {
	now := o.options.Now()
	switch {
	case found.expired(now):
		return true, nil
	case !bytes.Equal(found.Fingerprint, record.Fingerprint):
		return false, ErrPayload
	case found.leased(now):
		return false, ErrInProgress
	}
	return found.Status == OnceRunning, nil
}

// outcome returns what is kept of an execution.
func outcome[R any](record *OnceRecord) (result R, err error) {
	switch record.Status {
	case OnceFailed:
		return result, storedFailure(record)
	case OnceTooLarge:
		return result, fmt.Errorf("%w: the result of an execution before", ErrTooLarge)
	case OnceDone, OnceRunning:
	}
	if err := json.Unmarshal(record.Result, &result); err != nil {
		return result, fmt.Errorf("tenant: once: stored result can't be decoded: %w: %w", iotenant.ErrUnavailable, err)
	}
	return result, nil
}

// execute calls fn and records what comes of it.
func (o *Once[R]) execute(ctx context.Context, id ID, claimed Item[OnceRecord], fn func(ctx context.Context) (R, error)) (R, error) {
	var none R
	leased, cancel := context.WithTimeout(ctx, claimed.Value.LeaseUntil.Sub(o.options.Now()))
	defer cancel()
	if err := leased.Err(); err != nil {
		return none, o.giveUp(ctx, id, claimed, err)
	}
	result, err := o.call(leased, id, claimed, fn)
	final := asFinal(err)
	switch {
	case final != nil:
		claimed.Value.setFailure(final)
	case err != nil:
		return none, o.giveUp(ctx, id, claimed, err)
	default:
		if claimed.Value.Result, err = json.Marshal(result); err != nil {
			return none, errors.Join(
				fmt.Errorf("tenant: once: %s: %w result: %w", o.operation, iotenant.ErrInvalid, err),
				o.recordTooLarge(ctx, id, claimed))
		}
		claimed.Value.Status = OnceDone
	}
	if err := o.record(ctx, id, claimed); err != nil {
		return none, fmt.Errorf("tenant: once: %s was executed, its outcome not recorded: %w", o.operation, err)
	}
	if final != nil {
		return none, final
	}
	return result, nil
}

// call calls fn, and frees the key if fn doesn't return.
func (o *Once[R]) call(ctx context.Context, id ID, claimed Item[OnceRecord], fn func(ctx context.Context) (R, error)) (R, error) {
	returned := false
	defer func() {
		if !returned {
			_ = o.free(ctx, id, claimed) // else its lease ends
		}
	}()
	result, err := fn(ctx)
	returned = true
	return result, err
}

// record stores the outcome in claimed, if the lease was not taken over.
func (o *Once[R]) record(ctx context.Context, id ID, claimed Item[OnceRecord]) error {
	claimed.Value.ExpiresAt = o.options.Now().UTC().Add(o.options.Keep)
	err := o.write(ctx, id, claimed, func(ctx context.Context) error {
		_, err := o.records.Put(ctx, id, claimed.Value, IfVersion(claimed.Version))
		return err
	})
	if errors.Is(err, ErrTooLarge) {
		return errors.Join(err, o.recordTooLarge(ctx, id, claimed))
	}
	return err
}

// recordTooLarge stores that there was an outcome, without it.
func (o *Once[R]) recordTooLarge(ctx context.Context, id ID, claimed Item[OnceRecord]) error {
	claimed.Value.Status, claimed.Value.Result, claimed.Value.Failure = OnceTooLarge, nil, ""
	return o.record(ctx, id, claimed)
}

// giveUp frees the key because of err, and returns err.
func (o *Once[R]) giveUp(ctx context.Context, id ID, claimed Item[OnceRecord], err error) error {
	if freeErr := o.free(ctx, id, claimed); freeErr != nil {
		return errors.Join(err, freeErr)
	}
	return err
}

// free lets the next call execute.
func (o *Once[R]) free(ctx context.Context, id ID, claimed Item[OnceRecord]) error {
	key := NewKey(claimed.Value.Path...)
	err := o.write(ctx, id, claimed, func(ctx context.Context) error {
		return o.records.Delete(ctx, id, key, IfVersion(claimed.Version))
	})
	if errors.Is(err, ErrLeaseLost) {
		return nil // it is not ours to free
	}
	return err
}

// write tries a write on the claimed item until it is known what came of it, in
// a time of its own.
func (o *Once[R]) write(ctx context.Context, id ID, claimed Item[OnceRecord], write func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), onceRecordTime)
	defer cancel()
	var err error
	for attempt := range onceRecordAttempts {
		if err = write(ctx); errors.Is(err, ErrVersion) {
			err = o.lost(ctx, id, claimed)
		}
		known := err == nil || errors.Is(err, ErrLeaseLost) || iotenant.KindOf(err) == iotenant.ErrInvalid
		if known || backoff.Pause(ctx, attempt) != nil {
			return err
		}
	}
	return err
}

// lost returns nil if the claimed item has another version because this holder
// wrote it, and the answer was lost; else ErrLeaseLost.
func (o *Once[R]) lost(ctx context.Context, id ID, claimed Item[OnceRecord]) error {
	found, err := o.records.Get(ctx, id, NewKey(claimed.Value.Path...), Consistent)
	switch {
	case err == nil && found.Value.Holder == claimed.Value.Holder:
		return nil
	case err == nil || errors.Is(err, ErrNotFound):
		return ErrLeaseLost
	}
	return err
}
