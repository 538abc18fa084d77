package lambdaauth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/auth/lambdaauth"
	"github.com/iotenant/iotenant/internal/bench"
)

// BenchmarkInvoke compares a request through a ServeMux with
// lambda.NewHandler of a function that takes the event as a struct, finds the
// claim and answers.
func BenchmarkInvoke(b *testing.B) {
	payload := event(b, "jwt.json")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /things/{thing}/telemetry", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":true}`))
	})
	handler := lambdaauth.NewHandler(mux)
	typed := lambda.NewHandler(func(_ context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		return events.APIGatewayV2HTTPResponse{
			StatusCode: 200,
			Headers:    map[string]string{"Content-Type": "application/json", "Tenant": event.RequestContext.Authorizer.JWT.Claims["custom:tenant_id"]},
			Body:       `{"ok":true}`,
		}, nil
	})
	run := func(handler lambda.Handler) func(n int) {
		return func(n int) {
			for range n {
				_, err := handler.Invoke(context.Background(), payload)
				require.NoError(b, err)
			}
		}
	}
	subject := run(handler)
	bench.Ratio(b, 15, subject, run(typed), 500)
	b.ReportMetric(testing.AllocsPerRun(100, func() { subject(1) }), "allocs/request")
	b.ReportMetric(float64(len(payload)), "event-bytes")
}

// BenchmarkInvokeValid compares the same request with checking that the event
// is JSON, by encoding/json.
func BenchmarkInvokeValid(b *testing.B) {
	payload := event(b, "jwt.json")
	handler := lambdaauth.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	bench.Ratio(b, 15, func(n int) {
		for range n {
			_, err := handler.Invoke(context.Background(), payload)
			require.NoError(b, err)
		}
	}, func(n int) {
		for range n {
			require.True(b, json.Valid(payload))
		}
	}, 500)
}
