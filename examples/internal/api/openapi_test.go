package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/auth/authmock"
	"github.com/iotenant/iotenant/examples/internal/api"
)

// TestDescription checks that the description has every operation once, says
// who may call it, and refers to nothing that is not in it.
func TestDescription(t *testing.T) {
	t.Parallel()
	describe := func(services api.Services) (paths map[string]map[string]struct {
		OperationID string
		Security    []map[string][]string
	}, text string) {
		recorder := httptest.NewRecorder()
		api.New(services).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
		require.Equal(t, http.StatusOK, recorder.Code)
		var description struct {
			Paths json.RawMessage
		}
		require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &description))
		require.NoError(t, json.Unmarshal(description.Paths, &paths))
		return paths, recorder.Body.String()
	}
	paths, text := describe(api.Services{
		Identity: authmock.NewMockIdentity(gomock.NewController(t)), Detectors: &alerts.Runtime{}, Shelves: &alerts.Shelves{},
	})
	known := map[string]bool{}
	for path, operations := range paths {
		for method, operation := range operations {
			require.False(t, known[operation.OperationID], operation.OperationID)
			known[operation.OperationID] = true
			public := operation.Security == nil
			require.Equal(t, strings.HasPrefix(path, "/auth/") && path != "/auth/profile" && path != "/auth/sign-out", public, "%s %s", method, path)
		}
	}
	for _, id := range []string{
		"put-model", "put-rule", "list-detectors", "get-detector", "operate-detector", "list-alerts", "acknowledge-alert", "assign-alert", "comment-alert",
		"redeliver-alert", "shelve", "list-shelves", "unshelve",
	} {
		require.True(t, known[id], id)
	}
	for part := range strings.SplitSeq(text, `"$ref":"#/components/schemas/`) {
		if name, _, ok := strings.Cut(part, `"`); ok && !strings.HasPrefix(part, "{") {
			require.Contains(t, text, `"`+name+`":{`)
		}
	}

	paths, _ = describe(api.Services{})
	require.NotContains(t, paths, "/shelves", "what is not there has no operations")
	require.NotContains(t, paths, "/alerts/{alert}/redeliver")
	require.Contains(t, paths, "/rules/{rule}")
}
