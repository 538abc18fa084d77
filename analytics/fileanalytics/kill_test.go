package fileanalytics_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// childDir is the variable that makes the test binary the server of
// TestKill, in that folder.
const childDir = "FILEANALYTICS_CHILD"

// runChild appends the messages that it reads, one a line, sixteen at a time,
// and answers each with its number when it is acknowledged.
func runChild(dir string) {
	store, err := fileanalytics.Open(dir, tenant.RandomCursorKeys(), small)
	if err != nil {
		panic(err)
	}
	go func() { _ = store.Run(context.Background()) }()
	var out sync.Mutex
	slots := make(chan struct{}, 16)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var n int
		if _, err := fmt.Sscan(lines.Text(), &n); err != nil {
			panic(err)
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			id, m := numbered(n)
			if _, err := store.Append(context.Background(), id, []analytics.Message{m}); err != nil {
				panic(err)
			}
			out.Lock()
			defer out.Unlock()
			fmt.Println(n)
		}()
	}
	select {} // until killed
}

// numbered returns the message with this number, and the tenant that it is of.
func numbered(n int) (tenant.ID, analytics.Message) {
	return tenant.MustParseID(fmt.Sprint("tenant-", n%3)), analytics.Message{
		Thing:   device.MustParseID(fmt.Sprint("thing-", n%7)),
		ID:      fmt.Sprint("m-", n),
		At:      noon.Add(time.Duration(n) * time.Second),
		Payload: fmt.Appendf(nil, `{"n": %d, "filler": "%0200d"}`, n, n),
	}
}

// TestKill kills the server by SIGKILL again and again, and sends what was not
// acknowledged again: what was sent is stored, once.
func TestKill(t *testing.T) {
	t.Parallel()
	messages, kills := 6000, 6
	if testing.Short() {
		messages, kills = 1500, 2
	}
	dir := t.TempDir()
	acked := make(map[int]bool, messages)
	for kill := range kills + 1 {
		goal := messages * (kill + 1) / (kills + 1)
		serveAndKill(t, dir, messages, goal, acked)
	}
	require.Len(t, acked, messages)

	store := openIn(t, dir)
	stored := map[string]int{}
	for i := range 3 {
		for m, err := range analytics.AllMessages(t.Context(), store, tenant.MustParseID(fmt.Sprint("tenant-", i)), analytics.Query{Limit: 1000}) {
			require.NoError(t, err)
			stored[m.ID]++
		}
	}
	require.Len(t, stored, messages)
	for id, times := range stored {
		require.Equal(t, 1, times, id)
	}
}

// serveAndKill sends what is not acknowledged to a new server until goal are,
// and kills it in the middle of the rest.
func serveAndKill(t *testing.T, dir string, messages, goal int, acked map[int]bool) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	todo := make([]int, 0, messages)
	for n := range messages {
		if !acked[n] {
			todo = append(todo, n)
		}
	}
	var feeding sync.WaitGroup
	feeding.Go(func() { feed(in, todo) })
	answers := bufio.NewScanner(out)
	for len(acked) < goal && answers.Scan() {
		note(t, answers.Text(), acked)
	}
	require.NoError(t, child.Process.Kill())
	for answers.Scan() {
		note(t, answers.Text(), acked)
	}
	feeding.Wait()
	require.Error(t, child.Wait())
}

func feed(in io.WriteCloser, todo []int) {
	defer in.Close()
	for _, n := range todo {
		if _, err := fmt.Fprintln(in, n); err != nil {
			return // killed
		}
	}
}

func note(t *testing.T, answer string, acked map[int]bool) {
	t.Helper()
	var n int
	_, err := fmt.Sscan(answer, &n)
	require.NoError(t, err)
	require.False(t, acked[n], "%d acknowledged twice", n)
	acked[n] = true
}
