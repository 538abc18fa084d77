package s3analytics

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// source reads the body of a write, and sums it up.
type source struct {
	body io.Reader

	ahead []byte // was read to see whether the body goes on
	probe [1]byte
	ended bool   // the body, though there may be something ahead
	sum   uint32 // CRC-32C of what was read
	size  int64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// firstBuffer is the size of a buffer for a body of unknown length.
const firstBuffer = 16 << 10

// first reads up to limit bytes into memory that grows with them.
func (s *source) first(ctx context.Context, limit int) ([]byte, error) {
	size := firstBuffer
	if sized, ok := s.body.(interface{ Len() int }); ok {
		size = sized.Len()
	}
	data := make([]byte, 0, max(1, min(size, limit)))
	for {
		n, err := s.fill(ctx, data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == nil && !s.done() {
			err = s.look(ctx)
		}
		if err != nil || s.done() || len(data) == limit {
			return data, err
		}
		grown := make([]byte, len(data), min(2*cap(data), limit))
		copy(grown, data)
		data = grown
	}
}

// next reads the next bytes, as many as buffer takes unless the body ends.
func (s *source) next(ctx context.Context, buffer []byte) (n int, err error) {
	if n, err = s.fill(ctx, buffer); err == nil && !s.done() {
		err = s.look(ctx)
	}
	return n, err
}

// done reports whether everything has been returned.
func (s *source) done() bool { return s.ended && len(s.ahead) == 0 }

// look reads ahead to learn whether the body goes on.
func (s *source) look(ctx context.Context) error {
	if len(s.ahead) > 0 {
		return nil
	}
	n, err := s.read(ctx, s.probe[:])
	s.ahead = s.probe[:n]
	return err
}

// fill reads until buffer is full or the body ends.
func (s *source) fill(ctx context.Context, buffer []byte) (n int, err error) {
	n = copy(buffer, s.ahead)
	s.ahead = s.ahead[n:]
	if n < len(buffer) && !s.ended {
		var read int
		read, err = s.read(ctx, buffer[n:])
		n += read
	}
	s.sum = crc32.Update(s.sum, castagnoli, buffer[:n])
	s.size += int64(n)
	return n, err
}

// maxEmptyReads is how often a body may return nothing before it is given up.
const maxEmptyReads = 100

// read reads until buffer is full or the body ends.
func (s *source) read(ctx context.Context, buffer []byte) (n int, err error) {
	for empty := 0; n < len(buffer); {
		if ctx.Err() != nil {
			return n, ended(ctx, "body")
		}
		read, err := s.body.Read(buffer[n:])
		n += read
		if err == io.EOF { // one that is wrapped is no end, but a failure
			s.ended = true
			return n, nil
		}
		if read == 0 {
			if empty++; empty == maxEmptyReads && err == nil {
				err = io.ErrNoProgress
			}
		} else {
			empty = 0
		}
		if err != nil {
			return n, fmt.Errorf("s3analytics: body: %w", err)
		}
	}
	return n, nil
}

// checksum returns the CRC-32C of data as S3 writes it.
func checksum(data []byte) *string { return encodeSum(crc32.Checksum(data, castagnoli)) }

func encodeSum(sum uint32) *string {
	var bytes [crc32.Size]byte
	binary.BigEndian.PutUint32(bytes[:], sum)
	text := base64.StdEncoding.EncodeToString(bytes[:])
	return &text
}
