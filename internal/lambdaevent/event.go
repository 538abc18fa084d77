package lambdaevent

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// ErrEvent: an event is of no source that is known, or no JSON. The functions
// give it a kind.
var ErrEvent = errors.New("unreadable")

// Source is what invokes a function.
type Source string

// The sources.
const (
	Kinesis Source = "aws:kinesis"
	SQS     Source = "aws:sqs"
	// Firehose asks for the transformation of records.
	Firehose Source = "aws:firehose"
	// Rule is a rule of AWS IoT Core, or whoever else invokes with a message or
	// a list of messages.
	Rule Source = ""
)

// Record is what an event holds of one message. Its Data and Item are parts of
// the event's text, or share memory with other records.
type Record struct {
	// ID is unique in its source, and the same when the record comes again.
	ID string
	// At is when the source got the record, zero if it does not say.
	At   time.Time
	Data []byte
	// Attributes are the string attributes of an SQS message.
	Attributes map[string]string
	// Item is what its source calls the record in an answer, as JSON text
	// without quotes.
	Item []byte
	// Group is the message group in a FIFO queue.
	Group string
}

// Event is an event that was read.
type Event struct {
	Source  Source
	Records []Record
}

// SourceOf tells the source of an event. The error is [ErrEvent].
func SourceOf(payload []byte) (Source, error) {
	source, _, err := survey(payload)
	return source, err
}

// survey tells the source of an event, and where the array of its records
// begins.
func survey(payload []byte) (source Source, records int, err error) {
	r := reader{data: payload}
	r.i = jsonscan.Space(payload, 0)
	if r.i < len(payload) && payload[r.i] == '[' {
		r.value()
		r.end()
		return Rule, 0, r.checked()
	}
	var service shape
	r.members(func(name []byte) {
		service.add(string(name), r.i)
		r.value()
	})
	r.end()
	if r.err != nil {
		return "", 0, r.checked()
	}
	if records = service.records(); records == 0 {
		return Rule, 0, nil
	}
	if service.firehose > 0 {
		return Firehose, records, nil
	}
	source, err = sourceOfRecords(payload, records)
	return source, records, err
}

func (r *reader) checked() error {
	if r.err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrEvent, r.err)
}

// shape is which members an event has.
type shape struct {
	// upper and lower are where the values of "Records", and of "records",
	// begin. firehose counts other members of an event of Firehose, others
	// those that are none of a service, or were there before.
	upper, lower, firehose, others int
}

func (s *shape) add(name string, at int) {
	switch name {
	case "Records":
		if s.upper > 0 {
			s.others++
		}
		s.upper = at
	case "records":
		if s.lower > 0 {
			s.others++
		}
		s.lower = at
	case "invocationId", "deliveryStreamArn", "sourceKinesisStreamArn", "region":
		s.firehose++
	default:
		s.others++
	}
}

// records returns where the records of an event of a service begin, 0 if it is
// none.
func (s *shape) records() int {
	switch {
	case s.others > 0:
		return 0
	case s.firehose == 0 && s.lower == 0:
		return s.upper
	case s.firehose > 0 && s.upper == 0:
		return s.lower
	}
	return 0
}

// sourceOfRecords returns the source that all records name. Without records
// there is none.
func sourceOfRecords(payload []byte, at int) (source Source, err error) {
	r := reader{data: payload, i: at}
	n := 0
	r.elements(func() {
		var own []byte
		r.members(func(name []byte) {
			if string(name) == "eventSource" {
				own = r.text("the source of a record")
				return
			}
			r.value()
		})
		switch n++; {
		case n == 1:
			source = Source(own)
		case string(own) != string(source):
			r.fail(r.i, "records of one source")
		}
	})
	switch {
	case r.err != nil:
		return "", r.checked()
	case n > 0 && source != Kinesis && source != SQS:
		return "", fmt.Errorf("%w: records of %.64q", ErrEvent, source)
	}
	return source, nil
}

// Parse reads an event. request is the id of the invocation: the records of a
// rule have their ids of it, since it stays the same when Lambda invokes again;
// without it they have none. The error is [ErrEvent].
func Parse(payload []byte, request string) (Event, error) {
	source, at, err := survey(payload)
	if err != nil {
		return Event{}, err
	}
	event := Event{Source: source}
	r := reader{data: payload, i: at}
	switch source {
	case Kinesis:
		r.room = make([]byte, 0, len(payload)/4*3)
		r.elements(func() { event.Records = append(event.Records, r.kinesis()) })
	case SQS:
		r.room = make([]byte, 0, len(payload))
		r.elements(func() { event.Records = append(event.Records, r.sqs()) })
	case Firehose:
		r.room = make([]byte, 0, len(payload)/4*3)
		r.elements(func() { event.Records = append(event.Records, r.firehose()) })
	default:
		event.Records = r.rule(request)
	}
	if r.err != nil {
		return Event{}, r.checked()
	}
	return event, nil
}

func (r *reader) kinesis() (record Record) {
	r.members(func(name []byte) {
		switch string(name) {
		case "eventID":
			record.ID = string(r.text("an id"))
		case "kinesis":
			r.members(func(name []byte) {
				switch string(name) {
				case "data":
					record.Data = r.base64()
				case "sequenceNumber":
					record.Item = r.item()
				case "approximateArrivalTimestamp":
					record.At = milliseconds(r.number() * 1000)
				default:
					r.value()
				}
			})
		default:
			r.value()
		}
	})
	return record
}

func (r *reader) firehose() (record Record) {
	r.members(func(name []byte) {
		switch string(name) {
		case "recordId":
			record.Item = r.item()
			record.ID = unquoted(record.Item)
		case "data":
			if !r.null() {
				record.Data = r.base64()
			}
		case "approximateArrivalTimestamp":
			record.At = milliseconds(r.number())
		default:
			r.value()
		}
	})
	return record
}

func (r *reader) sqs() (record Record) {
	r.members(func(name []byte) {
		switch string(name) {
		case "messageId":
			record.Item = r.item()
			record.ID = unquoted(record.Item)
		case "body":
			record.Data = r.text("a body")
		case "attributes":
			if !r.null() {
				r.attributes(&record)
			}
		case "messageAttributes":
			if !r.null() {
				record.Attributes = r.messageAttributes()
			}
		default:
			r.value()
		}
	})
	return record
}

func (r *reader) attributes(record *Record) {
	r.members(func(name []byte) {
		switch string(name) {
		case "MessageGroupId":
			record.Group = string(r.text("a group"))
		case "SentTimestamp":
			record.At = milliseconds(r.number())
		default:
			r.value()
		}
	})
}

func (r *reader) messageAttributes() (all map[string]string) {
	r.members(func(name []byte) {
		attribute := string(name)
		r.members(func(name []byte) {
			switch {
			case string(name) != "stringValue":
				r.value()
			case !r.null():
				if all == nil {
					all = map[string]string{}
				}
				all[attribute] = string(r.text("a text"))
			}
		})
	})
	return all
}

// rule reads a message or a list of messages.
func (r *reader) rule(request string) (records []Record) {
	add := func() {
		record := Record{Data: r.value()}
		if request != "" {
			record.ID = request + "-" + strconv.Itoa(len(records))
		}
		records = append(records, record)
	}
	if r.i = jsonscan.Space(r.data, 0); r.i < len(r.data) && r.data[r.i] == '[' {
		r.elements(add)
	} else {
		add()
	}
	return records
}

// milliseconds returns the time that many milliseconds after 1970, zero for
// what is none of this age.
func milliseconds(n float64) time.Time {
	const most = 1 << 43 // in the year 2248
	if !(n > 0 && n < most) {
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Round(n))).UTC()
}
