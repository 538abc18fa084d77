package lakeanalytics

import (
	"encoding/binary"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// magic stands at both ends of a file.
const magic = "PAR1"

// parquetFile writes the parts of a file one after the other:
//
//	magic
//	for each row group, for each leaf: dictionary page if it has one, data pages
//	footer: format.FileMetaData in Thrift's compact protocol
//	length of the footer, 4 bytes, little-endian
//	magic
type parquetFile struct {
	w        io.Writer
	elements []format.SchemaElement
	offset   int64
	rows     int64
	groups   []format.RowGroup
}

func (f *parquetFile) write(data []byte) error {
	if f.offset == 0 {
		f.offset = int64(len(magic))
		if _, err := io.WriteString(f.w, magic); err != nil {
			return err
		}
	}
	n, err := f.w.Write(data)
	f.offset += int64(n)
	return err
}

// rowGroup writes the pages of a row group.
func (f *parquetFile) rowGroup(leaves []*chunk, rows int, s *scratch) error {
	if err := f.write(nil); err != nil {
		return err
	}
	group := format.RowGroup{NumRows: int64(rows), FileOffset: f.offset, Ordinal: int16(len(f.groups)), Columns: make([]format.ColumnChunk, len(leaves))}
	for i, leaf := range leaves {
		offset := f.offset
		dictionary := leaf.dictionaryPage(s)
		if len(dictionary) > 0 {
			if err := f.write(dictionary); err != nil {
				return err
			}
		}
		if err := f.write(leaf.pages); err != nil {
			return err
		}
		group.Columns[i] = leaf.metadata(offset, len(dictionary))
		group.TotalByteSize += group.Columns[i].MetaData.TotalUncompressedSize
		group.TotalCompressedSize += group.Columns[i].MetaData.TotalCompressedSize
	}
	f.rows += int64(rows)
	f.groups = append(f.groups, group)
	return nil
}

// close writes the footer.
func (f *parquetFile) close() error {
	orders := make([]format.ColumnOrder, 0, len(f.elements))
	for i := range f.elements {
		if f.elements[i].Type.Valid {
			orders = append(orders, format.ColumnOrder{Value: new(format.TypeDefinedOrder)})
		}
	}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &format.FileMetaData{
		Version: 2, Schema: f.elements, NumRows: f.rows, RowGroups: f.groups, CreatedBy: "iotenant", ColumnOrders: orders,
	})
	if err != nil {
		return err
	}
	footer = binary.LittleEndian.AppendUint32(footer, uint32(len(footer)))
	return f.write(append(footer, magic...))
}
