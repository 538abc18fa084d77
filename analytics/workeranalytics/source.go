package workeranalytics

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// files are those of one statement, in a folder of their own: links to what is
// on this machine, copies of what is not.
type files struct {
	dir  string
	open []io.Closer
	made map[string]string // folders, and where files in them are
	n    int
}

func newFiles(parent string) (*files, error) {
	dir, err := os.MkdirTemp(parent, "sql-")
	if err != nil {
		return nil, fmt.Errorf("analytics: SQL: %w: no folder for temporary files", iotenant.ErrUnavailable)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("analytics: SQL: %w: no folder for temporary files", iotenant.ErrUnavailable)
	}
	return &files{dir: dir, made: map[string]string{}}, nil
}

func (f *files) remove() {
	for _, object := range f.open {
		object.Close()
	}
	_ = os.RemoveAll(f.dir)
}

// source puts the files of a table where the worker finds them.
func (r *run) source(ctx context.Context, name wire.TableName, snapshot analytics.Snapshot) (wire.TableSource, error) {
	table := wire.TableSource{TableName: name, JSON: snapshot.Format != pipeline.FormatParquet, Dimensions: dimensions(snapshot.Partitions)}
	for _, c := range snapshot.Columns {
		table.Columns = append(table.Columns, wire.Column{Name: strings.ToLower(c.Name), Type: c.Type})
	}
	for _, file := range snapshot.Files {
		values := valuesOf(file, table.Dimensions)
		path, fits := hivePath(name, file, table.Dimensions, values)
		link, allowed, err := r.files.add(ctx, r, name, file, path)
		if err != nil {
			return table, err
		}
		if fits {
			table.Files = append(table.Files, link)
		} else {
			table.Odd = append(table.Odd, wire.OddFile{File: link, Values: values})
		}
		if allowed != "" {
			table.Allowed = append(table.Allowed, allowed)
		}
	}
	return table, nil
}

// dimensions are those of the partitions of a data store, with their types.
func dimensions(partitions []pipeline.Partition) []wire.Column {
	var all []wire.Column
	for _, p := range partitions {
		if p.Timestamp {
			for _, name := range []string{"__year", "__month", "__day", "__hour"} {
				all = append(all, wire.Column{Name: name, Type: "int"})
			}
			continue
		}
		all = append(all, wire.Column{Name: "__partition_" + strings.ToLower(p.Attribute), Type: "string"})
	}
	return all
}

// folder makes a folder below that of the statement. Each part of its path is a
// link to the folder of the statement itself, which takes a tenth of the time of
// a folder; base is where files in it are. Where there are no links it is a
// folder, and base is dir.
func (f *files) folder(path string) (dir, base string, err error) {
	dir = filepath.Join(f.dir, path)
	if base, known := f.made[dir]; known {
		return dir, base, nil
	}
	if base = f.dir; !f.linked(strings.Split(path, string(filepath.Separator))) {
		base = dir
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", "", fmt.Errorf("analytics: SQL: %w: no folder for temporary files", iotenant.ErrUnavailable)
		}
	}
	f.made[dir] = base
	return dir, base, nil
}

// maxLinks is how many links a path may have; Linux follows 40.
const maxLinks = 30

// linked makes a link for each part of a path, and reports whether all are there.
func (f *files) linked(parts []string) bool {
	if len(parts) > maxLinks {
		return false
	}
	for _, part := range parts {
		link := filepath.Join(f.dir, part)
		if _, known := f.made[link]; known {
			continue
		}
		// One that exists differs in case only, where that is the same.
		if err := os.Symlink(".", link); err != nil && !errors.Is(err, os.ErrExist) {
			return false
		}
		f.made[link] = f.dir
	}
	return true
}

// add makes a file of an object, at a path that tells its dimensions. It
// returns the path, and that of the file if the first leads to it by links.
func (f *files) add(ctx context.Context, r *run, table wire.TableName, file analytics.File, path string) (link, allowed string, err error) {
	object, err := r.open(ctx, file.Name)
	if errors.Is(err, iotenant.ErrNotFound) {
		return "", "", fmt.Errorf("%w: data store %s: a file is missing", analytics.ErrCorrupt, table)
	}
	if err != nil {
		return "", "", err
	}
	dir, base, err := f.folder(path)
	if err != nil {
		object.Close()
		return "", "", err
	}
	f.n++
	name := strconv.Itoa(f.n) + extension(file.Name)
	link = filepath.Join(dir, name)
	if base != dir {
		allowed = filepath.Join(base, name)
	}
	if local, ok := object.(interface{ Path() string }); ok {
		if target, err := filepath.EvalSymlinks(local.Path()); err == nil {
			if os.Link(target, link) == nil {
				return link, allowed, object.Close()
			}
			if os.Symlink(target, link) == nil {
				f.open = append(f.open, object)
				return link, target, nil
			}
		}
	}
	defer object.Close()
	return link, allowed, download(ctx, link, object, table)
}

// extension is what tells the compression.
func extension(name string) string {
	base := path.Base(name)
	for _, known := range []string{".parquet", ".json.gz", ".json.zst", ".gz", ".zst", ".json"} {
		if strings.HasSuffix(base, known) {
			return known
		}
	}
	return ""
}

// valuesOf are the values of a file's dimensions, nil where there is none.
func valuesOf(file analytics.File, dimensions []wire.Column) []*string {
	values := make([]*string, len(dimensions))
	for i, d := range dimensions {
		for _, have := range file.Partition {
			if strings.EqualFold(have.Name, d.Name) {
				values[i] = have.Value
			}
		}
	}
	return values
}

// Bounds of a path.
const (
	maxPathPart   = 200
	maxPathLength = 2000
)

// hivePath is the folder of a file as Hive names it: its values are readable
// there, and statements that exclude them don't read it. Values that are too
// long for that don't fit.
func hivePath(table wire.TableName, file analytics.File, dimensions []wire.Column, values []*string) (path string, fits bool) {
	folder, day := "t-"+hexName(table.String()), "__dt="+file.Day.UTC().Format(time.DateOnly)
	parts, length := []string{folder, day}, 0
	for i, d := range dimensions {
		value := "__HIVE_DEFAULT_PARTITION__"
		if values[i] != nil {
			value = escapePath(*values[i])
		}
		length += len(d.Name) + len(value)
		if len(d.Name)+len(value) > maxPathPart || length > maxPathLength || values[i] != nil && value == "" {
			return filepath.Join(folder, "odd", day), false
		}
		parts = append(parts, d.Name+"="+value)
	}
	return filepath.Join(parts...), true
}

// escapePath writes everything but letters and digits as %XX, and what DuckDB
// would take for null.
func escapePath(value string) string {
	var out strings.Builder
	for i := range len(value) {
		c := value[i]
		if c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' && c != 'N' && c != 'H' {
			out.WriteByte(c)
			continue
		}
		fmt.Fprintf(&out, "%%%02X", c)
	}
	return out.String()
}

// hexName is a name of a folder, as long as it may be.
func hexName(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

func download(ctx context.Context, to string, object analytics.Object, table wire.TableName) error {
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("analytics: SQL: %w: no temporary file", iotenant.ErrUnavailable)
	}
	_, err = io.Copy(file, io.NewSectionReader(object, 0, object.Size()))
	if closed := file.Close(); err == nil && closed != nil {
		err = fmt.Errorf("analytics: SQL: %w: temporary file", iotenant.ErrUnavailable)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, iotenant.ErrNotFound):
		return fmt.Errorf("%w: data store %s: a file is missing", analytics.ErrCorrupt, table)
	case err != nil && iotenant.KindOf(err) == nil:
		return fmt.Errorf("analytics: SQL: %w: data store %s: a file can't be read", iotenant.ErrUnavailable, table)
	}
	return err
}
