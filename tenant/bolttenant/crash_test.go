package bolttenant_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/iotenant/iotenant/internal/crashtest"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

// counter is an item whose every state follows from its step.
type counter struct {
	Name string
	Step int
	Fill string
}

var counterSchema = tenant.Schema[counter]{
	Entity: "counter",
	Key:    func(c *counter) tenant.Key { return tenant.NewKey(c.Name) },
	Indexes: []tenant.Index[counter]{
		{Name: "step", Key: func(c *counter) tenant.Key { return tenant.NewKey(fmt.Sprint(c.Step)) }},
	},
	Expires: func(c *counter) time.Time { return time.Unix(1<<40+int64(c.Step), 0) },
}

// isDeleted reports whether an item has no state at a step.
func isDeleted(step int) bool { return step%4 == 3 }

// writeCounters takes counters through their steps and acknowledges each step
// as "name step". Each run has its own counters.
func writeCounters(writers, steps int) crashtest.Write {
	return func(folder string, acknowledge func(string)) error {
		store, err := bolttenant.Open(filepath.Join(folder, "store.db"), tenant.RandomCursorKeys())
		if err != nil {
			return err
		}
		counters := bolttenant.NewRepository(store, &counterSchema)
		run := fmt.Sprint(rand.Uint64())
		var group errgroup.Group
		for writer := range writers {
			group.Go(func() error {
				for step := range steps {
					for part := range 3 {
						name := fmt.Sprintf("%s-%d-%d", run, writer, part)
						if err := takeStep(counters, name, step); err != nil {
							return err
						}
						acknowledge(fmt.Sprintf("%s %d", name, step))
					}
				}
				return nil
			})
		}
		return errors.Join(group.Wait(), store.Close())
	}
}

func takeStep(counters tenant.Repository[counter], name string, step int) error {
	if isDeleted(step) {
		return counters.Delete(context.Background(), acme, tenant.NewKey(name), tenant.IfPresent())
	}
	fill := strings.Repeat("x", rand.IntN(3000))
	_, err := counters.Put(context.Background(), acme, counter{name, step, fill}, tenant.Always())
	return err
}

// checkCounters checks that each counter is at its last acknowledged step, or
// at the next one, which may have been under way.
func checkCounters(folder string, acknowledged []string) error {
	path := filepath.Join(folder, "store.db")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && len(acknowledged) == 0 {
		return nil
	}
	store, err := bolttenant.Open(path, tenant.RandomCursorKeys())
	if err != nil {
		return err
	}
	defer store.Close()
	last := map[string]int{}
	for _, text := range acknowledged {
		var name string
		var step int
		if _, err := fmt.Sscan(text, &name, &step); err != nil {
			return err
		}
		last[name] = step
	}
	counters := bolttenant.NewRepository(store, &counterSchema)
	for name, step := range last {
		item, err := counters.Get(context.Background(), acme, tenant.NewKey(name))
		switch {
		case err == nil && (item.Value.Step == step || item.Value.Step == step+1):
		case errors.Is(err, tenant.ErrNotFound) && (isDeleted(step) || isDeleted(step+1)):
		default:
			return fmt.Errorf("counter %s was acknowledged at step %d, found %d, %v", name, step, item.Value.Step, err) //nolint:errorlint // nil if it was found
		}
	}
	if err := checkIndex(counters); err != nil {
		return err
	}
	return errors.Join(store.Close(), checkPages(path))
}

// checkIndex checks that the index holds what the items say.
func checkIndex(counters tenant.Repository[counter]) error {
	steps := map[string]int{}
	for item, err := range tenant.All(context.Background(), counters, acme, tenant.Query{Limit: tenant.MaxLimit}) {
		if err != nil {
			return err
		}
		steps[item.Value.Name] = item.Value.Step
	}
	for item, err := range tenant.All(context.Background(), counters, acme, tenant.Query{Index: "step", Limit: tenant.MaxLimit}) {
		if err != nil {
			return err
		}
		if step, ok := steps[item.Value.Name]; !ok || step != item.Value.Step {
			return fmt.Errorf("index and item of %s differ", item.Value.Name)
		}
		delete(steps, item.Value.Name)
	}
	if len(steps) > 0 {
		return fmt.Errorf("%d items are not in the index", len(steps))
	}
	return nil
}

// checkPages checks the pages of the database.
func checkPages(path string) error {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			return err
		}
		return nil
	})
}

func TestAcknowledgedWritesSurviveKills(t *testing.T) {
	t.Parallel()
	crashtest.Kills(t, 8, writeCounters(8, 1<<30), checkCounters)
}

func TestAcknowledgedWritesSurvivePowerCuts(t *testing.T) {
	t.Parallel()
	crashtest.PowerCuts(t, 300, writeCounters(6, 12), checkCounters)
}
