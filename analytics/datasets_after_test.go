package analytics_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// TestContentRetention is the table of the service, and then some.
func TestContentRetention(t *testing.T) {
	t.Parallel()
	// A content at midnight of each of 100 days; the last one fails.
	const days = 100
	for name, c := range map[string]struct {
		rest      string
		kept      int
		succeeded bool // the latest that succeeded is kept
	}{
		"neither":                       {``, 2, true},
		"unlimited":                     {`,"retentionPeriod":{"unlimited":true}`, 2, true},
		"7 days":                        {`,"retentionPeriod":{"numberOfDays":7}`, 2, true},
		"all versions":                  {`,"versioningConfiguration":{"unlimited":true}`, 90 + 1, true},
		"all versions, unlimited":       {`,"versioningConfiguration":{"unlimited":true},"retentionPeriod":{"unlimited":true}`, days, true},
		"all versions, 7 days":          {`,"versioningConfiguration":{"unlimited":true},"retentionPeriod":{"numberOfDays":7}`, 7 + 1, true},
		"5 versions":                    {`,"versioningConfiguration":{"maxVersions":5}`, 5, true},
		"1 version":                     {`,"versioningConfiguration":{"maxVersions":1}`, 1, false},
		"5 versions, unlimited":         {`,"versioningConfiguration":{"maxVersions":5},"retentionPeriod":{"unlimited":true}`, 5, true},
		"5 versions of the last 2 days": {`,"versioningConfiguration":{"maxVersions":5},"retentionPeriod":{"numberOfDays":2}`, 2 + 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newMill("00:00:00")
			p.definitions.put(north, define("d", `,"triggers":[{"schedule":{"expression":"cron(0 0 * * ? *)"}}]`+c.rest), at("00:00:00"))
			d := p.start()
			for day := range days {
				if day == days-1 {
					p.engine.before = func(context.Context, tenant.ID, analytics.Statement) error { return analytics.ErrSQLLimit }
				}
				p.clock.Set(at("00:00:00").AddDate(0, 0, day+1))
				require.NoError(t, d.Sweep(t.Context(), north))
			}
			contents := listed(t, d, "d")
			require.Len(t, contents, c.kept)
			require.Equal(t, analytics.ContentFailed, contents[len(contents)-1].State)
			latest, err := d.Content(t.Context(), north, "d", analytics.LatestSucceeded)
			if c.succeeded {
				require.NoError(t, err)
				require.Equal(t, at("00:00:00").AddDate(0, 0, days-1), latest.Scheduled)
			} else {
				require.ErrorIs(t, err, analytics.ErrNoContent)
			}
			objects, err := p.objects.List(t.Context(), north, "", "", analytics.MaxObjectList)
			require.NoError(t, err)
			require.Len(t, objects, c.kept-1, "each that succeeded has its object")
		})
	}
}

const containerRest = `{"datasetName":"report","actions":[{"actionName":"a","containerAction":{"image":"plot","executionRoleArn":"arn:aws:iam::123456789012:role/r","resourceConfiguration":{"computeType":"ACU_1","volumeSizeInGB":1},
	"variables":[{"name":"title","stringValue":"Boiler"},{"name":"limit","doubleValue":1.5},{"name":"source","datasetContentVersionValue":{"datasetName":"d"}},{"name":"picture","outputFileUriValue":{"fileName":"plot.svg"}}]}}]
	,"triggers":[{"dataset":{"name":"D"}}],"versioningConfiguration":{"unlimited":true}}`

func TestDatasetContainer(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.engine.put(north, storedRow{at("10:00:00"), "row"})
	p.definitions.put(north, containerRest, at("10:00:00"))
	p.definitions.put(north, define("d", quarterly), at("10:00:00"))
	var params []string
	var failure error
	d := p.start(func(o *analytics.DatasetsOptions) {
		o.Containers = map[string]analytics.ContainerFunc{"plot": func(ctx context.Context, id tenant.ID, run *analytics.ContainerRun) error {
			params = append(params, string(run.Params))
			_, err := run.Open(ctx, "other")
			mustBe(t, err, analytics.ErrNoContent)
			for _, name := range []string{"", "a/b", "..", ".", "a b"} {
				mustBe(t, run.Put(ctx, name, strings.NewReader("x")), analytics.ErrObjectName)
			}
			object, err := run.Open(ctx, "d")
			if err != nil {
				return err
			}
			defer object.Close()
			if err := run.Put(ctx, "plot.svg", strings.NewReader("draft")); err != nil {
				return err
			}
			if err := run.Put(ctx, "plot.svg", io.NewSectionReader(object, 0, object.Size())); err != nil {
				return err
			}
			if err := run.Put(ctx, "notes.txt", strings.NewReader(id.String()+" "+run.Dataset)); err != nil {
				return err
			}
			return failure
		}}
		o.Attempts = 2
	})
	p.sweepAt(t, d, "10:15:00")
	p.sweepAt(t, d, "10:16:00")
	contents := listed(t, d, "report")
	require.Len(t, contents, 1, "each content of the data set before gives one")
	source, err := d.Content(t.Context(), north, "d", "")
	require.NoError(t, err)
	require.JSONEq(t, `{"Context":{"OutputUris":{"html":"output.html","ipynb":"output.ipynb"}},"Variables":{"title":"Boiler","limit":1.5,"source":"`+source.Version+`","picture":"plot.svg"}}`, params[0])
	content, err := d.Content(t.Context(), north, "report", "")
	require.NoError(t, err)
	require.Len(t, content.Entries, 2)
	require.Equal(t, "plot.svg", content.Entries[0].Name)
	require.Contains(t, content.Entries[1].URI, "/notes.txt?")
	object, err := d.Open(t.Context(), north, "report", "", "plot.svg")
	require.NoError(t, err)
	require.Equal(t, source.Files[0].Bytes, object.Size())

	failure = errors.New("out of paper at /var/spool")
	p.sweepAt(t, d, "10:30:00")
	p.sweepAt(t, d, "10:30:10")
	failed, err := d.Content(t.Context(), north, "report", analytics.Latest)
	require.NoError(t, err)
	require.Equal(t, analytics.ContentFailed, failed.State)
	require.Equal(t, "the container did not end well", failed.Reason)
	failure = fmt.Errorf("the title is too long: %w", iotenant.ErrInvalid)
	p.sweepAt(t, d, "10:45:00")
	failed, err = d.Content(t.Context(), north, "report", analytics.Latest)
	require.NoError(t, err)
	require.Equal(t, "the title is too long: invalid", failed.Reason)
	objects, err := p.objects.List(t.Context(), north, "results/report/", "", 100)
	require.NoError(t, err)
	require.Len(t, objects, 2, "those of the content that succeeded")

	require.Len(t, listed(t, d, "report"), 3)
	require.Len(t, params, 4)
	none := p.start()
	p.sweepAt(t, none, "11:00:00")
	failed, err = none.Content(t.Context(), north, "report", analytics.Latest)
	require.NoError(t, err)
	require.Equal(t, "there is no function for the image: unsupported", failed.Reason)
}

func TestDatasetLateData(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.definitions.put(north, defineDelta("d", quarterly+`,"lateDataRules":[{"ruleName":"tell","ruleConfiguration":{"deltaTimeSessionWindowConfiguration":{"timeoutInMinutes":5}}}]`), at("10:00:00"))
	var told []analytics.LateData
	failure := error(nil)
	d := p.start(func(o *analytics.DatasetsOptions) {
		o.Snapshots = p.engine
		o.Notify = func(_ context.Context, id tenant.ID, late analytics.LateData) error {
			if id != north {
				t.Errorf("told of data of %s", id)
			}
			told = append(told, late)
			return failure
		}
	})
	version := map[string]string{}
	for _, clock := range []string{"10:15:00", "10:30:00", "10:45:00", "11:00:00"} {
		p.engine.put(north, storedRow{at(clock).Add(-10 * time.Minute), clock})
		p.sweepAt(t, d, clock)
		content, err := d.Content(t.Context(), north, "d", "")
		require.NoError(t, err)
		require.EqualValues(t, 1, content.Seen)
		version[clock] = content.Version
	}
	p.sweepAt(t, d, "11:06:00")
	require.Empty(t, told)

	p.engine.put(north, storedRow{at("10:14:00"), "late"}, storedRow{at("10:43:00"), "later"}, storedRow{at("10:59:00"), "in time for the next"})
	p.engine.put(south, storedRow{at("10:14:00"), "foreign"})
	p.sweepAt(t, d, "11:07:00")
	require.Empty(t, told, "they are told of together, every five minutes")
	failure = errors.New("nobody there")
	p.clock.Set(at("11:11:00"))
	require.Error(t, d.Sweep(t.Context(), north))
	failure = nil
	p.sweepAt(t, d, "11:12:00")
	require.Len(t, told, 2)
	require.Equal(t, told[0], told[1], "after an error again")
	require.Equal(t, analytics.LateData{Dataset: "d", Rule: "tell", Versions: []string{version["10:30:00"], version["11:00:00"]}}, told[1])
	text, err := json.Marshal(told[1])
	require.NoError(t, err)
	require.JSONEq(t, `{"event-detail-version":"1.0","dataset-name":"d","late-data-rule-name":"tell","version-ids":["`+version["10:30:00"]+`","`+version["11:00:00"]+`"],"message":null}`, string(text))
	p.sweepAt(t, d, "11:20:00")
	p.sweepAt(t, d, "11:30:00")
	require.Len(t, told, 2, "once")

	_, err = d.CreateContent(t.Context(), north, "d", version["10:30:00"])
	require.NoError(t, err)
	p.sweepAt(t, d, "11:31:00")
	require.Equal(t, "\"what\"\n\"10:30:00\"\n\"late\"\n", resultOf(t, d, north, "d", version["10:30:00"]))
	p.sweepAt(t, d, "11:40:00")
	require.Len(t, told, 2)
}

// Run keeps schedules of several tenants, notices new definitions and what is
// asked for, and ends.
func TestDatasetsRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newMill("10:00:00")
		start := time.Now()
		now := func() time.Time { return at("10:00:00").Add(time.Since(start)) }
		p.definitions.put(north, define("d", quarterly), at("10:00:00"))
		p.definitions.put(south, define("e", `,"triggers":[{"schedule":{"expression":"rate(1 minute)"}}],"versioningConfiguration":{"unlimited":true}`), at("09:59:30"))
		var down atomic.Bool // for south
		p.engine.before = func(_ context.Context, id tenant.ID, _ analytics.Statement) error {
			if id == south && down.Load() {
				return errDown
			}
			return nil
		}
		options := func(o *analytics.DatasetsOptions) {
			o.Now, o.Tenants = now, func(context.Context) iter.Seq2[tenant.ID, error] { return tenantsOf(north, south) }
		}
		d, other := p.start(options), p.start(options)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		for _, process := range []*analytics.Datasets{d, other} {
			go func() { ended <- process.Run(ctx) }()
		}
		time.Sleep(15*time.Minute + time.Second)
		require.ErrorIs(t, d.Run(ctx), iotenant.ErrInvalid, "it runs already")
		contents := listed(t, d, "d")
		require.Len(t, contents, 1)
		require.Equal(t, at("10:15:00"), contents[0].Created, "at its time, not when a sweep finds it")
		page, err := d.Contents(t.Context(), south, "e", analytics.ContentQuery{})
		require.NoError(t, err)
		require.Len(t, page.Items, 15)
		require.Equal(t, at("10:14:30"), page.Items[0].Created)

		down.Store(true)
		_, err = d.CreateContent(t.Context(), south, "e", "")
		require.NoError(t, err)
		version, err := d.CreateContent(t.Context(), north, "d", "")
		require.NoError(t, err)
		time.Sleep(time.Millisecond)
		content, err := d.Content(t.Context(), north, "d", "")
		require.NoError(t, err)
		require.Equal(t, version, content.Version, "at once")
		time.Sleep(2 * time.Second)
		down.Store(false)
		time.Sleep(5 * time.Second)
		content, err = d.Content(t.Context(), south, "e", "")
		require.NoError(t, err)
		require.Equal(t, content.Created, content.Scheduled, "made once the engine was back")

		p.definitions.put(north, define("new", ""), now())
		version, err = p.start(options).CreateContent(t.Context(), north, "new", "")
		require.NoError(t, err)
		time.Sleep(time.Minute)
		content, err = d.Content(t.Context(), north, "new", version)
		require.NoError(t, err)
		require.Equal(t, analytics.ContentSucceeded, content.State, "asked for in another process")
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
	})
	require.ErrorIs(t, newMill("10:00:00").start().Run(t.Context()), iotenant.ErrInvalid)
}

func tenantsOf(ids ...tenant.ID) iter.Seq2[tenant.ID, error] {
	return func(yield func(tenant.ID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}
