package analytics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// Limits of the service.
const (
	// MaxActivityPayloads is the number of payloads of [Ingest.RunActivity].
	MaxActivityPayloads = 10
	// MaxSample is the number of messages of [Ingest.Sample].
	MaxSample = 10
)

// RunActivity sends 1 to [MaxActivityPayloads] payloads through one activity,
// neither a channel nor a data store, and returns what comes out, in order.
// Nothing is stored. log says what went wrong with messages, a line each; it is
// empty if nothing did. Errors: tenant.ErrID, [ErrDefinition] with the
// findings, [ErrBatch], the error of ctx, which ends after
// IngestOptions.ActivityTimeout.
func (n *Ingest) RunActivity(ctx context.Context, id tenant.ID, activity []byte, payloads [][]byte) (outputs [][]byte, log string, err error) {
	if err := checkTenant(id); err != nil {
		return nil, "", fmt.Errorf("analytics: run activity: %w", err)
	}
	if len(payloads) == 0 || len(payloads) > MaxActivityPayloads {
		return nil, "", fmt.Errorf("analytics: run activity: %w: %d payloads, want 1 to %d", ErrBatch, len(payloads), MaxActivityPayloads)
	}
	for i := range payloads {
		if len(payloads[i]) > MaxPayload {
			return nil, "", fmt.Errorf("analytics: run activity: %w: payload %d: %d bytes, limit %d", ErrMessage, i, len(payloads[i]), MaxPayload)
		}
	}
	set := func(o *pipeline.Options) { *o = n.definitions.options.Pipeline }
	single, err := pipeline.LoadActivity(activity, set)
	if err != nil {
		return nil, "", fmt.Errorf("analytics: run activity: %w: %w", ErrDefinition, err)
	}
	outputs, log, err = n.runActivity(ctx, id, single, payloads)
	if err != nil {
		return nil, "", fmt.Errorf("analytics: run activity: %w", err)
	}
	return outputs, log, nil
}

func (n *Ingest) runActivity(ctx context.Context, id tenant.ID, single *pipeline.Pipeline, payloads [][]byte) (outputs [][]byte, log string, err error) {
	ctx, cancel := context.WithTimeout(ctx, n.options.ActivityTimeout)
	defer cancel()
	mine, err := n.shares.enter(ctx, id, func() {
		n.observe(ctx, id, Observation{Metric: ActionExecutionThrottled, Value: 1, Action: "RunPipelineActivity"})
	})
	if err != nil {
		return nil, "", err
	}
	defer n.shares.leave(id, mine)
	env, err := n.environment(ctx, id)
	if err != nil {
		return nil, "", err
	}
	n.observe(ctx, id, Observation{Metric: ActionExecution, Value: 1, Action: "RunPipelineActivity"})
	var batch pipeline.Batch
	if err := run(ctx, single, env, &batch, payloads); err != nil {
		if errors.Is(err, errPanic) {
			return [][]byte{}, err.Error(), nil
		}
		return nil, "", err
	}
	outputs = make([][]byte, batch.Len())
	for i := range outputs {
		outputs[i] = batch.At(i).AppendJSON(nil)
	}
	return outputs, logOf(batch.Events()), nil
}

// logOf tells what activities did not do, a line each.
func logOf(events []pipeline.Event) string {
	var lines []string
	for i := range events {
		e := &events[i]
		line := fmt.Sprintf("payload %d: %s %s: %s", e.Source, e.Type, e.Activity, e.Reason)
		if e.Err != nil {
			line += ": " + e.Err.Error()
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// Sample returns up to limit messages of a channel, 1 to [MaxSample], or 0 for
// MaxSample, as they came: the first that were received since from, included,
// and before to. Without from they are among the newest before to. Errors:
// tenant.ErrID, [ErrNoTable], [ErrQuery], [ErrCorrupt].
func (n *Ingest) Sample(ctx context.Context, id tenant.ID, channel string, limit int, from, to time.Time) ([][]byte, error) {
	if err := checkTenant(id); err != nil {
		return nil, fmt.Errorf("analytics: sample: %w", err)
	}
	if limit == 0 {
		limit = MaxSample
	}
	if limit < 0 || limit > MaxSample {
		return nil, fmt.Errorf("analytics: sample: %w: %d messages, want 1 to %d", ErrQuery, limit, MaxSample)
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return nil, fmt.Errorf("analytics: sample: %w: the end is not after the start", ErrQuery)
	}
	payloads, err := n.sample(ctx, id, channel, limit, from, to)
	if err != nil {
		return nil, fmt.Errorf("analytics: sample of channel %.128q: %w", channel, err)
	}
	return payloads, nil
}

func (n *Ingest) sample(ctx context.Context, id tenant.ID, channel string, limit int, from, to time.Time) ([][]byte, error) {
	source, err := n.source(ctx, id, channel)
	if err != nil {
		return nil, err
	}
	table := TableID{ChannelTable, source.channel.Name}
	if from.IsZero() {
		if from, err = n.newest(ctx, id, table, limit, to); err != nil {
			return nil, err
		}
	}
	n.observe(ctx, id, Observation{Metric: ActionExecution, Value: 1, Action: "SampleChannelData", Channel: table.Name})
	payloads := [][]byte{}
	for query := (RowQuery{From: from, To: to, Limit: limit}); ; {
		page, err := n.lake.Rows(ctx, id, table, query)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			payloads = append(payloads, page.Items[i].Payload)
		}
		if query.Cursor = page.Next; query.Cursor == "" || len(payloads) >= limit {
			return payloads[:min(len(payloads), limit)], nil
		}
	}
}

// newest returns when the newest files begin that have rows before to, and
// together limit rows; zero if all are needed.
func (n *Ingest) newest(ctx context.Context, id tenant.ID, table TableID, limit int, to time.Time) (time.Time, error) {
	snapshot, err := n.lake.Snapshot(ctx, id, table)
	if err != nil {
		return time.Time{}, err
	}
	files := slices.DeleteFunc(slices.Clone(snapshot.Files), func(f File) bool { return !to.IsZero() && !f.First.Before(to) })
	slices.SortFunc(files, func(a, b File) int { return b.Last.Compare(a.Last) })
	var from time.Time
	rows := int64(0) // some may be after to
	for _, f := range files {
		if from.IsZero() || f.First.Before(from) {
			from = f.First
		}
		if rows += f.Rows; rows >= int64(limit) {
			return from, nil
		}
	}
	return time.Time{}, nil
}
