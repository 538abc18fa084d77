package alerts_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/internal/crashtest"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// pressure alerts after three high readings in a row, reminds every two
// minutes, and is quiet again after a low reading or five minutes of silence.
const pressure = `{"detectorModelName": "pressure", "key": "id", "evaluationMethod": "SERIAL", "detectorModelDefinition": {"initialStateName": "normal", "states": [
  {"stateName": "normal",
   "onEnter": {"events": [{"eventName": "reset", "actions": [{"setVariable": {"variableName": "high", "value": "0"}}, {"clearTimer": {"timerName": "remind"}}]}]},
   "onInput": {
     "events": [
       {"eventName": "high", "condition": "$input.telemetry.sensor.pressure > 70", "actions": [{"setVariable": {"variableName": "high", "value": "$variable.high + 1"}}]},
       {"eventName": "low", "condition": "$input.telemetry.sensor.pressure <= 70", "actions": [{"setVariable": {"variableName": "high", "value": "0"}}]}],
     "transitionEvents": [{"eventName": "alarm", "condition": "$variable.high >= 3", "nextState": "alarm"}]}},
  {"stateName": "alarm",
   "onEnter": {"events": [{"eventName": "raised", "actions": [
     {"sns": {"targetArn": "arn:aws:sns:eu-west-1:123456789012:pressure"}},
     {"setTimer": {"timerName": "remind", "seconds": 120}}, {"setTimer": {"timerName": "silence", "seconds": 300}}]}]},
   "onInput": {
     "events": [
       {"eventName": "heard", "condition": "triggerType(\"Message\")", "actions": [{"resetTimer": {"timerName": "silence"}}]},
       {"eventName": "reminded", "condition": "timeout(\"remind\")", "actions": [
         {"sns": {"targetArn": "arn:aws:sns:eu-west-1:123456789012:pressure"}}, {"resetTimer": {"timerName": "remind"}}]}],
     "transitionEvents": [
       {"eventName": "cleared", "condition": "triggerType(\"Message\") && $input.telemetry.sensor.pressure <= 70", "nextState": "normal"},
       {"eventName": "silent", "condition": "timeout(\"silence\")", "nextState": "normal"}]}}
]}}`

// replay is a story of so many messages: what is sent, and when.
type replay struct{ messages, devices int }

const (
	replayBatch = 100
	replayStep  = 100 * time.Millisecond // between two messages
)

func (r replay) batches() int { return r.messages / replayBatch }

// at is the time of a batch: that of its last message.
func (r replay) at(batch int) time.Time {
	return start.Add(time.Duration((batch+1)*replayBatch) * replayStep)
}

// batch is the same whenever it is asked for.
func (r replay) batch(number int) []alerts.Message {
	random := rand.New(rand.NewPCG(7, uint64(number)))
	messages := make([]alerts.Message, replayBatch)
	for i := range messages {
		device := random.IntN(r.devices)
		// Devices are high for stretches of the story, so that three in a row
		// happen.
		high := (device+number/(1+r.batches()/20))%7 == 0 && random.IntN(10) > 0
		value := 40 + random.IntN(25)
		if high {
			value = 71 + random.IntN(20)
		}
		messages[i] = alerts.Message{
			Input: "telemetry", ID: fmt.Sprintf("%d-%d", number, i),
			Payload: fmt.Appendf(nil, `{"id":"device-%d","site":{"name":"north plant, hall %d","line":%d},"firmware":"4.17.2","uptime":%d,`+
				`"sensor":{"temperature":%d.25,"humidity":41.5,"vibration":0.0125,"pressure":%d},"battery":{"volts":3.71,"level":0.87},"tags":["a","b","c"]}`,
				device, device%9, device%5, number, value-20, value),
		}
	}
	return messages
}

// player lives through a replay.
type player struct {
	*process
	clock *alertstest.Clock
}

// playerOver starts a process that tells of each action that it delivers.
func playerOver(t tb, clock *alertstest.Clock, models tenant.Repository[alerts.Model], detectors tenant.Repository[alerts.DetectorRecord],
	raised tenant.Repository[alerts.Alert], delivered func(id string)) player {
	notifier := alerts.NotifierFunc(func(_ context.Context, _ tenant.ID, alert alerts.Alert) error {
		delivered(alert.ID)
		return nil
	})
	p := player{&process{models: alerts.NewModels(models, detectors, func(o *alerts.ModelsOptions) { o.Now = clock.Now })}, clock}
	p.Runtime = alerts.NewRuntime(p.models, detectors, raised, notifier, func(o *alerts.Options) { o.Now = clock.Now })
	_, err := p.models.Put(t.Context(), north, []byte(pressure))
	require.NoError(t, err)
	return p
}

// play sends the batches from one on, and acknowledges each. Now and then it
// sweeps, at the end until nothing is left to do.
func (p player) play(ctx context.Context, r replay, from int, acknowledge func(batch int)) error {
	for n := from; n < r.batches(); n++ {
		p.clock.Set(r.at(n))
		if err := p.Put(ctx, north, r.batch(n)...); err != nil {
			return err
		}
		acknowledge(n)
		if n%10 == 9 {
			if err := p.Sweep(ctx, north); err != nil {
				return err
			}
		}
	}
	for i := range 3 { // claims of dead processes run out
		p.clock.Set(r.at(r.batches()).Add(time.Duration(i+1) * 10 * time.Minute))
		if err := p.Sweep(ctx, north); err != nil {
			return err
		}
	}
	return nil
}

// outcome is what must not depend on how often a process was killed.
func (p player) outcome(t tb) string {
	t.Helper()
	var text strings.Builder
	for cursor := tenant.Cursor(""); ; {
		page, err := p.Detectors(t.Context(), north, "pressure", tenant.MaxLimit, cursor)
		require.NoError(t, err)
		for _, item := range page.Items {
			d := item.Value
			fmt.Fprintln(&text, d.Key, d.State, d.Evaluations, d.Variables, d.Timers)
		}
		if cursor = page.Next; cursor == "" {
			return text.String()
		}
	}
}

// undisturbed plays in memory, without an end before its time.
func undisturbed(t tb, r replay) (outcome string, actions map[string]bool) {
	t.Helper()
	clock := alertstest.NewClock(start)
	store := memtenant.New(tenant.RandomCursorKeys(), func(o *memtenant.Options) { o.Now = clock.Now })
	actions = map[string]bool{}
	var mu sync.Mutex
	p := playerOver(t, clock, memtenant.NewRepository(store, &alerts.ModelSchema), memtenant.NewRepository(store, &alerts.DetectorSchema),
		memtenant.NewRepository(store, &alerts.AlertSchema), func(id string) {
			mu.Lock()
			defer mu.Unlock()
			actions[id] = true
		})
	require.NoError(t, p.play(t.Context(), r, 0, func(int) {}))
	return p.outcome(t), actions
}

// onDisk plays over a file.
func onDisk(t tb, folder string, delivered func(id string), do func(player)) {
	t.Helper()
	clock := alertstest.NewClock(start)
	store, err := bolttenant.Open(filepath.Join(folder, "alerts.db"), tenant.RandomCursorKeys(), func(o *bolttenant.Options) { o.Now = clock.Now })
	require.NoError(t, err)
	do(playerOver(t, clock, bolttenant.NewRepository(store, &alerts.ModelSchema), bolttenant.NewRepository(store, &alerts.DetectorSchema),
		bolttenant.NewRepository(store, &alerts.AlertSchema), delivered))
	require.NoError(t, store.Close())
}

// soakShare is the part of the full length that is asked for.
func soakShare(t *testing.T) float64 {
	t.Helper()
	share, err := strconv.ParseFloat(os.Getenv("IOTENANT_SOAK"), 64)
	if err != nil {
		t.Skip("takes minutes: set IOTENANT_SOAK to a share of the full length; make soak does")
	}
	return share
}

// How the child of the soak knows what to do: "folder|first batch|messages".
const soakChild = "IOTENANT_ALERTS_SOAK_CHILD"

// TestSoakReplayThroughKills replays messages, 1,000,000 at full length, with
// timers pending, and kills the process again and again. Who sends them sends
// again what was not acknowledged. In the end states, timers and actions are
// those of a process that was left alone.
func TestSoakReplayThroughKills(t *testing.T) {
	if job := os.Getenv(soakChild); job != "" {
		playChild(t, strings.Split(job, "|"))
		return
	}
	share := soakShare(t)
	t.Parallel()
	r := replay{messages: int(1_000_000 * share), devices: max(100, int(10_000*share))}
	kills := max(5, int(20*share))
	want, wantActions := undisturbed(t, r)

	folder, actions, next := t.TempDir(), map[string]bool{}, 0
	random := rand.New(rand.NewPCG(rand.Uint64(), 1))
	killed := 0
	for done := false; !done; {
		patience := -1 // acknowledgements until the kill
		if killed < kills {
			patience = 1 + random.IntN(2*r.batches()/kills)
		}
		done = runChild(t, folder, r, &next, actions, patience)
		if !done {
			killed++
		}
	}
	onDisk(t, folder, func(string) {}, func(p player) {
		p.clock.Set(r.at(r.batches()).Add(30 * time.Minute))
		require.Equal(t, want, p.outcome(t))
	})
	require.Equal(t, len(wantActions), len(actions)) //nolint:testifylint // two large sets would be printed
	require.True(t, maps.Equal(wantActions, actions))
	t.Logf("%d messages of %d devices, %d kills, %d actions", r.messages, r.devices, killed, len(actions))
}

// runChild runs the replay from the batch next on. It kills the process after
// so many acknowledgements, at a random moment, and reports whether the replay
// got to its end.
func runChild(t *testing.T, folder string, r replay, next *int, actions map[string]bool, patience int) (done bool) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSoakReplayThroughKills$", "-test.count=1")
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%d|%d", soakChild, folder, *next, r.messages))
	var problems strings.Builder
	child.Stderr = &problems
	output, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "action":
			actions[rest] = true
		case "ok":
			batch, err := strconv.Atoi(rest)
			require.NoError(t, err)
			*next = batch + 1
			if patience--; patience == 0 {
				go func() {
					time.Sleep(rand.N(20 * time.Millisecond))
					_ = child.Process.Kill()
				}()
			}
		case "done":
			done = true
		}
	}
	err = child.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	require.True(t, done || patience <= 0 && problems.Len() == 0, "the child ended by itself: %v\n%s", err, problems.String())
	return done
}

// playChild is the process that is killed.
func playChild(t *testing.T, job []string) {
	t.Helper()
	first, err := strconv.Atoi(job[1])
	require.NoError(t, err)
	messages, err := strconv.Atoi(job[2])
	require.NoError(t, err)
	r := replay{messages: messages, devices: max(100, messages/100)}
	tell := teller(os.Stdout)
	onDisk(t, job[0], func(id string) { tell("action " + id) }, func(p player) {
		require.NoError(t, p.play(t.Context(), r, first, func(batch int) { tell(fmt.Sprint("ok ", batch)) }))
	})
	tell("done")
}

// teller returns a function that writes lines, each at once and whole.
func teller(w io.Writer) func(line string) {
	var mu sync.Mutex
	return func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			panic(err)
		}
	}
}

// The same through power cuts: what was not fsynced is gone.
func TestReplayThroughPowerCuts(t *testing.T) {
	r := replay{messages: 2000, devices: 50}
	cuts := 6
	if share, err := strconv.ParseFloat(os.Getenv("IOTENANT_SOAK"), 64); err == nil {
		cuts = max(cuts, int(100*share))
	}
	crashtest.PowerCuts(t, cuts, func(folder string, acknowledge func(string)) (err error) {
		onDisk(t, folder, func(id string) { acknowledge("action " + id) }, func(p player) {
			err = p.play(t.Context(), r, 0, func(batch int) { acknowledge(fmt.Sprint("ok ", batch)) })
		})
		return err
	}, func(folder string, acknowledged []string) (err error) {
		want, wantActions := undisturbed(t, r)
		actions, next := map[string]bool{}, 0
		for _, line := range acknowledged {
			if id, ok := strings.CutPrefix(line, "action "); ok {
				actions[id] = true
			} else {
				next++
			}
		}
		require.NoError(t, os.MkdirAll(folder, 0o700))
		var mu sync.Mutex
		deliver := func(id string) {
			mu.Lock()
			defer mu.Unlock()
			actions[id] = true
		}
		onDisk(t, folder, deliver, func(p player) {
			if err = p.play(t.Context(), r, next, func(int) {}); err == nil && p.outcome(t) != want {
				err = errors.New("states or timers differ from those of an undisturbed run")
			}
		})
		if err == nil && !maps.Equal(actions, wantActions) {
			err = fmt.Errorf("%d actions, want %d: %v", len(actions), len(wantActions), missingOf(wantActions, actions))
		}
		return err
	})
}

func missingOf(want, got map[string]bool) (missing []string) {
	for id := range want {
		if !got[id] {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	return missing
}
