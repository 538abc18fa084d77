package fileanalytics_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/internal/crashtest"
)

// writeObjects has writers put, create and delete so many objects each, and
// acknowledge "put x" afterwards, "deleting x" before and "deleted x" after.
func writeObjects(writers, objects int) crashtest.Write {
	return func(dir string, acknowledge func(string)) error {
		folder := fileanalytics.NewFolder(dir)
		errs := make([]error, writers)
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				errs[w] = writeSome(folder, fmt.Sprint(rand.Uint64()), objects, acknowledge)
			})
		}
		group.Wait()
		return errors.Join(errs...)
	}
}

func writeSome(folder *fileanalytics.Folder, writer string, objects int, acknowledge func(string)) error {
	ctx := context.Background()
	for i := range objects {
		name := fmt.Sprintf("%d/%d/%s-%d", i%3, i%2, writer, i)
		write := folder.Put
		if i%2 == 0 {
			write = folder.Create
		}
		if err := write(ctx, acme, name, strings.NewReader(objectOf(name))); err != nil {
			return err
		}
		acknowledge("put " + name)
		if i%3 == 0 {
			acknowledge("deleting " + name)
			if err := folder.Delete(ctx, acme, name); err != nil {
				return err
			}
			acknowledge("deleted " + name)
		}
	}
	return nil
}

func objectOf(name string) string { return strings.Repeat(name+"\n", 100) }

// checkObjects checks that what was put is there and what was deleted is not,
// and that all that is there is whole.
func checkObjects(dir string, acknowledged []string) error {
	folder := fileanalytics.NewFolder(dir)
	want := map[string]string{}
	for _, line := range acknowledged {
		what, name, _ := strings.Cut(line, " ")
		want[name] = what
	}
	there := map[string]bool{}
	for after := ""; ; {
		list, err := folder.List(context.Background(), acme, "", after, analytics.MaxObjectList)
		if err != nil {
			return err
		}
		for _, info := range list {
			after, there[info.Name] = info.Name, true
			if err := checkWhole(folder, info.Name); err != nil {
				return err
			}
		}
		if len(list) < analytics.MaxObjectList {
			break
		}
	}
	for name, what := range want {
		if what == "put" && !there[name] || what == "deleted" && there[name] {
			return fmt.Errorf("%s, which was %s, is there: %t", name, what, there[name])
		}
	}
	return nil
}

func checkWhole(folder *fileanalytics.Folder, name string) error {
	object, err := folder.Open(context.Background(), acme, name)
	if err != nil {
		return err
	}
	defer object.Close()
	content := make([]byte, object.Size())
	if _, err := object.ReadAt(content, 0); err != nil {
		return fmt.Errorf("%s of %d bytes: %w", name, len(content), err)
	}
	if string(content) != objectOf(name) {
		return fmt.Errorf("%s is torn: %d bytes", name, len(content))
	}
	return nil
}

func TestFolderSurvivesKills(t *testing.T) {
	t.Parallel()
	crashtest.Kills(t, 4, writeObjects(4, 1<<30), checkObjects)
}

// TestFolderSurvivesPowerCuts has one writer: a trace doesn't tell in which order
// calls of several changed the same directories. TestFolderPowerLoss has more.
func TestFolderSurvivesPowerCuts(t *testing.T) {
	t.Parallel()
	crashtest.PowerCuts(t, 100, writeObjects(1, 24), checkObjects)
}

// TestFoldersCreateOnce has two Folders of one directory race, which know as
// little of each other as two processes.
func TestFoldersCreateOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folders := [2]*fileanalytics.Folder{fileanalytics.NewFolder(dir), fileanalytics.NewFolder(dir)}
	owners := map[string]string{}
	raceForNames(t, folders, owners)
	require.Len(t, owners, 12)
	for name, owner := range owners {
		require.Equal(t, owner, read(t, folders[0], acme, name))
	}
}
