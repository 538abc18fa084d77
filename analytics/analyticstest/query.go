package analyticstest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var messageTests = []contractTest{
	{"messages come back as they were", func(f *fixture) {
		zone := time.FixedZone("", 3600)
		sent := []analytics.Message{
			{Thing: f.pump, Channel: "a/b", ID: "ü", At: f.after(0.000000001).In(zone), Payload: []byte("{ \"t\" :1.0,\n\"t\":\"\\u00e4\"}")},
			{Thing: f.fan, At: f.after(1), Payload: []byte("\x00\xff not JSON")},
			{Thing: f.fan, ID: "empty", At: f.after(2)},
		}
		f.append(f.a, sent...)
		got := f.messages(f.a, analytics.Query{})
		if !slices.EqualFunc(got, sent, equal) {
			f.Errorf("got %+v, want %+v", got, sent)
		}
		if got[0].At.Location() != time.UTC {
			f.Errorf("time in %v, want UTC", got[0].At.Location())
		}
	}},
	{"what was returned may be changed", func(f *fixture) {
		f.append(f.a, f.message("m", 0, `{"t": 1}`))
		copy(f.messages(f.a, analytics.Query{})[0].Payload, `{"t": 7}`)
		f.last(f.a, "", f.pump)[0].Value = 7
		f.wantPoints(f.a, analytics.Query{}, "t=1")
		f.wantLast(f.a, "", f.pump, "t=1")
	}},
	{"they are ordered by received time, then arrival", func(f *fixture) {
		for _, m := range []struct {
			id string
			at float64
		}{{"c", 2}, {"a", 1}, {"d", 2}, {"b", 1}, {"e", 90000}, {"z", -90000}} {
			f.append(f.a, f.message(m.id, m.at, `{"timestamp": 1}`))
		}
		f.wantIDs(f.a, analytics.Query{}, "z", "a", "b", "c", "d", "e")
		f.wantIDs(f.a, analytics.Query{Descending: true}, "e", "d", "c", "b", "a", "z")
	}},
	{"from is included and to is excluded", func(f *fixture) {
		for i := range 5 {
			f.append(f.a, f.message(fmt.Sprint(i), float64(i), ""))
		}
		f.wantIDs(f.a, analytics.Query{From: f.after(1), To: f.after(3)}, "1", "2")
		f.wantIDs(f.a, analytics.Query{From: f.after(3)}, "3", "4")
		f.wantIDs(f.a, analytics.Query{To: f.after(2), Descending: true}, "1", "0")
		f.wantIDs(f.a, analytics.Query{From: f.after(2), To: f.after(2)})
		f.wantIDs(f.a, analytics.Query{From: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, "0", "1", "2", "3", "4")
	}},
	{"a query selects data store, things and channels", func(f *fixture) {
		for i, m := range []analytics.Message{
			{Thing: f.pump}, {Thing: f.pump, Channel: "c"}, {Thing: f.fan, Channel: "c"}, {Thing: f.pump, Datastore: "clean"}, {Thing: f.fan, Channel: "c/d"},
		} {
			m.ID, m.At = fmt.Sprint(i), f.after(float64(i))
			f.append(f.a, m)
		}
		f.wantIDs(f.a, analytics.Query{}, "0", "1", "2", "4")
		f.wantIDs(f.a, analytics.Query{Datastore: "clean"}, "3")
		f.wantIDs(f.a, analytics.Query{Datastore: "other"})
		f.wantIDs(f.a, analytics.Query{Things: []device.ID{f.pump}}, "0", "1")
		f.wantIDs(f.a, analytics.Query{Things: []device.ID{f.pump, f.fan}}, "0", "1", "2", "4")
		f.wantIDs(f.a, analytics.Query{Channels: []string{""}}, "0")
		f.wantIDs(f.a, analytics.Query{Channels: []string{"c"}}, "1", "2")
		f.wantIDs(f.a, analytics.Query{Channels: []string{"c/d", ""}}, "0", "4")
		f.wantIDs(f.a, analytics.Query{Things: []device.ID{device.MustParseID("pum")}})
	}},
	{"a bad query is refused", func(f *fixture) {
		for name, query := range map[string]analytics.Query{
			"metrics":    {Metrics: []string{"t"}},
			"limit":      {Limit: tenant.MaxLimit + 1},
			"negative":   {Limit: -1},
			"bounds":     {From: f.after(1), To: f.after(0)},
			"data store": {Datastore: "../x"},
			"channel":    {Channels: []string{"\xff"}},
			"channels":   {Channels: make([]string, analytics.MaxSelected+1)},
		} {
			_, err := f.store.Messages(f.ctx, f.a, query)
			f.wantErr(name, err, analytics.ErrQuery)
		}
		_, err := f.store.Points(f.ctx, f.a, analytics.Query{Metrics: []string{""}})
		f.wantErr("metric", err, analytics.ErrQuery)
		_, err = f.store.Points(f.ctx, f.a, analytics.Query{Things: []device.ID{{}}})
		f.wantErr("zero thing", err, device.ErrID)
	}},
}

var pointTests = []contractTest{
	{"the numbers of a payload are points", func(f *fixture) {
		f.append(f.a, f.message("m", 0, `{"t": 1.5, "on": true, "deep": {"rpm": -2e3, "list": [1]}, "name": "7", "none": null}`))
		f.append(f.a, f.message("n", 1, `not JSON`), f.message("o", 2, `[1]`), f.message("p", 3, ``))
		f.wantPoints(f.a, analytics.Query{}, "t=1.5", "deep.rpm=-2000")
		want := analytics.Point{Thing: f.pump, Metric: "t", Time: f.noon, Value: 1.5}
		if got := f.points(f.a, analytics.Query{Metrics: []string{"t"}}); len(got) != 1 || got[0] != want {
			f.Errorf("got %+v, want %+v", got, want)
		}
	}},
	{"they are ordered by their own time, then arrival, then place", func(f *fixture) {
		f.append(f.a, f.message("1", 1, `{"a": 1, "b": 2, "timestamp": "2026-01-01T00:00:10Z"}`))
		f.append(f.a, f.message("2", 2, `{"a": 3, "timestamp": "2026-01-01 00:00:09"}`))
		f.append(f.a, f.message("3", 3, `{"a": 4, "b": 5, "timestamp": 1767225610}`))
		f.append(f.a, f.message("4", 4, `{"a": 6, "timestamp": 1767225611000}`))
		f.wantPoints(f.a, analytics.Query{}, "a=3", "a=1", "b=2", "a=4", "b=5", "a=6")
		f.wantPoints(f.a, analytics.Query{Descending: true}, "a=6", "b=5", "a=4", "b=2", "a=1", "a=3")
		at := time.Date(2026, 1, 1, 0, 0, 10, 0, time.UTC)
		f.wantPoints(f.a, analytics.Query{From: at, To: at.Add(time.Second)}, "a=1", "b=2", "a=4", "b=5")
		f.wantPoints(f.a, analytics.Query{From: f.noon})
	}},
	{"equal times with other values are all kept", func(f *fixture) {
		f.append(f.a, f.message("1", 0, `{"t": 1}`), f.message("2", 0, `{"t": 2}`), f.message("3", 0, `{"t": 1}`))
		f.wantPoints(f.a, analytics.Query{}, "t=1", "t=2", "t=1")
	}},
	{"a query selects metrics", func(f *fixture) {
		m := f.message("m", 0, `{"a": 1, "b": 2, "c": {"a": 3}}`)
		m.Channel = "x"
		f.append(f.a, m)
		f.wantPoints(f.a, analytics.Query{Metrics: []string{"c.a", "b"}}, "x:b=2", "x:c.a=3")
		f.wantPoints(f.a, analytics.Query{Metrics: []string{"A"}})
		f.wantPoints(f.a, analytics.Query{Metrics: []string{"a"}, Channels: []string{"y"}})
	}},
}

var pagingTests = []contractTest{
	{"pages end at the limit and follow each other", func(f *fixture) {
		var ids []string
		for i := range 25 {
			ids = append(ids, fmt.Sprintf("%02d", i))
			f.append(f.a, f.message(ids[i], float64(i/3), fmt.Sprintf(`{"a": %d, "b": 1, "timestamp": %d}`, i, 1000-i/4)))
		}
		for _, limit := range []int{1, 2, 7, 24, 25, 26, 0} {
			f.wantIDs(f.a, analytics.Query{Limit: limit}, ids...)
			if got := f.points(f.a, analytics.Query{Limit: limit}); len(got) != 2*len(ids) {
				f.Errorf("limit %d: %d points, want %d", limit, len(got), 2*len(ids))
			}
			page, err := f.store.Messages(f.ctx, f.a, analytics.Query{Limit: limit})
			if err != nil || limit > 0 && len(page.Items) > limit {
				f.Errorf("limit %d: %d items, %v", limit, len(page.Items), err)
			}
		}
		slices.Reverse(ids)
		f.wantIDs(f.a, analytics.Query{Limit: 4, Descending: true}, ids...)
		forward, backward := f.points(f.a, analytics.Query{Limit: 3}), f.points(f.a, analytics.Query{Limit: 3, Descending: true})
		slices.Reverse(backward)
		if !slices.Equal(forward, backward) {
			f.Errorf("descending is not the reverse")
		}
	}},
	{"what is there throughout is found once while messages arrive", func(f *fixture) {
		for i := range 20 {
			f.append(f.a, f.message(fmt.Sprint(i), float64(i), ""))
		}
		seen := map[string]int{}
		n := 0
		for m, err := range analytics.AllMessages(f.ctx, f.store, f.a, analytics.Query{Limit: 3}) {
			if err != nil {
				f.Fatal(err)
			}
			seen[m.ID]++
			if n++; n <= 20 {
				f.append(f.a, f.message(fmt.Sprint("new", n), float64(n%40)-10, ""))
			}
		}
		for i := range 20 {
			if seen[fmt.Sprint(i)] != 1 {
				f.Errorf("message %d found %d times", i, seen[fmt.Sprint(i)])
			}
		}
		for id, times := range seen {
			if times != 1 {
				f.Errorf("message %s found %d times", id, times)
			}
		}
	}},
	{"large payloads are paged to the end", func(f *fixture) {
		payload := strings.Repeat("x", analytics.MaxPayload)
		var ids []string
		for i := range 100 {
			ids = append(ids, fmt.Sprint(i))
			f.append(f.a, f.message(ids[i], float64(i), payload))
		}
		f.wantIDs(f.a, analytics.Query{Limit: tenant.MaxLimit}, ids...)
		slices.Reverse(ids)
		f.wantIDs(f.a, analytics.Query{Limit: tenant.MaxLimit, Descending: true}, ids...)
	}},
	{"an iteration can be broken off", func(f *fixture) {
		f.append(f.a, f.message("1", 0, ""), f.message("2", 1, ""))
		for m, err := range analytics.AllMessages(f.ctx, f.store, f.a, analytics.Query{Limit: 1}) {
			if m.ID != "1" || err != nil {
				f.Errorf("%q, %v", m.ID, err)
			}
			break
		}
	}},
}
