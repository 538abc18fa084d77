package lakeanalytics

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/iotenant/iotenant/analytics"
)

// parallelWrites is how many files are written at a time.
const parallelWrites = 8

// portion is what goes to one file.
type portion struct {
	day        int32
	folder     string
	dimensions []analytics.Dimension
	rows       []storedRow
}

// writeFiles writes rows to one file for each day and partition, in order.
func (t *table) writeFiles(ctx context.Context, declared *analytics.Table, rows []storedRow) ([]file, error) {
	portions, err := portionsOf(declared, rows)
	if err != nil {
		return nil, err
	}
	files := make([]file, len(portions))
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(parallelWrites)
	for i := range portions {
		tasks.Go(func() (err error) {
			files[i], err = t.writePortion(ctx, declared, &portions[i])
			return err
		})
	}
	if err := tasks.Wait(); err != nil {
		t.drafts.end(files)
		return nil, err
	}
	return files, nil
}

func portionsOf(declared *analytics.Table, rows []storedRow) ([]portion, error) {
	partitions, err := newPartitioner(declared.Partitions)
	if err != nil {
		return nil, err
	}
	var portions []portion
	places := map[string]int{}
	for i := range rows {
		dimensions, err := partitions.of(rows[i].Payload)
		if err != nil {
			return nil, err
		}
		day := dayOf(rows[i].At.UnixNano())
		name := folder(day, dimensions)
		place, ok := places[name]
		if !ok {
			place = len(portions)
			places[name] = place
			portions = append(portions, portion{day: day, folder: name, dimensions: dimensions})
		}
		portions[place].rows = append(portions[place].rows, rows[i])
	}
	return portions, nil
}

func compareRows(a, b storedRow) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.sequence, b.sequence))
}

func (t *table) writePortion(ctx context.Context, declared *analytics.Table, p *portion) (file, error) {
	slices.SortFunc(p.rows, compareRows)
	var body bytes.Buffer
	w, err := newFileWriter(&body, declared)
	if err != nil {
		return file{}, err
	}
	for i := range p.rows {
		if err := w.Write(&p.rows[i]); err != nil {
			return file{}, err
		}
	}
	if err := w.Close(); err != nil {
		return file{}, err
	}
	f := file{
		day:        p.day,
		dimensions: p.dimensions,
		rows:       int64(len(p.rows)),
		bytes:      int64(body.Len()),
		first:      p.rows[0].At.UnixNano(),
		last:       p.rows[len(p.rows)-1].At.UnixNano(),
	}
	f.name = t.newName(p.folder, f.first, f.last, declared)
	return f, t.put(ctx, f.name, &body)
}

// newName returns a name that no other file has, and makes it that of a draft.
func (t *table) newName(folder string, first, last int64, declared *analytics.Table) string {
	name := folder + fileName(first, last, t.lake.options.Writer, t.lake.files.Add(1), fileExtension(declared))
	t.drafts.begin(name)
	return name
}

func (t *table) put(ctx context.Context, name string, body io.Reader) error {
	return t.lake.objects.Put(ctx, t.tenant, t.prefix+name, body)
}
