package failovertenant_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
	"github.com/iotenant/iotenant/tenant/failovertenant"
)

// TestDynamoDBRegionLostUnderLoad is TestRegionKilledUnderLoad on two tables of an
// emulated DynamoDB, or of the one in IOTENANT_DYNAMODB. The emulator keeps its
// items in memory, so a Region is lost by cutting its connections, also between a
// write and its answer.
func TestDynamoDBRegionLostUnderLoad(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) string{"moto": emulator.Moto, "dynamodb": emulator.DynamoDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, cursors, regions := start(t), tenant.RandomCursorKeys(), map[string]losable{}
			for _, name := range []string{ireland, frankfurt} {
				regions[name] = newTable(t, base, name, cursors)
			}
			killRegions(t, 2, 10, regions)
		})
	}
}

// dynamoRegion is a table behind a line that can be cut.
type dynamoRegion struct {
	*dynamotenant.Store
	line *line
}

var _ losable = (*dynamoRegion)(nil)

func newTable(t *testing.T, base, region string, cursors tenant.CursorKeys) *dynamoRegion {
	t.Helper()
	line := newLine(t, base)
	client := dynamodb.NewFromConfig(emulator.AWS(line.url), func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = true })
	name := fmt.Sprintf("%s-%d", region, time.Now().UnixNano())
	_, err := client.CreateTable(t.Context(), dynamotenant.Table(name))
	require.NoError(t, err)
	active := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 5*time.Millisecond, 50*time.Millisecond
	})
	require.NoError(t, active.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, time.Minute))
	return &dynamoRegion{dynamotenant.New(client, name, cursors), line}
}

func (d *dynamoRegion) readings() tenant.Repository[reading] {
	return dynamotenant.NewRepository(d.Store, &readingSchema)
}

func (d *dynamoRegion) homes() tenant.Repository[failovertenant.Home] {
	return dynamotenant.NewRepository(d.Store, &failovertenant.HomeSchema)
}

func (d *dynamoRegion) lose(*testing.T) { d.line.cut.Store(true) }

func (d *dynamoRegion) restore(*testing.T) { d.line.cut.Store(false) }

// line passes requests on, until it is cut.
type line struct {
	url string
	cut atomic.Bool
}

func newLine(t *testing.T, base string) *line {
	t.Helper()
	target, err := url.Parse(base)
	require.NoError(t, err)
	l := &line{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(*http.Response) error {
			l.check() // the request had its effect, and the answer is lost
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.check()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// check breaks the connection if the line is cut.
func (l *line) check() {
	if l.cut.Load() {
		panic(http.ErrAbortHandler)
	}
}
