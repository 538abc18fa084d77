package devicetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var busTests = []busTest{
	{"a subscription receives messages of its own tenant only", func(f *busFixture) {
		own, _ := f.subscribe(north, device.Filter{})
		other, _ := f.subscribe(south, device.Filter{})
		f.publish(north, message(north, pump, "secret"))
		f.wantPayload(own, "secret")
		f.wantNothing(other)
	}},
	{"the zero tenant id is refused", func(f *busFixture) {
		f.wantErr("Publish", f.bus.Publish(f.ctx, tenant.ID{}, message(tenant.ID{}, pump, "x")), tenant.ErrID)
		_, err := f.bus.Subscribe(f.ctx, tenant.ID{}, device.Filter{}, func(device.Message) {})
		f.wantErr("Subscribe", err, tenant.ErrID)
	}},
	{"a topic that names another tenant is refused", func(f *busFixture) {
		all, _ := f.subscribe(south, device.Filter{})
		f.wantErr("Publish", f.bus.Publish(f.ctx, north, message(south, pump, "x")), device.ErrTopic)
		f.wantNothing(all)
	}},
	{"a topic that is none is refused", func(f *busFixture) {
		for _, topic := range []device.Topic{
			{},
			{Tenant: north},
			{Tenant: north, Thing: pump},
			{Tenant: north, Thing: pump, Class: "weather"},
			{Tenant: north, Class: device.ClassTelemetry},
			device.TelemetryTopic(north, pump, "a/+"),
			device.TelemetryTopic(north, pump, "#"),
			device.TelemetryTopic(north, pump, strings.Repeat("x", device.MaxTopicLength)),
			device.TelemetryTopic(north, pump, strings.Repeat("x/", device.MaxTopicLevels)+"x"),
			device.ShadowTopic(north, pump, "", "steal"),
			device.ShadowTopic(north, pump, "a/b", "get"),
		} {
			err := f.bus.Publish(f.ctx, north, device.Message{Topic: topic})
			if !errors.Is(err, device.ErrTopic) && !errors.Is(err, device.ErrID) {
				f.Errorf("Publish on %q returned the error %v, want device.ErrTopic", topic, err)
			}
		}
	}},
	{"a payload over the limit and a bad message id are refused", func(f *busFixture) {
		big := message(north, pump, strings.Repeat("x", device.MaxPayload))
		f.publish(north, big)
		big.Payload = append(big.Payload, 'x')
		f.wantErr("Publish", f.bus.Publish(f.ctx, north, big), device.ErrMessage)
		bad := message(north, pump, "x")
		bad.ID = strings.Repeat("x", device.MaxMessageIDLength+1)
		f.wantErr("Publish", f.bus.Publish(f.ctx, north, bad), device.ErrMessage)
	}},
	{"nobody needs to subscribe", func(f *busFixture) {
		f.publish(north, message(north, pump, "x"))
	}},
	{"a message reaches every matching subscription once", func(f *busFixture) {
		boxes := map[device.Filter]box{}
		for _, filter := range []device.Filter{
			{},
			{Thing: pump},
			{Class: device.ClassShadow},
			{Thing: pump, Class: device.ClassShadow, Shadow: "config", Operation: "update"},
			{Thing: valve},
			{Class: device.ClassTelemetry},
			{Shadow: "other"},
			{Operation: "get"},
		} {
			boxes[filter], _ = f.subscribe(north, filter)
		}
		twice, _ := f.subscribe(north, device.Filter{Thing: pump})
		topic := device.ShadowTopic(north, pump, "config", "update")
		f.publish(north, device.Message{Topic: topic, Payload: []byte("x")})
		for filter, messages := range boxes {
			if filter.Matches(topic) {
				f.wantPayload(messages, "x")
			}
			f.wantNothing(messages)
		}
		f.wantPayload(twice, "x")
	}},
	{"a subscription does not receive what was published before it", func(f *busFixture) {
		f.publish(north, message(north, pump, "before"))
		messages, _ := f.subscribe(north, device.Filter{})
		f.publish(north, message(north, pump, "after"))
		f.wantPayload(messages, "after")
		f.wantNothing(messages)
	}},
	{"a message arrives with its topic, payload, id and time", func(f *busFixture) {
		messages, _ := f.subscribe(north, device.Filter{})
		sent := device.Message{Topic: device.CommandTopic(north, pump, "a/b"), Payload: []byte("\x00\xff"), ID: "m-1"}
		f.publish(north, sent)
		got := f.next(messages)
		if got.Topic != sent.Topic || string(got.Payload) != string(sent.Payload) || got.ID != sent.ID || got.At.IsZero() {
			f.Errorf("got %+v, want %+v and a time", got, sent)
		}
		at := time.UnixMilli(1_700_000_000_000).UTC()
		sent.At = at
		f.publish(north, sent)
		if got := f.next(messages); !got.At.Equal(at) {
			f.Errorf("got the time %s, want %s", got.At, at)
		}
	}},
	{"a message without id arrives with the one in its payload", func(f *busFixture) {
		messages, _ := f.subscribe(north, device.Filter{})
		f.publish(north, message(north, pump, `{"messageId":"m-2"}`))
		if got := f.next(messages).ID; got != "m-2" {
			f.Errorf("got the id %q, want %q", got, "m-2")
		}
	}},
	{"messages that one goroutine publishes arrive in order", func(f *busFixture) {
		messages, _ := f.subscribe(north, device.Filter{Thing: pump})
		var noise sync.WaitGroup
		noise.Go(func() {
			for range 200 {
				_ = f.bus.Publish(f.ctx, north, message(north, valve, "noise"))
			}
		})
		for i := range 200 {
			f.publish(north, message(north, pump, fmt.Sprint(i)))
		}
		for i := range 200 {
			f.wantPayload(messages, fmt.Sprint(i))
		}
		noise.Wait()
	}},
	{"the publisher may change the payload after Publish returns", func(f *busFixture) {
		messages, _ := f.subscribe(north, device.Filter{})
		m := message(north, pump, "first")
		f.publish(north, m)
		copy(m.Payload, "XXXXX")
		f.wantPayload(messages, "first")
	}},
	{"a handler may publish, subscribe and cancel", func(f *busFixture) {
		answers, _ := f.subscribe(north, device.Filter{Class: device.ClassCommand})
		ready := make(chan struct{})
		var cancel func()
		handle := func(m device.Message) {
			<-ready
			cancel()
			stop, err := f.bus.Subscribe(f.ctx, north, device.Filter{}, func(device.Message) {})
			if err != nil {
				f.Errorf("Subscribe in a handler returned the error %v", err)
				return
			}
			stop()
			answer := device.Message{Topic: device.CommandTopic(north, m.Topic.Thing, ""), Payload: m.Payload}
			if err := f.bus.Publish(f.ctx, north, answer); err != nil {
				f.Errorf("Publish in a handler returned the error %v", err)
			}
		}
		cancel, err := f.bus.Subscribe(f.ctx, north, device.Filter{Class: device.ClassTelemetry}, handle)
		f.wantErr("Subscribe", err, nil)
		close(ready)
		f.publish(north, message(north, pump, "ping"))
		f.wantPayload(answers, "ping")
		f.publish(north, message(north, pump, "again"))
		f.wantNothing(answers)
	}},
	{"a message that is published after cancel returned does not reach the handler", func(f *busFixture) {
		for range 100 {
			messages, cancel := f.subscribe(north, device.Filter{Thing: pump})
			var noise sync.WaitGroup
			noise.Go(func() { f.publish(north, message(north, pump, "meanwhile")) })
			cancel()
			f.publish(north, message(north, pump, "after"))
			noise.Wait()
			for len(messages) > 0 {
				f.wantPayload(messages, "meanwhile")
			}
		}
	}},
	{"cancelling twice is no error", func(f *busFixture) {
		messages, cancel := f.subscribe(north, device.Filter{})
		other, _ := f.subscribe(north, device.Filter{})
		cancel()
		cancel()
		f.publish(north, message(north, pump, "x"))
		f.wantNothing(messages)
		f.wantPayload(other, "x")
	}},
	{"the context of Subscribe does not end the subscription", func(f *busFixture) {
		ctx, stop := context.WithCancel(f.ctx)
		messages := make(box, 10)
		cancel, err := f.bus.Subscribe(ctx, north, device.Filter{}, func(m device.Message) { messages <- m.Clone() })
		f.wantErr("Subscribe", err, nil)
		defer cancel()
		stop()
		f.publish(north, message(north, pump, "x"))
		f.wantPayload(messages, "x")
	}},
	{"a call made with a cancelled context has no effect", func(f *busFixture) {
		messages, _ := f.subscribe(north, device.Filter{})
		cause := errors.New("the cause")
		ctx, stop := context.WithCancelCause(f.ctx)
		stop(cause)
		f.wantErr("Publish", f.bus.Publish(ctx, north, message(north, pump, "x")), cause)
		late := make(box, 10)
		_, err := f.bus.Subscribe(ctx, north, device.Filter{}, func(m device.Message) { late <- m.Clone() })
		f.wantErr("Subscribe", err, cause)
		f.wantNothing(messages)
		f.publish(north, message(north, pump, "y"))
		f.wantPayload(messages, "y")
		f.wantNothing(late)
	}},
	{"all methods may be called concurrently", func(f *busFixture) {
		const publishers, each = 8, 50
		all, _ := f.subscribe(north, device.Filter{})
		var done sync.WaitGroup
		for i := range publishers {
			done.Go(func() {
				thing := device.MustParseID(fmt.Sprint("thing-", i))
				for range each {
					cancel, err := f.bus.Subscribe(f.ctx, north, device.Filter{Thing: thing}, func(device.Message) {})
					if err != nil {
						f.Errorf("Subscribe returned the error %v", err)
						return
					}
					if err := f.bus.Publish(f.ctx, north, message(north, thing, "x")); err != nil {
						f.Errorf("Publish returned the error %v", err)
					}
					cancel()
				}
			})
		}
		done.Wait()
		for range publishers * each {
			f.next(all)
		}
		f.wantNothing(all)
	}},
}
