package shadow

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// handler serves shadows over HTTP.
type handler struct {
	shadows  Shadows
	tenantOf func(*http.Request) (tenant.ID, error)
}

// NewHandler returns a handler with the paths, documents and errors of AWS's
// data plane, for the shadows of one tenant at a time:
//
//	GET    /things/{thing}/shadow[?name=]
//	POST   /things/{thing}/shadow[?name=]
//	DELETE /things/{thing}/shadow[?name=]
//	GET    /api/things/shadow/ListNamedShadowsForThing/{thing}[?pageSize=&nextToken=]
//
// The thing in a path is its id within the tenant. tenantOf returns the tenant
// on whose behalf a request is made, from what was verified before, a
// principal in the request's context for example. If it fails, the answer is
// 503 for an error of kind iotenant.ErrUnavailable, 403 for
// iotenant.ErrDenied, else 401.
//
// An error is answered as {"message":"…"} with the name of AWS's exception in
// the header x-amzn-errortype.
func NewHandler(shadows Shadows, tenantOf func(*http.Request) (tenant.ID, error)) http.Handler {
	h := &handler{shadows: shadows, tenantOf: tenantOf}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things/{thing}/shadow", h.serve(h.get))
	mux.HandleFunc("POST /things/{thing}/shadow", h.serve(h.update))
	mux.HandleFunc("DELETE /things/{thing}/shadow", h.serve(h.delete))
	mux.HandleFunc("GET /api/things/shadow/ListNamedShadowsForThing/{thing}", h.serve(h.list))
	return mux
}

// target is what a request is about.
type target struct {
	tenant tenant.ID
	thing  device.ID
	name   Name
}

// serve turns an operation into a handler function.
func (h *handler) serve(operation func(*http.Request, target) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer, err := h.answer(r, operation)
		if err != nil {
			writeError(w, ErrorOf(err))
			return
		}
		_, _ = w.Write(answer) // the client is gone: nobody to tell
	}
}

func (h *handler) answer(r *http.Request, operation func(*http.Request, target) ([]byte, error)) ([]byte, error) {
	id, err := h.tenantOf(r)
	if err != nil {
		return nil, identityError(err)
	}
	thing, err := device.ParseID(r.PathValue("thing"))
	if err != nil {
		return nil, badRequest("Invalid thing name")
	}
	t := target{tenant: id, thing: thing}
	if text := r.URL.Query().Get("name"); text != "" {
		if t.name, err = ParseName(text); err != nil {
			return nil, badRequest("Invalid shadow name")
		}
	}
	return operation(r, t)
}

func identityError(err error) *Error {
	switch iotenant.KindOf(err) {
	case iotenant.ErrUnavailable, iotenant.ErrDenied:
		return ErrorOf(err)
	default:
		return &Error{Code: http.StatusUnauthorized, Message: "Unauthorized"}
	}
}

func (h *handler) get(r *http.Request, t target) ([]byte, error) {
	return h.shadows.Get(r.Context(), t.tenant, t.thing, t.name)
}

func (h *handler) update(r *http.Request, t target) ([]byte, error) {
	request, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, device.MaxPayload))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, TooLarge()
	}
	if err != nil {
		return nil, badRequest("Invalid JSON")
	}
	return h.shadows.Update(r.Context(), t.tenant, t.thing, t.name, request)
}

func (h *handler) delete(r *http.Request, t target) ([]byte, error) {
	return h.shadows.Delete(r.Context(), t.tenant, t.thing, t.name)
}

func (h *handler) list(r *http.Request, t target) ([]byte, error) {
	limit := 0
	if text := r.URL.Query().Get("pageSize"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > MaxNames {
			return nil, badRequest("Invalid pageSize")
		}
	}
	page, err := h.shadows.ListNamed(r.Context(), t.tenant, t.thing, limit, tenant.Cursor(r.URL.Query().Get("nextToken")))
	if errors.Is(err, tenant.ErrCursor) {
		return nil, badRequest("Invalid nextToken")
	}
	if err != nil {
		return nil, err
	}
	answer := struct {
		Results   []Name        `json:"results"`
		NextToken tenant.Cursor `json:"nextToken,omitempty"`
		Timestamp int64         `json:"timestamp"`
	}{append([]Name{}, page.Names...), page.Next, page.Timestamp.Unix()}
	return json.Marshal(answer)
}

var exceptions = map[int]string{
	http.StatusBadRequest:            "InvalidRequestException",
	http.StatusUnauthorized:          "UnauthorizedException",
	http.StatusForbidden:             "ForbiddenException",
	http.StatusNotFound:              "ResourceNotFoundException",
	http.StatusMethodNotAllowed:      "MethodNotAllowedException",
	http.StatusConflict:              "ConflictException",
	http.StatusRequestEntityTooLarge: "RequestEntityTooLargeException",
	http.StatusUnsupportedMediaType:  "UnsupportedDocumentEncodingException",
	http.StatusTooManyRequests:       "ThrottlingException",
	http.StatusInternalServerError:   "InternalFailureException",
	http.StatusServiceUnavailable:    "ServiceUnavailableException",
}

func writeError(w http.ResponseWriter, refusal *Error) {
	w.Header().Set("X-Amzn-ErrorType", exceptions[refusal.Code])
	w.WriteHeader(refusal.Code)
	_, _ = w.Write(append(appendString([]byte(`{"message":`), refusal.Message), '}')) // as above
}
