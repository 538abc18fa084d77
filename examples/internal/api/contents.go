package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// contentView is a content as the API shows it.
type contentView struct {
	analytics.Content
	Entries []entryView `json:"entries,omitempty" doc:"How to get the result: links that are valid for two hours."`
}

type entryView struct {
	Name string `json:"name,omitempty"`
	URI  string `json:"uri,omitempty"`
}

func showContent(content analytics.Content) contentView {
	view := contentView{Content: content}
	for _, entry := range content.Entries {
		view.Entries = append(view.Entries, entryView{Name: entry.Name, URI: entry.URI})
	}
	return view
}

type createContentInput struct {
	NamePath
	Again string `query:"again" maxLength:"36" doc:"A version whose window is run again. Only with a deltaTime filter."`
}

type createdContent struct {
	Version string `json:"version"`
}

type ContentPath struct {
	NamePath
	Version string `path:"version" maxLength:"36" doc:"latest, latest-succeeded, or a version."`
}

// version is what the domain calls it.
func (p *ContentPath) version() string {
	switch p.Version {
	case "latest":
		return "$LATEST"
	case "latest-succeeded":
		return "$LATEST_SUCCEEDED"
	}
	return p.Version
}

type listContentsInput struct {
	NamePath
	Paging
	From time.Time `query:"from" doc:"Scheduled from then on."`
	To   time.Time `query:"to" doc:"Scheduled before then."`
}

func (a *api) registerContents() {
	tags := []string{"analytics"}
	operation(a, huma.Operation{
		OperationID: "create-content", Method: http.MethodPost, Path: "/datasets/{name}/contents", Tags: tags, DefaultStatus: http.StatusAccepted,
		Summary: "Run a data set", Description: "The content is CREATING until it has been made.",
	}, func(ctx context.Context, id tenant.ID, input *createContentInput) (*body[createdContent], error) {
		version, err := a.Datasets.CreateContent(ctx, id, input.Name, input.Again)
		return &body[createdContent]{createdContent{version}}, err
	})
	operation(a, huma.Operation{
		OperationID: "list-contents", Method: http.MethodGet, Path: "/datasets/{name}/contents", Tags: tags, Summary: "List contents of a data set, the newest first",
	}, func(ctx context.Context, id tenant.ID, input *listContentsInput) (*body[list[contentView]], error) {
		page, err := a.Datasets.Contents(ctx, id, input.Name, analytics.ContentQuery{
			ScheduledFrom: input.From, ScheduledTo: input.To, Limit: input.Limit, Cursor: input.Cursor,
		})
		views := make([]contentView, len(page.Items))
		for i, content := range page.Items {
			views[i] = showContent(content)
		}
		return itemsOf(analytics.Page[contentView]{Items: views, Next: page.Next}), err
	})
	operation(a, huma.Operation{
		OperationID: "get-content", Method: http.MethodGet, Path: "/datasets/{name}/contents/{version}", Tags: tags, Summary: "Get a content and links to its result",
	}, func(ctx context.Context, id tenant.ID, input *ContentPath) (*body[contentView], error) {
		content, err := a.Datasets.Content(ctx, id, input.Name, input.version())
		return &body[contentView]{showContent(content)}, err
	})
	operation(a, huma.Operation{
		OperationID: "delete-content", Method: http.MethodDelete, Path: "/datasets/{name}/contents/{version}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a content",
	}, func(ctx context.Context, id tenant.ID, input *ContentPath) (*struct{}, error) {
		return nil, a.Datasets.DeleteContent(ctx, id, input.Name, input.version())
	})
}
