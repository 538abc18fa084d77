package analytics

import "encoding/binary"

// stateReader takes values from the beginning of data. After the first that is
// not there, bad is set and every value is zero.
type stateReader struct {
	data []byte
	bad  bool
}

func (r *stateReader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.data)) {
		r.bad, r.data = true, nil
		return nil
	}
	taken := r.data[:n:n]
	r.data = r.data[n:]
	return taken
}

func (r *stateReader) text() string { return string(r.bytes(r.uvarint())) }

func (r *stateReader) uint64() uint64 {
	if taken := r.bytes(8); taken != nil {
		return binary.LittleEndian.Uint64(taken)
	}
	return 0
}

func (r *stateReader) uvarint() uint64 {
	value, n := binary.Uvarint(r.data)
	return taken(r, value, n)
}

func (r *stateReader) varint() int64 {
	value, n := binary.Varint(r.data)
	return taken(r, value, n)
}

func taken[T any](r *stateReader, value T, n int) (none T) {
	if n <= 0 {
		r.bad, r.data = true, nil
		return none
	}
	r.data = r.data[n:]
	return value
}
