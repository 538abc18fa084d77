package lambdaauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
)

// ErrEvent: an event is not one of an API Gateway HTTP API in payload format
// 2.0.
var ErrEvent = fmt.Errorf("lambdaauth: %w event", iotenant.ErrInvalid)

// Options are the options of [NewHandler].
type Options struct {
	// Verifier judges the claims that a JWT authorizer hands over. Default
	// none: they are not trusted.
	Verifier *auth.Verifier
	// TrustAuthorizer takes the principal from the answers of [NewAuthorizer].
	// Set it only if no other Lambda authorizer is attached to the API's
	// routes. Default false.
	TrustAuthorizer bool
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Logger is told of panics and of authorizer data that can't be used.
	// Default silent.
	Logger *slog.Logger
}

// Handler serves an http.Handler as a Lambda function. Give it to
// lambda.Start.
type Handler struct {
	handler http.Handler
	options Options
}

// NewHandler returns the Lambda function that serves handler.
func NewHandler(handler http.Handler, optFns ...func(*Options)) *Handler {
	options := Options{Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Handler{handler: handler, options: options}
}

// Invoke implements lambda.Handler: it takes an event of an HTTP API in payload
// format 2.0 and returns the response in the same format.
//
//   - The path is the event's rawPath, without the stage that the default
//     domain puts before it. RemoteAddr is the client's address with port 0.
//   - A header that came several times has its values joined by commas, as
//     API Gateway does it; so have those of the response, but for cookies.
//   - Bodies that are not UTF-8 travel in base64, both ways.
//   - A handler that panics gives a 500, and the function lives on.
//
// The context is the request's; its deadline is that of the invocation. The
// error is [ErrEvent].
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	i := &invocation{Context: ctx}
	if err := i.event.parse(payload); err != nil {
		return nil, err
	}
	request, err := i.event.request(h.identify(i), &i.body)
	if err != nil {
		return nil, err
	}
	i.response.start(request.Method)
	h.serve(&i.response, request)
	return h.encode(&i.response, request), nil
}

// identify returns the context of the request, with the principal in it if an
// authorizer says who that is.
func (h *Handler) identify(i *invocation) context.Context {
	principal, err := h.principal(&i.event)
	if err == nil {
		return auth.NewContext(i, principal)
	}
	if !errors.Is(err, errNoPrincipal) {
		h.options.Logger.InfoContext(i, "lambdaauth: authorizer data not used", "error", err)
	}
	return i
}

func (h *Handler) serve(response *response, request *http.Request) {
	defer func() {
		if reason := recover(); reason != nil {
			h.options.Logger.ErrorContext(request.Context(), "lambdaauth: handler panicked",
				"method", request.Method, "path", request.URL.Path, "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
			response.fail()
		}
	}()
	h.handler.ServeHTTP(response, request)
}

// encode returns what Lambda answers. Lambda's limit is of the encoded
// response, which can be several times larger than its body.
func (h *Handler) encode(response *response, request *http.Request) []byte {
	encoded := response.encode()
	if !response.overflown && len(encoded) <= maxResponse {
		return encoded
	}
	h.options.Logger.ErrorContext(request.Context(), "lambdaauth: response too large",
		"method", request.Method, "path", request.URL.Path, "bytes", max(len(encoded), response.size))
	response.fail()
	return response.encode()
}

// invocation is all that one call of Invoke needs, in one piece of memory. It
// is the context of the request, in which the event is found.
type invocation struct {
	context.Context
	event    event
	body     body
	response response
}

type eventKey struct{}

// Value implements context.Context.
func (i *invocation) Value(key any) any {
	if key == (eventKey{}) {
		return &i.event
	}
	return i.Context.Value(key)
}

// Event returns the event that a request came in, with everything that the
// gateway and its authorizers said. It is decoded on each call. The error is
// [ErrEvent], also if the request did not come through a [Handler].
func Event(ctx context.Context) (events.APIGatewayV2HTTPRequest, error) {
	received, ok := ctx.Value(eventKey{}).(*event)
	if !ok {
		return events.APIGatewayV2HTTPRequest{}, fmt.Errorf("%w: not in this context", ErrEvent)
	}
	var decoded events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(received.payload, &decoded); err != nil {
		return events.APIGatewayV2HTTPRequest{}, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	return decoded, nil
}
