package analytics

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// CreateContent asks for a content of a data set and returns its version. It is
// durable: the content is CREATING until a [Datasets.Run], [Datasets.Sweep] or
// [Datasets.Produce] of some process has made it.
//
// With a deltaTime filter its window is from the end of the last one that
// succeeded to now, plus the offset. With the version of a content, as in
// [Datasets.Content] but not empty, the window of that is run again; it keeps
// its result until there is a new one. Errors:
// kind iotenant.ErrNotFound if there is no such data set, [ErrNoContent],
// [ErrContent] for a version without a deltaTime filter, [ErrContentBacklog],
// tenant.ErrID.
func (d *Datasets) CreateContent(ctx context.Context, id tenant.ID, dataset, version string) (string, error) {
	definition, err := d.definition(ctx, id, dataset)
	if err != nil {
		return "", fmt.Errorf("analytics: create content: %w", err)
	}
	run := queuedRun{Version: version, Again: version != ""}
	if run.Again {
		if definition.Delta == nil {
			return "", fmt.Errorf("%w: a version can be run again only with a deltaTime filter", ErrContent)
		}
		content, err := d.content(ctx, id, definition.Name, version)
		if err != nil {
			return "", fmt.Errorf("analytics: create content: %w", err)
		}
		run.Version, run.Scheduled, run.From, run.To = content.Version, content.Scheduled, content.From, content.To
	} else {
		run.Version = d.options.NewVersion()
	}
	if err := d.enqueue(ctx, id, definition.Name, run); err != nil {
		return "", fmt.Errorf("analytics: create content: %w", err)
	}
	return run.Version, nil
}

// enqueue queues a run, unless the same is waiting, and shows it as a content.
func (d *Datasets) enqueue(ctx context.Context, id tenant.ID, dataset string, run queuedRun) error {
	var queued queuedRun
	_, err := d.change(ctx, id, dataset, func(s *datasetState) error {
		if waiting := s.queued(run.Version); waiting != nil {
			queued = *waiting
			return nil
		}
		if len(s.Queue) >= MaxQueued {
			return ErrContentBacklog
		}
		queued = s.enqueue(run, d.now())
		return nil
	})
	if err != nil {
		return err
	}
	d.wake(id, dataset)
	return d.show(ctx, id, dataset, &queued)
}

// show writes the content of a run that was queued, unless it was written
// meanwhile.
func (d *Datasets) show(ctx context.Context, id tenant.ID, dataset string, run *queuedRun) error {
	content := run.content(dataset)
	if !run.Again {
		_, err := d.contents.Put(ctx, id, content, tenant.IfAbsent())
		if err == nil || errors.Is(err, tenant.ErrExists) {
			return nil
		}
		return fmt.Errorf("analytics: write content: %w", err)
	}
	_, err := tenant.Update(ctx, d.contents, id, contentKey(dataset, run.Version), func(c *Content) error {
		if c.Run >= run.Run || c.State == ContentCreating {
			return errUnchanged
		}
		c.State, c.Reason, c.Run = ContentCreating, "", run.Run
		return nil
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return fmt.Errorf("analytics: write content: %w", err)
	}
	return nil
}

// content is what a run is as a content before it was made.
func (q *queuedRun) content(dataset string) Content {
	return Content{
		Dataset: dataset, Version: q.Version, State: ContentCreating, Created: q.Created, Scheduled: q.Scheduled,
		From: q.From, To: q.To, Run: q.Run,
	}
}

// Content returns a content by its version, [Latest] or [LatestSucceeded], which
// the empty version means too, with entries to fetch its result by. A content
// that is made again is still LatestSucceeded with the result that it had.
// Errors: kind iotenant.ErrNotFound if there is no such data set,
// [ErrNoContent], tenant.ErrID.
func (d *Datasets) Content(ctx context.Context, id tenant.ID, dataset, version string) (Content, error) {
	definition, err := d.definition(ctx, id, dataset)
	if err != nil {
		return Content{}, fmt.Errorf("analytics: get content: %w", err)
	}
	content, err := d.content(ctx, id, definition.Name, version)
	if err == nil {
		err = d.link(ctx, id, &content)
	}
	if err != nil {
		return Content{}, fmt.Errorf("analytics: get content: %w", err)
	}
	return content, nil
}

// link sets the entries of a content that has a result.
func (d *Datasets) link(ctx context.Context, id tenant.ID, content *Content) error {
	if content.State != ContentSucceeded {
		return nil
	}
	for _, file := range content.Files {
		uri, err := d.objects.Link(ctx, id, file.Object, LinkValid)
		switch {
		case errors.Is(err, ErrNoObject):
			return ErrNoContent // it was deleted meanwhile
		case err != nil && !errors.Is(err, iotenant.ErrUnsupported):
			return err
		}
		for _, name := range content.entryNames(file.Name) {
			content.Entries = append(content.Entries, ContentEntry{Name: name, URI: uri})
		}
	}
	return nil
}

// entryNames are the names under which a file is known: its own, or those of
// the delivery rules.
func (c *Content) entryNames(file string) []string {
	if file != "" {
		return []string{file}
	}
	var names []string
	for i := range c.Deliveries {
		if entry := c.Deliveries[i].Entry; entry != "" {
			names = append(names, entry)
		}
	}
	if len(names) == 0 {
		names = []string{""}
	}
	return names
}

// Open opens the result of a content: the CSV of a query, whose name is empty,
// or a file of a container. version is as in [Datasets.Content]. Errors: those
// of Content, and [ErrNoContent] too if there is no such file, or no result.
func (d *Datasets) Open(ctx context.Context, id tenant.ID, dataset, version, name string) (Object, error) {
	definition, err := d.definition(ctx, id, dataset)
	if err != nil {
		return nil, fmt.Errorf("analytics: open content: %w", err)
	}
	content, err := d.content(ctx, id, definition.Name, version)
	if err != nil {
		return nil, fmt.Errorf("analytics: open content: %w", err)
	}
	object, err := d.open(ctx, id, &content, name)
	if err != nil {
		return nil, fmt.Errorf("analytics: open content: %w", err)
	}
	return object, nil
}

func (d *Datasets) open(ctx context.Context, id tenant.ID, content *Content, name string) (Object, error) {
	for _, file := range content.Files {
		if file.Name != name {
			continue
		}
		object, err := d.objects.Open(ctx, id, file.Object)
		if errors.Is(err, ErrNoObject) {
			return nil, ErrNoContent
		}
		return object, err
	}
	return nil, ErrNoContent
}

// content reads a content by its version, or by what it is.
func (d *Datasets) content(ctx context.Context, id tenant.ID, dataset, version string) (Content, error) {
	switch version {
	case "", LatestSucceeded:
		return d.newest(ctx, id, dataset, func(s *datasetState) string { return s.Succeeded }, (*Content).succeeded)
	case Latest:
		return d.newest(ctx, id, dataset, func(s *datasetState) string { return s.Latest }, func(*Content) bool { return true })
	}
	if !isVersion(version) {
		return Content{}, ErrNoContent
	}
	item, err := d.contents.Get(ctx, id, contentKey(dataset, version), tenant.Consistent)
	if errors.Is(err, tenant.ErrNotFound) {
		return Content{}, ErrNoContent
	}
	return item.Value, err
}

// succeeded reports whether there is a result, and shows the content as it was
// with it if it is made again.
func (c *Content) succeeded() bool {
	if c.Made == 0 {
		return false
	}
	c.State = ContentSucceeded
	return true
}

// newest returns the content that the state names, or, if that was deleted, the
// newest of those that are wanted.
func (d *Datasets) newest(ctx context.Context, id tenant.ID, dataset string, named func(*datasetState) string, wanted func(*Content) bool) (Content, error) {
	state, err := d.state(ctx, id, dataset)
	if err != nil {
		return Content{}, err
	}
	if version := named(&state); version != "" {
		content, err := d.content(ctx, id, dataset, version)
		if err == nil && wanted(&content) {
			return content, nil
		}
		if err != nil && !errors.Is(err, ErrNoContent) {
			return Content{}, err
		}
	}
	all := tenant.Query{Index: contentsBySchedule, Prefix: datasetKey(dataset), Descending: true}
	for item, err := range tenant.All(ctx, d.contents, id, all) {
		if err != nil {
			return Content{}, err
		}
		if wanted(&item.Value) {
			return item.Value, nil
		}
	}
	return Content{}, ErrNoContent
}

// isVersion reports whether a content can have this version.
func isVersion(version string) bool {
	const least, most = 7, 36
	if len(version) < least || len(version) > most {
		return false
	}
	return !strings.ContainsFunc(version, func(c rune) bool {
		return ('a' > c || c > 'z') && ('A' > c || c > 'Z') && ('0' > c || c > '9') && c != '-'
	})
}

// Contents returns one page of contents of a data set, without entries: by
// schedule time, the newest first. A content may be listed a moment after it was
// created. Errors: kind iotenant.ErrNotFound if there is no such data set,
// [ErrQuery], tenant.ErrCursor, tenant.ErrID.
func (d *Datasets) Contents(ctx context.Context, id tenant.ID, dataset string, query ContentQuery) (Page[Content], error) {
	definition, err := d.definition(ctx, id, dataset)
	if err != nil {
		return Page[Content]{}, fmt.Errorf("analytics: list contents: %w", err)
	}
	if query.Limit < 0 || query.Limit > tenant.MaxLimit {
		return Page[Content]{}, fmt.Errorf("%w: limit %d, want 1 to %d", ErrQuery, query.Limit, tenant.MaxLimit)
	}
	items := tenant.Query{
		Index: contentsBySchedule, Prefix: datasetKey(definition.Name), Descending: true, Limit: query.Limit, Cursor: query.Cursor,
	}
	if !query.ScheduledFrom.IsZero() {
		items.From = scheduleKey(definition.Name, query.ScheduledFrom)
	}
	if !query.ScheduledTo.IsZero() {
		items.To = scheduleKey(definition.Name, query.ScheduledTo)
	}
	page, err := d.contents.Query(ctx, id, items)
	if err != nil {
		return Page[Content]{}, fmt.Errorf("analytics: list contents: %w", err)
	}
	contents := Page[Content]{Next: page.Next, Items: make([]Content, len(page.Items))}
	for i := range page.Items {
		contents.Items[i] = page.Items[i].Value
	}
	return contents, nil
}

// DeleteContent deletes a content with its result. version is as in
// [Datasets.Content]. The windows of later contents do not change. If it fails,
// call it again. Errors: those of Content.
func (d *Datasets) DeleteContent(ctx context.Context, id tenant.ID, dataset, version string) error {
	definition, err := d.definition(ctx, id, dataset)
	if err != nil {
		return fmt.Errorf("analytics: delete content: %w", err)
	}
	content, err := d.content(ctx, id, definition.Name, version)
	if err == nil {
		err = d.remove(ctx, id, &content)
	}
	if err != nil {
		return fmt.Errorf("analytics: delete content: %w", err)
	}
	return nil
}

// remove deletes a content: first what waits for it, then its objects, so that
// it can be repeated as long as the content is there.
func (d *Datasets) remove(ctx context.Context, id tenant.ID, content *Content) error {
	if err := d.settle(ctx, id, content.Dataset); err != nil {
		return err
	}
	_, err := d.changePresent(ctx, id, content.Dataset, func(s *datasetState) error {
		s.forget(content.Version)
		return nil
	})
	if err != nil {
		return err
	}
	if err := d.removeObjects(ctx, id, content.prefix()); err != nil {
		return err
	}
	return d.contents.Delete(ctx, id, contentKey(content.Dataset, content.Version), tenant.Always())
}

func (d *Datasets) removeObjects(ctx context.Context, id tenant.ID, prefix string) error {
	for {
		found, err := d.objects.List(ctx, id, prefix, "", MaxObjectList)
		if err != nil {
			return err
		}
		names := make([]string, len(found))
		for i := range found {
			names[i] = found[i].Name
		}
		if len(names) > 0 {
			if err := d.objects.Delete(ctx, id, names...); err != nil {
				return err
			}
		}
		if len(found) < MaxObjectList {
			return nil
		}
	}
}

// Delete deletes all contents of a data set and what is kept of it. Call it
// after its definition was deleted, which it does not need. If it fails, call
// it again. Errors: [ErrDefinition] for what can't be a name, tenant.ErrID.
func (d *Datasets) Delete(ctx context.Context, id tenant.ID, dataset string) error {
	if err := checkTenant(id); err != nil {
		return fmt.Errorf("analytics: delete data set: %w", err)
	}
	if err := checkName(dataset); err != nil {
		return fmt.Errorf("analytics: delete data set: %w", err)
	}
	if err := d.states.Delete(ctx, id, stateKey(dataset), tenant.Always()); err != nil {
		return fmt.Errorf("analytics: delete data set: %w", err)
	}
	for item, err := range tenant.All(ctx, d.contents, id, tenant.Query{Prefix: datasetKey(dataset), Consistent: true}) {
		if err == nil {
			err = d.contents.Delete(ctx, id, contentKey(dataset, item.Value.Version), tenant.Always())
		}
		if err != nil {
			return fmt.Errorf("analytics: delete data set: contents: %w", err)
		}
	}
	if err := d.removeObjects(ctx, id, resultsOf(dataset)); err != nil {
		return fmt.Errorf("analytics: delete data set: results: %w", err)
	}
	return nil
}
