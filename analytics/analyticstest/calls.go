package analyticstest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var lastTests = []contractTest{
	{"the latest time wins, then arrival", func(f *fixture) {
		f.append(f.a, f.message("1", 5, `{"t": 1, "u": 1}`))
		f.append(f.a, f.message("2", 4, `{"t": 2, "v": 2}`))
		f.wantLast(f.a, "", f.pump, "t=1", "u=1", "v=2")
		f.append(f.a, f.message("3", 5, `{"t": 3}`))
		f.append(f.a, f.message("4", 9, `{"t": 4, "timestamp": 1}`))
		f.wantLast(f.a, "", f.pump, "t=3", "u=1", "v=2")
		if got := f.last(f.a, "", f.pump)[2].Time; !got.Equal(f.after(4)) {
			f.Errorf("time %v", got)
		}
	}},
	{"things, channels and data stores are apart", func(f *fixture) {
		for i, m := range []analytics.Message{{Thing: f.pump, Channel: "b"}, {Thing: f.pump, Channel: "a"}, {Thing: f.fan}, {Thing: f.pump, Datastore: "clean"}} {
			m.At, m.Payload = f.noon, fmt.Appendf(nil, `{"t": %d}`, i)
			f.append(f.a, m)
		}
		f.wantLast(f.a, "", f.pump, "a:t=1", "b:t=0")
		f.wantLast(f.a, "", f.fan, "t=2")
		f.wantLast(f.a, "clean", f.pump, "t=3")
		f.wantLast(f.a, "", device.MustParseID("other"))
	}},
	{"the first MaxLast are known", func(f *fixture) {
		var messages []analytics.Message
		for i := range analytics.MaxLast + 1 {
			m := f.message("", float64(i), `{"t": 1}`)
			m.Channel = fmt.Sprintf("c%04d", i)
			messages = append(messages, m)
		}
		for batch := range slices.Chunk(messages, analytics.MaxBatch) {
			f.append(f.a, batch...)
		}
		last := f.last(f.a, "", f.pump)
		if n := len(last); n != analytics.MaxLast || last[n-1].Channel != fmt.Sprintf("c%04d", n-1) {
			f.Errorf("%d last values, up to %q", n, last[n-1].Channel)
		}
	}},
	{"bad arguments are refused", func(f *fixture) {
		_, err := f.store.Last(f.ctx, f.a, "", device.ID{})
		f.wantErr("zero thing", err, device.ErrID)
		_, err = f.store.Last(f.ctx, f.a, "a b", f.pump)
		f.wantErr("data store", err, analytics.ErrQuery)
	}},
}

var callTests = []contractTest{
	{"a cancelled context ends the call without effect", func(f *fixture) {
		f.append(f.a, f.message("1", 0, `{"t": 1}`))
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		_, err := f.store.Append(ctx, f.a, []analytics.Message{f.message("2", 0, "")})
		f.wantErr("Append", err, context.Canceled)
		_, err = f.store.Messages(ctx, f.a, analytics.Query{})
		f.wantErr("Messages", err, context.Canceled)
		_, err = f.store.Points(ctx, f.a, analytics.Query{})
		f.wantErr("Points", err, context.Canceled)
		_, err = f.store.Last(ctx, f.a, "", f.pump)
		f.wantErr("Last", err, context.Canceled)
		f.wantIDs(f.a, analytics.Query{}, "1")
	}},
	{"concurrent resends are stored once", func(f *fixture) {
		const senders, messages = 8, 50
		var stored [messages]int
		var mu sync.Mutex
		var group sync.WaitGroup
		for range senders {
			group.Go(func() {
				for i := range messages {
					outcomes, err := f.store.Append(f.ctx, f.a, []analytics.Message{f.message(fmt.Sprint(i), float64(i), "")})
					if err != nil {
						f.Errorf("Append: %v", err)
						return
					}
					mu.Lock()
					if outcomes[0] == analytics.Stored {
						stored[i]++
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		for i, n := range stored {
			if n != 1 {
				f.Errorf("message %d stored %d times", i, n)
			}
		}
		if n := len(f.messages(f.a, analytics.Query{})); n != messages {
			f.Errorf("%d messages, want %d", n, messages)
		}
	}},
	{"an acknowledged message is seen while others append", func(f *fixture) {
		var group sync.WaitGroup
		for w := range 8 {
			id, thing := []tenant.ID{f.a, f.b}[w%2], device.MustParseID(fmt.Sprint("thing", w))
			group.Go(func() {
				for i := range 30 {
					m := f.message(fmt.Sprint(i), float64(i), fmt.Sprintf(`{"t": %d}`, i))
					m.Thing = thing
					if _, err := f.store.Append(f.ctx, id, []analytics.Message{m}); err != nil {
						f.Errorf("Append: %v", err)
						return
					}
					page, err := f.store.Points(f.ctx, id, analytics.Query{Things: []device.ID{thing}})
					last, lastErr := f.store.Last(f.ctx, id, "", thing)
					if err != nil || lastErr != nil || len(page.Items) != i+1 || len(last) != 1 || last[0].Value != float64(i) {
						f.Errorf("after message %d: %d points, last %v, errors %v, %v", i, len(page.Items), last, err, lastErr)
						return
					}
				}
			})
		}
		group.Wait()
	}},
}
