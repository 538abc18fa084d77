package chartanalytics

import (
	"math"
	"strconv"
	"time"

	"github.com/go-analyze/charts/chartdraw"

	"github.com/iotenant/iotenant/analytics"
)

// steps are the distances of ticks of time, the shortest first.
var steps = []analytics.Interval{
	{Every: time.Millisecond}, {Every: 10 * time.Millisecond}, {Every: 100 * time.Millisecond},
	{Every: time.Second}, {Every: 5 * time.Second}, {Every: 15 * time.Second}, {Every: 30 * time.Second},
	{Every: time.Minute}, {Every: 5 * time.Minute}, {Every: 15 * time.Minute}, {Every: 30 * time.Minute},
	{Every: time.Hour}, {Every: 3 * time.Hour}, {Every: 6 * time.Hour},
	{Unit: analytics.Day}, {Unit: analytics.Week}, {Unit: analytics.Month}, {Unit: analytics.Quarter}, {Unit: analytics.Year},
}

// timeTicks returns up to most ticks, at the beginning of seconds, hours or
// days in the zone.
func timeTicks(f frame, zone *time.Location, most int) []chartdraw.Tick {
	for _, step := range steps {
		step.Zone = zone
		if ticks, ok := ticksOf(f, step, most); ok {
			return framed(ticks, chartdraw.TimeToFloat64(f.from), chartdraw.TimeToFloat64(f.to))
		}
	}
	return edges(f, zone)
}

// ticksOf returns the ticks of a step, if there are few enough and at least
// two.
func ticksOf(f frame, step analytics.Interval, most int) (ticks []chartdraw.Tick, ok bool) {
	layout := layoutOf(step, f)
	for _, at := step.Bucket(f.from.Add(-1)); !at.After(f.to); _, at = step.Bucket(at) {
		if len(ticks) == most {
			return nil, false
		}
		ticks = append(ticks, chartdraw.Tick{Value: chartdraw.TimeToFloat64(at), Label: at.Format(layout)})
	}
	return ticks, len(ticks) > 1
}

// framed puts ticks without text at both ends: what is drawn reaches from the
// first tick to the last.
func framed(ticks []chartdraw.Tick, from, to float64) []chartdraw.Tick {
	if len(ticks) == 0 || ticks[0].Value > from {
		ticks = append([]chartdraw.Tick{{Value: from}}, ticks...)
	}
	if ticks[len(ticks)-1].Value < to {
		ticks = append(ticks, chartdraw.Tick{Value: to})
	}
	return ticks
}

// edges are the ticks of a frame that is too long for any step.
func edges(f frame, zone *time.Location) []chartdraw.Tick {
	return []chartdraw.Tick{
		{Value: chartdraw.TimeToFloat64(f.from), Label: f.from.In(zone).Format(time.DateOnly)},
		{Value: chartdraw.TimeToFloat64(f.to), Label: f.to.In(zone).Format(time.DateOnly)},
	}
}

func layoutOf(step analytics.Interval, f frame) string {
	switch {
	case step.Unit != 0:
		return time.DateOnly
	case step.Every >= time.Minute && f.from.In(step.Zone).YearDay() != f.to.In(step.Zone).YearDay():
		return "01-02 15:04"
	case step.Every < time.Second:
		return "15:04:05.000"
	case step.Every < time.Minute:
		return time.TimeOnly
	}
	return "15:04"
}

// valueTicks returns ticks at multiples of 1, 2 or 5 times a power of ten.
func valueTicks(f frame) []chartdraw.Tick {
	const wanted = 5
	rough := (f.most - f.least) / wanted
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	step := 10 * power
	for _, factor := range []float64{1, 2, 5} {
		if rough <= factor*power {
			step = factor * power
			break
		}
	}
	var ticks []chartdraw.Tick
	for n := math.Ceil(f.least / step); n*step <= f.most && len(ticks) < 3*wanted; n++ {
		value := n*step + 0 // which makes 0 of -0
		ticks = append(ticks, chartdraw.Tick{Value: value, Label: strconv.FormatFloat(value, 'g', 6, 64)})
	}
	return framed(ticks, f.least, f.most)
}
