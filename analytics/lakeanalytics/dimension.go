package lakeanalytics

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// Names of dimensions.
const (
	attributeDimension = "__partition_"
	yearDimension      = "__year"
	monthDimension     = "__month"
	dayDimension       = "__day"
	hourDimension      = "__hour"
)

// partitioner computes the dimensions of rows. It does not change.
type partitioner struct {
	parts []partition
}

type partition struct {
	pipeline.Partition
	attribute string // in lower case
	pattern   *timePattern
}

// newPartitioner checks partitions. The error is [analytics.ErrTable].
func newPartitioner(partitions []pipeline.Partition) (*partitioner, error) {
	p := &partitioner{parts: make([]partition, len(partitions))}
	for i, of := range partitions {
		p.parts[i] = partition{Partition: of, attribute: strings.ToLower(of.Attribute)}
		if of.Attribute == "" || strings.ContainsFunc(p.parts[i].attribute, func(r rune) bool { return r > '~' || !isNameByte(byte(r)) }) {
			return nil, fmt.Errorf("%w: partition by %q: want letters, digits and underscores", analytics.ErrTable, of.Attribute)
		}
		if of.Timestamp && of.TimestampFormat != "" {
			pattern, err := parseTimePattern(of.TimestampFormat)
			if err != nil {
				return nil, fmt.Errorf("%w: partition by %q: %w", analytics.ErrTable, of.Attribute, err)
			}
			p.parts[i].pattern = pattern
		}
	}
	return p, nil
}

// of returns the dimensions of a payload, an object, besides its day: in the
// order of the partitions, nil where a value is missing or is no time. The error
// is [analytics.ErrRow]. Attributes are found in any case, the
// last of a name stands.
func (p *partitioner) of(payload []byte) ([]analytics.Dimension, error) {
	if len(p.parts) == 0 {
		return nil, nil
	}
	members, err := membersOf(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", analytics.ErrRow, err)
	}
	values := make([][]byte, len(p.parts))
	for name, value := range members {
		for i := range p.parts {
			if len(name) == len(p.parts[i].attribute) && isFolded(name, p.parts[i].attribute) {
				values[i] = value
			}
		}
	}
	dimensions := make([]analytics.Dimension, 0, len(p.parts)+3)
	for i := range p.parts {
		dimensions = p.parts[i].append(dimensions, values[i])
	}
	return dimensions, nil
}

// isFolded reports whether a name is, in lower case, another.
func isFolded(name []byte, lower string) bool {
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func (p *partition) append(dimensions []analytics.Dimension, raw []byte) []analytics.Dimension {
	if !p.Timestamp {
		return append(dimensions, analytics.Dimension{Name: attributeDimension + p.attribute, Value: attributeValue(raw)})
	}
	t, ok := p.time(raw)
	for _, part := range [...]struct {
		name   string
		digits int
		value  int
	}{{yearDimension, 4, t.Year()}, {monthDimension, 2, int(t.Month())}, {dayDimension, 2, t.Day()}, {hourDimension, 2, t.Hour()}} {
		d := analytics.Dimension{Name: part.name}
		if ok {
			text := strconv.Itoa(part.value)
			text = strings.Repeat("0", max(0, part.digits-len(text))) + text
			d.Value = &text
		}
		dimensions = append(dimensions, d)
	}
	return dimensions
}

// attributeValue returns the text of a string, number or boolean, nil if it is
// empty.
func attributeValue(raw []byte) *string {
	if raw == nil || raw[0] == 'n' || raw[0] == '{' || raw[0] == '[' {
		return nil
	}
	text := string(raw)
	if raw[0] == '"' {
		text = string(jsonscan.AppendText(nil, raw[1:len(raw)-1]))
	}
	if text == "" || text == nullValue {
		return nil // as in Hive
	}
	return &text
}

// time reads the time of a timestamp partition: by its pattern, or Unix time in
// seconds.
func (p *partition) time(raw []byte) (time.Time, bool) {
	if raw == nil {
		return time.Time{}, false
	}
	if p.pattern != nil {
		text := attributeValue(raw)
		if text == nil {
			return time.Time{}, false
		}
		return p.pattern.parse(*text)
	}
	number := numberText(raw)
	if number == nil {
		return time.Time{}, false
	}
	f, ok := doubleOf(number)
	if !ok || f < float64(leastTime/1e6) || f > float64(greatestTime/1e6) {
		return time.Time{}, false
	}
	return time.Unix(int64(math.Floor(f)), 0).UTC(), true
}
