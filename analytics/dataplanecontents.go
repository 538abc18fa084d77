package analytics

import (
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// contentStatus is the status of a content.
type contentStatus struct {
	State  ContentState `json:"state"`
	Reason string       `json:"reason,omitempty"`
}

func (d *dataPlane) createContent(c call) (any, error) {
	var request struct {
		VersionID string `json:"versionId"`
	}
	if err := c.read(&request); err != nil {
		return nil, err
	}
	version, err := d.options.Datasets.CreateContent(c.Context(), c.id, c.PathValue("name"), request.VersionID)
	return map[string]any{"versionId": version}, err
}

func (d *dataPlane) getContent(c call) (any, error) {
	content, err := d.options.Datasets.Content(c.Context(), c.id, c.PathValue("name"), c.URL.Query().Get("versionId"))
	if err != nil {
		return nil, err
	}
	type entry struct {
		EntryName string `json:"entryName,omitempty"`
		DataURI   string `json:"dataURI,omitempty"`
	}
	entries := make([]entry, len(content.Entries))
	for i, e := range content.Entries {
		entries[i] = entry{e.Name, e.URI}
	}
	return map[string]any{
		"entries": entries, "timestamp": wireTime(d.options.Now()), "status": contentStatus{content.State, content.Reason},
	}, nil
}

func (d *dataPlane) deleteContent(c call) (any, error) {
	return nil, d.options.Datasets.DeleteContent(c.Context(), c.id, c.PathValue("name"), c.URL.Query().Get("versionId"))
}

func (d *dataPlane) listContents(c call) (any, error) {
	limit, err := c.limit("maxResults", maxResults)
	if err != nil {
		return nil, err
	}
	query := ContentQuery{Limit: limit, Cursor: tenant.Cursor(c.URL.Query().Get("nextToken"))}
	if query.ScheduledFrom, err = c.time("scheduledOnOrAfter"); err != nil {
		return nil, err
	}
	if query.ScheduledTo, err = c.time("scheduledBefore"); err != nil {
		return nil, err
	}
	page, err := d.options.Datasets.Contents(c.Context(), c.id, c.PathValue("name"), query)
	if err != nil {
		return nil, err
	}
	type summary struct {
		Version        string        `json:"version"`
		Status         contentStatus `json:"status"`
		CreationTime   wireTime      `json:"creationTime"`
		ScheduleTime   wireTime      `json:"scheduleTime"`
		CompletionTime *wireTime     `json:"completionTime,omitempty"`
	}
	summaries := make([]summary, len(page.Items))
	for i := range page.Items {
		content := &page.Items[i]
		summaries[i] = summary{
			content.Version, contentStatus{content.State, content.Reason},
			wireTime(content.Created), wireTime(content.Scheduled), optionalTime(content.Completed),
		}
	}
	return listAnswer("datasetContentSummaries", summaries, page.Next), nil
}

func listAnswer(name string, summaries any, next tenant.Cursor) map[string]any {
	answer := map[string]any{name: summaries}
	if next != "" {
		answer["nextToken"] = next
	}
	return answer
}

func timeOf(t *wireTime) time.Time { return time.Time(*t) }
