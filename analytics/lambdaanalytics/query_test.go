package lambdaanalytics_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticsmock"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
)

// table is a result.
type table struct {
	rows   [][]analytics.Field
	err    error // after the rows
	closed int
}

func (r *table) result() *analytics.Result {
	return &analytics.Result{
		Columns: []analytics.ResultColumn{{Name: "device", Type: "varchar"}, {Name: "celsius", Type: "double"}},
		Rows: func(yield func([]analytics.Field, error) bool) {
			for _, row := range r.rows {
				if !yield(row, nil) {
					return
				}
			}
			if r.err != nil {
				yield(nil, r.err)
			}
		},
		Close: func() error { r.closed++; return nil },
	}
}

func presses() *table {
	return &table{rows: [][]analytics.Field{{{Text: `press "1"`}, {Text: "96.0"}}, {{Text: ""}, {Null: true}}}}
}

func newEngine(t *testing.T) *analyticsmock.MockEngine {
	t.Helper()
	return analyticsmock.NewMockEngine(gomock.NewController(t))
}

// is identifies each invocation as one of a tenant.
func is(id tenant.ID) func(context.Context) (tenant.ID, error) {
	return func(context.Context) (tenant.ID, error) { return id, nil }
}

func fixed(o *lambdaanalytics.QueryOptions) {
	o.Now = func() time.Time { return arrival }
	o.NewID = func() string { return "id" }
}

func TestQuery(t *testing.T) {
	t.Parallel()
	engine := newEngine(t)
	query := lambdaanalytics.NewQuery(engine, is(north), fixed)
	delta := &analytics.Delta{TimeExpression: "from_unixtime(ts)", From: arrival.Add(-time.Hour), To: arrival}
	for request, want := range map[string]struct {
		statement analytics.Statement
		answer    string
	}{
		`{"sql": "SELECT 1"}`: {
			analytics.Statement{SQL: "SELECT 1", Now: arrival},
			`{"columns":[{"name":"device","type":"varchar"},{"name":"celsius","type":"double"}],"rows":[["press \"1\"","96.0"],["",null]]}`,
		},
		`{"sql": "SELECT 2", "now": "2026-03-01T11:00:00Z", "format": "csv", "delta": {"timeExpression": "from_unixtime(ts)", "from": "2026-03-01T11:00:00Z", "to": "2026-03-01T12:00:00Z"}}`: {
			analytics.Statement{SQL: "SELECT 2", Now: arrival.Add(-time.Hour), Delta: delta},
			`{"csv":"\"device\",\"celsius\"\n\"press \"\"1\"\"\",\"96.0\"\n\"\",\n"}`,
		},
	} {
		rows := presses()
		engine.EXPECT().Query(gomock.Any(), north, want.statement).Return(rows.result(), nil)
		answer, err := query.Invoke(t.Context(), []byte(request))
		require.NoError(t, err)
		require.Equal(t, want.answer, string(answer))
		require.Positive(t, rows.closed)
	}
	engine.EXPECT().Query(gomock.Any(), north, gomock.Any()).Return((&table{}).result(), nil)
	answer, err := query.Invoke(t.Context(), []byte(`{"sql": "SELECT 3"}`))
	require.NoError(t, err)
	require.JSONEq(t, `{"columns":[{"name":"device","type":"varchar"},{"name":"celsius","type":"double"}],"rows":[]}`, string(answer))
}

func TestQueryRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request string
		err     error // of the engine
		status  int
		detail  string
	}{
		"no JSON":       {"SELECT 1", nil, 400, "lambdaanalytics: invalid request: invalid character 'S'"},
		"no statement":  {`{}`, nil, 400, "no sql"},
		"long":          {`{"sql": "` + strings.Repeat("x", analytics.MaxSQL+1) + `"}`, nil, 400, "limit 131072"},
		"format":        {`{"sql": "SELECT 1", "format": "xml"}`, nil, 400, `want "json" or "csv"`},
		"now":           {`{"sql": "SELECT 1", "now": "today"}`, nil, 400, "invalid request"},
		"delta":         {`{"sql": "SELECT 1", "delta": {}}`, nil, 400, "want timeExpression and to"},
		"wrong SQL":     {`{"sql": "SELEC 1"}`, fmt.Errorf("%w: line 1: SELEC", analytics.ErrSQL), 400, "line 1: SELEC"},
		"no data store": {`{"sql": "SELECT 1"}`, fmt.Errorf("%w: x", analytics.ErrNoTable), 404, "not found"},
		"limit":         {`{"sql": "SELECT 1"}`, analytics.ErrSQLLimit, 400, "beyond the limit"},
		"no engine":     {`{"sql": "SELECT 1"}`, fmt.Errorf("built without: %w", iotenant.ErrUnsupported), 501, ""},
		"busy":          {`{"sql": "SELECT 1"}`, fmt.Errorf("host 10.0.0.1: %w", iotenant.ErrUnavailable), 503, ""},
		"late":          {`{"sql": "SELECT 1"}`, context.DeadlineExceeded, 504, ""},
		"broken":        {`{"sql": "SELECT 1"}`, errors.New("secret"), 500, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := newEngine(t)
			if test.err != nil {
				engine.EXPECT().Query(gomock.Any(), north, gomock.Any()).Return(nil, test.err)
			}
			answer, err := lambdaanalytics.NewQuery(engine, is(north), fixed).Invoke(t.Context(), []byte(test.request))
			require.NoError(t, err)
			var problem struct {
				Status        int
				Title, Detail string
			}
			require.NoError(t, json.Unmarshal(answer, &problem))
			require.Equal(t, test.status, problem.Status)
			require.Equal(t, http.StatusText(test.status), problem.Title)
			require.Contains(t, problem.Detail, test.detail)
			if test.status >= 500 {
				require.Empty(t, problem.Detail, "what fails inside is not the caller's")
			}
		})
	}
}

// TestQueryFailsHalfway: rows that came before an error are no result.
func TestQueryFailsHalfway(t *testing.T) {
	t.Parallel()
	engine := newEngine(t)
	for _, format := range []string{"json", "csv"} {
		rows := presses()
		rows.err = analytics.ErrSQLLimit
		engine.EXPECT().Query(gomock.Any(), north, gomock.Any()).Return(rows.result(), nil)
		answer, err := lambdaanalytics.NewQuery(engine, is(north)).Invoke(t.Context(), fmt.Appendf(nil, `{"sql": "SELECT 1", "format": %q}`, format))
		require.NoError(t, err)
		require.Contains(t, string(answer), `{"status":400,`)
		require.Equal(t, 1, rows.closed)
	}
}

// linked are objects whose links hold their names.
type linked struct{ *memanalytics.Objects }

func (linked) Link(_ context.Context, id tenant.ID, name string, valid time.Duration) (string, error) {
	return fmt.Sprintf("https://%s.example.com/%s?for=%s", id, name, valid), nil
}

// wide is a result of that many bytes, at least.
func wide(bytes int) *table {
	rows := &table{}
	for range bytes/1000 + 1 {
		rows.rows = append(rows.rows, []analytics.Field{{Text: strings.Repeat("\n", 1000)}, {Null: true}})
	}
	return rows
}

func TestQueryTooLarge(t *testing.T) {
	t.Parallel()
	engine, objects := newEngine(t), linked{memanalytics.NewObjects()}
	for _, format := range []string{"json", "csv"} {
		request := fmt.Appendf(nil, `{"sql": "SELECT 1", "format": %q}`, format)
		small := lambdaanalytics.NewQuery(engine, is(north), fixed, func(o *lambdaanalytics.QueryOptions) { o.MaxResult = 10_000 })
		engine.EXPECT().Query(gomock.Any(), north, gomock.Any()).Return(wide(100_000).result(), nil)
		answer, err := small.Invoke(t.Context(), request)
		require.NoError(t, err)
		require.JSONEq(t, `{"status": 400, "title": "Bad Request",
			"detail": "lambdaanalytics: invalid for an answer: result too large, use LIMIT or an aggregate: more than 10000 bytes"}`, string(answer))

		storing := lambdaanalytics.NewQuery(engine, is(north), fixed, func(o *lambdaanalytics.QueryOptions) { o.MaxResult, o.Objects = 10_000, objects })
		engine.EXPECT().Query(gomock.Any(), north, gomock.Any()).Return(wide(200_000).result(), nil)
		answer, err = storing.Invoke(t.Context(), request)
		require.NoError(t, err)
		require.JSONEq(t, fmt.Sprintf(`{"link": "https://north.example.com/queries/id.%[1]s?for=1h0m0s", "format": %[1]q, "expires": "2026-03-01T13:00:00Z"}`, format), string(answer))
		object, err := objects.Open(t.Context(), north, "queries/id."+format)
		require.NoError(t, err)
		text, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
		require.NoError(t, err)
		if format == "json" {
			var document struct{ Rows [][]*string }
			require.NoError(t, json.Unmarshal(text, &document))
			require.Len(t, document.Rows, 201)
		} else {
			require.Equal(t, 202+201*1000, strings.Count(string(text), "\n"))
		}
	}

	broken := wide(100_000)
	broken.err = analytics.ErrSQLLimit
	engine.EXPECT().Query(gomock.Any(), north, gomock.Any()).Return(broken.result(), nil)
	query := lambdaanalytics.NewQuery(engine, is(north), func(o *lambdaanalytics.QueryOptions) {
		o.MaxResult, o.Objects, o.NewID = 10_000, objects, func() string { return "broken" }
	})
	answer, err := query.Invoke(t.Context(), []byte(`{"sql": "SELECT 1"}`))
	require.NoError(t, err)
	require.Contains(t, string(answer), `"status":400`)
	_, err = objects.Open(t.Context(), north, "queries/broken.json")
	require.ErrorIs(t, err, analytics.ErrNoObject)
}

// TestAnswerSize: whatever the limit lets through is no longer in the response
// of a function, also as a string in JSON.
func TestAnswerSize(t *testing.T) {
	t.Parallel()
	const limit, around = 60_000, 100
	engine := newEngine(t)
	query := lambdaanalytics.NewQuery(engine, is(north), func(o *lambdaanalytics.QueryOptions) { o.MaxResult = limit })
	for _, text := range []string{"\n", "\"", "\x01", "<", "é", "\u2028", "x", "\U0001f600"} {
		rows := &table{}
		for range limit / 50 {
			rows.rows = append(rows.rows, []analytics.Field{{Text: strings.Repeat(text, 100/len(text))}})
		}
		for _, format := range []string{"json", "csv"} {
			request := fmt.Sprintf(`{"sql": "SELECT 1", "format": %q}`, format)
			answered := false
			for n := len(rows.rows); n > 0 && !answered; n = n * 9 / 10 {
				part := &table{rows: rows.rows[:n]}
				engine.EXPECT().Query(gomock.Any(), north, gomock.Any()).Return(part.result(), nil).Times(2)
				answer, err := query.Invoke(t.Context(), []byte(request))
				require.NoError(t, err)
				require.LessOrEqual(t, len(answer), limit+around)

				recorder := httptest.NewRecorder()
				query.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/query", strings.NewReader(request)))
				response, err := json.Marshal(recorder.Body.String())
				require.NoError(t, err)
				require.LessOrEqual(t, len(response), limit+around)
				answered = recorder.Code == http.StatusOK
			}
			require.True(t, answered)
		}
	}
}

func TestQueryHTTP(t *testing.T) {
	t.Parallel()
	engine := newEngine(t)
	query := lambdaanalytics.NewQuery(engine, is(north), fixed, func(o *lambdaanalytics.QueryOptions) {
		o.MaxResult, o.Objects = 10_000, linked{memanalytics.NewObjects()}
	})
	serve := func(method, body string) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		query.ServeHTTP(recorder, httptest.NewRequest(method, "/query", strings.NewReader(body)))
		return recorder
	}
	for _, test := range []struct {
		method, body string
		result       *table
		status       int
		contentType  string
		answer       string
	}{
		{"POST", `{"sql": "SELECT 1"}`, presses(), 200, "application/json", `{"columns":`},
		{"POST", `{"sql": "SELECT 1", "format": "csv"}`, presses(), 200, "text/csv; charset=utf-8", `"device","celsius"`},
		{"POST", `{"sql": "SELECT 1", "format": "csv"}`, wide(20_000), 200, "application/json", `{"link":"https://north.`},
		{"POST", `{}`, nil, 400, "application/problem+json", `{"status":400,"title":"Bad Request","detail":"lambdaanalytics: invalid request: no sql"}`},
		{"POST", strings.Repeat(" ", 1<<20) + `{"sql": "SELECT 1"}`, nil, 400, "application/problem+json", `{"status":400`},
		{"GET", ``, nil, 405, "application/problem+json", `{"status":405,"title":"Method Not Allowed"}`},
	} {
		if test.result != nil {
			engine.EXPECT().Query(gomock.Any(), north, gomock.Any()).Return(test.result.result(), nil)
		}
		response := serve(test.method, test.body)
		require.Equal(t, test.status, response.Code)
		require.Equal(t, test.contentType, response.Header().Get("Content-Type"))
		require.Equal(t, "no-store", response.Header().Get("Cache-Control"))
		require.True(t, strings.HasPrefix(response.Body.String(), test.answer), response.Body)
	}
}

func TestSweepResults(t *testing.T) {
	t.Parallel()
	objects := memanalytics.NewObjects()
	put := func(id tenant.ID, name string) {
		require.NoError(t, objects.Put(t.Context(), id, name, strings.NewReader("x")))
	}
	for n := range 1500 {
		put(north, fmt.Sprintf("queries/%d.csv", n))
	}
	put(north, "results/daily/1.csv")
	put(south, "queries/1.csv")
	now := time.Now()
	sweep := lambdaanalytics.SweepResults(objects, func(o *lambdaanalytics.ResultsOptions) { o.Now = func() time.Time { return now } })
	count := func(id tenant.ID) int {
		all, err := objects.List(t.Context(), id, "", "", analytics.MaxObjectList)
		require.NoError(t, err)
		return len(all)
	}
	require.NoError(t, sweep(t.Context(), north))
	require.Equal(t, 1000, count(north), "the links are still good")
	now = now.Add(time.Hour + time.Minute)
	require.NoError(t, sweep(t.Context(), north))
	require.Equal(t, 1, count(north))
	require.Equal(t, 1, count(south))
	require.ErrorIs(t, sweep(t.Context(), tenant.ID{}), tenant.ErrID)
}

func TestInvoker(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{"north": nil, "": lambdaanalytics.ErrNoTenant, "NORTH": tenant.ErrID, "_platform": tenant.ErrID} {
		id, err := lambdaanalytics.Invoker(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{TenantID: text}))
		require.ErrorIs(t, err, want)
		if want == nil {
			require.Equal(t, north, id)
		}
	}
	_, err := lambdaanalytics.Invoker(t.Context())
	require.ErrorIs(t, err, lambdaanalytics.ErrNoTenant)
}

// Whose data a statement sees is decided by what was verified: nothing that a
// caller writes changes it, and who is nobody's is refused before the engine.
func TestAttackQueryOfAnotherTenant(t *testing.T) {
	t.Parallel()
	engine := newEngine(t)
	var asked []tenant.ID
	engine.EXPECT().Query(gomock.Any(), gomock.Any(), gomock.Any()).DoAndReturn(func(_ context.Context, id tenant.ID, _ analytics.Statement) (*analytics.Result, error) {
		asked = append(asked, id)
		return presses().result(), nil
	}).AnyTimes()
	query := lambdaanalytics.NewQuery(engine, lambdaanalytics.Invoker)
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{
		TenantID: "north", ClientContext: lambdacontext.ClientContext{Custom: map[string]string{"tenant": "south", "tenantId": "south"}},
	})
	for _, request := range []string{
		`{"sql": "SELECT 1", "tenant": "south"}`, `{"sql": "SELECT 1", "tenantId": "south", "id": "south", "TenantID": "south"}`,
		`{"sql": "SELECT 1", "requestContext": {"authorizer": {"lambda": {"iotenantPrincipal": {"tenant": "south"}}, "jwt": {"claims": {"custom:tenant_id": "south"}}}}}`,
	} {
		answer, err := query.Invoke(ctx, []byte(request))
		require.NoError(t, err)
		require.Contains(t, string(answer), `"rows"`)
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/query?tenant=south", strings.NewReader(request))
		r.Header.Set("X-Amz-Tenant-Id", "south")
		query.ServeHTTP(httptest.NewRecorder(), r)
	}
	require.Equal(t, []tenant.ID{north, north, north, north, north, north}, asked)

	for _, request := range []string{`{"sql": "SELECT 1", "tenant": "south"}`, `{}`} {
		answer, err := query.Invoke(t.Context(), []byte(request))
		require.NoError(t, err)
		require.JSONEq(t, `{"status": 403, "title": "Forbidden"}`, string(answer))
	}
	require.Len(t, asked, 6)
}
