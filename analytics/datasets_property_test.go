package analytics_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// sentMessages are what an input got, each once by its id.
type sentMessages struct {
	mu    sync.Mutex
	byID  map[string]string
	calls int
	fail  func() error
}

func (s *sentMessages) PutMessages(_ context.Context, id tenant.ID, input string, messages []analytics.InputMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.fail != nil {
		if err := s.fail(); err != nil {
			return err
		}
	}
	if s.byID == nil {
		s.byID = map[string]string{}
	}
	for _, message := range messages {
		known, ok := s.byID[id.String()+input+message.ID]
		if ok && known != string(message.Payload) {
			return fmt.Errorf("%w: another row has the id %s", iotenant.ErrInvalid, message.ID)
		}
		s.byID[id.String()+input+message.ID] = string(message.Payload)
	}
	return nil
}

// rows returns the column "what" of all messages, in order.
func (s *sentMessages) rows() (rows []string) {
	for _, payload := range s.byID {
		var row struct{ What string }
		if err := json.Unmarshal([]byte(payload), &row); err != nil {
			panic(err)
		}
		rows = append(rows, row.What)
	}
	slices.Sort(rows)
	return rows
}

// trouble makes calls fail, before or after they had their effect, as long as it
// lasts.
type trouble struct {
	mu   sync.Mutex
	draw []byte // what is left; each byte decides on a call
}

var errTrouble = fmt.Errorf("trouble: %w", iotenant.ErrUnavailable)

func (f *trouble) next() (before, after error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.draw) == 0 {
		return nil, nil
	}
	b := f.draw[0]
	f.draw = f.draw[1:]
	switch {
	case b < 20:
		return errTrouble, nil
	case b < 40:
		return nil, errTrouble
	}
	return nil, nil
}

func (f *trouble) repository(tenanttest.Call) tenanttest.Fault {
	before, after := f.next()
	return tenanttest.Fault{Before: before, After: after}
}

func (f *trouble) objects(analyticstest.Call) analyticstest.Fault {
	before, after := f.next()
	return analyticstest.Fault{Before: before, After: after}
}

type troubledEngine struct {
	analytics.Engine
	trouble *trouble
}

func (e troubledEngine) Query(ctx context.Context, id tenant.ID, statement analytics.Statement) (*analytics.Result, error) {
	before, after := e.trouble.next()
	if err := errors.Join(before, after); err != nil {
		return nil, err
	}
	return e.Engine.Query(ctx, id, statement)
}

// TestDatasetsProperty: whatever fails, with two processes that sweep at any time
// and at the same time, each schedule time gives at most one content, the windows
// follow on each other without gap or overlap, and each row is delivered once.
func TestDatasetsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newMill("10:07:00")
		p.definitions.put(north, defineDelta("d", quarterly+`,"contentDeliveryRules":[{"destination":{"iotEventsDestinationConfiguration":{"inputName":"i","roleArn":"arn:aws:iam::123456789012:role/r"}}}]`), at("10:07:00"))
		f := &trouble{draw: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "trouble")}
		sent := &sentMessages{fail: func() error { before, after := f.next(); return errors.Join(before, after) }}
		processes := make([]*analytics.Datasets, 2)
		for i := range processes {
			processes[i] = p.startFaulty(millFaults{
				contents: f.repository, states: f.repository, objects: analyticstest.FaultyObjects(p.objects, f.objects), engine: troubledEngine{p.engine, f},
			}, func(o *analytics.DatasetsOptions) {
				o.Inputs = analytics.ToInputs(sent, func(o *analytics.ToInputsOptions) { o.Batch = 2 })
				o.Attempts = 1000
				o.RetryAtMost = 30 * time.Second
			})
		}
		var rows []string
		now := at("10:07:00")
		for i := range rapid.IntRange(5, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "seconds")) * time.Second)
			p.clock.Set(now)
			if rapid.Bool().Draw(t, "row") {
				text := fmt.Sprintf("row%03d", i)
				p.engine.put(north, storedRow{now, text})
				rows = append(rows, text)
			}
			switch which := rapid.IntRange(0, 4).Draw(t, "who"); which {
			case 0, 1:
				_ = processes[which].Sweep(t.Context(), north)
			case 2:
				var both sync.WaitGroup
				for _, process := range processes {
					both.Go(func() { _ = process.Sweep(t.Context(), north) })
				}
				both.Wait()
			case 3:
				_, _ = processes[0].CreateContent(t.Context(), north, "d", "")
			}
		}
		f.mu.Lock()
		f.draw = nil
		f.mu.Unlock()
		for range 60 { // the retries, and a last schedule time for what is left
			now = now.Add(time.Minute)
			p.clock.Set(now)
			require.NoError(t, processes[0].Sweep(t.Context(), north))
		}

		contents := listed(t, processes[1], "d")
		seen := map[time.Time]int{}
		for _, content := range contents {
			require.Equal(t, analytics.ContentSucceeded, content.State, content.Version)
			require.Equal(t, analytics.DeliveryDelivered, content.Deliveries[0].State)
			if content.Scheduled.Second() == 0 && content.Scheduled.Minute()%15 == 0 && content.Scheduled != content.Created {
				seen[content.Scheduled]++
				require.Equal(t, 1, seen[content.Scheduled], content.Scheduled)
			}
		}
		windows := slices.DeleteFunc(slices.Clone(contents), func(c analytics.Content) bool { return c.From.Equal(c.To) }) // came late, and had nothing left
		slices.SortFunc(windows, func(a, b analytics.Content) int { return a.From.Compare(b.From) })
		for i := 1; i < len(windows); i++ {
			require.Equal(t, windows[i-1].To, windows[i].From)
		}
		start, end := windows[0].From, windows[len(windows)-1].To
		want := slices.DeleteFunc(rows, func(text string) bool {
			for _, row := range p.engine.rows[north] {
				if row.text == text {
					return row.at.Before(start) || !row.at.Before(end)
				}
			}
			return false
		})
		require.Equal(t, strings.Join(want, " "), strings.Join(sent.rows(), " "))

		objects, err := p.objects.List(t.Context(), north, "", "", analytics.MaxObjectList)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(objects), len(contents))
	})
}
