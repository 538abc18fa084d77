package lakeanalytics

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/iotenant/iotenant/analytics"
)

// purge deletes files that were removed, whenever that was.
func (t *table) purge(ctx context.Context) error { return t.purgeBefore(ctx, math.MaxInt64) }

// purgeBefore deletes files that were removed before a time, in milliseconds.
func (t *table) purgeBefore(ctx context.Context, before int64) error {
	t.mu.RLock()
	var names []string
	for name, at := range t.state.removed {
		if at < before {
			names = append(names, name)
		}
	}
	t.mu.RUnlock()
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	if err := t.deleteFiles(ctx, names); err != nil {
		return err
	}
	return t.change(ctx, func(s *state) (*entry, error) {
		e := &entry{}
		for _, name := range names {
			if _, ok := s.removed[name]; ok {
				e.forgotten = append(e.forgotten, name)
			}
		}
		if len(e.forgotten) == 0 {
			return nil, nil
		}
		return e, nil
	})
}

func (t *table) deleteFiles(ctx context.Context, names []string) error {
	for chunk := range slices.Chunk(names, analytics.MaxObjectList) {
		full := make([]string, len(chunk))
		for i, name := range chunk {
			full[i] = t.prefix + name
		}
		if err := t.lake.objects.Delete(ctx, t.tenant, full...); err != nil {
			return err
		}
	}
	return nil
}

// purgeOrphans deletes files that crashes and failures left behind before a
// time. They are removed by a commit first, see drafts.
func (t *table) purgeOrphans(ctx context.Context, abandoned time.Time) error {
	after := ""
	for {
		infos, err := t.lake.objects.List(ctx, t.tenant, t.data(), after, analytics.MaxObjectList)
		if err != nil {
			return err
		}
		if err := t.purgeListed(ctx, infos, abandoned); err != nil {
			return err
		}
		if len(infos) < analytics.MaxObjectList {
			return nil
		}
		after = infos[len(infos)-1].Name
	}
}

// purgeListed deletes the orphans in a list.
func (t *table) purgeListed(ctx context.Context, infos []analytics.ObjectInfo, abandoned time.Time) error {
	candidates := map[string]bool{}
	for _, info := range infos {
		name := info.Name[len(t.prefix):]
		if isFile(name) && info.Modified.Before(abandoned) && !t.drafts.has(name) {
			candidates[name] = true
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	var orphans []string
	err := t.change(ctx, func(s *state) (*entry, error) {
		e := &entry{}
		orphans = orphans[:0]
		for _, name := range slices.Sorted(maps.Keys(candidates)) {
			_, removed := s.removed[name]
			if s.names[name] == nil && !removed {
				e.removed = append(e.removed, removal{name, t.lake.now()})
				orphans = append(orphans, name)
			}
		}
		if len(e.removed) == 0 {
			return nil, nil
		}
		return e, nil
	})
	if err != nil {
		return err
	}
	return t.deleteFiles(ctx, orphans)
}

// truncate deletes what of the log a checkpoint made superfluous before a time.
func (t *table) truncate(ctx context.Context, abandoned time.Time) error {
	through, err := t.settled(ctx, abandoned)
	if err != nil || through == 0 {
		return err
	}
	after := t.log()
	for {
		infos, err := t.lake.objects.List(ctx, t.tenant, t.log(), after, analytics.MaxObjectList)
		if err != nil {
			return err
		}
		var names []string
		for _, info := range infos {
			version, checkpoint, ok := t.parseLog(info.Name)
			if ok && (version < through || version == through && !checkpoint) {
				names = append(names, info.Name)
			}
		}
		if len(names) > 0 {
			if err := t.lake.objects.Delete(ctx, t.tenant, names...); err != nil {
				return err
			}
		}
		if len(names) < len(infos) || len(infos) < analytics.MaxObjectList {
			return nil
		}
		after = infos[len(infos)-1].Name
	}
}

// settled returns the version of the latest checkpoint that was there before a
// time; 0 if there is none.
func (t *table) settled(ctx context.Context, abandoned time.Time) (uint64, error) {
	through, after := uint64(0), t.log()
	for {
		infos, err := t.lake.objects.List(ctx, t.tenant, t.log(), after, analytics.MaxObjectList)
		if err != nil {
			return 0, err
		}
		for _, info := range infos {
			if version, checkpoint, ok := t.parseLog(info.Name); ok && checkpoint && info.Modified.Before(abandoned) {
				through = version
			}
		}
		if len(infos) < analytics.MaxObjectList {
			return through, nil
		}
		after = infos[len(infos)-1].Name
	}
}

// expire removes the days that are out of retention.
func (t *table) expire(ctx context.Context) error {
	declared, err := t.declaration()
	if err != nil || declared.table.RetentionDays == 0 {
		return err
	}
	kept := dayOfTime(t.lake.options.Now()) - int32(min(declared.table.RetentionDays, maxRetention))
	return t.dropDays(ctx, kept)
}

// maxRetention is a number of days longer than that of all times there are.
const maxRetention = int(365 * 300)
