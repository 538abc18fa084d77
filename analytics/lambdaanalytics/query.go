package lambdaanalytics

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Sentinel errors of a [Query].
var (
	// ErrRequest: a request is no JSON object, or one of its members can't be.
	ErrRequest = fmt.Errorf("lambdaanalytics: %w request", iotenant.ErrInvalid)
	// ErrResult: the result is larger than an answer, and there are no
	// QueryOptions.Objects to put it in.
	ErrResult = fmt.Errorf("lambdaanalytics: %w for an answer: result too large, use LIMIT or an aggregate", iotenant.ErrInvalid)
)

// Format is how a result is written.
type Format string

// The formats of results.
const (
	// JSON: {"columns": [{"name": "device", "type": "varchar"}, …], "rows":
	// [["press-1", "96.0"], ["press-2", null], …]}, the values as texts.
	JSON Format = "json"
	// CSV, as the service wrote contents: see analytics.WriteCSV.
	CSV Format = "csv"
)

// Request is what a [Query] is asked. Whose data it is about is not in it.
type Request struct {
	SQL string `json:"sql"`
	// Now is what current_timestamp says. Default: the present.
	Now time.Time `json:"now,omitzero"`
	// Delta restricts the data stores to rows of a time.
	Delta *RequestDelta `json:"delta,omitempty"`
	// Format is that of the result. Default [JSON].
	Format Format `json:"format,omitempty"`
}

// RequestDelta is analytics.Delta.
type RequestDelta struct {
	TimeExpression string    `json:"timeExpression"`
	From           time.Time `json:"from,omitzero"`
	To             time.Time `json:"to"`
}

// QueryOptions are the options of [NewQuery].
type QueryOptions struct {
	// Objects take results that are too large for an answer, which is then a
	// link to them. They are named queries/<id>.<format> and deleted by
	// [SweepResults]. Default: such a result is [ErrResult].
	Objects analytics.Objects
	// LinkValid is how long a link can be used. Default 1 hour.
	LinkValid time.Duration
	// MaxResult is the length of a result in an answer, in bytes. Default, and
	// most, 6 MB less 64 KiB, as far as Lambda's limit allows.
	MaxResult int
	// Reserve is how long before the end of the invocation a statement is
	// ended, so that the answer is still given; but at most half of the time
	// that is left. Default 1 s.
	Reserve time.Duration
	// NewID makes the ids of stored results. Default: random text.
	NewID func() string
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of failures that are not the caller's. Default: silent.
	Logger *slog.Logger
}

// Query is a Lambda function that answers SQL over the data stores of a tenant.
// Give it to lambda.Start, or, behind API Gateway, to
// lambdaauth.NewHandler: it is an http.Handler too.
type Query struct {
	engine   analytics.Engine
	identify func(ctx context.Context) (tenant.ID, error)
	options  QueryOptions
}

// mostResult leaves room for the rest of an answer.
const mostResult = maxAnswer - 64<<10

// NewQuery returns the function that asks engine. identify returns the tenant of
// an invocation, or request, from what was verified before, never from what the
// caller wrote: see [Invoker] for direct invocations; behind
// auth.Middleware it is the tenant of auth.FromContext.
func NewQuery(engine analytics.Engine, identify func(ctx context.Context) (tenant.ID, error), optFns ...func(*QueryOptions)) *Query {
	options := QueryOptions{
		LinkValid: time.Hour, MaxResult: mostResult, Reserve: time.Second,
		NewID: rand.Text, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}
	for _, fn := range optFns {
		fn(&options)
	}
	if options.MaxResult <= 0 || options.MaxResult > mostResult {
		options.MaxResult = mostResult
	}
	return &Query{engine: engine, identify: identify, options: options}
}

// Invoke implements lambda.Handler for direct invocations: with a [Request] it
// answers the result in the format JSON as it is, in the format CSV as {"csv":
// "…"}, and one that is too large as
//
//	{"link": "https://…", "format": "csv", "expires": "2026-01-02T04:04:05Z"}
//
// A refusal is {"status": 400, "title": "Bad Request", "detail": "…"}, with the
// status that HTTP has for the kind of the error, and what is wrong with the
// statement. There is no other error.
func (q *Query) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	result, err := q.answer(ctx, payload, direct)
	if err != nil {
		return json.Marshal(q.problem(ctx, err))
	}
	switch {
	case result.link != nil:
		return json.Marshal(result.link)
	case result.format == CSV:
		return json.Marshal(struct {
			CSV string `json:"csv"`
		}{string(result.text)})
	}
	return result.text, nil
}

// answered is the answer to a request: its text, or a link to it.
type answered struct {
	format Format
	text   []byte
	link   *link
}

type link struct {
	Link    string    `json:"link"`
	Format  Format    `json:"format"`
	Expires time.Time `json:"expires"`
}

// answer does a request. cost tells how much of an answer a text takes.
func (q *Query) answer(ctx context.Context, payload []byte, cost func(Format, []byte) int) (answered, error) {
	id, err := q.identify(ctx)
	if err != nil {
		return answered{}, &identifyError{err}
	}
	request, err := q.read(payload)
	if err != nil {
		return answered{}, err
	}
	ctx, cancel := withReserve(ctx, q.options.Reserve)
	defer cancel()
	statement := analytics.Statement{SQL: request.SQL, Now: request.Now}
	if d := request.Delta; d != nil {
		statement.Delta = &analytics.Delta{TimeExpression: d.TimeExpression, From: d.From, To: d.To}
	}
	result, err := q.engine.Query(ctx, id, statement)
	if err != nil {
		return answered{}, err
	}
	text, stop := textOf(result, request.Format, cancel)
	defer stop()
	return q.write(ctx, id, request.Format, text, cost)
}

func (q *Query) read(payload []byte) (request Request, err error) {
	if err := json.Unmarshal(payload, &request); err != nil {
		return request, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	switch {
	case request.SQL == "":
		return request, fmt.Errorf("%w: no sql", ErrRequest)
	case len(request.SQL) > analytics.MaxSQL:
		return request, fmt.Errorf("%w: sql of %d bytes, limit %d", ErrRequest, len(request.SQL), analytics.MaxSQL)
	case request.Delta != nil && (request.Delta.TimeExpression == "" || request.Delta.To.IsZero()):
		return request, fmt.Errorf("%w: delta: want timeExpression and to", ErrRequest)
	}
	switch request.Format {
	case "":
		request.Format = JSON
	case JSON, CSV:
	default:
		return request, fmt.Errorf("%w: format: want %q or %q", ErrRequest, JSON, CSV)
	}
	if request.Now.IsZero() {
		request.Now = q.options.Now()
	}
	return request, nil
}

// identifyError is what identify returned: the caller is not told.
type identifyError struct{ error }

func (e *identifyError) Unwrap() error { return e.error }

// problem is a refusal, as RFC 9457 describes it.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail,omitempty"`
}

// problem tells the caller as much of an error as is the caller's.
func (q *Query) problem(ctx context.Context, err error) problem {
	status := statusOf(err)
	p := problem{Status: status.code, Title: status.title}
	var unidentified *identifyError
	switch {
	case errors.As(err, &unidentified):
		q.options.Logger.InfoContext(ctx, "query refused", "error", err)
	case status.code < 500:
		p.Detail = err.Error()
	default:
		q.options.Logger.ErrorContext(ctx, "query failed", "error", err)
	}
	return p
}
