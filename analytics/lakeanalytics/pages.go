package lakeanalytics

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Limits of a page: far beyond what a writer makes of rows of analytics.MaxRow.
const (
	maxPage       = 64 << 20 // bytes before compression
	maxPageValues = 4 << 20
)

// pageReader reads the pages of a chunk one after the other. It keeps its room
// from chunk to chunk.
type pageReader struct {
	*columnType
	maxDef, maxRep int

	data      []byte // of the chunk
	rest      []byte // of it that is unread
	codec     format.CompressionCodec
	remaining int64 // values on pages to come

	// The page. Values has those that are there, in order.
	total      int
	defs, reps []byte // empty if the level is 0 throughout
	values     values

	dictionary values
	unzipped   []byte
	indexes    []int32
	int32s     []int32
	int64s     []int64
}

// values are decoded: numbers as chunk has them, or texts; or they are indexes
// of the dictionary.
type values struct {
	n       int
	numbers []uint64
	texts   [][]byte
	indexes []int32 // nil if values stand for themselves
}

// number returns a value of numbers.
func (p *pageReader) number(i int) uint64 {
	if p.values.indexes != nil {
		return p.dictionary.numbers[p.values.indexes[i]]
	}
	return p.values.numbers[i]
}

func (p *pageReader) text(i int) []byte {
	if p.values.indexes != nil {
		return p.dictionary.texts[p.values.indexes[i]]
	}
	return p.values.texts[i]
}

// open reads the bytes of a chunk.
func (p *pageReader) open(r io.ReaderAt, meta *format.ColumnMetaData) error {
	if n := int(meta.TotalCompressedSize); cap(p.data) < n {
		p.data = make([]byte, n)
	} else {
		p.data = p.data[:n]
	}
	if _, err := r.ReadAt(p.data, chunkStart(meta)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if meta.Codec != format.Zstd && meta.Codec != format.Uncompressed {
		return fmt.Errorf("compressed by %v, want ZSTD", meta.Codec)
	}
	if meta.Type != physicalOf(p.columnType) {
		return fmt.Errorf("values of type %v, want %v", meta.Type, physicalOf(p.columnType))
	}
	p.rest, p.codec, p.remaining, p.total = p.data, meta.Codec, meta.NumValues, 0
	p.dictionary = values{numbers: p.dictionary.numbers[:0], texts: p.dictionary.texts[:0]}
	return nil
}

// next reads the next data page. It returns io.EOF at the end of the chunk.
func (p *pageReader) next() error {
	for {
		if p.remaining <= 0 {
			return io.EOF
		}
		var header format.PageHeader
		length, err := thriftSize(p.rest)
		if err == nil {
			err = guarded(func() error { return thrift.Unmarshal(new(thrift.CompactProtocol), p.rest[:length], &header) })
		}
		if err != nil {
			return fmt.Errorf("page header: %w", err)
		}
		size := int(header.CompressedPageSize)
		if p.rest = p.rest[length:]; size < 0 || size > len(p.rest) || header.UncompressedPageSize < 0 || header.UncompressedPageSize > maxPage {
			return fmt.Errorf("a page of %d bytes, %d before compression", size, header.UncompressedPageSize)
		}
		body := p.rest[:size]
		p.rest = p.rest[size:]
		if header.CRC != 0 && uint32(header.CRC) != crc32.ChecksumIEEE(body) {
			return errors.New("the checksum of a page is wrong")
		}
		switch {
		case header.Type == format.DictionaryPage && header.DictionaryPageHeader.Valid:
			if err := p.readDictionary(&header, body); err != nil {
				return fmt.Errorf("dictionary: %w", err)
			}
		case header.Type == format.DataPageV2 && header.DataPageHeaderV2.Valid:
			return p.readData(&header, body)
		default:
			return fmt.Errorf("a page of the type %v", header.Type)
		}
	}
}

func (p *pageReader) readDictionary(header *format.PageHeader, body []byte) error {
	body, err := p.decompress(body, int(header.UncompressedPageSize), true)
	if err != nil {
		return err
	}
	n := int(header.DictionaryPageHeader.V.NumValues)
	p.dictionary.numbers, p.dictionary.texts = p.dictionary.numbers[:0], p.dictionary.texts[:0]
	if err := p.plain(&p.dictionary, n, body); err != nil {
		return err
	}
	p.unzipped = nil // its texts stay
	return nil
}

// decompress returns the body as it was before compression.
func (p *pageReader) decompress(body []byte, size int, compressed bool) ([]byte, error) {
	if p.codec != format.Zstd || !compressed {
		if len(body) != size {
			return nil, fmt.Errorf("%d bytes, want %d", len(body), size)
		}
		return body, nil
	}
	if cap(p.unzipped) < size {
		p.unzipped = make([]byte, 0, size)
	}
	unzipped, err := decoder().DecodeAll(body, p.unzipped[:0])
	if err != nil {
		return nil, err
	}
	if len(unzipped) != size {
		return nil, fmt.Errorf("%d bytes, want %d", len(unzipped), size)
	}
	p.unzipped = unzipped
	return unzipped, nil
}

// decoder decompresses for all files.
var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic("lakeanalytics: zstd: " + err.Error()) // of these options
	}
	return d
})

func (p *pageReader) readData(header *format.PageHeader, body []byte) error {
	h := &header.DataPageHeaderV2.V
	total, nulls := int(h.NumValues), int(h.NumNulls)
	reps, defs := int(h.RepetitionLevelsByteLength), int(h.DefinitionLevelsByteLength)
	if total < 0 || nulls < 0 || nulls > total || int64(total) > p.remaining || reps < 0 || defs < 0 || reps > len(body) || defs > len(body)-reps || total > maxPageValues {
		return errors.New("a page header that can't be")
	}
	var err error
	if p.reps, err = readLevels(p.reps, body[:reps], total, p.maxRep); err != nil {
		return fmt.Errorf("repetition levels: %w", err)
	}
	if p.defs, err = readLevels(p.defs, body[reps:reps+defs], total, p.maxDef); err != nil {
		return fmt.Errorf("definition levels: %w", err)
	}
	n := total
	for _, def := range p.defs {
		if int(def) < p.maxDef {
			n--
		}
	}
	if n != total-nulls {
		return fmt.Errorf("%d NULLs, want %d", total-n, nulls)
	}
	if body, err = p.decompress(body[reps+defs:], int(header.UncompressedPageSize)-reps-defs, !h.IsCompressed.Valid || h.IsCompressed.V); err != nil {
		return err
	}
	p.total, p.remaining = total, p.remaining-int64(total)
	return p.decode(h.Encoding, n, body)
}

// decode reads n values.
func (p *pageReader) decode(encoding format.Encoding, n int, body []byte) error {
	p.values = values{n: n, numbers: p.values.numbers[:0], texts: p.values.texts[:0]}
	switch {
	case encoding == format.RLEDictionary:
		return p.decodeIndexes(n, body)
	case encoding == format.Plain:
		return p.plain(&p.values, n, body)
	case encoding == format.DeltaBinaryPacked && (physicalOf(p.columnType) == format.Int32 || physicalOf(p.columnType) == format.Int64):
		return p.decodeDifferences(n, body)
	}
	return fmt.Errorf("values in the encoding %v", encoding)
}

func (p *pageReader) decodeIndexes(n int, body []byte) error {
	p.indexes = p.indexes[:0]
	p.values.indexes = p.indexes
	if n == 0 {
		p.values.indexes = nil
		return nil
	}
	if len(body) == 0 || body[0] == 0 || body[0] > 24 {
		return errors.New("indexes without a width")
	}
	r := runReader{data: body[1:], width: int(body[0])}
	entries := uint32(max(len(p.dictionary.numbers), len(p.dictionary.texts)))
	for left := n; left > 0; {
		value, count, packed, err := r.next(left)
		if err != nil {
			return err
		}
		from := len(p.indexes)
		p.indexes = append(p.indexes, make([]int32, count)...)
		most := value
		if packed != nil {
			most = unpack(p.indexes[from:], packed, r.width)
		} else {
			for i := range p.indexes[from:] {
				p.indexes[from+i] = int32(value)
			}
		}
		if most >= entries {
			return fmt.Errorf("index %d in a dictionary of %d", most, entries)
		}
		left -= count
	}
	p.values.indexes = p.indexes
	return nil
}

// unpack reads packed numbers and returns the greatest.
func unpack(numbers []int32, packed []byte, width int) (most uint32) {
	mask := uint64(1)<<width - 1
	i, bit := 0, 0
	for ; i < len(numbers) && bit>>3+8 <= len(packed); i++ {
		v := uint32(binary.LittleEndian.Uint64(packed[bit>>3:])>>(bit&7)) & uint32(mask)
		numbers[i], most = int32(v), max(most, v)
		bit += width
	}
	for ; i < len(numbers); i++ {
		v := packedAt(packed, i, width)
		numbers[i], most = int32(v), max(most, v)
	}
	return most
}

// decodeDifferences reads integers that were written as differences.
func (p *pageReader) decodeDifferences(n int, body []byte) (err error) {
	if err := checkDifferences(body, n); err != nil {
		return err
	}
	if physicalOf(p.columnType) == format.Int32 {
		err = guarded(func() (err error) {
			p.int32s, err = (&delta.BinaryPackedEncoding{}).DecodeInt32(p.int32s, body)
			return err
		})
		for _, v := range p.int32s {
			p.values.numbers = append(p.values.numbers, uint64(int64(v)))
		}
	} else {
		err = guarded(func() (err error) {
			p.int64s, err = (&delta.BinaryPackedEncoding{}).DecodeInt64(p.int64s, body)
			return err
		})
		for _, v := range p.int64s {
			p.values.numbers = append(p.values.numbers, uint64(v))
		}
	}
	if err == nil && len(p.values.numbers) != n {
		err = fmt.Errorf("%d values, want %d", len(p.values.numbers), n)
	}
	return err
}

// checkDifferences checks the header of differences: sizes of a block, number
// of parts of a block, number of values.
func checkDifferences(body []byte, n int) error {
	var header [3]uint64
	for i := range header {
		value, size := binary.Uvarint(body)
		if size <= 0 {
			return errRun
		}
		header[i], body = value, body[size:]
	}
	if header[0] == 0 || header[0] > 1<<16 || header[0]%128 != 0 || header[1] == 0 || header[1] > 512 || header[0]%header[1] != 0 || header[2] != uint64(n) {
		return fmt.Errorf("differences of %d values, want %d", header[2], n)
	}
	return nil
}

var errShort = errors.New("values end too early")

// plain reads n values that are written plainly.
func (p *pageReader) plain(v *values, n int, body []byte) error {
	if n < 0 || n > maxPageValues {
		return errShort
	}
	var width int
	switch physicalOf(p.columnType) {
	case format.ByteArray:
		return v.readTexts(n, body)
	case format.FixedLenByteArray:
		width = decimalBytes
	case format.Int32, format.Float:
		width = 4
	case format.Boolean:
		if len(body) != (n+7)/8 {
			return errShort
		}
		for i := range n {
			v.numbers = append(v.numbers, uint64(body[i>>3]>>(i&7)&1))
		}
		return nil
	default:
		width = 8
	}
	if len(body) != n*width {
		return errShort
	}
	switch {
	case width == decimalBytes:
		for i := range n {
			v.texts = append(v.texts, body[i*width:(i+1)*width])
		}
	case width == 8:
		for i := range n {
			v.numbers = append(v.numbers, binary.LittleEndian.Uint64(body[i*8:]))
		}
	case p.kind == kindFloat:
		for i := range n {
			v.numbers = append(v.numbers, uint64(binary.LittleEndian.Uint32(body[i*4:])))
		}
	default:
		for i := range n {
			v.numbers = append(v.numbers, uint64(int64(int32(binary.LittleEndian.Uint32(body[i*4:])))))
		}
	}
	return nil
}

func (v *values) readTexts(n int, body []byte) error {
	for range n {
		if len(body) < 4 {
			return errShort
		}
		size := binary.LittleEndian.Uint32(body)
		if body = body[4:]; uint64(size) > uint64(len(body)) {
			return errShort
		}
		v.texts = append(v.texts, body[:size:size])
		body = body[size:]
	}
	if len(body) > 0 {
		return errShort
	}
	return nil
}
