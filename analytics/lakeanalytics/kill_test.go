package lakeanalytics_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// childDir is the variable that makes the test binary the server of
// killedWhileIngesting, in that folder.
const childDir = "LAKEANALYTICS_CHILD"

var (
	killTenant = tenant.MustParseID("acme")
	killTables = []analytics.Table{
		{TableID: analytics.TableID{Kind: analytics.ChannelTable, Name: "raw"}},
		{
			TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "clean"}, Format: pipeline.FormatParquet,
			Columns: []pipeline.Column{{Name: "n", Type: "bigint"}, {Name: "temperature", Type: "double"}, {Name: "status", Type: "string"}},
		},
	}
)

// killSenders is how many appends the server makes at a time.
const killSenders = 3

// killOptions are those of a lake that remembers all that is on its way.
func killOptions(o *lakeanalytics.Options) {
	o.Window = killSenders * analytics.MaxRows
	o.FileSize = 8 << 20
	o.SweepInterval = 200 * time.Millisecond
	o.Tenants = func(context.Context) iter.Seq2[tenant.ID, error] {
		return func(yield func(tenant.ID, error) bool) { yield(killTenant, nil) }
	}
	o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
}

// runChild appends the batches that it reads, one a line, and answers each with
// its number when it is acknowledged. It sweeps meanwhile.
func runChild(dir string) {
	lake := lakeanalytics.New(fileanalytics.NewFolder(dir), tenant.RandomCursorKeys(), killOptions)
	for _, table := range killTables {
		if err := lake.Declare(context.Background(), killTenant, table); err != nil {
			panic(err)
		}
	}
	go func() { _ = lake.Run(context.Background()) }()
	var out sync.Mutex
	slots := make(chan struct{}, killSenders)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var b killBatch
		if _, err := fmt.Sscan(lines.Text(), &b.number, &b.first, &b.size); err != nil {
			panic(err)
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			if _, err := lake.Append(context.Background(), killTenant, b.table(), b.rows()); err != nil {
				panic(err)
			}
			out.Lock()
			defer out.Unlock()
			fmt.Println(b.number)
		}()
	}
	select {} // until killed
}

// killBatch is an append of messages with consecutive numbers. Every fourth
// batch goes to the data store.
type killBatch struct{ number, first, size int }

func (b killBatch) table() analytics.TableID {
	if b.number%4 == 3 {
		return killTables[1].TableID
	}
	return killTables[0].TableID
}

func (b killBatch) rows() []analytics.Row {
	rows := make([]analytics.Row, b.size)
	for i := range rows {
		rows[i] = killRow(b.first + i)
	}
	return rows
}

// killThings are the things that send.
var killThings = func() (things []device.ID) {
	for n := range 100 {
		things = append(things, device.MustParseID("thing-"+strconv.Itoa(n)))
	}
	return things
}()

func killRow(n int) analytics.Row {
	return analytics.Row{
		ID:    strconv.Itoa(n),
		Thing: killThings[n%len(killThings)],
		// A day has 150,000 messages; each is late by up to an hour.
		At:      time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n)*576*time.Millisecond - time.Duration(n*7919%3600)*time.Second + time.Hour),
		Payload: fmt.Appendf(nil, `{"n":%d,"temperature":%d.%d,"status":"on"}`, n, 15+n%13, 1+n%9),
	}
}

// TestKill kills the process by SIGKILL again and again while it appends and
// sweeps, and sends what was not acknowledged again: what was sent is kept,
// once.
func TestKill(t *testing.T) {
	t.Parallel()
	messages, kills := 60_000, 5
	if testing.Short() {
		messages, kills = 15_000, 2
	}
	killedWhileIngesting(t, messages, 100, 1000, kills)
}

// TestSoakKill is TestKill with five million messages, in batches of up to the
// largest.
func TestSoakKill(t *testing.T) {
	share, err := strconv.ParseFloat(os.Getenv("IOTENANT_SOAK"), 64)
	if err != nil {
		t.Skip("takes minutes: set IOTENANT_SOAK to a share of the full length; make soak does")
	}
	killedWhileIngesting(t, max(50_000, int(share*5_000_000)), 1000, analytics.MaxRows, max(3, int(share*40)))
}

func killedWhileIngesting(t *testing.T, messages, smallest, largest, kills int) {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(messages), 1))
	var batches []killBatch
	for first := 0; first < messages; {
		b := killBatch{len(batches), first, min(messages-first, smallest+random.IntN(largest-smallest+1))}
		batches = append(batches, b)
		first += b.size
	}
	dir := t.TempDir()
	acked := make([]bool, len(batches))
	began := time.Now()
	for kill := range kills + 1 {
		ingestAndKill(t, dir, batches, acked, len(batches)*(kill+1)/(kills+1))
	}
	ingested := time.Since(began)

	began = time.Now()
	found := countRows(t, dir, batches)
	lake := lakeanalytics.New(fileanalytics.NewFolder(dir), tenant.RandomCursorKeys(), killOptions)
	require.NoError(t, lake.Sweep(t.Context(), killTenant))
	require.Equal(t, found, countRows(t, dir, batches), "a sweep changes nothing of that")
	t.Logf("%d messages in %d batches and %d lives: %v; read in %v", messages, len(batches), kills+1, ingested.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	require.Equal(t, messages, found)
}

// ingestAndKill sends what is not acknowledged to a new process until goal
// batches are, and kills it in the middle of the rest.
func ingestAndKill(t *testing.T, dir string, batches []killBatch, acked []bool, goal int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	count := 0
	var todo []killBatch
	for i, b := range batches {
		if acked[i] {
			count++
		} else {
			todo = append(todo, b)
		}
	}
	var feeding sync.WaitGroup
	feeding.Go(func() { feed(in, todo) })
	note := func(answer string) {
		n, err := strconv.Atoi(answer)
		require.NoError(t, err)
		require.False(t, acked[n], "batch %d acknowledged twice", n)
		acked[n] = true
		count++
	}
	answers := bufio.NewScanner(out)
	for count < goal && answers.Scan() {
		note(answers.Text())
	}
	require.NoError(t, child.Process.Kill())
	for answers.Scan() {
		note(answers.Text())
	}
	feeding.Wait()
	require.Error(t, child.Wait())
}

func feed(in io.WriteCloser, todo []killBatch) {
	defer in.Close()
	for _, b := range todo {
		if _, err := fmt.Fprintln(in, b.number, b.first, b.size); err != nil {
			return // killed
		}
	}
}

// countRows reads all rows of a new process, and checks that each is as it was
// sent and there once.
func countRows(t *testing.T, dir string, batches []killBatch) int {
	t.Helper()
	lake := lakeanalytics.New(fileanalytics.NewFolder(dir), tenant.RandomCursorKeys(), killOptions)
	last := batches[len(batches)-1]
	seen := make([]bool, last.first+last.size)
	found := 0
	for _, table := range killTables {
		query := analytics.RowQuery{Limit: tenant.MaxLimit}
		for {
			page, err := lake.Rows(t.Context(), killTenant, table.TableID, query)
			require.NoError(t, err)
			for _, row := range page.Items {
				var n int
				_, err := fmt.Sscanf(string(row.Payload), `{"n":%d,`, &n)
				require.NoError(t, err)
				if seen[n] { // a helper call each costs as much as the read
					t.Fatalf("message %d is there twice", n)
				}
				if sent := killRow(n); row.Thing != sent.Thing || !row.At.Equal(sent.At) || string(row.Payload) != string(sent.Payload) {
					t.Fatalf("message %d is %v %v %s", n, row.Thing, row.At, row.Payload)
				}
				seen[n] = true
				found++
			}
			if query.Cursor = page.Next; page.Next == "" {
				break
			}
		}
	}
	return found
}
