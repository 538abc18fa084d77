package analytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// LateData says that rows came after the content of their window was made: the
// event "IoT Analytics Dataset Lifecycle Notification". Ask for the contents
// again by [Datasets.CreateContent] with their versions.
type LateData struct {
	Dataset string
	// Rule is the name of the late data rule.
	Rule string
	// Versions are the contents whose windows got rows.
	Versions []string
}

// MarshalJSON writes the detail of the service's event.
func (l LateData) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(struct {
		Version  string   `json:"event-detail-version"`
		Dataset  string   `json:"dataset-name"`
		Rule     string   `json:"late-data-rule-name"`
		Versions []string `json:"version-ids"`
		Message  *string  `json:"message"`
	}{"1.0", l.Dataset, l.Rule, l.Versions, nil})
	if err != nil {
		return nil, fmt.Errorf("analytics: late data: %w", err)
	}
	return text, nil
}

// Snapshots tells whether a data store has changed. A [Lake] is one.
type Snapshots interface {
	Snapshot(ctx context.Context, id tenant.ID, table TableID) (Snapshot, error)
}

// looksForLateData reports whether somebody wants to know of late data.
func (v *visit) looksForLateData() bool {
	return len(v.definition.LateRules) > 0 && v.definition.Delta != nil && v.options.Snapshots != nil && v.options.Notify != nil
}

// lookForLateData counts the rows in the windows of contents again, once the
// timeout of the rule has passed and if data stores have changed since. Rows
// that were deleted from a window hide as many that came late.
func (v *visit) lookForLateData(ctx context.Context) error {
	now := v.now()
	if !v.looksForLateData() || v.state.Succeeded == "" || v.state.LateAt.After(now) {
		return nil
	}
	rule := v.definition.LateRules[0]
	next := now.Add(time.Duration(rule.TimeoutMinutes) * time.Minute)
	versions, err := v.stores(ctx)
	if err != nil {
		return err
	}
	switch {
	case v.state.LateAt.IsZero(): // rows may have come since the content was made
		return v.looked(ctx, next, nil)
	case maps.Equal(versions, v.state.Stores):
		return v.looked(ctx, next, versions)
	}
	late, err := v.lateContents(ctx)
	if err != nil {
		return err
	}
	var event LateData
	for _, content := range late {
		if content.rows > content.Seen {
			event.Versions = append(event.Versions, content.Version)
		}
	}
	if len(event.Versions) > 0 {
		event.Dataset, event.Rule = v.definition.Name, rule.Name
		if err := v.notify(ctx, event); err != nil {
			return err
		}
	}
	for i := range late {
		if err := v.sawRows(ctx, &late[i]); err != nil {
			return err
		}
	}
	return v.looked(ctx, next, versions)
}

func (v *visit) notify(ctx context.Context, event LateData) (err error) {
	defer contain(&err)
	if err := v.options.Notify(ctx, v.id, event); err != nil {
		return fmt.Errorf("analytics: late data: %w", err)
	}
	return nil
}

// looked notes when to look again, and what was seen.
func (v *visit) looked(ctx context.Context, next time.Time, versions map[string]uint64) error {
	return v.change(ctx, func(s *datasetState) error {
		s.LateAt, s.Stores = next, versions
		return nil
	})
}

// recounted is a content with the number of rows that its window has now.
type recounted struct {
	Content

	rows int64
}

// lateContents returns the contents whose windows have another number of rows
// than when they were made.
func (v *visit) lateContents(ctx context.Context) (late []recounted, err error) {
	var contents []Content
	query := tenant.Query{Index: contentsBySchedule, Prefix: datasetKey(v.definition.Name), Descending: true}
	for item, err := range tenant.All(ctx, v.contents, v.id, query) {
		if err != nil {
			return nil, err
		}
		if c := item.Value; c.Made != 0 && c.To.After(c.From) && c.State != ContentCreating {
			contents = append(contents, c)
		}
		if len(contents) == v.options.LateWindows {
			break
		}
	}
	slices.SortFunc(contents, func(a, b Content) int { return a.From.Compare(b.From) })
	err = v.recount(ctx, contents, &late)
	return late, err
}

// recount counts windows together as long as their sum is what it was.
func (v *visit) recount(ctx context.Context, contents []Content, late *[]recounted) error {
	if len(contents) == 0 {
		return nil
	}
	if seen, ok := contiguous(contents); ok {
		rows, err := v.count(ctx, contents[0].From, contents[len(contents)-1].To)
		if err != nil || rows == seen {
			return err
		}
		if len(contents) == 1 {
			*late = append(*late, recounted{contents[0], rows})
			return nil
		}
	}
	half := len(contents) / 2
	if err := v.recount(ctx, contents[:half], late); err != nil {
		return err
	}
	return v.recount(ctx, contents[half:], late)
}

// contiguous returns how many rows were seen in windows, if each begins where the
// one before it ends.
func contiguous(contents []Content) (seen int64, ok bool) {
	for i := range contents {
		if i > 0 && !contents[i].From.Equal(contents[i-1].To) {
			return 0, false
		}
		seen += contents[i].Seen
	}
	return seen, true
}

// sawRows remembers how many rows a window has now, so that they are told of
// once.
func (v *visit) sawRows(ctx context.Context, content *recounted) error {
	_, err := tenant.Update(ctx, v.contents, v.id, contentKey(content.Dataset, content.Version), func(c *Content) error {
		if c.Made != content.Made || c.State == ContentCreating {
			return errUnchanged
		}
		c.Seen = content.rows
		return nil
	})
	if errors.Is(err, tenant.ErrNotFound) {
		return nil
	}
	return unchanged(err)
}

// stores returns the data stores that the statement names, and their versions.
func (v *visit) stores(ctx context.Context) (map[string]uint64, error) {
	versions := map[string]uint64{}
	for _, name := range namesIn(v.definition.SQL) {
		snapshot, err := v.options.Snapshots.Snapshot(ctx, v.id, TableID{DatastoreTable, name})
		switch {
		case errors.Is(err, ErrNoTable):
		case err != nil:
			return nil, err
		default:
			versions[name] = snapshot.Version
		}
	}
	return versions, nil
}

// count returns how many rows the data stores have in a window. A data store
// that has no such time has none.
func (v *visit) count(ctx context.Context, from, to time.Time) (rows int64, err error) {
	stores, err := v.stores(ctx)
	if err != nil {
		return 0, err
	}
	for name := range stores {
		statement := Statement{
			SQL: `SELECT count(*) FROM "` + name + `"`, Now: v.now(),
			Delta: &Delta{TimeExpression: v.definition.Delta.TimeExpression, From: from, To: to},
		}
		n, err := v.number(ctx, statement)
		if err != nil && !errors.Is(err, ErrSQL) && !errors.Is(err, ErrNoTable) {
			return 0, err
		}
		rows += n
	}
	return rows, nil
}

// number returns the number that a statement gives.
func (v *visit) number(ctx context.Context, statement Statement) (n int64, err error) {
	result, err := v.engine.Query(ctx, v.id, statement)
	if err != nil {
		return 0, err
	}
	defer func() { _ = result.Close() }()
	for row, err := range result.Rows {
		if err != nil {
			return 0, err
		}
		if n, err = strconv.ParseInt(row[0].Text, 10, 64); err != nil {
			return 0, fmt.Errorf("%w: a count of rows", ErrCorrupt)
		}
	}
	return n, nil
}

// maxTableNames is how many names of a statement are tried.
const maxTableNames = 200

var sqlName = regexp.MustCompile(`'(?:[^']|'')*'|--[^\n]*|(?s:/\*.*?\*/)|"[^"]*"|` + "`[^`]*`" + `|[A-Za-z_][A-Za-z0-9_]*`)

// namesIn returns the names in a statement that could be those of data stores, in
// lower case, each once.
func namesIn(sql string) (names []string) {
	for _, token := range sqlName.FindAllString(sql, -1) {
		switch token[0] {
		case '\'', '-', '/':
			continue
		}
		name := strings.ToLower(strings.Trim(token, "\"`"))
		if checkName(name) == nil && !slices.Contains(names, name) && len(names) < maxTableNames {
			names = append(names, name)
		}
	}
	return names
}
