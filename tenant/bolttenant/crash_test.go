package bolttenant_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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

// placeSchema is of another entity beside counters, in the same transactions.
var placeSchema = tenant.Schema[counter]{Entity: "place", Key: counterSchema.Key}

// writeTogether takes groups of items through their steps, each step of a group
// in one transaction, beside writers of single counters. It acknowledges a step
// as "group step".
func writeTogether(writers, steps int) crashtest.Write {
	return func(folder string, acknowledge func(string)) error {
		store, err := bolttenant.Open(filepath.Join(folder, "store.db"), tenant.RandomCursorKeys())
		if err != nil {
			return err
		}
		counters := bolttenant.NewRepository(store, &counterSchema)
		run := fmt.Sprint(rand.Uint64())
		var group errgroup.Group
		for writer := range writers {
			name := fmt.Sprintf("%s-%d", run, writer)
			group.Go(func() error {
				for step := range steps {
					if _, err := store.Transact(context.Background(), acme, stepOps(name, step)...); err != nil {
						return err
					}
					acknowledge(fmt.Sprintf("%s %d", name, step))
				}
				return nil
			})
			group.Go(func() error {
				for step := range steps {
					if err := writeBatch(counters, "alone-"+name, step); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return errors.Join(group.Wait(), store.Close())
	}
}

// groupParts are the items of a group: counters and a place.
const groupParts = 4

// stepOps takes all items of a group to a step.
func stepOps(group string, step int) []tenant.Op {
	var ops []tenant.Op
	for part := range groupParts {
		schema := &counterSchema
		if part == 0 {
			schema = &placeSchema
		}
		name := fmt.Sprintf("%s/%d", group, part)
		if isDeleted(step) {
			ops = append(ops, tenant.DeleteOp(schema, tenant.NewKey(name), tenant.IfPresent()))
			continue
		}
		fill := strings.Repeat("x", rand.IntN(3000))
		ops = append(ops, tenant.PutOp(schema, counter{name, step, fill}, tenant.Always()))
	}
	return ops
}

// writeBatch writes some counters that nobody checks one by one.
func writeBatch(counters tenant.Repository[counter], name string, step int) error {
	var writes []tenant.Write[counter]
	for part := range 3 {
		writes = append(writes, tenant.PutWrite(counter{Name: fmt.Sprintf("%s-%d", name, part), Step: step}))
	}
	_, err := counters.BatchWrite(context.Background(), acme, writes)
	return err
}

// checkTogether checks that all items of each group are at the same step: the
// last acknowledged one, or the next, which may have been under way.
func checkTogether(folder string, acknowledged []string) error {
	path := filepath.Join(folder, "store.db")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && len(acknowledged) == 0 {
		return nil
	}
	store, err := bolttenant.Open(path, tenant.RandomCursorKeys())
	if err != nil {
		return err
	}
	defer store.Close()
	counters := bolttenant.NewRepository(store, &counterSchema)
	groups, err := findGroups(counters, bolttenant.NewRepository(store, &placeSchema))
	if err != nil {
		return err
	}
	for group, steps := range groups {
		if len(steps) != groupParts || slices.Min(steps) != slices.Max(steps) {
			return fmt.Errorf("half a transaction: the items of group %s are at %v", group, steps)
		}
	}
	last, err := lastSteps(acknowledged)
	if err != nil {
		return err
	}
	for group, step := range last {
		switch found := groups[group]; {
		case found == nil && (isDeleted(step) || isDeleted(step+1)):
		case found != nil && (found[0] == step || found[0] == step+1):
		default:
			return fmt.Errorf("group %s was acknowledged at step %d, found %v", group, step, found)
		}
	}
	if err := checkIndex(counters); err != nil {
		return err
	}
	return errors.Join(store.Close(), checkPages(path))
}

// findGroups returns the steps of the items of each group that has any.
func findGroups(repositories ...tenant.Repository[counter]) (map[string][]int, error) {
	groups := map[string][]int{}
	for _, repository := range repositories {
		for item, err := range tenant.All(context.Background(), repository, acme, tenant.Query{Limit: tenant.MaxLimit}) {
			if err != nil {
				return nil, err
			}
			if group, _, ok := strings.Cut(item.Value.Name, "/"); ok {
				groups[group] = append(groups[group], item.Value.Step)
			}
		}
	}
	return groups, nil
}

// lastSteps returns the last step of each name in acknowledgements.
func lastSteps(acknowledged []string) (map[string]int, error) {
	last := map[string]int{}
	for _, text := range acknowledged {
		var name string
		var step int
		if _, err := fmt.Sscan(text, &name, &step); err != nil {
			return nil, err
		}
		last[name] = step
	}
	return last, nil
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
	last, err := lastSteps(acknowledged)
	if err != nil {
		return err
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

func TestTransactionsAreWholeAfterKills(t *testing.T) {
	t.Parallel()
	crashtest.Kills(t, 6, writeTogether(4, 1<<30), checkTogether)
}

func TestTransactionsAreWholeAfterPowerCuts(t *testing.T) {
	t.Parallel()
	crashtest.PowerCuts(t, 300, writeTogether(4, 12), checkTogether)
}
