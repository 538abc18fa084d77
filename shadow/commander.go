package shadow

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// CommanderOptions are the options of [NewCommander].
type CommanderOptions struct {
	// NewID makes the token of a command: unique, 1 to 57 bytes of UTF-8.
	// Default: 128 random bits as text.
	NewID func() string
	// Recheck is the interval in which a waiting call reads the shadow, in
	// case that an event was lost. Default 30 s; negative means never.
	Recheck time.Duration
}

// Commander sends commands through shadows: it sets desired, and waits until
// the device reports the same. A device that is offline gets the command when
// it comes back.
//
// A device needs to know nothing of commands: it makes true what the delta
// says, and reports it. To reject, it takes the values out of desired: it
// updates {"state":{"desired":{"lamp":null}}}. It may also put other values
// there, with the client token of the delta message, to say what it accepts.
type Commander struct {
	shadows Shadows
	bus     device.Bus
	options CommanderOptions
}

// NewCommander returns a Commander over shadows that tell of their changes on
// bus, by the message /update/documents.
func NewCommander(shadows Shadows, bus device.Bus, optFns ...func(*CommanderOptions)) *Commander {
	options := CommanderOptions{NewID: rand.Text, Recheck: 30 * time.Second}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Commander{shadows: shadows, bus: bus, options: options}
}

// Do sends a command and waits for its outcome, see Send and Wait. No event
// between the two is missed.
func (c *Commander) Do(ctx context.Context, id tenant.ID, thing device.ID, name Name, desired any) (Command, error) {
	command, wanted, err := c.prepare(thing, name, desired)
	if err != nil {
		return Command{}, err
	}
	watch, err := c.watch(ctx, id, command, wanted)
	if err != nil {
		return Command{}, err
	}
	defer watch.cancel()
	if err := c.send(ctx, id, &command, wanted); err != nil {
		return command, err
	}
	return c.await(ctx, id, command, watch)
}

// Send sets values in desired, a value that encodes as a JSON object without
// nulls, and returns the command, pending. Commands to one shadow may stand
// at the same time: those for other values don't touch each other; the same
// value commanded anew is superseded.
//
// Errors: [ErrValue]; those of [Shadows.Update]. After an error of kind
// iotenant.ErrUnavailable the command may have been sent; the one returned
// with it has the token.
func (c *Commander) Send(ctx context.Context, id tenant.ID, thing device.ID, name Name, desired any) (Command, error) {
	command, wanted, err := c.prepare(thing, name, desired)
	if err != nil {
		return Command{}, err
	}
	err = c.send(ctx, id, &command, wanted)
	return command, err
}

func (c *Commander) prepare(thing device.ID, name Name, desired any) (Command, wish, error) {
	wanted, err := wishOf(desired)
	if err != nil {
		return Command{}, wish{}, err
	}
	token := c.options.NewID()
	if token == "" || len(token) > maxCommandToken {
		return Command{}, wish{}, fmt.Errorf("%w: command token of %d bytes, want 1 to %d", ErrValue, len(token), maxCommandToken)
	}
	return Command{
		Token:   token,
		Thing:   thing,
		Shadow:  name,
		Desired: appendValue(nil, wanted),
		Status:  StatusPending,
	}, wish{token: token, desired: wanted}, nil
}

func (c *Commander) send(ctx context.Context, id tenant.ID, command *Command, wanted wish) error {
	state := value{kind: kindObject, members: []member{{`"desired"`, wanted.desired}}}
	answer, err := c.shadows.Update(ctx, id, command.Thing, command.Shadow, updateRequest(state, -1, command.Token))
	if err != nil {
		return err
	}
	accepted, err := ParseDocument[any](answer)
	if err != nil {
		return err
	}
	command.Version, command.SentAt = accepted.Version, accepted.Timestamp
	return nil
}

// Wait waits until a command has an outcome, and returns the command with it.
// The error is nil if it is done, else that of its status, see [Command.Err].
// If ctx ends first, the command stays pending and the error is [ErrPending]
// and the context's cause: the command still stands, and a later Wait finds
// the report that came late. Other errors: those of [Shadows.Get] and of the
// bus, with the command still pending.
//
// The outcome is read from the shadow and from its changes from then on. A
// report that came and went before Wait began is not seen; use Do to see all.
func (c *Commander) Wait(ctx context.Context, id tenant.ID, command Command) (Command, error) {
	if command.Status != StatusPending {
		return command, command.Err()
	}
	wanted, err := command.wish()
	if err != nil {
		return command, err
	}
	watch, err := c.watch(ctx, id, command, wanted)
	if err != nil {
		return command, pendingError(ctx, err)
	}
	defer watch.cancel()
	if command, err = c.Check(ctx, id, command); err != nil || command.Status != StatusPending {
		if err == nil {
			err = command.Err()
		}
		return command, pendingError(ctx, err)
	}
	return c.await(ctx, id, command, watch)
}

// Check reads the shadow once and returns the command with what became of it,
// pending if nothing did. Errors: those of [Shadows.Get], [ErrValue].
func (c *Commander) Check(ctx context.Context, id tenant.ID, command Command) (Command, error) {
	if command.Status != StatusPending {
		return command, nil
	}
	wanted, err := command.wish()
	if err != nil {
		return command, err
	}
	state, err := c.read(ctx, id, command)
	if err != nil {
		return command, err
	}
	return command.after(event{state: state, status: wanted.outcome(state, "")}), nil
}

// Cancel takes the commanded values that the device has not reported, and that
// nobody replaced, out of desired. It returns the command, cancelled, or with
// the outcome that it had already. Calls that wait for it end. Errors: those
// of [Shadows.Get] and [Shadows.Update], [ErrValue].
func (c *Commander) Cancel(ctx context.Context, id tenant.ID, command Command) (Command, error) {
	wanted, err := command.wish()
	if err != nil || command.Status != StatusPending {
		return command, err
	}
	cancelled, err := retryOnConflict(ctx, func() (Command, error) {
		return c.cancelOnce(ctx, id, command, wanted)
	})
	if err != nil {
		return command, err
	}
	return cancelled, nil
}

func (c *Commander) cancelOnce(ctx context.Context, id tenant.ID, command Command, wanted wish) (Command, error) {
	state, err := c.read(ctx, id, command)
	if err != nil {
		return command, err
	}
	standing := wanted.standing(state)
	if status := wanted.outcome(state, ""); status == StatusDone || standing.kind == kindAbsent {
		return command.after(event{state: state, status: status}), nil
	}
	patch := value{kind: kindObject, members: []member{{`"desired"`, standing}}}
	answer, err := c.shadows.Update(ctx, id, command.Thing, command.Shadow, updateRequest(patch, state.version, cancelPrefix+command.Token))
	if err != nil {
		return command, err
	}
	accepted, err := ParseDocument[any](answer)
	if err != nil {
		return command, err
	}
	state.version = accepted.Version
	return command.after(event{state: state, status: StatusCancelled}), nil
}

// read returns the shadow of a command, the zero State if it is gone.
func (c *Commander) read(ctx context.Context, id tenant.ID, command Command) (State, error) {
	payload, err := c.shadows.Get(ctx, id, command.Thing, command.Shadow)
	if errors.Is(err, iotenant.ErrNotFound) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	return ParseState(payload)
}

// await waits for the outcome of a pending command that was sent.
func (c *Commander) await(ctx context.Context, id tenant.ID, command Command, watch *watch) (Command, error) {
	var recheck <-chan time.Time
	if c.options.Recheck > 0 {
		ticker := time.NewTicker(c.options.Recheck)
		defer ticker.Stop()
		recheck = ticker.C
	}
	for {
		if found, ok := watch.outcome(command.Version); ok {
			command = command.after(found)
			return command, command.Err()
		}
		select {
		case <-watch.changed:
		case <-recheck:
			checked, err := c.Check(ctx, id, command)
			if err != nil || checked.Status != StatusPending {
				if err == nil {
					err = checked.Err()
				}
				return checked, pendingError(ctx, err)
			}
		case <-ctx.Done():
			return command, pendingError(ctx, context.Cause(ctx))
		}
	}
}

// pendingError adds [ErrPending] to the error of a call that ended with ctx.
func pendingError(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && iotenant.KindOf(err) == nil {
		return fmt.Errorf("%w: %w", ErrPending, err)
	}
	return err
}

// after returns the command with the outcome that an event means for it.
func (c Command) after(e event) Command {
	c.Status = e.status
	if c.Status != StatusPending {
		c.Reported, c.EndedVersion = e.state.Reported(), e.state.version
	}
	return c
}

// event is a state of a shadow in which a command has an outcome.
type event struct {
	state  State
	status Status
}

// watch collects the states, from the moment of its subscription on, in which
// a wish has an outcome. Whether they count depends on the version that the
// command gets: in-process buses deliver before the update returns.
type watch struct {
	wish    wish
	name    Name
	changed chan struct{} // has room for one
	cancel  func()

	mu     sync.Mutex
	events []event
}

func (c *Commander) watch(ctx context.Context, id tenant.ID, command Command, wanted wish) (*watch, error) {
	w := &watch{wish: wanted, name: command.Shadow, changed: make(chan struct{}, 1)}
	filter := device.Filter{Thing: command.Thing, Class: device.ClassShadow, Shadow: command.Shadow.String()}
	cancel, err := c.bus.Subscribe(ctx, id, filter, w.handle)
	if err != nil {
		return nil, err
	}
	w.cancel = cancel
	return w, nil
}

// handle takes the messages of all shadow topics of the thing. What it can't
// read is no news: the next recheck tells.
func (w *watch) handle(message device.Message) {
	if message.Topic.Shadow != w.name.text {
		return // the filter for the classic shadow matches all
	}
	switch message.Topic.Operation {
	case "update/documents":
		document, err := parse(string(message.Payload))
		if err != nil {
			return
		}
		state, err := stateOf(document.get(`"current"`))
		if err != nil {
			return
		}
		token, _ := clientToken(document)
		w.add(event{state: state, status: w.wish.outcome(state, token)})
	case "delete/accepted":
		document, err := ParseDocument[any](message.Payload)
		if err != nil {
			return
		}
		w.add(event{state: State{version: document.Version, deleted: true}, status: StatusSuperseded})
	}
}

func (w *watch) add(e event) {
	if e.status == StatusPending {
		return
	}
	w.mu.Lock()
	w.events = append(w.events, e)
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default: // told already
	}
}

// outcome returns the event with the least version of those at or after the
// command's, whatever order they came in, and forgets all.
func (w *watch) outcome(version int64) (first event, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.state.version >= version && (!ok || e.state.version < first.state.version) {
			first, ok = e, true
		}
	}
	w.events = nil
	return first, ok
}
