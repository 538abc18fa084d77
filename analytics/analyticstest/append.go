package analyticstest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
)

var appendTests = []contractTest{
	{"a message with a known id is stored once", func(f *fixture) {
		f.appendOne(f.a, f.message("m", 0, `{"t": 1}`), analytics.Stored)
		f.appendOne(f.a, f.message("m", 5, `{"t": 2}`), analytics.Duplicate)
		f.wantPoints(f.a, analytics.Query{}, "t=1")
		f.wantLast(f.a, "", f.pump, "t=1")
	}},
	{"a duplicate within an append is stored once", func(f *fixture) {
		m := f.message("m", 0, `{"t": 1}`)
		got := f.append(f.a, m, m, f.message("n", 1, ""))
		if got[0] != analytics.Stored || got[1] != analytics.Duplicate || got[2] != analytics.Stored {
			f.Errorf("outcomes %v", got)
		}
		f.wantIDs(f.a, analytics.Query{}, "m", "n")
	}},
	{"ids count for each thing and data store apart", func(f *fixture) {
		raw := f.message("m", 0, "")
		other, processed := raw, raw
		other.Thing, processed.Datastore = f.fan, "clean"
		f.appendOne(f.a, raw, analytics.Stored)
		f.appendOne(f.a, other, analytics.Stored)
		f.appendOne(f.a, processed, analytics.Stored)
		raw.Channel = "elsewhere"
		f.appendOne(f.a, raw, analytics.Duplicate)
	}},
	{"a message without id is never a duplicate", func(f *fixture) {
		m := f.message("", 0, `{"t": 1}`)
		f.append(f.a, m, m)
		f.appendOne(f.a, m, analytics.Stored)
		f.wantPoints(f.a, analytics.Query{}, "t=1", "t=1", "t=1")
	}},
	{"the latest Window ids are remembered", func(f *fixture) {
		send := func(want analytics.Outcome) {
			for first := 0; first < analytics.Window; first += 64 {
				batch := make([]analytics.Message, 64)
				for i := range batch {
					batch[i] = f.message(fmt.Sprint("m", first+i), float64(first+i), "")
				}
				for i, got := range f.append(f.a, batch...) {
					if got != want {
						f.Fatalf("message %d: %v, want %v", first+i, got, want)
					}
				}
			}
		}
		send(analytics.Stored)
		send(analytics.Duplicate)
	}},
	{"a bad message is named and the append keeps nothing", func(f *fixture) {
		for name, spoil := range map[string]func(*analytics.Message){
			"thing":         func(m *analytics.Message) { m.Thing = device.ID{} },
			"data store":    func(m *analytics.Message) { m.Datastore = "a/b" },
			"reserved":      func(m *analytics.Message) { m.Datastore = "__dt" },
			"long store":    func(m *analytics.Message) { m.Datastore = strings.Repeat("a", analytics.MaxDatastore+1) },
			"long channel":  func(m *analytics.Message) { m.Channel = strings.Repeat("a", analytics.MaxChannel+1) },
			"channel bytes": func(m *analytics.Message) { m.Channel = "\xff" },
			"long id":       func(m *analytics.Message) { m.ID = strings.Repeat("a", analytics.MaxMessageID+1) },
			"id bytes":      func(m *analytics.Message) { m.ID = "\xff" },
			"no time":       func(m *analytics.Message) { m.At = time.Time{} },
			"late time":     func(m *analytics.Message) { m.At = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) },
			"payload":       func(m *analytics.Message) { m.Payload = make([]byte, analytics.MaxPayload+1) },
		} {
			good, bad := f.message("good", 0, ""), f.message("bad", 0, "")
			spoil(&bad)
			_, err := f.store.Append(f.ctx, f.a, []analytics.Message{good, bad})
			want := analytics.ErrMessage
			if name == "thing" {
				want = device.ErrID
			}
			f.wantErr(name, err, want)
			var named *analytics.MessageError
			if !errors.As(err, &named) || named.Index != 1 {
				f.Errorf("%s: %v does not name message 1", name, err)
			}
		}
		f.wantIDs(f.a, analytics.Query{})
	}},
	{"an append has 1 to MaxBatch messages", func(f *fixture) {
		_, err := f.store.Append(f.ctx, f.a, nil)
		f.wantErr("empty", err, analytics.ErrBatch)
		batch := make([]analytics.Message, analytics.MaxBatch+1)
		for i := range batch {
			batch[i] = f.message("", 0, "")
		}
		_, err = f.store.Append(f.ctx, f.a, batch)
		f.wantErr("too many", err, analytics.ErrBatch)
		f.append(f.a, batch[1:]...)
	}},
	{"messages of the greatest size are kept", func(f *fixture) {
		m := analytics.Message{
			Thing:     device.MustParseID(strings.Repeat("t", device.MaxIDLength)),
			Datastore: strings.Repeat("d", analytics.MaxDatastore),
			Channel:   strings.Repeat("c", analytics.MaxChannel),
			ID:        strings.Repeat("i", analytics.MaxMessageID),
			At:        time.Date(2199, 12, 31, 23, 59, 59, 999999999, time.UTC),
			Payload:   []byte(strings.Repeat("p", analytics.MaxPayload)),
		}
		f.append(f.a, m)
		got := f.messages(f.a, analytics.Query{Datastore: m.Datastore})
		if len(got) != 1 || !equal(got[0], m) {
			f.Errorf("got %d messages, or another", len(got))
		}
	}},
	{"what was appended may be changed afterwards", func(f *fixture) {
		m := f.message("m", 0, `{"t": 1}`)
		batch := []analytics.Message{m}
		f.append(f.a, batch...)
		copy(m.Payload, `{"t": 7}`)
		batch[0].ID = "changed"
		f.wantIDs(f.a, analytics.Query{}, "m")
		f.wantPoints(f.a, analytics.Query{}, "t=1")
	}},
}
