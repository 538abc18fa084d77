package lakeanalytics

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/iotenant/iotenant/analytics"
)

// maxSources is how many files are merged at a time. All are open then.
const maxSources = 32

// compact merges small files until no merge is worth it.
func (t *table) compact(ctx context.Context) error {
	for {
		declared, err := t.declaration()
		if err != nil {
			return err
		}
		plan := t.planMerges()
		if len(plan) == 0 {
			return nil
		}
		for _, sources := range plan {
			fresh, err := t.merge(ctx, &declared.table, sources, func(*storedRow) bool { return true })
			if err == nil {
				err = t.exchange(ctx, declared.nonce, sources, fresh)
			}
			if errors.Is(err, analytics.ErrNoObject) || errors.Is(err, errStale) {
				return t.refresh(ctx) // others changed the table: next time
			}
			if err != nil {
				return err
			}
		}
	}
}

// planMerges returns the files that are to become one, each list those of a
// folder.
func (t *table) planMerges() (plan [][]*file) {
	t.mu.RLock()
	if !t.state.open() {
		t.mu.RUnlock()
		return nil
	}
	folders := map[string][]*file{}
	for _, f := range t.state.names {
		if f.bytes < t.lake.options.FileSize/2 {
			name := folderOf(f.name)
			folders[name] = append(folders[name], f)
		}
	}
	t.mu.RUnlock()
	for _, files := range folders {
		plan = append(plan, mergesOf(files, t.lake.options.FileSize)...)
	}
	return plan
}

// mergesOf chooses among the files of a folder. A file is merged with others
// that are as large together, or when it is tiny: so a row is written anew at
// most as often as the size of a file can double.
func mergesOf(files []*file, size int64) (plan [][]*file) {
	weight := func(f *file) int64 { return max(f.bytes, size/128) }
	slices.SortFunc(files, func(a, b *file) int { return cmp.Or(cmp.Compare(a.bytes, b.bytes), cmp.Compare(a.name, b.name)) })
	var sum int64
	n := 0
	for i, f := range files {
		if sum >= weight(f) {
			n = i + 1
		}
		sum += weight(f)
	}
	chosen := files[:n]
	slices.SortFunc(chosen, func(a, b *file) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.name, b.name)) })
	for len(chosen) > 1 {
		total, n := int64(0), 0
		for n < len(chosen) && n < maxSources && (total < size || n < 2) {
			total += chosen[n].bytes
			n++
		}
		if n > 1 {
			plan = append(plan, chosen[:n:n])
		}
		chosen = chosen[n:]
	}
	return plan
}
