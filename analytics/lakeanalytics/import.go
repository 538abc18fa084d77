package lakeanalytics

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// ImportOptions are the options of [ImportChannel].
type ImportOptions struct {
	// After is the name of a file: those up to it, in the order of names, are
	// passed over. Imported.Last is such a name.
	After string
	// Thing tells what sent a payload, zero if that is not known. Default: it is
	// not known.
	Thing func(payload []byte) device.ID
}

// Imported is what an import has done.
type Imported struct {
	Files, Rows int
	// Duplicates are rows that the channel had among its latest.
	Duplicates int
	// Last is the last file of which all rows are kept.
	Last string
}

// ImportChannel appends the raw messages of files that AWS IoT Analytics kept
// for a channel in a bucket of the customer, to a channel that has been declared:
// copy the files to a folder and give os.DirFS of it, or any other file system.
// Then a reprocessing takes them through pipelines.
//
//	channel/mychannel/__dt=2020-02-29 00:00:00/1582940490000_1582940520000_123456789012_mychannel_0_2118.0.json.gz
//
// All files below the root whose names end in .json, .jsonl or these with .gz
// are read, in the order of their names. A line is one message. If it is an object
// with payload and receivedAt, as files of this package have it, these are taken,
// and messageId. Any other line is the payload itself, received when its file
// begins, by the name of the file or else of its folder.
//
// An import that failed can be repeated from ImportOptions.After on: what was
// kept of the file that failed comes again with the same ids, and those are known
// as long as they are among the latest of the channel. Errors: those of
// Lake.Append; [analytics.ErrCorrupt] with file and line; those of files.
func ImportChannel(ctx context.Context, lake analytics.Lake, id tenant.ID, channel string, files fs.FS, optFns ...func(*ImportOptions)) (Imported, error) {
	options := ImportOptions{Thing: func([]byte) device.ID { return device.ID{} }}
	for _, fn := range optFns {
		fn(&options)
	}
	i := &importer{options: options, put: func(rows []analytics.Row) ([]analytics.Outcome, error) {
		return lake.Append(ctx, id, analytics.TableID{Kind: analytics.ChannelTable, Name: channel}, rows)
	}}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case entry.IsDir() || !isImported(name) || !comesAfter(name, options.After):
			return nil
		}
		return i.file(files, name)
	})
	if err != nil {
		return i.done, fmt.Errorf("lakeanalytics: import: %w", err)
	}
	return i.done, nil
}

func isImported(name string) bool {
	name = strings.TrimSuffix(name, ".gz")
	return strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".jsonl")
}

// comesAfter compares names in the order in which folders are walked.
func comesAfter(name, other string) bool {
	return other == "" || slices.Compare(strings.Split(name, "/"), strings.Split(other, "/")) > 0
}

// importer appends the rows of file after file.
type importer struct {
	options ImportOptions
	put     func([]analytics.Row) ([]analytics.Outcome, error)
	rows    []analytics.Row
	bytes   int
	done    Imported
}

func (i *importer) file(files fs.FS, name string) error {
	file, err := files.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	source := io.Reader(file)
	if strings.HasSuffix(name, ".gz") {
		zip, err := gzip.NewReader(file)
		if err != nil {
			return importError(name, 0, err)
		}
		source = zip
	}
	if err := i.lines(name, source); err != nil {
		i.rows, i.bytes = i.rows[:0], 0
		return err
	}
	i.done.Files++
	i.done.Last = name
	return nil
}

func (i *importer) lines(name string, source io.Reader) error {
	lines := bufio.NewScanner(source)
	lines.Buffer(make([]byte, 0, lineBuffer), maxLine)
	number := 0
	for lines.Scan() {
		number++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		row, err := i.row(name, number, line)
		if err != nil {
			return importError(name, number, err)
		}
		if err := i.append(row); err != nil {
			return fmt.Errorf("%s: up to line %d: %w", name, number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return importError(name, number+1, err)
	}
	if err := i.flush(); err != nil {
		return fmt.Errorf("%s: up to line %d: %w", name, number, err)
	}
	return nil
}

// row reads a line.
func (i *importer) row(name string, number int, line []byte) (analytics.Row, error) {
	stored, err := parseChannelRow(line)
	if err != nil {
		at, ok := importedAt(name)
		if !ok {
			return analytics.Row{}, fmt.Errorf("%w, and the file has no time in its name", err)
		}
		sum := sha256.Sum256([]byte(name))
		stored.Row = analytics.Row{ID: fmt.Sprintf("%x-%d", sum[:16], number), At: at, Payload: bytes.Clone(line)}
	}
	row := stored.Row
	if row.Thing.IsZero() {
		row.Thing = i.options.Thing(row.Payload)
	}
	return row, nil
}

// importedAt is when a file begins: in milliseconds at the begin of its name, or
// the day of its folder.
func importedAt(name string) (time.Time, bool) {
	first, _, _ := strings.Cut(path.Base(name), "_")
	if ms, err := strconv.ParseInt(first, 10, 64); err == nil && len(first) == 13 {
		return time.UnixMilli(ms).UTC(), true
	}
	for part := range strings.SplitSeq(path.Dir(name), "/") {
		if text, isDay := strings.CutPrefix(part, "__dt="); isDay {
			day, err := time.Parse(time.DateOnly, strings.TrimSuffix(text, " 00:00:00"))
			return day, err == nil
		}
	}
	return time.Time{}, false
}

func (i *importer) append(row analytics.Row) error {
	if len(i.rows) == analytics.MaxRows || i.bytes+len(row.Payload) > analytics.MaxAppend {
		if err := i.flush(); err != nil {
			return err
		}
	}
	i.rows = append(i.rows, row)
	i.bytes += len(row.Payload)
	return nil
}

func (i *importer) flush() error {
	if len(i.rows) == 0 {
		return nil
	}
	outcomes, err := i.put(i.rows)
	if err != nil {
		return err
	}
	for _, outcome := range outcomes {
		if outcome == analytics.Duplicate {
			i.done.Duplicates++
		} else {
			i.done.Rows++
		}
	}
	i.rows, i.bytes = i.rows[:0], 0
	return nil
}

// importError says where a file is damaged. What could not be read at all is no
// damage.
func importError(name string, line int, err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) || iotenant.KindOf(err) != nil {
		return fmt.Errorf("%s: line %d: %w", name, line, err)
	}
	return fmt.Errorf("%w: %s: line %d: %w", analytics.ErrCorrupt, name, line, err)
}
