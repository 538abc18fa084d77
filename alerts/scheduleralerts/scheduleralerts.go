// Package scheduleralerts wakes a program at the times at which a tenant's
// timers and actions are due, by Amazon EventBridge Scheduler.
//
// The repository of detectors knows what is due; a schedule only starts the
// function that sweeps. So a schedule too many does no harm, and a schedule that
// is late or lost delays a timer until the next regular sweep, which is why a
// program has that as well, every few minutes.
//
// Times are rounded up, so that there is one schedule for all detectors of a
// tenant that are due at about the same time. The service deletes a schedule
// that has run. It promises to run it within a minute.
package scheduleralerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/internal/outcome"
	"github.com/iotenant/iotenant/tenant"
)

// API is what [Waker] calls; *scheduler.Client is one. The least policy for
// it, with the group of Options.Group and the role of [Target]:
//
//	{"Effect": "Allow", "Action": ["scheduler:CreateSchedule"],
//	 "Resource": "arn:aws:scheduler:REGION:ACCOUNT:schedule/GROUP/*"},
//	{"Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "ROLE",
//	 "Condition": {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}}
type API interface {
	CreateSchedule(ctx context.Context, input *scheduler.CreateScheduleInput, optFns ...func(*scheduler.Options)) (*scheduler.CreateScheduleOutput, error)
}

// Target is what a schedule starts.
type Target struct {
	// ARN of the function that sweeps, or of a queue before it. It gets an
	// [Event].
	ARN string
	// RoleARN is the role with which the Scheduler invokes it.
	RoleARN string
	// DeadLetterARN is the queue for what could not be invoked. Empty: none.
	DeadLetterARN string
}

// Event is what a woken function gets.
type Event struct {
	Tenant tenant.ID `json:"tenant"`
	// At is the time for which it was woken.
	At time.Time `json:"at"`
}

// Options are the options of [New].
type Options struct {
	// Group is the schedule group. Default "default".
	Group string
	// Grain is to what times are rounded up, whole seconds. Default 10 s.
	Grain time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Waker is an alerts.Waker.
type Waker struct {
	api     API
	target  Target
	options Options

	mu   sync.Mutex
	made map[string]bool // names of schedules that are known to be there
}

var _ alerts.Waker = (*Waker)(nil)

// madeKept bounds the names that are remembered.
const madeKept = 10_000

// maxName is the limit of a schedule's name.
const maxName = 64

// New returns a waker that makes schedules for a target. It panics if
// Options.Grain is not a number of whole seconds.
func New(api API, target Target, optFns ...func(*Options)) *Waker {
	options := Options{Group: "default", Grain: 10 * time.Second, Now: time.Now}
	for _, fn := range optFns {
		fn(&options)
	}
	if options.Grain < time.Second || options.Grain%time.Second != 0 {
		panic(fmt.Sprintf("scheduleralerts: grain of %s, want whole seconds", options.Grain))
	}
	return &Waker{api: api, target: target, options: options, made: map[string]bool{}}
}

// Wake implements [alerts.Waker]. Errors: tenant.ErrID, kinds
// iotenant.ErrUnavailable and ErrInvalid.
func (w *Waker) Wake(ctx context.Context, id tenant.ID, at time.Time) error {
	if err := id.Check(); err != nil {
		return err
	}
	at = w.round(at)
	name := alerts.ResourceName(id, fmt.Sprint(at.Unix()))
	if w.isMade(name) {
		return nil
	}
	input, err := w.input(id, name, at)
	if err != nil {
		return err
	}
	_, err = w.api.CreateSchedule(ctx, input)
	var exists *types.ConflictException
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("scheduleralerts: create schedule: %w", outcome.Of(err))
	}
	w.keep(name)
	return nil
}

// round returns the next time of the grain that lies in the future.
func (w *Waker) round(at time.Time) time.Time {
	if now := w.options.Now(); at.Before(now) {
		at = now
	}
	return at.UTC().Add(w.options.Grain).Truncate(w.options.Grain)
}

func (w *Waker) input(id tenant.ID, name string, at time.Time) (*scheduler.CreateScheduleInput, error) {
	if len(name) > maxName {
		return nil, fmt.Errorf("scheduleralerts: %w name of %d characters, limit %d", iotenant.ErrInvalid, len(name), maxName)
	}
	event, err := json.Marshal(Event{Tenant: id, At: at})
	if err != nil {
		return nil, fmt.Errorf("scheduleralerts: %w", err)
	}
	target := &types.Target{Arn: &w.target.ARN, RoleArn: &w.target.RoleARN, Input: aws.String(string(event))}
	if w.target.DeadLetterARN != "" {
		target.DeadLetterConfig = &types.DeadLetterConfig{Arn: &w.target.DeadLetterARN}
	}
	return &scheduler.CreateScheduleInput{
		Name: &name, GroupName: &w.options.Group,
		ScheduleExpression:    aws.String(at.Format("at(2006-01-02T15:04:05)")), // UTC unless said otherwise
		FlexibleTimeWindow:    &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion: types.ActionAfterCompletionDelete,
		Target:                target,
	}, nil
}

func (w *Waker) isMade(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.made[name]
}

func (w *Waker) keep(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.made) >= madeKept {
		clear(w.made)
	}
	w.made[name] = true
}
