package analytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// DataPlaneOptions are the options of [NewDataPlane].
type DataPlaneOptions struct {
	// Reprocessings and Datasets do what is asked of them. Without them the
	// operations on reprocessings, or on contents of data sets, are unknown.
	Reprocessings *Reprocessings
	Datasets      DatasetContents
	// Definitions: the operations that create, change and delete channels,
	// pipelines, data stores and data sets are served too. As in the service,
	// deleting a channel or data store deletes what is in it. Default: they
	// are unknown; those that describe and list are always served.
	Definitions bool
	// UniqueIDs: the id of a message is unique in its channel, and not only in
	// its batch, as the service asked for; so a message is stored once, whoever
	// sends it again. Default: only a client that repeats a call is known by
	// its id.
	UniqueIDs bool
	// MaxBody is the limit of a request's body in bytes. Default 18 MiB, enough
	// for 100 messages of 128 KiB.
	MaxBody int64
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of failures that are not the caller's. Default: silent.
	Logger *slog.Logger
}

// NewDataPlane returns a handler that speaks the REST protocol of AWS IoT
// Analytics (2017-11-27), for clients of the old service that are given another
// endpoint:
//
//	POST   /messages/batch                            BatchPutMessage
//	POST   /pipelineactivities/run                    RunPipelineActivity
//	GET    /channels/{channel}/sample                 SampleChannelData
//	POST   /pipelines/{pipeline}/reprocessing         StartPipelineReprocessing
//	DELETE /pipelines/{pipeline}/reprocessing/{id}    CancelPipelineReprocessing
//	POST   /datasets/{dataset}/content                CreateDatasetContent
//	GET    /datasets/{dataset}/content?versionId=     GetDatasetContent
//	DELETE /datasets/{dataset}/content?versionId=     DeleteDatasetContent
//	GET    /datasets/{dataset}/contents               ListDatasetContents
//	GET    /{channels|datastores|pipelines|datasets}  ListChannels, …
//	GET    /{channels|…}/{name}                       DescribeChannel, …
//	POST   /{channels|…}                              CreateChannel, …
//	PUT    /{channels|…}/{name}                       UpdateChannel, …
//	DELETE /{channels|…}/{name}                       DeleteChannel, …
//
// identify returns the tenant of a request that was let through; put the
// handler behind a middleware that verifies who calls, such as
// auth.SignatureMiddleware, which knows the signatures of AWS's SDKs.
//
// BatchPutMessage answers when the messages, and what the pipelines made of
// them, are durable. It lists those that were refused; what failed otherwise
// fails as a whole, and can be sent again. Shapes, limits and codes are those of
// the service as far as they are documented. A batch that a client of AWS sends
// again by itself is stored once: it tells so in the header
// amz-sdk-invocation-id.
func NewDataPlane(ingest *Ingest, identify func(*http.Request) (tenant.ID, error), optFns ...func(*DataPlaneOptions)) http.Handler {
	options := DataPlaneOptions{MaxBody: 18 << 20, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	d := &dataPlane{ingest: ingest, identify: identify, options: options, mux: http.NewServeMux()}
	d.handle("POST /messages/batch", http.StatusOK, d.putMessages)
	d.handle("POST /pipelineactivities/run", http.StatusOK, d.runActivity)
	d.handle("GET /channels/{name}/sample", http.StatusOK, d.sample)
	if options.Reprocessings != nil {
		d.handle("POST /pipelines/{name}/reprocessing", http.StatusOK, d.startReprocessing)
		d.handle("DELETE /pipelines/{name}/reprocessing/{id}", http.StatusOK, d.cancelReprocessing)
	}
	if options.Datasets != nil {
		d.handle("POST /datasets/{name}/content", http.StatusOK, d.createContent)
		d.handle("GET /datasets/{name}/content", http.StatusOK, d.getContent)
		d.handle("DELETE /datasets/{name}/content", http.StatusNoContent, d.deleteContent)
		d.handle("GET /datasets/{name}/contents", http.StatusOK, d.listContents)
	}
	d.handleDefinitions()
	d.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { d.answerError(w, r, errNoOperation) })
	return d.mux
}

type dataPlane struct {
	ingest   *Ingest
	identify func(*http.Request) (tenant.ID, error)
	options  DataPlaneOptions
	mux      *http.ServeMux
}

// call is a request of a tenant.
type call struct {
	*http.Request
	id   tenant.ID
	body []byte
}

var (
	errRequest     = fmt.Errorf("%w request", iotenant.ErrInvalid)
	errNoOperation = errors.New("unknown operation")
	// errForbidden: no tenant could be found in a request.
	errForbidden = fmt.Errorf("analytics: %w", iotenant.ErrDenied)
)

func (d *dataPlane) handle(pattern string, status int, do func(call) (any, error)) {
	d.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		answer, err := d.do(w, r, do)
		if err != nil {
			d.answerError(w, r, err)
			return
		}
		d.answer(w, status, answer)
	})
}

func (d *dataPlane) do(w http.ResponseWriter, r *http.Request, do func(call) (any, error)) (any, error) {
	id, err := d.identify(r)
	if err == nil {
		err = checkTenant(id)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errForbidden, err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, d.options.MaxBody))
	if err != nil {
		return nil, fmt.Errorf("%w: body: %w", errRequest, err)
	}
	return do(call{r, id, body})
}

// read reads the body, which may be empty.
func (c *call) read(into any) error {
	if len(c.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return fmt.Errorf("%w: body: %w", errRequest, err)
	}
	return nil
}

// maxResults is the limit, and the default, of a page of a list.
const maxResults = 250

// limit returns a number of the query from 1 to most, most if it is absent.
func (c *call) limit(name string, most int) (int, error) {
	text := c.URL.Query().Get(name)
	if text == "" {
		return most, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%w: %s: want 1 to %d", errRequest, name, most)
	}
	return n, nil
}

// time returns a time of the query, zero if it is absent: as clients write it,
// or in seconds.
func (c *call) time(name string) (time.Time, error) {
	text := c.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	var at wireTime
	if err := at.UnmarshalJSON([]byte(text)); err != nil {
		return time.Time{}, fmt.Errorf("%w: %s: want a time", errRequest, name)
	}
	return time.Time(at), nil
}

// wireTime is a time as the protocol has it: seconds since 1970, with a fraction.
type wireTime time.Time

// MarshalJSON writes milliseconds as the fraction.
func (t wireTime) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(t).UnixMilli())/1000, 'f', -1, 64), nil
}

// UnmarshalJSON reads a number.
func (t *wireTime) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(seconds >= 0 && seconds < float64(maxTime.Unix())) {
		return fmt.Errorf("%w: time: want seconds since 1970", errRequest)
	}
	*t = wireTime(time.UnixMilli(int64(seconds*1000 + 0.5)).UTC())
	return nil
}

func optionalTime(t time.Time) *wireTime {
	if t.IsZero() {
		return nil
	}
	wire := wireTime(t)
	return &wire
}

// The service's errors.
const (
	codeInvalid     = "InvalidRequestException"
	codeNotFound    = "ResourceNotFoundException"
	codeExists      = "ResourceAlreadyExistsException"
	codeLimit       = "LimitExceededException"
	codeThrottling  = "ThrottlingException"
	codeUnavailable = "ServiceUnavailableException"
	codeInternal    = "InternalFailureException"
)

// codeOf returns the service's error for a kind of error, and its status.
func codeOf(err error) (code string, status int) {
	switch {
	case errors.Is(err, ErrInUse):
		return codeInvalid, http.StatusBadRequest
	case errors.Is(err, context.DeadlineExceeded):
		return codeUnavailable, http.StatusServiceUnavailable
	}
	switch iotenant.KindOf(err) {
	case iotenant.ErrInvalid, iotenant.ErrUnsupported:
		return codeInvalid, http.StatusBadRequest
	case iotenant.ErrNotFound:
		return codeNotFound, http.StatusNotFound
	case iotenant.ErrExists:
		return codeExists, http.StatusConflict
	case iotenant.ErrDenied: // a quota
		return codeLimit, http.StatusGone
	case iotenant.ErrConflict:
		return codeThrottling, http.StatusTooManyRequests
	case iotenant.ErrUnavailable:
		return codeUnavailable, http.StatusServiceUnavailable
	default:
		return codeInternal, http.StatusInternalServerError
	}
}

// describeError returns code, status and text of an error. What is nobody's
// business has a text of its own.
func (d *dataPlane) describeError(ctx context.Context, err error) (code string, status int, text string) {
	code, status = codeOf(err)
	switch code {
	case codeUnavailable, codeInternal:
		d.options.Logger.ErrorContext(ctx, "data plane failed", "error", err)
		return code, status, "try again later"
	default:
		return code, status, err.Error()
	}
}

func (d *dataPlane) answerError(w http.ResponseWriter, r *http.Request, err error) {
	var code, text string
	var status int
	switch {
	case errors.Is(err, errNoOperation):
		code, status, text = "UnknownOperationException", http.StatusNotFound, err.Error()
	case errors.Is(err, errForbidden):
		code, status, text = "AccessDeniedException", http.StatusForbidden, "access denied"
	default:
		code, status, text = d.describeError(r.Context(), err)
	}
	body := map[string]string{"message": text}
	if code == codeExists {
		body["resourceId"] = r.PathValue("name")
	}
	w.Header().Set("X-Amzn-Errortype", code)
	d.answer(w, status, body)
}

func (d *dataPlane) answer(w http.ResponseWriter, status int, answer any) {
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	body, err := json.Marshal(answer)
	if err != nil { // not with the types of this package
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: nobody to tell
}
