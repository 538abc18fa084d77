package lambdaanalytics

import (
	"encoding/base64"
	"slices"

	"github.com/iotenant/iotenant/internal/lambdaevent"
)

// maxAnswer is Lambda's limit of a synchronous response in bytes.
const maxAnswer = 6 << 20

// The results that Firehose knows.
const (
	resultOk      = "Ok"
	resultDropped = "Dropped"
	resultFailed  = "ProcessingFailed"
)

// transformed is what Firehose is told of a record.
type transformed struct {
	result string
	data   []byte
	// keys are those of dynamic partitioning, an object in JSON, or nothing.
	keys []byte
}

const (
	answerStart = `{"records":[`
	recordStart = `{"recordId":"`
	resultStart = `","result":"`
	dataStart   = `","data":"`
	keysStart   = `","metadata":{"partitionKeys":`
	keysEnd     = `}},`
	recordEnd   = `"},`
	answerEnd   = `]}`
)

// least is how long the answer for a record is without data and keys, whatever
// its result.
func least(record *lambdaevent.Record) int {
	return len(recordStart) + len(record.Item) + len(resultStart) + len(resultFailed) + len(dataStart) + len(recordEnd)
}

// size is how much longer the answer is with data and keys.
func (t *transformed) size() int {
	n := base64.StdEncoding.EncodedLen(len(t.data))
	if len(t.keys) > 0 {
		n += len(keysStart) + len(t.keys) + len(keysEnd)
	}
	return n
}

// roomFor returns how much of a response is left for data and keys.
func roomFor(records []lambdaevent.Record) int {
	room := maxAnswer - len(answerStart) - len(answerEnd)
	for n := range records {
		room -= least(&records[n])
	}
	return room
}

// excess returns the places of the answers Ok that do not fit into a response.
func excess(records []lambdaevent.Record, answers []transformed) (places []int) {
	room := roomFor(records)
	for n := range answers {
		if answers[n].result != resultOk {
			continue
		}
		if size := answers[n].size(); size <= room {
			room -= size
		} else {
			places = append(places, n)
		}
	}
	return places
}

// appendTransformed writes the answers for records, each once and in their
// order. What is not Ok goes without its data when there is no room for it: the
// source still has it.
func appendTransformed(b []byte, records []lambdaevent.Record, answers []transformed) []byte {
	room, size := roomFor(records), 0
	for n := range answers {
		if size += answers[n].size(); answers[n].result == resultOk {
			room -= answers[n].size()
		}
	}
	b = slices.Grow(b, min(maxAnswer-roomFor(records)+size, maxAnswer))
	b = append(b, answerStart...)
	for n := range records {
		t := answers[n]
		if t.result != resultOk {
			if t.size() > room {
				t.data, t.keys = nil, nil
			}
			room -= t.size()
		}
		b = t.append(b, &records[n])
	}
	if len(records) > 0 {
		b = b[:len(b)-1] // the last comma
	}
	return append(b, answerEnd...)
}

func (t *transformed) append(b []byte, record *lambdaevent.Record) []byte {
	b = append(append(b, recordStart...), record.Item...)
	b = append(append(b, resultStart...), t.result...)
	b = append(b, dataStart...)
	b = base64.StdEncoding.AppendEncode(b, t.data)
	if len(t.keys) == 0 {
		return append(b, recordEnd...)
	}
	b = append(append(b, keysStart...), t.keys...)
	return append(b, keysEnd...)
}
