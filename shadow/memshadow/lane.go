package memshadow

import (
	"context"
	"sync"

	"github.com/iotenant/iotenant/device"
)

// lane brings the calls for one shadow into an order, and its messages too.
type lane struct {
	turn chan struct{} // holds one token while a call has its turn
	uses int           // guarded by Service.mu

	mu         sync.Mutex
	messages   []device.Message
	publishing bool
}

// inLane calls work when it is its turn among the calls for a shadow, and then
// publishes what it posted. Publishing happens outside the turn, so that
// handlers may call the service, and by one call at a time, so that the order
// stays.
func (s *Service) inLane(ctx context.Context, key shadowKey, work func(post func(operation string, payload []byte)) error) error {
	l := s.useLane(key)
	defer s.leaveLane(key, l)
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	err := func() error {
		defer func() { <-l.turn }()
		return work(func(operation string, payload []byte) {
			l.post(device.Message{
				Topic:   device.ShadowTopic(key.tenant, key.thing, key.name.String(), operation),
				Payload: payload,
				At:      s.options.Now(),
			})
		})
	}()
	s.publish(context.WithoutCancel(ctx), l)
	return err
}

func (s *Service) useLane(key shadowKey) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[key]
	if l == nil {
		l = &lane{turn: make(chan struct{}, 1)}
		s.lanes[key] = l
	}
	l.uses++
	return l
}

func (s *Service) leaveLane(key shadowKey, l *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.uses--; l.uses == 0 {
		delete(s.lanes, key)
	}
}

func (l *lane) post(message device.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.messages = append(l.messages, message)
}

// publish sends what was posted, unless another call is doing that.
func (s *Service) publish(ctx context.Context, l *lane) {
	if !l.begin() {
		return
	}
	for {
		message, ok := l.next()
		if !ok {
			return
		}
		s.send(ctx, message)
	}
}

func (l *lane) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.publishing {
		return false
	}
	l.publishing = true
	return true
}

// next takes the oldest message; if there is none, publishing ends.
func (l *lane) next() (device.Message, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.messages) == 0 {
		l.publishing = false
		return device.Message{}, false
	}
	message := l.messages[0]
	l.messages = l.messages[1:]
	return message, true
}

func (s *Service) send(ctx context.Context, message device.Message) {
	if err := s.bus.Publish(ctx, message.Topic.Tenant, message); err != nil {
		s.options.Logger.WarnContext(ctx, "shadow message lost",
			"tenant", message.Topic.Tenant, "topic", message.Topic.String(), "bytes", len(message.Payload), "error", err)
	}
}
