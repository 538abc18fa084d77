package analytics_test

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
)

//go:embed testdata/dataplane.js
var dataPlaneClient string

// openGate admits everybody.
type openGate struct{}

func (openGate) Admit(context.Context, tenant.ID) error { return nil }

func tenantOf(r *http.Request) (tenant.ID, error) {
	principal, err := auth.FromContext(r.Context())
	return principal.Tenant, err
}

// contents are those of one data set of a tenant.
type contents struct {
	id       tenant.ID
	dataset  string
	contents []analytics.Content
}

func (c *contents) check(id tenant.ID, dataset string) error {
	if id != c.id || dataset != c.dataset {
		return analytics.ErrNoDefinition
	}
	return nil
}

func (c *contents) CreateContent(_ context.Context, id tenant.ID, dataset, version string) (string, error) {
	if err := c.check(id, dataset); err != nil {
		return "", err
	}
	if version != "" {
		return "", analytics.ErrContent
	}
	version = fmt.Sprintf("version-%d", len(c.contents))
	c.contents = append(c.contents, analytics.Content{
		Dataset: dataset, Version: version, State: analytics.ContentSucceeded, Created: noon, Scheduled: noon.Add(500 * time.Millisecond), Completed: noon.Add(time.Second),
		Entries: []analytics.ContentEntry{{Name: "e", URI: "https://example.com/" + version}},
	})
	return version, nil
}

func (c *contents) Content(_ context.Context, id tenant.ID, dataset, version string) (analytics.Content, error) {
	if err := c.check(id, dataset); err != nil {
		return analytics.Content{}, err
	}
	for _, content := range c.contents {
		if content.Version == version || version == "" {
			return content, nil
		}
	}
	return analytics.Content{}, analytics.ErrNoContent
}

func (c *contents) Contents(_ context.Context, id tenant.ID, dataset string, query analytics.ContentQuery) (page analytics.Page[analytics.Content], err error) {
	if err := c.check(id, dataset); err != nil {
		return page, err
	}
	for _, content := range c.contents {
		if !content.Scheduled.Before(query.ScheduledFrom) && (query.ScheduledTo.IsZero() || content.Scheduled.Before(query.ScheduledTo)) {
			page.Items = append(page.Items, content)
		}
	}
	return page, nil
}

func (c *contents) DeleteContent(ctx context.Context, id tenant.ID, dataset, version string) error {
	if _, err := c.Content(ctx, id, dataset, version); err != nil {
		return err
	}
	c.contents = nil
	return nil
}

func (c *contents) Delete(_ context.Context, id tenant.ID, dataset string) error {
	if c.check(id, dataset) == nil {
		c.contents = nil
	}
	return nil
}

// AWS's own client of the old service works, with another endpoint.
func TestDataPlaneWithTheClientOfAWS(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	keys := func(context.Context, string) (auth.AccessKey, error) {
		return auth.AccessKey{Secret: "a long random text", Principal: auth.Principal{Tenant: north}}, nil
	}
	signed := auth.SignatureMiddleware(auth.NewSignatureVerifier("iotanalytics", keys), openGate{})
	server := httptest.NewServer(signed(analytics.NewDataPlane(p.Ingest, tenantOf, func(o *analytics.DataPlaneOptions) {
		o.Reprocessings, o.Datasets, o.Definitions, o.Now = p.reprocessings, &contents{id: north, dataset: "all"}, true, p.clock.Now
	})))
	defer server.Close()

	answers := clientAnswers(t, emulator.RunClient(t, dataPlaneClient, server.URL, "AKNORTH", "a long random text"))
	const noonText = "2026-03-01T12:00:00.000Z"
	for i, want := range []string{
		`createChannel 201 channelName=raw channelArn=arn:aws:iotanalytics:::channel/raw retentionPeriod.numberOfDays=30`,
		`createChannel 409 ResourceAlreadyExistsException`,
		`createDatastore 201 datastoreName=hot datastoreArn=arn:aws:iotanalytics:::datastore/hot !retentionPeriod`,
		`createPipeline 201 pipelineName=line pipelineArn=arn:aws:iotanalytics:::pipeline/line`,
		`createPipeline 400 InvalidRequestException`,
		`createDataset 201 datasetName=all datasetArn=arn:aws:iotanalytics:::dataset/all`,
		`batchPutMessage 200 batchPutMessageErrorEntries.0.messageId=m1 batchPutMessageErrorEntries.0.errorCode=InvalidRequestException` +
			` batchPutMessageErrorEntries.1.messageId=schlüssel batchPutMessageErrorEntries.1.errorCode=InvalidRequestException !batchPutMessageErrorEntries.2`,
		`batchPutMessage 404 ResourceNotFoundException`,
		`sampleChannelData 200 payloads.0={"temp":68,"device":{"Id":"d1"}} payloads.1=no+JSON !payloads.2`,
		`sampleChannelData 400 InvalidRequestException`,
		`runPipelineActivity 200 payloads.0={"humidity":52,"temp":68,"tempC":20} payloads.1={"humidity":52} logResult=payload+1:+math+m:+mathUndefined`,
		`runPipelineActivity 400 InvalidRequestException`,
		`startPipelineReprocessing 200 reprocessingId`,
		`startPipelineReprocessing 409 ResourceAlreadyExistsException`,
		`cancelPipelineReprocessing 200`,
		`startPipelineReprocessing 400 InvalidRequestException`,
		`describePipeline 200 pipeline.name=line pipeline.activities.0.channel.channelName=raw pipeline.activities.2.addAttributes.attributes.device\.Id=Device` +
			` pipeline.reprocessingSummaries.0.status=CANCELLED pipeline.creationTime=` + noonText + ` pipeline.lastUpdateTime=` + noonText,
		`describeChannel 200 channel.name=raw channel.status=ACTIVE channel.retentionPeriod.numberOfDays=30 channel.creationTime=` + noonText +
			` statistics.size.estimatedSizeInBytes=39 statistics.size.estimatedOn=` + noonText,
		`describeDatastore 200 datastore.name=hot datastore.fileFormatConfiguration.jsonConfiguration !statistics`,
		`describeDataset 200 dataset.name=all dataset.actions.0.queryAction.sqlQuery=SELECT+*+FROM+hot dataset.triggers.0.schedule.expression=rate(1+day)`,
		`describeDataset 404 ResourceNotFoundException`,
		`updateChannel 200`,
		`listChannels 200 channelSummaries.0.channelName=raw channelSummaries.0.status=ACTIVE !channelSummaries.1 !nextToken`,
		`listDatastores 200 datastoreSummaries.0.datastoreName=hot datastoreSummaries.0.fileFormatType=JSON`,
		`listPipelines 200 pipelineSummaries.0.pipelineName=line pipelineSummaries.0.reprocessingSummaries.0.status=CANCELLED !pipelineSummaries.1`,
		`listDatasets 200 datasetSummaries.0.datasetName=all datasetSummaries.0.actions.0.actionName=a`,
		`createDatasetContent 200 versionId=version-0`,
		`createDatasetContent 404 ResourceNotFoundException`,
		`getDatasetContent 200 entries.0.entryName=e entries.0.dataURI=https://example.com/version-0 status.state=SUCCEEDED timestamp=` + noonText,
		`getDatasetContent 200 entries.0.entryName=e`,
		`listDatasetContents 200 datasetContentSummaries.0.version=version-0 datasetContentSummaries.0.status.state=SUCCEEDED` +
			` datasetContentSummaries.0.scheduleTime=2026-03-01T12:00:00.500Z datasetContentSummaries.0.completionTime=2026-03-01T12:00:01.000Z`,
		`deleteDatasetContent 204`,
		`deleteChannel 400 InvalidRequestException`,
		`deletePipeline 204`,
		`deleteChannel 204`,
		`deleteDatastore 204`,
		`deleteDataset 204`,
		`describeChannel 404 ResourceNotFoundException`,
	} {
		require.Less(t, i, len(answers))
		answers[i].require(t, want)
	}
	require.Len(t, answers, 38)
	require.Empty(t, p.lake.tableNames(north))

	stranger := clientAnswers(t, emulator.RunClient(t, strings.Split(dataPlaneClient, "  await call('createChannel', { channelName: 'raw' })")[0]+"}\nmain()", server.URL, "AKNORTH", "a guess"))
	stranger[0].require(t, "createChannel 403 InvalidSignatureException")
}

// AWS's own client repeats a call whose answer was lost, and its messages are
// stored once.
func TestDataPlaneWhenTheClientOfAWSRepeats(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	handler := p.dataPlane(t, north).handler
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			handler.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	head, _, _ := strings.Cut(dataPlaneClient, "async function main")
	program := strings.Replace(head, "maxAttempts: 1", "maxAttempts: 3", 1) +
		`call('batchPutMessage', { channelName: 'raw', messages: [{ messageId: '1', payload: bytes({ a: 1 }) }] })`
	answers := clientAnswers(t, emulator.RunClient(t, program, server.URL, "AKNORTH", "secret"))
	answers[0].require(t, "batchPutMessage 200 !batchPutMessageErrorEntries.0")
	require.Equal(t, 2, calls)
	require.Equal(t, []string{`{"a":1}`}, p.lake.store(north, "hot"))
}

// clientAnswer is a line of the client.
type clientAnswer struct {
	Operation string
	Status    int
	Answer    any
	Error     string
}

func clientAnswers(t *testing.T, output []byte) (answers []clientAnswer) {
	t.Helper()
	for line := range bytes.Lines(output) {
		var answer clientAnswer
		require.NoError(t, json.Unmarshal(line, &answer), "%s", line)
		answers = append(answers, answer)
	}
	return answers
}

// require checks "operation status", then an error, or members: path=value,
// path for one that is there, !path for one that is not. A + in a value is a
// blank, \. in a path a point.
func (a clientAnswer) require(t *testing.T, want string) {
	t.Helper()
	fields := strings.Fields(want)
	require.Equal(t, fields[0], a.Operation)
	require.Equal(t, fields[1], fmt.Sprint(a.Status), "%+v", a)
	if a.Error != "" {
		require.Equal(t, []string{a.Error}, fields[2:])
		return
	}
	for _, field := range fields[2:] {
		path, value, valued := strings.Cut(strings.TrimPrefix(field, "!"), "=")
		got, found := memberAt(a.Answer, path)
		if strings.HasPrefix(field, "!") {
			require.False(t, found, "%s in %+v", path, a)
			continue
		}
		require.True(t, found, "no %s in %+v", path, a)
		if valued {
			require.Equal(t, strings.ReplaceAll(value, "+", " "), fmt.Sprint(got), "%s in %+v", path, a)
		}
	}
}

func memberAt(node any, path string) (any, bool) {
	for name := range strings.SplitSeq(strings.ReplaceAll(path, `\.`, "\x00"), ".") {
		switch at := node.(type) {
		case map[string]any:
			next, ok := at[strings.ReplaceAll(name, "\x00", ".")]
			if !ok || next == nil {
				return nil, false
			}
			node = next
		case []any:
			index := int(name[0] - '0')
			if index >= len(at) {
				return nil, false
			}
			node = at[index]
		default:
			return nil, false
		}
	}
	return node, true
}

// rest is a plain client of a data plane.
type rest struct {
	testing.TB
	handler http.Handler
}

func (p *plant) dataPlane(t testing.TB, id tenant.ID, optFns ...func(*analytics.DataPlaneOptions)) rest {
	t.Helper()
	optFns = append([]func(*analytics.DataPlaneOptions){func(o *analytics.DataPlaneOptions) {
		o.Reprocessings, o.Definitions, o.Now = p.reprocessings, true, p.clock.Now
	}}, optFns...)
	return rest{t, analytics.NewDataPlane(p.Ingest, func(*http.Request) (tenant.ID, error) { return id, nil }, optFns...)}
}

func (r rest) call(method, target, body string) (status int, code, answer string) {
	r.Helper()
	recorder := httptest.NewRecorder()
	r.handler.ServeHTTP(recorder, httptest.NewRequest(method, target, strings.NewReader(body)))
	text, err := io.ReadAll(recorder.Body)
	require.NoError(r, err)
	if recorder.Code != http.StatusNoContent {
		require.Equal(r, "application/json", recorder.Header().Get("Content-Type"))
		require.True(r, json.Valid(text), "%s", text)
	}
	return recorder.Code, recorder.Header().Get("X-Amzn-Errortype"), string(text)
}

func encoded(payload string) string { return base64.StdEncoding.EncodeToString([]byte(payload)) }

func TestDataPlaneRequests(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	r := p.dataPlane(t, north, func(o *analytics.DataPlaneOptions) { o.MaxBody = 20_000 })
	put := func(entries string) (int, string, string) {
		return r.call(http.MethodPost, "/messages/batch", `{"channelName":"raw","messages":[`+entries+`]}`)
	}
	_, _, answer := put(`{"messageId":"m1","payload":"` + encoded(`{"a":1}`) + `","other":1}`)
	require.JSONEq(t, `{"batchPutMessageErrorEntries":[]}`, answer)
	require.Equal(t, []string{`{"a":1}`}, p.lake.store(north, "hot"))
	_, _, answer = put(`{"messageId":"","payload":""},{"messageId":"` + strings.Repeat("a", 129) + `","payload":""}`)
	require.Equal(t, 2, strings.Count(answer, `"errorCode":"InvalidRequestException"`), "all may be refused")

	many := strings.Repeat(`{"messageId":"a"},`, 100) + `{"messageId":"a"}`
	for name, body := range map[string]string{
		"no JSON":   `{`,
		"nothing":   ``,
		"empty":     `{"channelName":"raw","messages":[]}`,
		"no list":   `{"channelName":"raw","messages":{}}`,
		"too many":  `{"channelName":"raw","messages":[` + many + `]}`,
		"channel":   `{"channelName":"a b","messages":[{"messageId":"a"}]}`,
		"no Base64": `{"channelName":"raw","messages":[{"messageId":"a","payload":"*"}]}`,
		"too large": `{"channelName":"raw","messages":[{"messageId":"a","payload":"` + strings.Repeat("a", 20_000) + `"}]}`,
	} {
		status, code, _ := r.call(http.MethodPost, "/messages/batch", body)
		require.Equal(t, http.StatusBadRequest, status, name)
		require.Equal(t, "InvalidRequestException", code, name)
	}
	for _, messages := range []string{`{"messageId":"a"}`, `{"messageId":""}`} {
		status, _, _ := r.call(http.MethodPost, "/messages/batch", `{"channelName":"nosuch","messages":[`+messages+`]}`)
		require.Equal(t, http.StatusNotFound, status)
	}
	for _, target := range []string{
		"/channels/raw/sample?maxMessages=0", "/channels/raw/sample?maxMessages=x", "/channels/raw/sample?startTime=yesterday",
		"/channels/raw/sample?endTime=-1", "/channels/raw/sample?endTime=NaN", "/channels/raw/sample?startTime=2&endTime=1",
		"/channels?maxResults=251", "/channels?nextToken=forged",
	} {
		status, code, _ := r.call(http.MethodGet, target, "")
		require.Equal(t, http.StatusBadRequest, status, target)
		require.Equal(t, "InvalidRequestException", code, target)
	}
	status, _, answer := r.call(http.MethodGet, "/channels/raw/sample?startTime=1772366399.5&endTime=2026-03-01T12:00:00.001Z", "")
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"payloads":["`+encoded(`{"a":1}`)+`"]}`, answer)
	for _, target := range []string{"/no/such", "/datasets/d/contents", "/channels/a/b/c"} {
		status, code, _ := r.call(http.MethodGet, target, "")
		require.Equal(t, http.StatusNotFound, status)
		require.Equal(t, "UnknownOperationException", code, target)
	}
}

// An id is one of the batch; what tells a repeated call from another one is the
// id that AWS's clients give each call.
func TestDataPlaneMessagesSentAgain(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	r := p.dataPlane(t, north)
	unique := p.dataPlane(t, north, func(o *analytics.DataPlaneOptions) { o.UniqueIDs = true })
	body := `{"channelName":"raw","messages":[{"messageId":"1","payload":"` + encoded(`{"a":1}`) + `"}]}`
	for i, c := range []struct {
		handler    http.Handler
		invocation string
		stored     int
	}{
		{r.handler, "", 1}, {r.handler, "", 2},
		{r.handler, "c1", 3}, {r.handler, "c1", 3}, {r.handler, "c2", 4},
		{r.handler, strings.Repeat("c", 200), 5}, {r.handler, strings.Repeat("c", 200), 6},
		{unique.handler, "c3", 7}, {unique.handler, "", 7}, {unique.handler, "c4", 7},
	} {
		request := httptest.NewRequest(http.MethodPost, "/messages/batch", strings.NewReader(body))
		request.Header.Set("Amz-Sdk-Invocation-Id", c.invocation)
		recorder := httptest.NewRecorder()
		c.handler.ServeHTTP(recorder, request)
		require.JSONEq(t, `{"batchPutMessageErrorEntries":[]}`, recorder.Body.String())
		require.Len(t, p.lake.store(north, "hot"), c.stored, "call %d", i)
	}
}

// What fails in the lake is sent again as a whole, and its reason is nobody's
// business.
func TestDataPlaneWhenTheLakeFails(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel)
	p.lake.fail(func(string, analytics.TableID) fault { return fault{before: errFault} })
	status, code, answer := p.dataPlane(t, north).call(http.MethodPost, "/messages/batch", `{"channelName":"raw","messages":[{"messageId":"a"}]}`)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "ServiceUnavailableException", code)
	require.JSONEq(t, `{"message":"try again later"}`, answer)
}

func TestDataPlaneDefinitions(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	r := p.dataPlane(t, north)
	status, _, _ := r.call(http.MethodPost, "/channels", `{"ChannelName":"Raw","RetentionPeriod":{"NumberOfDays":3}}`)
	require.Equal(t, http.StatusCreated, status)
	_, _, answer := r.call(http.MethodGet, "/channels/raw", "")
	require.JSONEq(t, `{"channel":{"name":"Raw","arn":"arn:aws:iotanalytics:::channel/Raw","status":"ACTIVE","retentionPeriod":{"numberOfDays":3},
	  "creationTime":1772366400,"lastUpdateTime":1772366400}}`, answer)
	status, code, _ := r.call(http.MethodPost, "/datastores", rawChannel)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "InvalidRequestException", code)

	p.define(t, north, hotStore)
	status, _, answer = r.call(http.MethodPost, "/pipelines", straight("line", "raw", "hot"))
	require.Equal(t, http.StatusCreated, status, answer)
	status, _, answer = r.call(http.MethodPut, "/pipelines/line", strings.Replace(straight("", "raw", "hot"), `"pipelineName":"",`, "", 1))
	require.Equal(t, http.StatusOK, status, answer)
	bare, err := p.definitions.Put(t.Context(), north, []byte(`[{"Channel":{"Name":"c","ChannelName":"raw","Next":"d"},"Datastore":{"Name":"d","DatastoreName":"hot"}}]`),
		func(o *analytics.DefineOptions) { o.Name = "bare" })
	require.NoError(t, err)
	require.Equal(t, pipeline.ResourcePipeline, bare.Kind)
	_, _, answer = r.call(http.MethodGet, "/pipelines/bare", "")
	require.Contains(t, answer, `{"channel":{"channelName":"raw","name":"c","next":"d"}`)
	status, _, answer = r.call(http.MethodPut, "/pipelines/bare", `{}`)
	require.Equal(t, http.StatusOK, status, answer)

	status, code, _ = r.call(http.MethodPut, "/datastores/hot", `{"datastorePartitions":{"partitions":[{"attributePartition":{"attributeName":"a"}}]}}`)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "InvalidRequestException", code)
	status, _, _ = r.call(http.MethodPut, "/datastores/nosuch", `{}`)
	require.Equal(t, http.StatusNotFound, status)
	status, _, _ = r.call(http.MethodPut, "/datastores/hot", `[]`)
	require.Equal(t, http.StatusBadRequest, status)
	status, _, _ = r.call(http.MethodDelete, "/datastores/nosuch", "")
	require.Equal(t, http.StatusNotFound, status)

	for i := range 49 {
		p.define(t, north, fmt.Sprintf(`{"channelName":"c%d"}`, i))
	}
	status, code, _ = r.call(http.MethodPost, "/channels", `{"channelName":"more"}`)
	require.Equal(t, http.StatusGone, status)
	require.Equal(t, "LimitExceededException", code)

	closed := p.dataPlane(t, north, func(o *analytics.DataPlaneOptions) { o.Definitions = false })
	status, code, _ = closed.call(http.MethodDelete, "/channels/raw", "")
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, "UnknownOperationException", code)
}

// FuzzDataPlane: whatever is sent, the answer is JSON, and never a failure of
// the server.
func FuzzDataPlane(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `[]`, `{"channelName":"raw","messages":[{"messageId":"a","payload":"e30="}]}`, rawChannel, hotStore, hotLine, daily,
		`{"pipelineActivity":{"filter":{"name":"f","filter":"a > 1"}},"payloads":["e30="]}`, `{"startTime":1,"endTime":1e300}`,
		`{"channelMessages":{"s3Paths":["a"]}}`, `{"channel":null}`, `{"retentionPeriod":{"unlimited":true}}`, `{"":{"":[{"":1}]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		p := newSite().start()
		p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
		r := p.dataPlane(t, north, func(o *analytics.DataPlaneOptions) { o.Datasets = &contents{id: north, dataset: "d"} })
		for _, target := range []string{
			"POST /messages/batch", "POST /pipelineactivities/run", "POST /pipelines/line/reprocessing", "POST /datasets/d/content", "POST /channels",
			"POST /datastores", "POST /pipelines", "POST /datasets", "PUT /channels/raw", "PUT /datastores/hot", "PUT /pipelines/line",
			"GET /channels", "GET /datastores", "GET /pipelines", "GET /datasets", "GET /pipelines/line", "GET /channels/raw",
		} {
			method, path, _ := strings.Cut(target, " ")
			status, _, answer := r.call(method, path, body)
			require.Less(t, status, http.StatusInternalServerError, "%s: %s", target, answer)
		}
	})
}
