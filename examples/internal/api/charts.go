package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/chartanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

type chartInput struct {
	SeriesInput
	Format       chartanalytics.Format `query:"format" enum:"svg,png" default:"svg"`
	Every        Every                 `query:"every" maxLength:"20" doc:"Draw a statistic of buckets of this length. If absent, draw the readings, thinned out to what can be seen."`
	Statistic    string                `query:"statistic" enum:"mean,min,max,sum,count,first,last" default:"mean" doc:"With every: which statistic."`
	Width        int                   `query:"width" default:"960" minimum:"100" maximum:"4000"`
	Height       int                   `query:"height" default:"400" minimum:"100" maximum:"4000"`
	Alerts       bool                  `query:"alerts" default:"true" doc:"Mark alerts of detectors whose key is the device."`
	AnomalyScore string                `query:"anomalyScore" maxLength:"255" doc:"A metric that says how unusual readings are."`
	AnomalyAbove float64               `query:"anomalyAbove" default:"3" doc:"With anomalyScore: mark readings with a higher score."`
}

// chartOutput is a picture. A browser that opens it runs nothing in it.
type chartOutput struct {
	ContentType string `header:"Content-Type"`
	Policy      string `header:"Content-Security-Policy"`
	Options     string `header:"X-Content-Type-Options"`
	Body        []byte
}

func (a *api) registerCharts() {
	operation(a, huma.Operation{
		OperationID: "chart-telemetry", Method: http.MethodGet, Path: "/devices/{thing}/telemetry/chart", Tags: []string{"telemetry"},
		Summary: "The readings of a device as a picture, with its alerts and anomalies",
		Responses: map[string]*huma.Response{"200": {Description: "The picture", Content: map[string]*huma.MediaType{
			chartanalytics.SVG.ContentType(): {Schema: &huma.Schema{Type: huma.TypeString}},
			chartanalytics.PNG.ContentType(): {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}}},
	}, func(ctx context.Context, id tenant.ID, input *chartInput) (*chartOutput, error) {
		if _, err := a.Devices.Get(ctx, id, input.Thing); err != nil {
			return nil, err
		}
		chart, err := a.chart(ctx, id, input)
		if err != nil {
			return nil, err
		}
		var picture bytes.Buffer
		if err := chartanalytics.Render(&picture, input.Format, chart); err != nil {
			return nil, err
		}
		return &chartOutput{
			ContentType: input.Format.ContentType(), Policy: "default-src 'none'; style-src 'unsafe-inline'", Options: "nosniff", Body: picture.Bytes(),
		}, nil
	})
}

func (a *api) chart(ctx context.Context, id tenant.ID, input *chartInput) (chart chartanalytics.Chart, err error) {
	chart = chartanalytics.Chart{Title: input.Thing.String(), From: input.From, To: input.To, Width: input.Width, Height: input.Height}
	if chart.Zone, err = input.zone(); err != nil {
		return chart, err
	}
	if input.Every == "" {
		chart.Lines, err = a.readings(ctx, id, input)
	} else {
		chart.Lines, err = a.buckets(ctx, id, input, chart.Zone)
	}
	if err != nil {
		return chart, err
	}
	if chart.Marks, err = a.anomalies(ctx, id, input, chart.Lines); err != nil || !input.Alerts {
		return chart, err
	}
	marks, err := a.alertMarks(ctx, id, input, chartanalytics.MaxMarks-len(chart.Marks))
	chart.Marks = append(chart.Marks, marks...)
	return chart, err
}

// readings returns the points of each series, as many as there are pixels.
func (a *api) readings(ctx context.Context, id tenant.ID, input *chartInput) ([]chartanalytics.Line, error) {
	type key struct{ channel, metric string }
	places := map[key]int{}
	var lines []chartanalytics.Line
	for p, err := range analytics.Downsampled(ctx, a.Telemetry, id, input.query(), input.Width) {
		if err != nil {
			return nil, err
		}
		k := key{p.Channel, p.Metric}
		place, known := places[k]
		if !known {
			place = len(lines)
			places[k] = place
			lines = append(lines, chartanalytics.Line{Name: lineName(p.Channel, p.Metric)})
		}
		lines[place].Samples = append(lines[place].Samples, chartanalytics.Sample{Time: p.Time, Value: p.Value})
	}
	return lines, nil
}

func lineName(channel, metric string) string {
	if channel == "" {
		return metric
	}
	return channel + " " + metric
}

var statistics = map[string]func(*analytics.Bucket) float64{
	"mean":  func(b *analytics.Bucket) float64 { return b.Mean },
	"min":   func(b *analytics.Bucket) float64 { return b.Min },
	"max":   func(b *analytics.Bucket) float64 { return b.Max },
	"sum":   func(b *analytics.Bucket) float64 { return b.Sum },
	"count": func(b *analytics.Bucket) float64 { return float64(b.Count) },
	"first": func(b *analytics.Bucket) float64 { return b.First },
	"last":  func(b *analytics.Bucket) float64 { return b.Last },
}

// buckets returns a statistic of each series.
func (a *api) buckets(ctx context.Context, id tenant.ID, input *chartInput, zone *time.Location) ([]chartanalytics.Line, error) {
	interval, err := input.Every.interval(zone)
	if err != nil {
		return nil, err
	}
	query := analytics.AggregateQuery{Query: input.query(), Interval: interval, Group: func(device.ID) string { return "" }}
	var buckets []analytics.Bucket
	for bucket, err := range analytics.Aggregates(ctx, a.Telemetry, id, query) {
		if err != nil {
			return nil, err
		}
		if len(buckets) == maxBuckets {
			return nil, fmt.Errorf("%w: more than %d buckets", analytics.ErrLimit, maxBuckets)
		}
		buckets = append(buckets, bucket)
	}
	return chartanalytics.Lines(buckets, statistics[input.Statistic]), nil
}

// anomalies marks the times at which the score was high, on the first line.
func (a *api) anomalies(ctx context.Context, id tenant.ID, input *chartInput, lines []chartanalytics.Line) ([]chartanalytics.Mark, error) {
	if input.AnomalyScore == "" || len(lines) == 0 {
		return nil, nil
	}
	query := input.query()
	query.Metrics, query.Limit = []string{input.AnomalyScore}, tenant.MaxLimit
	var marks []chartanalytics.Mark
	for p, err := range analytics.AllPoints(ctx, a.Telemetry, id, query) {
		if err != nil {
			return nil, err
		}
		if p.Value <= input.AnomalyAbove {
			continue
		}
		if len(marks) == chartanalytics.MaxMarks {
			return nil, fmt.Errorf("%w: more than %d anomalies", analytics.ErrLimit, chartanalytics.MaxMarks)
		}
		marks = append(marks, chartanalytics.Mark{Kind: chartanalytics.Anomaly, Time: p.Time, Value: valueAt(lines[0].Samples, p.Time)})
	}
	return marks, nil
}

// valueAt returns the value of a line at a time, on the way from one sample to
// the next.
func valueAt(samples []chartanalytics.Sample, at time.Time) float64 {
	i, _ := slices.BinarySearchFunc(samples, at, func(s chartanalytics.Sample, at time.Time) int { return s.Time.Compare(at) })
	switch {
	case i == len(samples):
		return samples[i-1].Value
	case i == 0 || samples[i].Time.Equal(at):
		return samples[i].Value
	}
	before, after := samples[i-1], samples[i]
	part := float64(at.Sub(before.Time)) / float64(after.Time.Sub(before.Time))
	return before.Value*(1-part) + after.Value*part
}

// maxAlerts is how many alerts of the tenant are looked at, newest first.
const maxAlerts = 10_000

func (a *api) alertMarks(ctx context.Context, id tenant.ID, input *chartInput, most int) (marks []chartanalytics.Mark, err error) {
	seen := 0
	for alert, err := range a.Alerts.All(ctx, id, alerts.Filter{Limit: tenant.MaxLimit}) {
		if err != nil {
			return nil, err
		}
		if seen++; seen > maxAlerts || len(marks) == most || alert.At.Before(input.From) {
			return marks, nil
		}
		if alert.Key == input.Thing.String() && (input.To.IsZero() || alert.At.Before(input.To)) {
			marks = append(marks, chartanalytics.Mark{Kind: chartanalytics.Alert, Time: alert.At, Label: alert.Event})
		}
	}
	return marks, nil
}
