package alerts

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// DetectorRecord is what is kept of one detector: its state and timers, the
// messages that it accepted lately, and the actions that it decided and that
// are not handed over yet. They are written together, so that none of them is
// ever without the others. [Runtime.Detector] shows what is in it.
type DetectorRecord struct {
	model string
	key   string // empty for the only detector of a model without key
	// version of the model that wrote the state.
	version int
	// generation counts the detectors that this key had under this version
	// from 0. It keeps the ids of their actions apart.
	generation int
	updated    time.Time
	// timer is when the next timer is due; zero if none runs.
	timer  time.Time
	state  []byte // of detector.State; empty if there is no detector now
	seen   window
	outbox []Alert
}

// detectorsByDue is the index of [DetectorSchema] that tells what there is to
// do, and when.
const detectorsByDue = "due"

// DetectorSchema is how detectors are kept.
var DetectorSchema = tenant.Schema[DetectorRecord]{
	Entity: "detector",
	Key:    (*DetectorRecord).itemKey,
	Indexes: []tenant.Index[DetectorRecord]{
		{Name: detectorsByDue, Key: func(r *DetectorRecord) tenant.Key {
			due, ok := r.due()
			if !ok {
				return tenant.Key{}
			}
			return tenant.NewKey(timeKey(due))
		}},
	},
}

func (r *DetectorRecord) itemKey() tenant.Key { return detectorKey(r.model, r.key) }

func detectorKey(model, key string) tenant.Key { return tenant.NewKey(model, keyPart(key)) }

// due returns when the runtime has something to do with the detector besides
// messages: at once if actions wait, else when the next timer is due.
func (r *DetectorRecord) due() (time.Time, bool) {
	if len(r.outbox) > 0 {
		return time.UnixMicro(0), true
	}
	return r.timer, !r.timer.IsZero()
}

// recordFormat is the first byte of an encoded record.
const recordFormat = 1

// AppendBinary implements encoding.BinaryAppender.
func (r DetectorRecord) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, recordFormat)
	b = appendText(b, r.model)
	b = appendText(b, r.key)
	b = binary.AppendUvarint(b, uint64(r.version))
	b = binary.AppendUvarint(b, uint64(r.generation))
	b = appendTime(b, r.updated)
	b = appendTime(b, r.timer)
	b = appendText(b, r.state)
	b = r.seen.appendTo(b)
	b = binary.AppendUvarint(b, uint64(len(r.outbox)))
	for i := range r.outbox {
		text, err := json.Marshal(&r.outbox[i])
		if err != nil {
			return nil, fmt.Errorf("alerts: encode action: %w", err)
		}
		b = appendText(b, text)
	}
	return b, nil
}

func appendText[T string | []byte](b []byte, text T) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// appendTime writes microseconds since 1970, after a 0 for the zero time.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), t.UnixMicro())
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (r *DetectorRecord) UnmarshalBinary(data []byte) error {
	d := decoder{rest: data}
	if format := d.byte(); d.err == nil && format != recordFormat {
		return fmt.Errorf("%w: format %d", errRecord, format)
	}
	*r = DetectorRecord{
		model:      string(d.text()),
		key:        string(d.text()),
		version:    int(d.uvarint()),
		generation: int(d.uvarint()),
		updated:    d.time(),
		timer:      d.time(),
		state:      append([]byte(nil), d.text()...),
		seen:       d.window(),
		outbox:     d.outbox(),
	}
	if d.err == nil && len(d.rest) > 0 {
		d.err = fmt.Errorf("%w: %d bytes too long", errRecord, len(d.rest))
	}
	return d.err
}

var errRecord = fmt.Errorf("alerts: %w detector record", iotenant.ErrInvalid)

// decoder reads an encoded record. After the first error it returns zeros.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = fmt.Errorf("%w: damaged %d bytes before its end", errRecord, len(d.rest))
	}
	d.rest = nil
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail()
		return 0
	}
	first := d.rest[0]
	d.rest = d.rest[1:]
	return first
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// length reads the length of a list whose elements have at least least bytes
// each, so that a damaged one makes no large allocation.
func (d *decoder) length(least int) int {
	n := d.uvarint()
	if n > uint64(len(d.rest)/least) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) text() []byte {
	n := d.length(1)
	text := d.rest[:n]
	d.rest = d.rest[n:]
	return text
}

func (d *decoder) time() time.Time {
	if d.byte() == 0 {
		return time.Time{}
	}
	return time.UnixMicro(d.varint()).UTC()
}

func (d *decoder) window() window {
	n := d.length(9)
	if n == 0 {
		return nil
	}
	w := make(window, 0, n)
	var at int64
	for range n {
		at += d.varint()
		if len(d.rest) < 8 {
			d.fail()
			return nil
		}
		w = append(w, accepted{binary.LittleEndian.Uint64(d.rest), at})
		d.rest = d.rest[8:]
	}
	return w
}

func (d *decoder) outbox() []Alert {
	n := d.length(2)
	var outbox []Alert
	for range n {
		var alert Alert
		if err := json.Unmarshal(d.text(), &alert); err != nil {
			d.fail()
			return nil
		}
		outbox = append(outbox, alert)
	}
	return outbox
}
