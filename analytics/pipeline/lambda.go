package pipeline

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// lambda is a lambda activity.
type lambda struct {
	function  string
	batchSize int
}

// Failure is a batch of messages that a lambda activity could not process. The
// messages are dropped; they can be reprocessed from the channel.
type Failure struct {
	// Activity is the name of the activity, Function that of the function.
	Activity, Function string
	// Sources are the indexes of the payloads, in order.
	Sources []int
	Err     error
}

// Notice is what the event that tells of a failure says beside it.
type Notice struct {
	PipelineARN, PipelineName, FunctionARN string
	At                                     time.Time
	// Paths are the keys of the objects of the channel that hold the messages.
	Paths []string
}

// AppendNotice writes the event that the service sent to EventBridge: its
// source, detail-type, resources, time and detail.
func (f *Failure) AppendNotice(b []byte, n *Notice) []byte {
	b = append(b, `{"detail-type":"IoT Analytics Pipeline Failure Notification","source":"aws.iotanalytics","time":`...)
	b = appendQuoted(b, []byte(n.At.UTC().Format(time.RFC3339)))
	b = appendQuoted(append(b, `,"resources":[`...), []byte(n.PipelineARN))
	b = appendQuoted(append(b, `],"detail":{"event-detail-version":"1.0","pipeline-name":`...), []byte(n.PipelineName))
	b = appendQuoted(append(b, `,"error-code":"LAMBDA_FAILURE","message":`...), []byte(f.Err.Error()))
	b = append(b, `,"channel-messages":{"s3paths":[`...)
	for i, key := range n.Paths {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, []byte(key))
	}
	b = appendQuoted(append(b, `]},"activity-name":`...), []byte(f.Activity))
	b = appendQuoted(append(b, `,"lambda-function-arn":`...), []byte(n.FunctionARN))
	return append(b, "}}"...)
}

// invoke sends the messages that are left through the function.
func (l *lambda) invoke(ctx context.Context, b *Batch) {
	r := &b.run
	b.spare = b.spare[:0]
	mismatch := false
	for from := 0; from < len(b.documents); {
		to := l.fill(r, b.documents, from)
		if len(r.called) > 0 {
			mismatch = l.call(ctx, b) || mismatch
		}
		from = to
	}
	b.documents, b.spare = b.spare, b.documents
	if !mismatch {
		return
	}
	for i := range b.documents {
		b.documents[i].source = 0
	}
	r.noteAt(0, LambdaCountMismatch, nil)
}

// fill writes the event of the next call to r.event and the sources of its
// messages to r.called. It returns where the call after it begins.
func (l *lambda) fill(r *run, documents []document, from int) (to int) {
	r.event, r.called = append(make([]byte, 0, len(r.event)), '['), r.called[:0]
	most := l.batchSize
	if r.semantics.SingleMessages {
		most = 1
	}
	for i := from; i < len(documents); i++ {
		d := &documents[i]
		if d.dropped {
			continue
		}
		if len(r.called) == most {
			r.event = append(r.event, ']')
			return i
		}
		mark := len(r.event)
		if len(r.called) > 0 {
			r.event = append(r.event, ',')
		}
		r.event = d.appendEvent(r.event, r)
		if len(r.event)+1 > r.options.LambdaBytes && len(r.called) > 0 {
			r.event = append(r.event[:mark], ']')
			return i
		}
		r.called = append(r.called, d.source)
	}
	r.event = append(r.event, ']')
	return len(documents)
}

// appendEvent writes a message as functions get it.
func (d *document) appendEvent(b []byte, r *run) []byte {
	if d.valid {
		return d.appendJSON(b)
	}
	if r.semantics.OthersAreJSON {
		i := jsonscan.Space(d.payload, 0)
		if end := jsonscan.Value(d.payload, i, r.maxDepth); end > 0 && jsonscan.Space(d.payload, end) == len(d.payload) {
			return append(b, d.payload[i:end]...)
		}
	}
	b = base64.StdEncoding.AppendEncode(append(b, '"'), d.payload)
	return append(b, '"')
}

// call calls the function with r.event and appends what it answers to b.spare.
func (l *lambda) call(ctx context.Context, b *Batch) (mismatch bool) {
	r := &b.run
	answer, err := l.try(ctx, r)
	if err != nil {
		sources := append([]int(nil), r.called...)
		b.failures = append(b.failures, Failure{Activity: r.activity.name, Function: l.function, Sources: sources, Err: err})
		for _, source := range sources {
			r.noteAt(source, LambdaFailure, err)
		}
		return false
	}
	first, n := len(b.spare), 0
	for raw := range elements(answer) {
		b.spare = grow(b.spare)
		d := &b.spare[len(b.spare)-1]
		if d.scan(r, raw); n < len(r.called) {
			d.source = r.called[n]
		}
		n++
	}
	return len(b.spare)-first != len(r.called)
}

// try calls the function until it succeeds, or was called often enough.
func (l *lambda) try(ctx context.Context, r *run) (answer []byte, err error) {
	if r.env == nil || r.env.Functions == nil {
		return nil, fmt.Errorf("%w: it has no functions", ErrEnvironment)
	}
	for try := 0; ; try++ {
		answer, err = r.env.Functions.Invoke(ctx, l.function, r.event)
		if err == nil {
			err = l.check(r, answer)
		}
		final := errors.Is(err, ErrCount) || errors.Is(err, iotenant.ErrNotFound) || errors.Is(err, iotenant.ErrDenied)
		if err == nil || final || try >= r.options.Retries || ctx.Err() != nil {
			return answer, err
		}
	}
}

// check reports what is wrong with an answer.
func (l *lambda) check(r *run, answer []byte) error {
	start := jsonscan.Space(answer, 0)
	end := jsonscan.Value(answer, start, r.maxDepth)
	if end < 0 || answer[start] != '[' || jsonscan.Space(answer, end) != len(answer) {
		return fmt.Errorf("%w: want an array of objects in JSON", ErrAnswer)
	}
	n := 0
	for raw := range elements(answer) {
		if n++; raw[0] != '{' {
			return fmt.Errorf("%w: element %d is no object", ErrAnswer, n)
		}
	}
	if n != len(r.called) && r.semantics.MismatchFails {
		return fmt.Errorf("%w: %d for %d", ErrCount, n, len(r.called))
	}
	return nil
}

// elements iterates over the elements of an array in checked JSON.
func elements(data []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for i := jsonscan.Space(data, jsonscan.Space(data, 0)+1); data[i] != ']'; {
			end := jsonscan.Skip(data, i)
			if !yield(data[i:end]) {
				return
			}
			if i = jsonscan.Space(data, end); data[i] == ',' {
				i = jsonscan.Space(data, i+1)
			}
		}
	}
}
