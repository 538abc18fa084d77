package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// DataPlaneOptions are the options of [NewDataPlane].
type DataPlaneOptions struct {
	// HasInput reports whether a tenant has an input that no model reads, so
	// that messages for it are accepted, and come to nothing. Default: none
	// has, and they fail with ResourceNotFoundException.
	HasInput func(ctx context.Context, id tenant.ID, input string) (bool, error)
	// MaxBody is the limit of a request's body in bytes. Default 1 MiB.
	MaxBody int64
	// Logger is told of failures that are not the caller's. Default: silent.
	Logger *slog.Logger
}

// NewDataPlane returns a handler that speaks the REST protocol of AWS IoT
// Events Data (2018-10-23), for clients of the old service that are given
// another endpoint:
//
//	POST /inputs/messages                              BatchPutMessage
//	POST /detectors                                    BatchUpdateDetector
//	POST /detectors/delete                             BatchDeleteDetector
//	GET  /detectors/{model}                            ListDetectors
//	GET  /detectors/{model}/keyValues?keyValue=        DescribeDetector
//	POST /alarms/{acknowledge|disable|enable|reset|snooze}
//	GET  /alarms/{model}                               ListAlarms
//	GET  /alarms/{model}/keyValues?keyValue=           DescribeAlarm
//
// identify returns the tenant of a request that was let through; put the
// handler behind a middleware that verifies who calls, such as
// auth.SignatureMiddleware, which knows the signatures of AWS's SDKs.
//
// The entries of a batch are done one by one, each durably, before the answer.
// It lists the entries that failed, with the codes of the service; a code
// stands for the kind of the error. Shapes and texts are those of the service
// as far as they are documented. A batch may be as long as MaxBody allows.
func NewDataPlane(runtime *Runtime, identify func(*http.Request) (tenant.ID, error), optFns ...func(*DataPlaneOptions)) http.Handler {
	options := DataPlaneOptions{
		HasInput: func(context.Context, tenant.ID, string) (bool, error) { return false, nil },
		MaxBody:  1 << 20,
		Logger:   slog.New(slog.DiscardHandler),
	}
	for _, fn := range optFns {
		fn(&options)
	}
	d := &dataPlane{runtime: runtime, identify: identify, options: options, mux: http.NewServeMux()}
	d.handle("POST /inputs/messages", http.StatusOK, d.putMessages)
	d.handle("POST /detectors", http.StatusOK, d.updateDetectors)
	d.handle("POST /detectors/delete", http.StatusOK, d.deleteDetectors)
	d.handle("GET /detectors/{model}", http.StatusOK, d.listDetectors)
	for _, end := range []string{"keyValues", "keyValues/{$}"} {
		d.handle("GET /detectors/{model}/"+end, http.StatusOK, d.describeDetector)
		d.handle("GET /alarms/{model}/"+end, http.StatusOK, d.describeAlarm)
	}
	d.handle("GET /alarms/{model}", http.StatusOK, d.listAlarms)
	for path, kind := range map[string]detector.OperationKind{
		"acknowledge": detector.OperationAcknowledge, "disable": detector.OperationDisable, "enable": detector.OperationEnable,
		"reset": detector.OperationReset, "snooze": detector.OperationSnooze,
	} {
		d.handle("POST /alarms/"+path, http.StatusAccepted, d.operateAlarms(path+"ActionRequests", kind))
	}
	d.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { d.answerError(w, errNoOperation) })
	return d.mux
}

type dataPlane struct {
	runtime  *Runtime
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
)

func (d *dataPlane) handle(pattern string, status int, do func(call) (any, error)) {
	d.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		answer, err := d.do(w, r, do)
		if err != nil {
			d.answerError(w, err)
			return
		}
		d.answer(w, status, answer)
	})
}

func (d *dataPlane) do(w http.ResponseWriter, r *http.Request, do func(call) (any, error)) (any, error) {
	id, err := d.identify(r)
	if err == nil {
		err = id.Check()
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

// failure is an entry of a batch that failed.
type failure struct {
	MessageID    string `json:"messageId,omitempty"`
	RequestID    string `json:"requestId,omitempty"`
	ErrorCode    string `json:"errorCode"`
	ErrorMessage string `json:"errorMessage"`
}

// errForbidden: no tenant could be found in a request.
var errForbidden = fmt.Errorf("alerts: %w", iotenant.ErrDenied)

// The service's errors.
const (
	codeInvalid     = "InvalidRequestException"
	codeNotFound    = "ResourceNotFoundException"
	codeThrottling  = "ThrottlingException"
	codeUnavailable = "ServiceUnavailableException"
	codeInternal    = "InternalFailureException"
)

// codeOf returns the service's error for a kind of error, and its status.
func codeOf(err error) (code string, status int) {
	switch iotenant.KindOf(err) {
	case iotenant.ErrInvalid, iotenant.ErrUnsupported, iotenant.ErrExists:
		return codeInvalid, http.StatusBadRequest
	case iotenant.ErrNotFound:
		return codeNotFound, http.StatusNotFound
	case iotenant.ErrConflict, iotenant.ErrDenied: // contention, a quota
		return codeThrottling, http.StatusTooManyRequests
	case iotenant.ErrUnavailable:
		return codeUnavailable, http.StatusServiceUnavailable
	default:
		return codeInternal, http.StatusInternalServerError
	}
}

// describeError returns code, status and text of an error. What is nobody's
// business has a text of its own.
func (d *dataPlane) describeError(err error) (code string, status int, text string) {
	code, status = codeOf(err)
	switch code {
	case codeUnavailable, codeInternal:
		d.options.Logger.Error("data plane failed", "error", err)
		return code, status, "try again later"
	default:
		return code, status, err.Error()
	}
}

func (d *dataPlane) answerError(w http.ResponseWriter, err error) {
	code, status, text := d.describeError(err)
	switch {
	case errors.Is(err, errNoOperation):
		code, status, text = "UnknownOperationException", http.StatusNotFound, err.Error()
	case errors.Is(err, errForbidden):
		code, status, text = "AccessDeniedException", http.StatusForbidden, "access denied"
	}
	w.Header().Set("X-Amzn-Errortype", code)
	d.answer(w, status, map[string]string{"message": text})
}

func (d *dataPlane) answer(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil { // not with the types of this file
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: nobody to tell
}
