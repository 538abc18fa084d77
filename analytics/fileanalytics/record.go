package fileanalytics

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"

	"github.com/iotenant/iotenant/analytics"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) uint32 { return crc32.Checksum(data, castagnoli) }

// A record is a message on disk:
//
//	length of the body  4 bytes
//	CRC-32C of the body 4 bytes
//	body                arrival 8, received 8, time 8, points 1, then data
//	                    store, thing, channel and message id, each with its
//	                    length as uvarint before it, then the payload
//
// Numbers are little-endian, here and in all files.
const (
	recordHeader = 4 + 4
	fixedBody    = 8 + 8 + 8 + 1
	// maxBody is above the limits of the fields.
	maxBody = analytics.MaxPayload + 2048
)

// record is a decoded record. Its slices point into what it was decoded from.
type record struct {
	arrival  uint64
	at, time int64 // received, and of its points
	points   uint8 // how many
	stream   streamText
	channel  []byte
	id       []byte
	payload  []byte
}

// streamText is a stream in encoded form.
type streamText struct{ datastore, thing []byte }

// errRecord says that bytes are no record. Callers say where.
var errRecord = errors.New("bad record")

// appendRecord encodes a message without arrival and checksum; see seal.
func appendRecord(data []byte, m *analytics.Message, time int64, points int) []byte {
	start := len(data)
	data = append(data, make([]byte, recordHeader+8)...)
	data = binary.LittleEndian.AppendUint64(data, uint64(m.At.UnixNano()))
	data = binary.LittleEndian.AppendUint64(data, uint64(time))
	data = append(data, uint8(points))
	data = appendText(data, m.Datastore)
	data = appendText(data, m.Thing.String())
	data = appendText(data, m.Channel)
	data = appendText(data, m.ID)
	data = append(data, m.Payload...)
	binary.LittleEndian.PutUint32(data[start:], uint32(len(data)-start-recordHeader))
	return data
}

func appendText(data []byte, text string) []byte {
	return append(binary.AppendUvarint(data, uint64(len(text))), text...)
}

// seal completes an encoded record.
func seal(encoded []byte, arrival uint64) {
	binary.LittleEndian.PutUint64(encoded[recordHeader:], arrival)
	binary.LittleEndian.PutUint32(encoded[4:], checksum(encoded[recordHeader:]))
}

// cutRecord returns the length of the record at the beginning of data,
// without looking into it.
func cutRecord(data []byte) (int, error) {
	if len(data) < recordHeader+fixedBody {
		return 0, errRecord
	}
	body := binary.LittleEndian.Uint32(data)
	if body < fixedBody || body > maxBody || int(body) > len(data)-recordHeader {
		return 0, errRecord
	}
	return recordHeader + int(body), nil
}

// decodeRecord decodes the record at the beginning of data and returns its
// length. The error is errRecord.
func decodeRecord(data []byte) (record, int, error) {
	n, err := cutRecord(data)
	if err != nil {
		return record{}, 0, err
	}
	body := data[recordHeader:n]
	if checksum(body) != binary.LittleEndian.Uint32(data[4:]) {
		return record{}, 0, errRecord
	}
	r := record{
		arrival: binary.LittleEndian.Uint64(body),
		at:      int64(binary.LittleEndian.Uint64(body[8:])),
		time:    int64(binary.LittleEndian.Uint64(body[16:])),
		points:  body[24],
	}
	rest := reader{data: body[fixedBody:]}
	r.stream = streamText{datastore: rest.text(), thing: rest.text()}
	r.channel, r.id = rest.text(), rest.text()
	r.payload = rest.data
	if rest.bad || r.at < 0 || r.time < 0 {
		return record{}, 0, errRecord
	}
	return r, n, nil
}

// reader takes values from the beginning of data. After the first that is not
// there, bad is set and every value is zero.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.data)) {
		r.bad, r.data = true, nil
		return nil
	}
	taken := r.data[:n:n]
	r.data = r.data[n:]
	return taken
}

func (r *reader) uvarint() uint64 {
	value, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[n:]
	return value
}

func (r *reader) text() []byte { return r.bytes(r.uvarint()) }

func (r *reader) uint32() uint32 {
	if taken := r.bytes(4); taken != nil {
		return binary.LittleEndian.Uint32(taken)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if taken := r.bytes(8); taken != nil {
		return binary.LittleEndian.Uint64(taken)
	}
	return 0
}

func (r *reader) int64() int64 { return int64(r.uint64()) }

// bounds encloses the positions of records, as messages and as points.
type bounds struct {
	minArrival, maxArrival uint64
	minAt, maxAt           int64
	minTime, maxTime       int64 // of records with points
}

func noBounds() bounds {
	return bounds{
		minArrival: math.MaxUint64,
		minAt:      math.MaxInt64, maxAt: math.MinInt64,
		minTime: math.MaxInt64, maxTime: math.MinInt64,
	}
}

func (b *bounds) include(other bounds) {
	b.minArrival, b.maxArrival = min(b.minArrival, other.minArrival), max(b.maxArrival, other.maxArrival)
	b.minAt, b.maxAt = min(b.minAt, other.minAt), max(b.maxAt, other.maxAt)
	b.minTime, b.maxTime = min(b.minTime, other.minTime), max(b.maxTime, other.maxTime)
}

// boundsLength is that of encoded bounds.
const boundsLength = 6 * 8

func (b *bounds) append(data []byte) []byte {
	for _, value := range []uint64{b.minArrival, b.maxArrival, uint64(b.minAt), uint64(b.maxAt), uint64(b.minTime), uint64(b.maxTime)} {
		data = binary.LittleEndian.AppendUint64(data, value)
	}
	return data
}

func (r *reader) bounds() bounds {
	return bounds{
		minArrival: r.uint64(), maxArrival: r.uint64(),
		minAt: r.int64(), maxAt: r.int64(),
		minTime: r.int64(), maxTime: r.int64(),
	}
}
