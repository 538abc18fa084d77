package memalerts

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

// FanOut is a notifier that gives each alert to several others, all at the
// same time. When an alert comes again because one of them failed, only those
// that failed in passing get it again; who had it is remembered as long as the
// process lives, for [FanOutMemory] alerts. An alert that one of them refuses
// for good is refused once the others have it.
type FanOut struct {
	notifiers []alerts.Notifier

	mu      sync.Mutex
	partial map[delivery]outcomes
}

// FanOutMemory is how many partly delivered alerts a [FanOut] remembers. With
// more of them, some are given again to those who have them.
const FanOutMemory = 10_000

var _ alerts.Notifier = (*FanOut)(nil)

type delivery struct {
	id    tenant.ID
	alert string
}

// outcomes has an entry for each notifier that is done with an alert: nil, or
// an error that is permanent.
type outcomes map[int]error

// NewFanOut returns a notifier that gives alerts to all of notifiers.
func NewFanOut(notifiers ...alerts.Notifier) *FanOut {
	return &FanOut{notifiers: notifiers, partial: map[delivery]outcomes{}}
}

// Notify implements [alerts.Notifier]. The error joins those that may pass; if
// there are none, those that are permanent.
func (f *FanOut) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	if err := id.Check(); err != nil {
		return err
	}
	key := delivery{id, alert.ID}
	done := f.take(key)
	errs := f.notifyAll(ctx, id, alert, done)
	var passing, permanent []error
	for i, err := range errs {
		switch {
		case err == nil:
			done[i] = nil
		case alerts.Permanent(err):
			done[i] = err
		default:
			passing = append(passing, err)
		}
	}
	if len(passing) > 0 {
		f.keep(key, done)
		return errors.Join(passing...)
	}
	for i := range f.notifiers {
		permanent = append(permanent, done[i])
	}
	return errors.Join(permanent...)
}

// notifyAll calls the notifiers that are not done.
func (f *FanOut) notifyAll(ctx context.Context, id tenant.ID, alert alerts.Alert, done outcomes) []error {
	errs := make([]error, len(f.notifiers))
	var group sync.WaitGroup
	for i, notifier := range f.notifiers {
		if err, ok := done[i]; ok {
			errs[i] = err
			continue
		}
		group.Go(func() { errs[i] = notifyOne(ctx, notifier, id, alert) })
	}
	group.Wait()
	return errs
}

func notifyOne(ctx context.Context, notifier alerts.Notifier, id tenant.ID, alert alerts.Alert) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("memalerts: notifier panicked: %v", cause)
		}
	}()
	return notifier.Notify(ctx, id, alert)
}

func (f *FanOut) take(key delivery) outcomes {
	f.mu.Lock()
	defer f.mu.Unlock()
	done, ok := f.partial[key]
	if !ok {
		return outcomes{}
	}
	delete(f.partial, key)
	return done
}

func (f *FanOut) keep(key delivery, done outcomes) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.partial) >= FanOutMemory {
		clear(f.partial)
	}
	f.partial[key] = done
}
