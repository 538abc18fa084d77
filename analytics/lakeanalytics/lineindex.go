package lakeanalytics

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"sort"
)

// A file of lines is cut into members of gzip, which any reader joins. Behind
// them an empty member tells, in its extra field, where each begins, so that a
// reader of late rows need not unzip the early ones:
//
//	header of gzip 10, length of the extra field 2
//	subfield: "it", length 2, its data:
//	  for each member: its offset and the first At in it, as differences to
//	  the member before; varints
//	  CRC-32C of that 4, its length 2, magic 8
//	empty deflate stream 2, checksum and length of nothing 8
//
// A file of one member has no index.
const (
	memberSize   = 256 << 10 // of lines in a member, before compression
	maxIndex     = 16 << 10
	indexMagic   = "itlines1"
	indexFooter  = 4 + 2 + len(indexMagic)
	indexTrailer = 2 + 8
)

// member is where a part of a file begins.
type member struct {
	offset int64
	at     int64 // of its first row
}

// appendIndex writes the index of members. Of very many every second is left
// out, until the rest fits.
func appendIndex(b []byte, members []member) []byte {
	var data []byte
	for {
		data = data[:0]
		var before member
		for _, m := range members {
			data = binary.AppendVarint(data, m.offset-before.offset)
			data = binary.AppendVarint(data, m.at-before.at)
			before = m
		}
		if len(data) <= maxIndex {
			break
		}
		var fewer []member
		for i := 0; i < len(members); i += 2 {
			fewer = append(fewer, members[i])
		}
		members = fewer
	}
	field := 4 + len(data) + indexFooter
	b = append(b, 0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff) // deflate, with an extra field
	b = binary.LittleEndian.AppendUint16(b, uint16(field))
	b = append(b, 'i', 't')
	b = binary.LittleEndian.AppendUint16(b, uint16(field-4))
	b = append(b, data...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(data, castagnoli))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
	b = append(b, indexMagic...)
	return append(b, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0)
}

// sized is a file.
type sized interface {
	io.ReaderAt
	Size() int64
}

// offsetBefore returns where to begin to read the rows of a file from a time
// on. Without an index that is at its beginning.
func offsetBefore(object sized, at int64) (int64, error) {
	members, err := readIndex(object)
	if err != nil {
		return 0, err
	}
	// Rows of the same time may be at the end of the member before.
	after := sort.Search(len(members), func(i int) bool { return members[i].at >= at })
	if after == 0 {
		return 0, nil
	}
	return members[after-1].offset, nil
}

// readIndex reads the index of a file; nil if it has none. The error is that
// of object.
func readIndex(object sized) ([]member, error) {
	size := object.Size()
	if size <= memberSize/4 { // what is read fast, whatever is in it
		return nil, nil
	}
	tail := make([]byte, min(size, int64(maxIndex+indexFooter+indexTrailer)))
	if n, err := object.ReadAt(tail, size-int64(len(tail))); n < len(tail) {
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	end := len(tail) - indexTrailer - indexFooter
	if end < 0 || string(tail[end+indexFooter-len(indexMagic):end+indexFooter]) != indexMagic {
		return nil, nil
	}
	length := int(binary.LittleEndian.Uint16(tail[end+4:]))
	if length > end {
		return nil, nil
	}
	data := tail[end-length : end]
	if crc32.Checksum(data, castagnoli) != binary.LittleEndian.Uint32(tail[end:]) {
		return nil, nil
	}
	return parseIndex(data, size), nil
}

// parseIndex returns nil for what appendIndex can't have written.
func parseIndex(data []byte, size int64) (members []member) {
	var m member
	for len(data) > 0 {
		offset, n := binary.Varint(data)
		if n <= 0 {
			return nil
		}
		at, k := binary.Varint(data[n:])
		if k <= 0 {
			return nil
		}
		data = data[n+k:]
		if m.offset, m.at = m.offset+offset, m.at+at; m.offset < 0 || m.offset >= size {
			return nil
		}
		if last := len(members) - 1; last >= 0 && (m.offset <= members[last].offset || m.at < members[last].at) {
			return nil
		}
		members = append(members, m)
	}
	return members
}
