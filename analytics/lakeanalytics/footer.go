package lakeanalytics

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// maxFooter is the length of a footer in bytes.
const maxFooter = 32 << 20

// footer is what a file says of itself.
type footer struct {
	format.FileMetaData
	places map[string]place
}

// place is where a column stands in a file.
type place struct {
	elements []format.SchemaElement // from its own on
	leaf     int                    // the number of its first leaf
}

// readFooter reads the footer and checks that it describes parts of the file.
func readFooter(r io.ReaderAt, size int64) (*footer, error) {
	const tail = 4 + len(magic)
	var end [tail]byte
	if size < int64(tail+len(magic)) {
		return nil, fmt.Errorf("%d bytes are no file", size)
	}
	if _, err := r.ReadAt(end[:], size-int64(tail)); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(end[:]))
	if string(end[4:]) != magic || length > size-int64(tail+len(magic)) || length > maxFooter {
		return nil, errors.New("the end is not that of a file")
	}
	data := make([]byte, length)
	if _, err := r.ReadAt(data, size-int64(tail)-length); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if n, err := thriftSize(data); err != nil || n != len(data) {
		return nil, errThrift
	}
	f := &footer{}
	if err := guarded(func() error { return thrift.Unmarshal(new(thrift.CompactProtocol), data, &f.FileMetaData) }); err != nil {
		return nil, err
	}
	return f, f.check(size)
}

func (f *footer) check(size int64) error {
	leaves := 0
	for i := range f.Schema {
		if f.Schema[i].Type.Valid {
			leaves++
		}
	}
	rows := int64(0)
	for i := range f.RowGroups {
		group := &f.RowGroups[i]
		if len(group.Columns) != leaves || group.NumRows < 0 || group.NumRows > maxGroupRows {
			return fmt.Errorf("row group %d: %d columns and %d rows, want %d columns", i, len(group.Columns), group.NumRows, leaves)
		}
		rows += group.NumRows
		for j := range group.Columns {
			meta := &group.Columns[j].MetaData
			if start := chunkStart(meta); start < 0 || meta.TotalCompressedSize < 0 || meta.TotalCompressedSize > size || start > size-meta.TotalCompressedSize {
				return fmt.Errorf("row group %d, column %d: not in the file", i, j)
			}
		}
	}
	if rows != f.NumRows {
		return fmt.Errorf("%d rows in the row groups, %d in the file", rows, f.NumRows)
	}
	f.places = placesOf(f.Schema)
	return nil
}

// maxGroupRows is more than a writer puts into a row group.
const maxGroupRows = 1 << 24

// chunkStart is where the first page of a chunk is.
func chunkStart(meta *format.ColumnMetaData) int64 {
	if meta.DictionaryPageOffset > 0 && meta.DictionaryPageOffset < meta.DataPageOffset {
		return meta.DictionaryPageOffset
	}
	return meta.DataPageOffset
}

func placesOf(elements []format.SchemaElement) map[string]place {
	places := map[string]place{}
	leaf := 0
	for i := 1; i < len(elements); {
		places[elements[i].Name] = place{elements[i:], leaf}
		for open := 1; open > 0 && i < len(elements); i++ { // until it and all below it are passed
			open += int(elements[i].NumChildren.V) - 1
			if elements[i].Type.Valid {
				leaf++
			}
		}
	}
	return places
}

// guarded calls f and makes an error of a panic: the library's decoder of Thrift
// is not meant for bytes that are something else.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoder: %v", r)
		}
	}()
	return f()
}
