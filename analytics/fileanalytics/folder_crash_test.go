package fileanalytics_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disktest"
	"github.com/iotenant/iotenant/tenant"
)

// keeper is a client of objects that knows what they may hold. It has a few
// names of its own, in directories that it shares with others.
type keeper struct {
	id     tenant.ID
	number int
	random *rand.Rand
	// may holds for each name the contents that it may have: one after an
	// acknowledged change, several after one whose outcome is unknown. Empty is
	// no object.
	may  map[string][]string
	made int
}

func (k *keeper) name() string {
	dir := []string{"", "deep/", "deep/er/", "deep/er/still/", "log/"}[k.random.IntN(5)]
	return fmt.Sprintf("%s%d-%d", dir, k.number, k.random.IntN(2))
}

// work changes objects until the first change that fails.
func (k *keeper) work(t *testing.T, objects analytics.Objects, changes int) {
	for range changes {
		name := k.name()
		known := k.known(name)
		k.made++
		content := fmt.Sprintf("%d-%d %s", k.number, k.made, strings.Repeat("x", k.random.IntN(3000)))
		var err error
		switch k.random.IntN(4) {
		case 0:
			content = ""
			err = objects.Delete(t.Context(), k.id, name)
		case 1:
			err = objects.Put(t.Context(), k.id, name, strings.NewReader(content))
		default:
			err = objects.Create(t.Context(), k.id, name, strings.NewReader(content))
			if errors.Is(err, analytics.ErrObjectExists) {
				if slices.Equal(known, []string{""}) {
					t.Errorf("%s exists, but was deleted", name)
				}
				continue
			}
			if err == nil && !slices.Contains(known, "") {
				t.Errorf("%s was created twice", name)
			}
		}
		if err != nil {
			k.may[name] = append(slices.Clone(known), content)
			if !errors.Is(err, disktest.ErrPower) {
				t.Errorf("%v", err)
			}
			return
		}
		k.may[name] = []string{content}
	}
}

func (k *keeper) known(name string) []string {
	if known := k.may[name]; known != nil {
		return known
	}
	return []string{""}
}

// check checks that every object is one that it may be, whole, and takes what it
// finds as what is there. It is listed if it is there.
func (k *keeper) check(t *testing.T, objects analytics.Objects) {
	t.Helper()
	listed := map[string]bool{}
	for after := ""; ; {
		list, err := objects.List(t.Context(), k.id, "", after, 7)
		require.NoError(t, err)
		for _, info := range list {
			listed[info.Name], after = true, info.Name
		}
		if len(list) < 7 {
			break
		}
	}
	for name, may := range k.may {
		content := ""
		object, err := objects.Open(t.Context(), k.id, name)
		if err == nil {
			whole := make([]byte, object.Size())
			_, err = object.ReadAt(whole, 0)
			require.NoError(t, err)
			require.NoError(t, object.Close())
			content = string(whole)
		} else {
			require.ErrorIs(t, err, analytics.ErrNoObject)
		}
		require.Equal(t, content != "", listed[name], "%s is listed", name)
		require.Contains(t, may, content, "%s holds %.20q of %d bytes", name, content, len(content))
		k.may[name] = []string{content}
	}
}

func keepers(random *rand.Rand) (all []*keeper) {
	for i := range 6 {
		all = append(all, &keeper{
			id: tenant.MustParseID(fmt.Sprint("tenant-", i%2)), number: i, may: map[string][]string{},
			random: rand.New(rand.NewPCG(random.Uint64(), 3)),
		})
	}
	return all
}

// onMemory returns two Folders of one disk, as two processes have them.
func onMemory(memory *disktest.Disk) [2]*fileanalytics.Folder {
	now := func(o *fileanalytics.FolderOptions) { o.Now = memory.Now }
	return [2]*fileanalytics.Folder{
		fileanalytics.NewFolder("/data", fileanalytics.FolderOnDisk(memory), now),
		fileanalytics.NewFolder("/data", fileanalytics.FolderOnDisk(memory), now),
	}
}

// TestFolderPowerLoss cuts the power at a random operation, again and again:
// what was acknowledged is there, whole, and what was deleted is not.
func TestFolderPowerLoss(t *testing.T) {
	t.Parallel()
	runs := 60
	if testing.Short() {
		runs = 10
	}
	for _, links := range []bool{true, false} {
		for seed := range uint64(runs) {
			t.Run(fmt.Sprintf("links=%t/%d", links, seed), func(t *testing.T) {
				t.Parallel()
				folderPowerLoss(t, rand.New(rand.NewPCG(seed, 1)), links)
			})
		}
	}
}

func folderPowerLoss(t *testing.T, random *rand.Rand, links bool) {
	all, memory := keepers(random), disktest.New()
	for range 20 {
		if !links {
			memory.Fail(noLinks)
		}
		folders := onMemory(memory)
		for _, k := range all {
			k.check(t, folders[0])
		}
		memory.PowerOffAfter(random.IntN(250))
		changeAll(t, folders, all, random.IntN(3) == 0)
		memory = memory.Restart(random)
		memory.Sleep(2 * time.Hour)
	}
	folders := onMemory(memory)
	require.NoError(t, folders[0].Sweep(t.Context()))
	for _, name := range memory.Names() {
		require.NotContains(t, name, "~new")
		require.NotContains(t, name, "/uploads/")
	}
	for _, k := range all {
		k.check(t, folders[0])
	}
}

func noLinks(op disktest.Operation, _ string) error {
	if op == disktest.Link {
		return disk.ErrNoLinks
	}
	return nil
}

// changeAll lets all keepers work at the same time, with or without sweeps.
func changeAll(t *testing.T, folders [2]*fileanalytics.Folder, all []*keeper, sweep bool) {
	var group sync.WaitGroup
	for i, k := range all {
		group.Go(func() { k.work(t, folders[i/2%2], 15) })
	}
	if sweep {
		group.Go(func() {
			for range 5 {
				if err := folders[1].Sweep(t.Context()); err != nil && !errors.Is(err, disktest.ErrPower) {
					t.Errorf("Sweep: %v", err)
				}
			}
		})
	}
	group.Wait()
}

// TestFolderCreateOnceDespitePowerLoss has racers of two processes create the
// same names: what one was told that it created is never another's.
func TestFolderCreateOnceDespitePowerLoss(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 4))
			memory, owners := disktest.New(), map[string]string{}
			for range 8 {
				if seed%2 == 0 {
					memory.Fail(noLinks)
				}
				folders := onMemory(memory)
				memory.PowerOffAfter(60 + random.IntN(200))
				raceForNames(t, folders, owners)
				memory = memory.Restart(random)
			}
			folder := onMemory(memory)[0]
			for name, owner := range owners {
				require.Equal(t, owner, read(t, folder, acme, name), name)
			}
			require.NotEmpty(t, owners)
		})
	}
}

// raceForNames notes who was told that it created which name.
func raceForNames(t *testing.T, folders [2]*fileanalytics.Folder, owners map[string]string) {
	before := maps.Clone(owners)
	var mu sync.Mutex
	var group sync.WaitGroup
	for racer := range 4 {
		group.Go(func() {
			for i := range 12 {
				name := fmt.Sprintf("log/%d/%d", i%3, i)
				me := fmt.Sprintf("%d of %p", racer, folders[0])
				err := folders[racer%2].Create(t.Context(), acme, name, strings.NewReader(me))
				mu.Lock()
				if err == nil {
					if owner := owners[name]; owner != "" {
						t.Errorf("%s was created by %s and by %s (before: %s)", name, owner, me, before[name])
					}
					owners[name] = me
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
}

func read(t *testing.T, objects analytics.Objects, id tenant.ID, name string) string {
	t.Helper()
	object, err := objects.Open(t.Context(), id, name)
	require.NoError(t, err)
	defer object.Close()
	content := make([]byte, object.Size())
	_, err = object.ReadAt(content, 0)
	require.NoError(t, err)
	return string(content)
}

// TestFolderDiskErrors lets operations fail at random while the power stays on:
// an error is passed on, and no object is torn.
func TestFolderDiskErrors(t *testing.T) {
	t.Parallel()
	errFull := errors.New("no space left on device")
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random, memory := rand.New(rand.NewPCG(seed, 2)), disktest.New()
			folder := onMemory(memory)[0]
			memory.Fail(func(disktest.Operation, string) error {
				if random.IntN(15) == 0 {
					return errFull
				}
				return nil
			})
			may := map[string][]string{}
			for i := range 200 {
				name := fmt.Sprintf("dir/%d/x", i%5)
				content := fmt.Sprint(i, strings.Repeat("x", random.IntN(2000)))
				err := folder.Put(t.Context(), acme, name, strings.NewReader(content))
				if err == nil {
					may[name] = []string{content}
					continue
				}
				require.ErrorIs(t, err, errFull)
				require.ErrorIs(t, err, iotenant.ErrUnavailable)
				if may[name] != nil {
					may[name] = append(may[name], content)
				}
			}
			memory.Fail(nil)
			memory = memory.Restart(random)
			folder = onMemory(memory)[0]
			require.NotEmpty(t, may)
			for name, contents := range may {
				require.Contains(t, contents, read(t, folder, acme, name))
			}
		})
	}
}

func TestFolderSweep(t *testing.T) {
	t.Parallel()
	memory := disktest.New()
	folders := onMemory(memory)
	require.NoError(t, folders[0].Sweep(t.Context()), "of nothing")
	require.NoError(t, folders[0].Put(t.Context(), acme, "a/b/x", strings.NewReader("x")))
	for _, name := range []string{"old", "young"} {
		if name == "young" {
			memory.Sleep(59 * time.Minute)
		}
		_, err := memory.Create("/data/uploads/" + name)
		require.NoError(t, err)
		require.NoError(t, memory.Mkdir("/data/uploads/dir-"+name))
		_, err = memory.Create("/data/uploads/dir-" + name + "/~new")
		require.NoError(t, err)
	}
	require.NoError(t, memory.MkdirAll("/data/objects/t-acme/a/empty/er"))
	require.NoError(t, memory.MkdirAll("/data/objects/t-globex"))
	require.NoError(t, memory.MkdirAll("/data/objects/not-ours"))
	memory.Sleep(2 * time.Minute)

	require.NoError(t, folders[1].Sweep(t.Context()))
	require.Equal(t, []string{"/data/objects/t-acme/a/b/@x", "/data/uploads/dir-young/~new", "/data/uploads/young"}, memory.Names())
	require.Equal(t, []string{
		"/data", "/data/objects", "/data/objects/not-ours", "/data/objects/t-acme", "/data/objects/t-acme/a", "/data/objects/t-acme/a/b",
		"/data/uploads", "/data/uploads/dir-young",
	}, memory.Dirs())

	memory.Sleep(time.Hour)
	require.NoError(t, folders[1].Put(t.Context(), acme, "a/b/x", strings.NewReader("y")), "the first write sweeps uploads")
	require.Equal(t, []string{"/data/objects/t-acme/a/b/@x"}, memory.Names())
	require.NoError(t, folders[1].Delete(t.Context(), acme, "a/b/x"))
	require.Equal(t, []string{"/data", "/data/objects", "/data/objects/not-ours", "/data/uploads"}, memory.Dirs(), "deletions leave no empty directories")
}

// slow is a body that rests until it may go on.
type slow struct {
	started, goOn chan struct{}
	rested        bool
}

func (s *slow) Read(p []byte) (int, error) {
	if !s.rested {
		close(s.started)
		<-s.goOn
		s.rested = true
	}
	return strings.NewReader("").Read(p)
}

// TestFolderKeepsItsOwnUploads sweeps while a body rests for hours.
func TestFolderKeepsItsOwnUploads(t *testing.T) {
	t.Parallel()
	memory := disktest.New()
	folder := onMemory(memory)[0]
	body := &slow{started: make(chan struct{}), goOn: make(chan struct{})}
	done := make(chan error)
	go func() { done <- folder.Put(t.Context(), acme, "x", body) }()
	<-body.started
	memory.Sleep(5 * time.Hour)
	require.NoError(t, folder.Sweep(t.Context()))
	close(body.goOn)
	require.NoError(t, <-done)
	require.Equal(t, []string{"/data/objects/t-acme/@x"}, memory.Names())
}
