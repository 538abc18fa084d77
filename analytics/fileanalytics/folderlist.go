package fileanalytics

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// List implements analytics.Objects. It reads the directories whose objects may
// belong to the list, each as a whole, and looks at the files that are listed.
func (f *Folder) List(ctx context.Context, id tenant.ID, prefix, after string, limit int) ([]analytics.ObjectInfo, error) {
	if err := check(ctx, analytics.CheckObjectList(id, limit)); err != nil {
		return nil, err
	}
	// All names with the prefix are in the directory of its whole parts.
	parts := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if !beginsNames(parts) {
		return nil, nil
	}
	l := lister{folder: f, prefix: prefix, after: after, limit: limit}
	if err := l.walk(ctx, f.files.dir(id, parts), parts); err != nil {
		return nil, fmt.Errorf("fileanalytics: list: %w", kept(err))
	}
	return l.list, nil
}

// beginsNames reports whether names can begin with parts, each with a slash after
// it.
func beginsNames(parts string) bool {
	return parts == "" || analytics.CheckObjectName(strings.TrimSuffix(parts, "/")) == nil
}

// lister collects a list.
type lister struct {
	folder        *Folder
	prefix, after string
	limit         int
	list          []analytics.ObjectInfo
}

// walk lists the objects in a directory, whose names all begin with prefix.
func (l *lister) walk(ctx context.Context, dir, prefix string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	files, err := l.folder.fs.ReadDir(dir)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range l.selected(prefix, files) {
		if len(l.list) == l.limit {
			return nil
		}
		path := filepath.Join(dir, e.file)
		if e.object {
			err = l.add(path, e.key)
		} else {
			err = l.walk(ctx, path, e.key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// selected returns what may belong to the list, in the order of its names: no
// name is between two names of one entry, since the key of a directory is no
// part of another key.
func (l *lister) selected(prefix string, files []string) []entry {
	var entries []entry
	for _, file := range files {
		if e, ok := parseEntry(prefix, file); ok && l.selects(e) {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	return slices.CompactFunc(entries, func(a, b entry) bool { return a.file == b.file })
}

func (l *lister) selects(e entry) bool {
	if e.object {
		return e.key > l.after && strings.HasPrefix(e.key, l.prefix) && analytics.CheckObjectName(e.key) == nil
	}
	return (strings.HasPrefix(e.key, l.prefix) || strings.HasPrefix(l.prefix, e.key)) &&
		(e.key > l.after || strings.HasPrefix(l.after, e.key))
}

func (l *lister) add(path, name string) error {
	info, err := l.folder.fs.Stat(path)
	if isMissing(err) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	l.list = append(l.list, analytics.ObjectInfo{Name: name, Size: info.Size, Modified: info.Modified.UTC()})
	return nil
}
