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
	event, err := parseEvent(payload)
	if err != nil {
		return nil, err
	}
	ctx = context.WithValue(ctx, eventKey{}, event)
	if principal, err := h.principal(event); err == nil {
		ctx = auth.NewContext(ctx, principal)
	} else if !errors.Is(err, errNoPrincipal) {
		h.options.Logger.InfoContext(ctx, "lambdaauth: authorizer data not used", "error", err)
	}
	request, err := event.request(ctx)
	if err != nil {
		return nil, err
	}
	response := newResponse(request.Method)
	h.serve(response, request)
	return response.encode(), nil
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
	if response.tooLarge() {
		h.options.Logger.ErrorContext(request.Context(), "lambdaauth: response too large",
			"method", request.Method, "path", request.URL.Path, "bytes", len(response.body))
		response.fail()
	}
}

type eventKey struct{}

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
