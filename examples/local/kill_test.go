package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/examples/internal/replay"
)

const (
	// soakScale is how much of the full soak runs, 1 being all of it.
	soakScale = "IOTENANT_SOAK"
	// soakFile names a CSV file to replay whole instead of generated rows.
	soakFile = "IOTENANT_REPLAY_FILE"

	fullRows  = 22695
	fullKills = 12
)

// TestSoakReplayThroughKills kills the program with SIGKILL again and again
// while a device sends, and checks that every reading is kept once, that the
// alerts are those of a run without kills, and that the webhook got them all.
func TestSoakReplayThroughKills(t *testing.T) {
	if os.Getenv(soakScale) == "" && os.Getenv(soakFile) == "" {
		t.Skipf("takes a minute: an alert whose delivery was killed is delivered again after that. Set %s or %s; make soak does", soakScale, soakFile)
	}
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	file, kills := soakPlan(t, random)
	want := readReadings(t, file)

	expected := undisturbed(t, file, want)
	require.NotEmpty(t, expected, "rows that raise no alert show nothing")

	data := t.TempDir()
	seeded := start(t, testConfig(data))
	secrets := seeded.secrets
	seeded.stop()
	webhook := newWebhook(t)
	webhook.secret = secrets.WebhookKey
	broker := freeAddress(t)
	child := newProgram(t, "-http", freeAddress(t), "-mqtt", broker, "-mqtts", "", "-devices", "0",
		"-data", data, "-log", "off", "-webhook", webhook.url)
	child.start()
	killer := newKiller(child, random, len(want), kills)
	acknowledged := replayFile(t, file, "tcp://"+broker, secrets, killer.acknowledged)
	child.terminate(broker)

	require.Equal(t, len(want), acknowledged)
	require.GreaterOrEqual(t, child.kills, kills)
	c := testConfig(data)
	c.webhook = webhook.url
	b := start(t, c)
	stored := b.readings()
	requireSameReadings(t, want, stored)

	raised := b.delivered(len(expected))
	require.Equal(t, expected, outcomes(t, raised))
	b.stop()
	arrived, deliveries := webhook.arrived()
	ids := map[string]bool{}
	for _, alert := range raised {
		require.False(t, ids[alert.ID], "alert %s is there twice", alert.ID)
		ids[alert.ID] = true
	}
	require.Equal(t, ids, arrived)
	t.Logf("rows %d, kills %d, stored %d, alerts %d, webhook: %d ids in %d deliveries",
		len(want), child.kills, len(stored), len(raised), len(arrived), deliveries)
}

// soakPlan returns the file to replay and how often to kill meanwhile.
func soakPlan(t *testing.T, random *rand.Rand) (file string, kills int) {
	t.Helper()
	if file := os.Getenv(soakFile); file != "" {
		return file, fullKills
	}
	scale := 0.0
	if text := os.Getenv(soakScale); text != "" {
		var err error
		scale, err = strconv.ParseFloat(text, 64)
		require.NoError(t, err, soakScale)
	}
	file = filepath.Join(t.TempDir(), "machine.csv")
	writeReadings(t, file, random, max(300, int(scale*fullRows)))
	return file, max(3, int(scale*fullKills))
}

// writeReadings makes a file like that of a real machine: mostly normal
// temperatures, runs of failure and overheating in every 100 rows, and a clock
// that is set back by an hour once, so that 12 timestamps occur twice.
func writeReadings(t *testing.T, path string, random *rand.Rand, rows int) {
	t.Helper()
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	w := csv.NewWriter(file)
	require.NoError(t, w.Write([]string{"timestamp", "value"}))
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for row := range rows {
		value := 70 + 20*random.Float64()
		switch place := row % 100; {
		case 20 <= place && place < 25:
			value = 20 + 20*random.Float64()
		case 60 <= place && place < 65:
			value = 105 + 5*random.Float64()
		}
		if row == rows/2 {
			at = at.Add(-time.Hour)
		}
		require.NoError(t, w.Write([]string{at.Format(time.DateTime), strconv.FormatFloat(value, 'f', -1, 64)}))
		at = at.Add(5 * time.Minute)
	}
	w.Flush()
	require.NoError(t, w.Error())
}

// reading is a message as the device sends it.
type reading struct {
	MessageID string    `json:"messageId"`
	Timestamp time.Time `json:"timestamp"`
	Value     float64   `json:"value"`
}

// readReadings returns what replaying the file sends, in order.
func readReadings(t *testing.T, path string) (readings []reading) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	for row, err := range replay.Rows(file) {
		require.NoError(t, err)
		readings = append(readings, reading{fmt.Sprintf("%s-%d", replay.MessageName(path), row.Number), row.Timestamp, row.Value})
	}
	return readings
}

func replayFile(t *testing.T, path, broker string, secrets *secrets, acknowledged func(int)) int {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	thing := device.ThingName(north, machine)
	n, err := replay.Run(ctx, file, replay.Config{
		Broker:       broker,
		ThingName:    thing,
		Secret:       secrets.Passwords[thing],
		Topic:        device.TelemetryTopic(north, machine, "machine").String(),
		Name:         replay.MessageName(path),
		Acknowledged: acknowledged,
	})
	require.NoError(t, err)
	return n
}

// undisturbed returns what a backend that nobody kills makes of the file.
func undisturbed(t *testing.T, file string, sent []reading) []outcome {
	t.Helper()
	b := start(t, testConfig(t.TempDir()))
	defer b.stop()
	require.Equal(t, len(sent), replayFile(t, file, b.broker1883(), b.secrets, nil))
	expected := outcomes(t, b.delivered(countAlerts(sent)))
	require.Len(t, expected, countAlerts(sent))
	return expected
}

// readings returns the stored messages of the machine in the order in which
// they were received.
func (b *backend) readings() (readings []reading) {
	b.t.Helper()
	for message, err := range analytics.AllMessages(b.t.Context(), b.telemetry, north, analytics.Query{Things: []device.ID{machine}}) {
		require.NoError(b.t, err)
		var r reading
		require.NoError(b.t, json.Unmarshal(message.Payload, &r))
		require.Equal(b.t, r.MessageID, message.ID)
		readings = append(readings, r)
	}
	return readings
}

// countAlerts says how many alerts the model machine-temperature is to raise.
func countAlerts(readings []reading) (count int) {
	below, above := 0, 0
	leave := func(float64) bool { return true }
	for _, r := range readings {
		if !leave(r.Value) {
			continue
		}
		if below >= 3 || above >= 3 {
			below, above = 0, 0
			leave = func(float64) bool { return true }
			continue // this reading only ended the state
		}
		below, above = longer(below, r.Value < 45), longer(above, r.Value > 104)
		switch {
		case below >= 3:
			count++
			leave = func(value float64) bool { return value > 65 }
		case above >= 3:
			count++
			leave = func(value float64) bool { return value < 95 }
		}
	}
	return count
}

func longer(run int, goesOn bool) int {
	if goesOn {
		return run + 1
	}
	return 0
}

// delivered returns the alerts of north once there are count, all delivered.
// One whose delivery was cut short is delivered again after its lease, a
// minute.
func (b *backend) delivered(count int) (raised []alerts.Alert) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		raised = nil
		all := true
		for alert, err := range b.alerts.All(b.t.Context(), north, alerts.Filter{}) {
			if err != nil {
				return false
			}
			raised = append(raised, alert)
			all = all && alert.Status == alerts.StatusDelivered
		}
		return all && len(raised) >= count
	}, 2*60*time.Second, 20*time.Millisecond)
	return raised
}

// requireSameReadings checks that the readings are those wanted, each once, in
// their order.
func requireSameReadings(t *testing.T, want, got []reading) {
	t.Helper()
	times := map[string]int{}
	for _, r := range got {
		times[r.MessageID]++
	}
	var lost, repeated []string
	for _, r := range want {
		switch times[r.MessageID] {
		case 0:
			lost = append(lost, r.MessageID)
		case 1:
		default:
			repeated = append(repeated, r.MessageID)
		}
	}
	require.Empty(t, lost, "lost")
	require.Empty(t, repeated, "stored more than once")
	require.Len(t, got, len(want), "stored, but never sent")
	for i := range want {
		require.Equal(t, want[i], got[i], "reading %d", i+1)
	}
}

// outcome is what an alert says, apart from times and ids, which are another
// backend's own.
type outcome struct {
	Evaluation     uint64
	Event, Payload string
}

func outcomes(t *testing.T, raised []alerts.Alert) (outcomes []outcome) {
	t.Helper()
	for _, alert := range raised {
		var payload map[string]any
		require.NoError(t, json.Unmarshal([]byte(alert.Payload), &payload))
		delete(payload, "eventTime")
		if inner, ok := payload["payload"].(map[string]any); ok {
			delete(inner, "actionExecutionId")
		}
		text, err := json.Marshal(payload)
		require.NoError(t, err)
		outcomes = append(outcomes, outcome{alert.Evaluation, alert.Event, string(text)})
	}
	slices.SortFunc(outcomes, func(a, b outcome) int { return cmp.Compare(a.Evaluation, b.Evaluation) })
	return outcomes
}

// arrived returns the ids of the alerts that came, and how many came in all.
func (h *webhook) arrived() (ids map[string]bool, deliveries int) {
	ids = map[string]bool{}
	for {
		select {
		case event := <-h.events:
			ids[event.Alert.ID] = true
			deliveries++
		default:
			return ids, deliveries
		}
	}
}

// freeAddress returns a loopback address on which nobody listens. Its port is
// below those that systems give to outgoing connections, one of which could
// otherwise take it while the program is down.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			require.NoError(t, listener.Close())
			return listener.Addr().String()
		}
	}
	require.FailNow(t, "no free port")
	return ""
}

// program is the program in a process of its own.
type program struct {
	t       *testing.T
	args    []string
	command *exec.Cmd
	kills   int
}

func newProgram(t *testing.T, args ...string) *program {
	p := &program{t: t, args: args}
	t.Cleanup(func() {
		if p.command != nil {
			p.kill()
		}
	})
	return p
}

func (p *program) start() {
	p.t.Helper()
	executable, err := os.Executable()
	require.NoError(p.t, err)
	p.command = exec.Command(executable)
	p.command.Env = append(os.Environ(), childArgs+"="+strings.Join(p.args, "\n"))
	p.command.Stderr = os.Stderr
	require.NoError(p.t, p.command.Start())
}

// kill ends the program as a crash does.
func (p *program) kill() {
	p.t.Helper()
	command := p.command
	p.command = nil
	killed := command.Process.Kill()
	require.Error(p.t, command.Wait())
	require.NoError(p.t, killed, "the program ended by itself")
	require.Equal(p.t, -1, command.ProcessState.ExitCode(), "the program failed before it was killed")
	p.kills++
}

// terminate asks the program, which listens at address, to end.
func (p *program) terminate(address string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { // one that only starts knows no signals yet
		connection, err := net.Dial("tcp", address)
		return err == nil && connection.Close() == nil
	}, 10*time.Second, 10*time.Millisecond)
	command := p.command
	p.command = nil
	require.NoError(p.t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(p.t, command.Wait())
}

// killer kills a program at random numbers of acknowledged rows, when up to a
// window of others is under way.
type killer struct {
	program *program
	random  *rand.Rand
	at      map[int]bool
}

func newKiller(p *program, random *rand.Rand, rows, kills int) *killer {
	k := &killer{program: p, random: random, at: map[int]bool{}}
	for len(k.at) < kills {
		k.at[1+random.IntN(rows-1)] = true
	}
	return k
}

func (k *killer) acknowledged(rows int) {
	if !k.at[rows] {
		return
	}
	time.Sleep(time.Duration(k.random.Int64N(int64(3 * time.Millisecond))))
	k.program.kill()
	k.program.start()
	if k.random.IntN(3) == 0 { // once more, while it starts or takes up its work
		time.Sleep(time.Duration(k.random.Int64N(int64(300 * time.Millisecond))))
		k.program.kill()
		k.program.start()
	}
}
