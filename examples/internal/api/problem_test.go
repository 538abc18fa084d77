package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant/auth/authmock"
	"github.com/iotenant/iotenant/examples/internal/api"
)

func TestAttackSecretsAreNotEchoed(t *testing.T) {
	t.Parallel()
	identity := authmock.NewMockIdentity(gomock.NewController(t)) // is not called
	handler := api.New(api.Services{Identity: identity})
	for path, body := range map[string]string{
		"/auth/login":   `{"username": "ann", "password": "a secret", "extra": 1}`,
		"/auth/sign-up": `{"username": "ann", "password": ["a secret"]}`,
		"/auth/refresh": `{"refreshToken": "a secret", "refresh_token": "a secret"}`,
		"/auth/confirm": `{"code": "a secret"}`,
	} {
		request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		require.Equal(t, http.StatusUnprocessableEntity, recorder.Code, path)
		require.NotContains(t, recorder.Body.String(), "a secret", path)
		require.Contains(t, recorder.Body.String(), `"location":"body`, "what is wrong is told")
	}
}
