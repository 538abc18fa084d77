package memshadow

import (
	"context"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

// Receive takes what a device publishes to get, update or delete of a shadow,
// and implements [device.Receiver]. A nil error means that an accepted update
// or delete is stored, or that a request was refused and its rejection
// published: neither needs to be sent again. Errors of storage are returned,
// so that the device does that; an update sent again makes one version more.
// Other topics are refused with device.ErrTopic.
//
// A transport does not hand in the last will of a device: AWS's service
// ignores wills on shadow topics.
func (s *Service) Receive(ctx context.Context, id tenant.ID, message device.Message) error {
	if err := message.Check(id); err != nil {
		return err
	}
	topic := message.Topic
	if topic.Class != device.ClassShadow {
		return fmt.Errorf("%w: not of a shadow", device.ErrTopic)
	}
	key := shadowKey{thingKey: thingKey{id, topic.Thing}}
	if topic.Shadow != "" {
		var err error
		if key.name, err = shadow.ParseName(topic.Shadow); err != nil {
			return err
		}
	}
	serve := s.receiver(topic.Operation)
	if serve == nil {
		return fmt.Errorf("%w: devices don't publish to it", device.ErrTopic)
	}
	clientToken, err := s.inFlight(ctx, key, message.Payload, serve)
	var refusal *shadow.Error
	if !errors.As(err, &refusal) {
		return err
	}
	return s.answer(ctx, key, topic.Operation+"/rejected", refusal.Rejected(s.options.Now(), clientToken))
}

// receiver does one operation for a device. It returns the client token of the
// request, also beside an error.
type receiver func(ctx context.Context, key shadowKey, payload []byte) (clientToken string, err error)

func (s *Service) receiver(operation string) receiver {
	switch operation {
	case "get":
		return s.receiveGet
	case "update":
		return s.receiveUpdate
	case "delete":
		return s.receiveDelete
	default:
		return nil
	}
}

// inFlight serves a request unless too many of its thing are in work.
func (s *Service) inFlight(ctx context.Context, key shadowKey, payload []byte, serve receiver) (clientToken string, err error) {
	if !s.takeOff(key.thingKey) {
		return shadow.ClientToken(payload), shadow.Throttled()
	}
	defer s.land(key.thingKey)
	return serve(ctx, key, payload)
}

func (s *Service) takeOff(key thingKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options.MaxInFlight >= 0 && s.flights[key] >= s.options.MaxInFlight {
		return false
	}
	s.flights[key]++
	return true
}

func (s *Service) land(key thingKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flights[key]--; s.flights[key] == 0 {
		delete(s.flights, key)
	}
}

func (s *Service) receiveGet(ctx context.Context, key shadowKey, payload []byte) (string, error) {
	clientToken := shadow.ClientToken(payload)
	document, err := s.get(ctx, key, clientToken)
	if err != nil {
		return clientToken, err
	}
	return clientToken, s.answer(ctx, key, "get/accepted", document)
}

func (s *Service) receiveUpdate(ctx context.Context, key shadowKey, payload []byte) (string, error) {
	if err := s.check(ctx, key.thingKey); err != nil {
		return shadow.ClientToken(payload), err
	}
	request, err := s.options.Rules.ParseRequest(payload)
	if err == nil {
		_, err = s.update(ctx, key, request)
	}
	return request.ClientToken, err
}

func (s *Service) receiveDelete(ctx context.Context, key shadowKey, payload []byte) (string, error) {
	clientToken := shadow.ClientToken(payload)
	_, err := s.delete(ctx, key, clientToken)
	return clientToken, err
}

// answer publishes an answer after the messages of earlier calls.
func (s *Service) answer(ctx context.Context, key shadowKey, operation string, payload []byte) error {
	return s.inLane(ctx, key, func(post func(string, []byte)) error {
		post(operation, payload)
		return nil
	})
}
