package lambdaauth_test

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/events"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/lambdaauth"
)

func ExampleNewHandler() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /things/{thing}/telemetry", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, "telemetry of ", r.PathValue("thing"))
	})
	handler := lambdaauth.NewHandler(mux) // lambda.Start(handler)

	event, err := os.ReadFile("testdata/jwt.json")
	if err != nil {
		panic(err)
	}
	answer, err := handler.Invoke(context.Background(), event)
	fmt.Println(string(answer), err)
	// Output: {"statusCode":200,"headers":{"Content-Type":"text/plain"},"body":"telemetry of pump 1"} <nil>
}

type refuseAll struct{}

func (refuseAll) Authenticate(context.Context, string) (auth.Principal, error) {
	return auth.Principal{}, auth.ErrToken
}

func ExampleNewAuthorizer() {
	authorize := lambdaauth.NewAuthorizer(refuseAll{}, gate{}) // elsewhere an auth.Verifier and a tenant.Directory
	answer, err := authorize(context.Background(), events.APIGatewayV2CustomAuthorizerV2Request{
		IdentitySource: []string{"Bearer forged"},
	})
	fmt.Println(answer.IsAuthorized, err)
	// Output: false <nil>
}
