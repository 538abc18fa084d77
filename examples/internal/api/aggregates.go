package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"
	_ "time/tzdata" // zones by their names, also where the machine has none

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// maxBuckets is the number of buckets in an answer.
const maxBuckets = 10_000

type SeriesInput struct {
	ThingPath
	Metric  []string  `query:"metric" maxItems:"20" doc:"Only these metrics; all if absent."`
	Channel []string  `query:"channel" maxItems:"20" doc:"Only these channels; all if absent."`
	From    time.Time `query:"from" doc:"From this time on, RFC 3339."`
	To      time.Time `query:"to" doc:"Before this time, RFC 3339."`
	Zone    string    `query:"zone" default:"UTC" maxLength:"64" doc:"Name of the time zone in which days begin."`
}

func (i *SeriesInput) query() analytics.Query {
	return analytics.Query{Things: []device.ID{i.Thing}, Channels: i.Channel, Metrics: i.Metric, From: i.From, To: i.To}
}

// zone returns the time zone. That of the server has no name here.
func (i *SeriesInput) zone() (*time.Location, error) {
	if i.Zone == "Local" {
		return nil, fmt.Errorf("%w: unknown time zone", analytics.ErrQuery)
	}
	zone, err := time.LoadLocation(i.Zone)
	if err != nil {
		return nil, fmt.Errorf("%w: unknown time zone", analytics.ErrQuery)
	}
	return zone, nil
}

// Every is the length of buckets: a duration or a unit of the calendar.
type Every string

var units = map[Every]analytics.Unit{
	"day": analytics.Day, "week": analytics.Week, "month": analytics.Month, "quarter": analytics.Quarter, "year": analytics.Year,
}

func (e Every) interval(zone *time.Location) (analytics.Interval, error) {
	if unit, ok := units[e]; ok {
		return analytics.Interval{Unit: unit, Zone: zone}, nil
	}
	length, err := time.ParseDuration(string(e))
	if err != nil {
		return analytics.Interval{}, fmt.Errorf("%w: every: want a duration, day, week, month, quarter or year", analytics.ErrQuery)
	}
	return analytics.Interval{Every: length, Zone: zone}, nil
}

type aggregatesInput struct {
	SeriesInput
	Every      Every     `query:"every" default:"1h" maxLength:"20" doc:"Length of a bucket: a duration that divides 24 hours, such as 15m, or day, week, month, quarter, year."`
	Fill       string    `query:"fill" enum:"none,null,previous,linear" default:"none" doc:"What stands in for buckets without readings."`
	Percentile []float64 `query:"percentile" maxItems:"20" doc:"Percentiles from 0 to 100, with a relative error of 1 percent."`
}

var fills = map[string]analytics.Fill{
	"none": analytics.FillNone, "null": analytics.FillNull, "previous": analytics.FillPrevious, "linear": analytics.FillLinear,
}

func (i *aggregatesInput) aggregates() (analytics.AggregateQuery, error) {
	zone, err := i.zone()
	if err != nil {
		return analytics.AggregateQuery{}, err
	}
	interval, err := i.Every.interval(zone)
	return analytics.AggregateQuery{
		Query: i.query(), Interval: interval, Fill: fills[i.Fill], Percentiles: analytics.Percentiles{Of: i.Percentile},
	}, err
}

// bucketView is a bucket as the API shows it: a statistic that there is not, or
// that is beyond all numbers, is null.
type bucketView struct {
	Metric      string     `json:"metric"`
	Channel     string     `json:"channel"`
	Start       time.Time  `json:"start"`
	End         time.Time  `json:"end"`
	Count       uint64     `json:"count"`
	Min         *float64   `json:"min"`
	Max         *float64   `json:"max"`
	Mean        *float64   `json:"mean"`
	Sum         *float64   `json:"sum"`
	First       *float64   `json:"first"`
	Last        *float64   `json:"last"`
	Percentiles []*float64 `json:"percentiles,omitempty"`
	Filled      bool       `json:"filled,omitempty" doc:"There was no reading in the bucket."`
}

func bucketOf(b *analytics.Bucket) bucketView {
	view := bucketView{
		Metric: b.Metric, Channel: b.Channel, Start: b.Start, End: b.End, Count: b.Count, Filled: b.Filled,
		Min: number(b.Min), Max: number(b.Max), Mean: number(b.Mean), Sum: number(b.Sum), First: number(b.First), Last: number(b.Last),
	}
	for _, p := range b.Percentiles {
		view.Percentiles = append(view.Percentiles, number(p))
	}
	return view
}

func number(value float64) *float64 {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return nil
	}
	return &value
}

func (a *api) registerAggregates() {
	operation(a, huma.Operation{
		OperationID: "aggregate-telemetry", Method: http.MethodGet, Path: "/devices/{thing}/telemetry/aggregates", Tags: []string{"telemetry"},
		Summary: "Statistics of the readings of a device in buckets of time",
	}, func(ctx context.Context, id tenant.ID, input *aggregatesInput) (*body[list[bucketView]], error) {
		if _, err := a.Devices.Get(ctx, id, input.Thing); err != nil {
			return nil, err
		}
		query, err := input.aggregates()
		if err != nil {
			return nil, err
		}
		views := []bucketView{}
		for bucket, err := range analytics.Aggregates(ctx, a.Telemetry, id, query) {
			if err != nil {
				return nil, err
			}
			if len(views) == maxBuckets {
				return nil, fmt.Errorf("%w: more than %d buckets", analytics.ErrLimit, maxBuckets)
			}
			views = append(views, bucketOf(&bucket))
		}
		return &body[list[bucketView]]{list[bucketView]{Items: views}}, nil
	})
}
