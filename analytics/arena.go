package analytics

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
)

// arena is the memory of a batch on its way through a pipeline.
type arena struct {
	payloads [][]byte
	rows     []Row
	sources  []int  // of each row, the index of its message
	text     []byte // the payloads of the rows
	ids      []byte // the ids of the rows
	ends     []int  // of each row, where its payload and its id end
}

func (a *arena) reset() {
	clear(a.payloads)
	clear(a.rows)
	a.payloads, a.rows, a.sources = a.payloads[:0], a.rows[:0], a.sources[:0]
	a.text, a.ids, a.ends = a.text[:0], a.ids[:0], a.ends[:0]
}

// fill makes rows of what came out of a pipeline. Those that are too large are
// refused.
func (a *arena) fill(batch *pipeline.Batch, messages []Row, scope string) (refused []PutFailure) {
	mixed := isMixed(batch.Events())
	var all string // the id of all messages together
	var thing device.ID
	if mixed {
		all, thing = digest(messages), commonThing(messages)
	}
	for i := range batch.Len() {
		message := batch.At(i)
		source, start := message.Source(), len(a.text)
		if a.text = message.AppendJSON(a.text); len(a.text)-start > MaxRow {
			refused = append(refused, PutFailure{Index: source, Err: fmt.Errorf("%w: %d bytes, limit %d", ErrRow, len(a.text)-start, MaxRow)})
			a.text = a.text[:start]
			continue
		}
		row := Row{Thing: messages[source].Thing, At: messages[source].At}
		messageID := messages[source].ID
		if mixed {
			row.Thing, messageID = thing, all
		}
		a.appendID(scope, messageID)
		a.rows, a.sources, a.ends = append(a.rows, row), append(a.sources, source), append(a.ends, len(a.text), len(a.ids))
	}
	ids := string(a.ids)
	for i, text, id := 0, 0, 0; i < len(a.rows); i++ {
		a.rows[i].Payload, a.rows[i].ID = a.text[text:a.ends[2*i]:a.ends[2*i]], ids[id:a.ends[2*i+1]]
		text, id = a.ends[2*i], a.ends[2*i+1]
	}
	return refused
}

// appendID writes the id of a row: the scope and the id of the message, or a
// digest of that if it is too long.
func (a *arena) appendID(scope, id string) {
	a.ids = append(append(a.ids, scope...), '/')
	if len(scope)+1+len(id) <= MaxRowID {
		a.ids = append(a.ids, id...)
		return
	}
	sum := sha256.Sum256([]byte(id))
	a.ids = hex.AppendEncode(append(a.ids, '#'), sum[:])
}

// isMixed reports whether it is not known which message was made of which.
func isMixed(events []pipeline.Event) bool {
	for i := range events {
		if events[i].Reason == pipeline.LambdaCountMismatch {
			return true
		}
	}
	return false
}

// digest returns an id for all messages together.
func digest(messages []Row) string {
	hash := sha256.New()
	for i := range messages {
		fmt.Fprintf(hash, "%d:%s", len(messages[i].ID), messages[i].ID)
	}
	return "*" + hex.EncodeToString(hash.Sum(nil))
}

// commonThing returns the thing that sent all messages, zero if there is no
// such.
func commonThing(messages []Row) device.ID {
	for i := range messages {
		if messages[i].Thing != messages[0].Thing {
			return device.ID{}
		}
	}
	return messages[0].Thing
}
