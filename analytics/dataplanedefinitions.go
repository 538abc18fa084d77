package analytics

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// resourceKind is how the protocol treats one kind of definitions.
type resourceKind struct {
	kind pipeline.Resource
	// described maps the members of a definition to those of the answer of
	// Describe, summed to those of List.
	described, summed map[string]string
}

var resourceKinds = []resourceKind{
	{
		kind:      pipeline.ResourceChannel,
		described: map[string]string{"channelStorage": "storage", "storage": "storage", "retentionPeriod": "retentionPeriod"},
		summed:    map[string]string{"channelStorage": "channelStorage", "storage": "channelStorage"},
	},
	{
		kind: pipeline.ResourceDatastore,
		described: map[string]string{
			"datastoreStorage": "storage", "storage": "storage", "retentionPeriod": "retentionPeriod",
			"fileFormatConfiguration": "fileFormatConfiguration", "datastorePartitions": "datastorePartitions",
		},
		summed: map[string]string{"datastoreStorage": "datastoreStorage", "storage": "datastoreStorage", "datastorePartitions": "datastorePartitions"},
	},
	{
		kind:      pipeline.ResourcePipeline,
		described: map[string]string{"pipelineActivities": "activities", "activities": "activities"},
	},
	{
		kind: pipeline.ResourceDataset,
		described: map[string]string{
			"actions": "actions", "triggers": "triggers", "contentDeliveryRules": "contentDeliveryRules",
			"retentionPeriod": "retentionPeriod", "versioningConfiguration": "versioningConfiguration", "lateDataRules": "lateDataRules",
		},
		summed: map[string]string{"triggers": "triggers", "actions": "actions"},
	},
}

// nameMember is the member of a request that names a definition.
func (k *resourceKind) nameMember() string { return string(k.kind) + "Name" }

// handleDefinitions serves the operations on definitions.
func (d *dataPlane) handleDefinitions() {
	for i := range resourceKinds {
		k := &resourceKinds[i]
		path := "/" + string(k.kind) + "s"
		d.handle("GET "+path, http.StatusOK, func(c call) (any, error) { return d.listDefinitions(c, k) })
		d.handle("GET "+path+"/{name}", http.StatusOK, func(c call) (any, error) { return d.describe(c, k) })
		if !d.options.Definitions {
			continue
		}
		d.handle("POST "+path, http.StatusCreated, func(c call) (any, error) { return d.create(c, k) })
		d.handle("PUT "+path+"/{name}", http.StatusOK, func(c call) (any, error) { return d.update(c, k) })
		d.handle("DELETE "+path+"/{name}", http.StatusNoContent, func(c call) (any, error) { return d.remove(c, k) })
	}
}

// members returns the members of a stored definition, whatever its form, by the
// names of the API.
func (k *resourceKind) members(definition []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(definition))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("%w: body: %w", errRequest, err)
	}
	switch value := asInAPI(value).(type) {
	case []any: // a pipeline's activities
		return map[string]any{"activities": value}, nil
	case map[string]any:
		if inner, ok := value[string(k.kind)].(map[string]any); ok {
			return inner, nil
		}
		return value, nil
	}
	return nil, fmt.Errorf("%w: body: want an object", errRequest)
}

// asInAPI gives names the small letters of the API, but for those that are
// data: the attributes that an activity adds.
func asInAPI(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = asInAPI(value[i])
		}
	case map[string]any:
		renamed := make(map[string]any, len(value))
		for name, member := range value {
			if name = strings.ToLower(name[:min(1, len(name))]) + name[min(1, len(name)):]; name != "attributes" {
				member = asInAPI(member)
			}
			renamed[name] = member
		}
		return renamed
	}
	return value
}

func pick(members map[string]any, names map[string]string, into map[string]any) {
	for from, to := range names {
		if member, ok := members[from]; ok && member != nil {
			into[to] = member
		}
	}
}

func (d *dataPlane) describe(c call, k *resourceKind) (any, error) {
	definition, err := d.ingest.definitions.Get(c.Context(), c.id, k.kind, c.PathValue("name"))
	if err != nil {
		return nil, err
	}
	members, err := k.members(definition.Definition)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{
		"name": definition.Name, "arn": d.arn(c.id, k, definition.Name),
		"creationTime": wireTime(definition.CreatedAt), "lastUpdateTime": wireTime(definition.UpdatedAt),
	}
	if pick(members, k.described, answer); k.kind == pipeline.ResourcePipeline {
		answer["reprocessingSummaries"], err = d.reprocessingSummaries(c, definition.Name)
		return map[string]any{"pipeline": answer}, err
	}
	answer["status"] = "ACTIVE"
	whole := map[string]any{string(k.kind): answer}
	if k.kind != pipeline.ResourceDataset && c.URL.Query().Get("includeStatistics") == "true" {
		whole["statistics"], err = d.statistics(c, TableID{TableKind(k.kind), definition.Name})
	}
	return whole, err
}

func formatOf(members map[string]any) string {
	format, _ := members["fileFormatConfiguration"].(map[string]any)
	if format["parquetConfiguration"] != nil {
		return "PARQUET"
	}
	return "JSON"
}

func (d *dataPlane) arn(id tenant.ID, k *resourceKind, name string) string {
	return d.ingest.options.ARN(id, "iotanalytics", string(k.kind)+"/"+name)
}

// statistics tells how large a channel or data store is.
func (d *dataPlane) statistics(c call, table TableID) (any, error) {
	snapshot, err := d.ingest.lake.Snapshot(c.Context(), c.id, table)
	var size int64
	for i := range snapshot.Files {
		size += snapshot.Files[i].Bytes
	}
	return map[string]any{"size": map[string]any{"estimatedSizeInBytes": size, "estimatedOn": wireTime(d.options.Now())}}, err
}

type reprocessingSummary struct {
	ID           string             `json:"id"`
	Status       ReprocessingStatus `json:"status"`
	CreationTime wireTime           `json:"creationTime"`
}

func (d *dataPlane) reprocessingSummaries(c call, name string) ([]reprocessingSummary, error) {
	summaries := []reprocessingSummary{}
	if d.options.Reprocessings == nil {
		return summaries, nil
	}
	for r, err := range d.options.Reprocessings.All(c.Context(), c.id, name) {
		if err != nil {
			return nil, err
		}
		summaries = append(summaries, reprocessingSummary{r.ID, r.Status, wireTime(r.CreatedAt)})
	}
	return summaries, nil
}

func (d *dataPlane) listDefinitions(c call, k *resourceKind) (any, error) {
	limit, err := c.limit("maxResults", maxResults)
	if err != nil {
		return nil, err
	}
	page, err := d.ingest.definitions.List(c.Context(), c.id, k.kind, limit, tenant.Cursor(c.URL.Query().Get("nextToken")))
	if err != nil {
		return nil, err
	}
	summaries := []map[string]any{}
	for i := range page.Items {
		definition := &page.Items[i]
		summary := map[string]any{
			k.nameMember(): definition.Name, "creationTime": wireTime(definition.CreatedAt), "lastUpdateTime": wireTime(definition.UpdatedAt),
		}
		members, err := k.members(definition.Definition)
		if err != nil {
			return nil, err
		}
		if pick(members, k.summed, summary); k.kind == pipeline.ResourcePipeline {
			if summary["reprocessingSummaries"], err = d.reprocessingSummaries(c, definition.Name); err != nil {
				return nil, err
			}
		} else {
			summary["status"] = "ACTIVE"
		}
		if k.kind == pipeline.ResourceDatastore {
			summary["fileFormatType"] = formatOf(members)
		}
		summaries = append(summaries, summary)
	}
	return listAnswer(string(k.kind)+"Summaries", summaries, page.Next), nil
}

func (d *dataPlane) create(c call, k *resourceKind) (any, error) {
	definition, err := d.ingest.definitions.Put(c.Context(), c.id, c.body, func(o *DefineOptions) { o.Kind, o.New = k.kind, true })
	if err != nil {
		return nil, err
	}
	answer := map[string]any{k.nameMember(): definition.Name, string(k.kind) + "Arn": d.arn(c.id, k, definition.Name)}
	if members, err := k.members(definition.Definition); err == nil {
		pick(members, map[string]string{"retentionPeriod": "retentionPeriod"}, answer)
	}
	return answer, nil
}

// update replaces the members of a definition that the request has.
func (d *dataPlane) update(c call, k *resourceKind) (any, error) {
	current, err := d.ingest.definitions.Get(c.Context(), c.id, k.kind, c.PathValue("name"))
	if err != nil {
		return nil, err
	}
	members, err := k.members(current.Definition)
	if err != nil {
		return nil, err
	}
	changed, err := k.members(c.body)
	if err != nil {
		return nil, err
	}
	next := map[string]any{}
	for _, from := range []map[string]any{members, changed} {
		for name, member := range from {
			next[k.requestMember(name)] = member
		}
	}
	next[k.nameMember()] = current.Name
	for _, described := range []string{"name", "arn", "status", "creationTime", "lastUpdateTime", "lastMessageArrivalTime", "reprocessingSummaries", "fileFormatType"} {
		delete(next, described)
	}
	body, err := json.Marshal(next)
	if err != nil {
		return nil, fmt.Errorf("%w: body: %w", errRequest, err)
	}
	_, err = d.ingest.definitions.Put(c.Context(), c.id, body)
	return struct{}{}, err
}

// requestMember returns what a member of the answer of Describe is called in a
// request.
func (k *resourceKind) requestMember(name string) string {
	switch name {
	case "storage":
		return string(k.kind) + "Storage"
	case "activities":
		return "pipelineActivities"
	}
	return name
}

func (d *dataPlane) remove(c call, k *resourceKind) (any, error) {
	name := c.PathValue("name")
	definition, err := d.ingest.definitions.Get(c.Context(), c.id, k.kind, name)
	if err == nil {
		name = definition.Name
		err = d.ingest.definitions.Delete(c.Context(), c.id, k.kind, name, func(o *DeleteOptions) { o.Data = true })
	}
	if k.kind != pipeline.ResourceDataset || d.options.Datasets == nil || err != nil && !errors.Is(err, ErrNoDefinition) {
		return nil, err
	}
	// Contents go also if only the definition was deleted by a call before.
	return nil, cmp.Or(d.options.Datasets.Delete(c.Context(), c.id, name), err)
}
