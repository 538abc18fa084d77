package shadowtest

import (
	"fmt"
	"sync"
)

var versionTests = []contractTest{
	{"every update makes one version more, also one that changes nothing", func(f *fixture) {
		for want := range int64(5) {
			f.wantVersion("the answer", f.update(`{"state":{"desired":{"a":1}}}`), want+1)
		}
		f.wantVersion("the answer", f.update(`{"state":{}}`), 6)
		f.wantVersion("the answer", f.update(`{"state":null}`), 7)
		f.wantVersion("the document", f.get(), 7)
	}},
	{"a shadow that is deleted and updated again continues its version numbers", func(f *fixture) {
		f.update(`{"state":{"desired":{"a":1}}}`)
		deleted := f.update(`{"state":{"desired":{"a":2}}}`).Version
		answer := f.deleteOf(f.a, f.thing, classic)
		if answer.Version < deleted {
			f.Errorf("the answer to the delete has version %d, want at least %d", answer.Version, deleted)
		}
		f.wantNone(f.a, f.thing, classic)
		again := f.update(`{"state":{"desired":{"b":1}}}`)
		f.wantVersion("the shadow made again", again, answer.Version+1)
		f.wantJSON("state", f.get().State, `{"desired":{"b":1},"delta":{"b":1}}`)
	}},
	{"of concurrent updates none is lost, and each has its own version", func(f *fixture) {
		const writers, each = 4, 10
		var group sync.WaitGroup
		var mu sync.Mutex
		seen := map[int64]string{}
		for writer := range writers {
			group.Go(func() {
				last := int64(0)
				for i := range each {
					request := fmt.Sprintf(`{"state":{"reported":{"w%d-%d":true}}}`, writer, i)
					answer, err := f.shadows.Update(f.ctx, f.a, f.thing, classic, []byte(request))
					if err != nil {
						f.Errorf("Update: %v", err)
						return
					}
					version := f.read(answer).Version
					mu.Lock()
					if other, ok := seen[version]; ok || version <= last {
						f.Errorf("version %d of %s came after %d, and was given to %s", version, request, last, other)
					}
					seen[version], last = request, version
					mu.Unlock()
				}
			})
		}
		group.Wait()
		got := f.get()
		f.wantVersion("the document", got, writers*each)
		state, _ := f.decode(got.State).(map[string]any)
		reported, _ := state["reported"].(map[string]any)
		if len(reported) != writers*each {
			f.Errorf("%d of %d updates are in the state", len(reported), writers*each)
		}
	}},
	{"of concurrent updates with one version one is accepted", func(f *fixture) {
		f.update(`{"state":{"desired":{"a":0}}}`)
		var group sync.WaitGroup
		var mu sync.Mutex
		accepted := 0
		for writer := range 8 {
			group.Go(func() {
				request := fmt.Sprintf(`{"state":{"desired":{"a":%d}},"version":1}`, writer+1)
				if _, err := f.shadows.Update(f.ctx, f.a, f.thing, classic, []byte(request)); err == nil {
					mu.Lock()
					accepted++
					mu.Unlock()
				}
			})
		}
		group.Wait()
		if accepted != 1 {
			f.Errorf("%d updates with the same version were accepted, want 1", accepted)
		}
		f.wantVersion("the document", f.get(), 2)
	}},
}
