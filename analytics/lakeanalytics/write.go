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

// group is what goes to one file.
type group struct {
	day        int32
	folder     string
	dimensions []analytics.Dimension
	rows       []storedRow
}

// writeFiles writes rows to one file for each day and partition, in order.
func (t *table) writeFiles(ctx context.Context, declared *analytics.Table, rows []storedRow) ([]file, error) {
	groups, err := groupsOf(declared, rows)
	if err != nil {
		return nil, err
	}
	files := make([]file, len(groups))
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(parallelWrites)
	for i := range groups {
		tasks.Go(func() (err error) {
			files[i], err = t.writeGroup(ctx, declared, &groups[i])
			return err
		})
	}
	if err := tasks.Wait(); err != nil {
		t.drafts.end(files)
		return nil, err
	}
	return files, nil
}

func groupsOf(declared *analytics.Table, rows []storedRow) ([]group, error) {
	partitions, err := newPartitioner(declared.Partitions)
	if err != nil {
		return nil, err
	}
	var groups []group
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
			place = len(groups)
			places[name] = place
			groups = append(groups, group{day: day, folder: name, dimensions: dimensions})
		}
		groups[place].rows = append(groups[place].rows, rows[i])
	}
	return groups, nil
}

func compareRows(a, b storedRow) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.sequence, b.sequence))
}

func (t *table) writeGroup(ctx context.Context, declared *analytics.Table, g *group) (file, error) {
	slices.SortFunc(g.rows, compareRows)
	var body bytes.Buffer
	w, err := newFileWriter(&body, declared)
	if err != nil {
		return file{}, err
	}
	for i := range g.rows {
		if err := w.Write(&g.rows[i]); err != nil {
			return file{}, err
		}
	}
	if err := w.Close(); err != nil {
		return file{}, err
	}
	f := file{
		day:        g.day,
		dimensions: g.dimensions,
		rows:       int64(len(g.rows)),
		bytes:      int64(body.Len()),
		first:      g.rows[0].At.UnixNano(),
		last:       g.rows[len(g.rows)-1].At.UnixNano(),
	}
	f.name = t.newName(g.folder, f.first, f.last, declared)
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
