package lakeanalytics

import (
	"errors"
	"math"
	"time"
)

func floor(f float64) float64 { return math.Floor(f) }

type timePattern struct{}

func parseTimePattern(text string) (*timePattern, error) { return nil, errors.New("not yet") }

func (p *timePattern) parse(text string) (time.Time, bool) { return time.Time{}, false }
