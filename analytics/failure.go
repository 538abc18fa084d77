package analytics

import (
	"context"
	"log/slog"
	"time"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// FailureNotice tells of messages that a function, or a pipeline as a whole,
// could not process. They are in the channel, and were not stored; process them
// again with a [Reprocessing] from From to To.
type FailureNotice struct {
	Pipeline, Channel string
	// Activity is the name of the activity, Function that of the function; both
	// are empty if it is not known where the pipeline failed.
	Activity, Function string
	// Messages is how many there are, received from From, included, to To,
	// excluded.
	Messages int
	From, To time.Time
	// Err is why the function failed.
	Err error
	// Event is the event that the service sent, in JSON: an "IoT Analytics
	// Pipeline Failure Notification". Its s3paths are the files of the channel
	// that may hold the messages.
	Event []byte
}

// notifyFailures tells of what functions failed on, and returns how many
// messages that are.
func (n *Ingest) notifyFailures(ctx context.Context, id tenant.ID, r *runner, rows []Row, failures []pipeline.Failure) (messages int) {
	for i := range failures {
		messages += len(failures[i].Sources)
		if n.options.Notify == nil {
			n.log(ctx, id, "pipeline failed; the messages are in the channel", r.name, failures[i].Err)
			continue
		}
		if err := n.options.Notify(ctx, id, n.notice(ctx, id, r, rows, &failures[i])); err != nil {
			n.log(ctx, id, "nobody could be told that a pipeline failed", r.name, err)
		}
	}
	return messages
}

func (n *Ingest) notice(ctx context.Context, id tenant.ID, r *runner, rows []Row, f *pipeline.Failure) FailureNotice {
	notice := FailureNotice{
		Pipeline: r.name, Channel: r.channel.Name, Activity: f.Activity, Function: f.Function, Messages: len(f.Sources), Err: f.Err,
	}
	for _, source := range f.Sources {
		at := rows[source].At
		if notice.From.IsZero() || at.Before(notice.From) {
			notice.From = at
		}
		if end := at.Add(1); end.After(notice.To) {
			notice.To = end
		}
	}
	paths, err := n.files(ctx, id, r.channel, notice.From, notice.To)
	if err != nil { // the rest of the event is worth more than nothing
		n.options.Logger.LogAttrs(ctx, slog.LevelWarn, "files of a channel are unknown",
			slog.String("tenant", id.String()), slog.String("channel", r.channel.Name), slog.Any("error", err))
	}
	notice.Event = f.AppendNotice(nil, &pipeline.Notice{
		PipelineARN: n.options.ARN(id, "iotanalytics", "pipeline/"+r.name), PipelineName: r.name,
		FunctionARN: n.options.ARN(id, "lambda", "function:"+f.Function), At: n.options.Now(), Paths: paths,
	})
	return notice
}

// files returns the names of the files of a table that may hold rows of a time.
func (n *Ingest) files(ctx context.Context, id tenant.ID, table TableID, from, to time.Time) (names []string, err error) {
	snapshot, err := n.lake.Snapshot(ctx, id, table)
	if err != nil {
		return nil, err
	}
	for i := range snapshot.Files {
		if f := &snapshot.Files[i]; f.First.Before(to) && !f.Last.Before(from) {
			names = append(names, f.Name)
		}
	}
	return names, nil
}

func anyARN(_ tenant.ID, service, resource string) string {
	return "arn:aws:" + service + ":::" + resource
}

// observeEvents counts what happened to messages.
func (n *Ingest) observeEvents(ctx context.Context, id tenant.ID, r *runner, events []pipeline.Event) {
	if n.options.Observe == nil {
		return
	}
	var counts []Observation // few: activities times reasons
	for i := range events {
		e := &events[i]
		at := 0
		for at < len(counts) && (counts[at].Activity != e.Activity || counts[at].Reason != e.Reason) {
			at++
		}
		if at == len(counts) {
			metric := ActivityEvent
			if e.Reason.IsError() {
				metric = ActivityExecutionError
			}
			counts = append(counts, Observation{Metric: metric, Pipeline: r.name, Activity: e.Activity, Type: e.Type, Reason: e.Reason})
		}
		counts[at].Value++
	}
	for _, o := range counts {
		n.options.Observe(ctx, id, o)
	}
}
