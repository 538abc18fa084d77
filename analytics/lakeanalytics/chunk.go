package lakeanalytics

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Sizes of pages.
const (
	pageValues = 1 << 14
	pageText   = 1 << 20
)

// chunk takes the values of a leaf, encodes them page by page, and holds the
// pages of the row group.
//
// Values go into a dictionary as long as it pays: sensors repeat themselves, and
// an index of a few bits is smaller and sooner written than a number through
// zstd. What has too many values is written as differences if it is whole, else
// plainly.
type chunk struct {
	*columnType
	path           []string
	maxDef, maxRep int

	// The page that is being filled.
	defs, reps []byte
	nulls      int
	numbers    []uint64 // integers, bits of floats, 0 and 1
	text       []byte   // in the form of the format, with their lengths
	texts      int
	indexes    []int32
	firstRow   int // of the row group

	dictionary dictionary
	indexed    bool // values go into the dictionary
	hopeless   bool // in the row group before, it did not pay

	pages     []byte
	count     int64 // of values on pages, with NULLs
	allNulls  int64
	raw       int64 // bytes before compression, with headers
	encodings []format.Encoding
	bounds    bounds
	stubborn  int // pages that need not be compressed
}

func newChunk(t *columnType, path []string, maxDef, maxRep int) *chunk {
	c := &chunk{columnType: t, path: path, maxDef: maxDef, maxRep: maxRep}
	c.start()
	return c
}

// start begins a row group.
func (c *chunk) start() {
	c.indexed = c.kind != kindBoolean && !c.hopeless
	c.dictionary.reset()
	c.pages, c.encodings = c.pages[:0], c.encodings[:0]
	c.count, c.allNulls, c.raw, c.firstRow, c.stubborn = 0, 0, 0, 0, 0
	c.bounds = bounds{}
}

func (c *chunk) isText() bool {
	switch c.kind {
	case kindString, kindChar, kindVarchar, kindBinary:
		return true
	case kindDecimal:
		return c.precision > 18
	}
	return false
}

func (c *chunk) level(rep, def int) {
	if c.maxDef > 0 {
		c.defs = append(c.defs, byte(def))
	}
	if c.maxRep > 0 {
		c.reps = append(c.reps, byte(rep))
	}
}

// null adds a NULL. def is how much of its path is there.
func (c *chunk) null(rep, def int) {
	c.level(rep, def)
	c.nulls++
}

// number adds a number; near is what tells it apart, see [dictionary.number].
func (c *chunk) number(value, near uint64, rep int) {
	c.level(rep, c.maxDef)
	if c.indexed {
		c.indexes = append(c.indexes, c.dictionary.number(value, near))
		return
	}
	c.numbers = append(c.numbers, value)
}

func (c *chunk) string(value []byte, rep int) {
	c.level(rep, c.maxDef)
	if c.indexed {
		c.indexes = append(c.indexes, c.dictionary.string(value))
		return
	}
	c.appendText(value)
}

func (c *chunk) appendText(value []byte) {
	c.bounds.addText(c.columnType, value)
	if c.kind != kindDecimal {
		c.text = binary.LittleEndian.AppendUint32(c.text, uint32(len(value)))
	}
	c.text = append(c.text, value...)
	c.texts++
}

// isFull reports whether the page should end.
func (c *chunk) isFull() bool {
	return c.values() >= pageValues || len(c.defs) >= 4*pageValues || len(c.text) >= pageText || c.indexed && c.dictionary.full
}

// values is how many values the page has, without NULLs.
func (c *chunk) values() int { return max(len(c.indexes), len(c.numbers), c.texts) }

// flush ends the page; rows is the number of rows of the row group.
func (c *chunk) flush(rows int, s *scratch) {
	total := c.values() + c.nulls
	if total == 0 {
		return
	}
	if c.indexed && c.count == 0 && 2*c.dictionary.len() > len(c.indexes) {
		c.spell()
	}
	encoding := c.encode(s)
	s.levels = s.levels[:0]
	repsLength, defsLength := 0, 0
	if c.maxRep > 0 {
		s.appendLevels(c.reps, c.maxRep)
		repsLength = len(s.levels)
	}
	if c.maxDef > 0 {
		s.appendLevels(c.defs, c.maxDef)
		defsLength = len(s.levels) - repsLength
	}
	body, compressed := c.compress(s)
	size := len(s.levels) + len(body)
	header := format.PageHeader{
		Type:                 format.DataPageV2,
		UncompressedPageSize: int32(len(s.levels) + len(s.body)),
		CompressedPageSize:   int32(size),
		CRC:                  int32(crc32.Update(crc32.ChecksumIEEE(s.levels), crc32.IEEETable, body)),
		DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
			NumValues: int32(total), NumNulls: int32(c.nulls), NumRows: int32(rows - c.firstRow), Encoding: encoding,
			DefinitionLevelsByteLength: int32(defsLength), RepetitionLevelsByteLength: int32(repsLength), IsCompressed: thrift.New(compressed),
		}),
	}
	before := len(c.pages)
	c.pages = s.appendHeader(c.pages, &header)
	c.raw += int64(len(c.pages)-before) + int64(header.UncompressedPageSize)
	c.pages = append(append(c.pages, s.levels...), body...)
	if !slices.Contains(c.encodings, encoding) {
		c.encodings = append(c.encodings, encoding)
	}
	c.count, c.allNulls, c.firstRow = c.count+int64(total), c.allNulls+int64(c.nulls), rows
	c.defs, c.reps, c.nulls = c.defs[:0], c.reps[:0], 0
	c.numbers, c.text, c.texts, c.indexes = c.numbers[:0], c.text[:0], 0, c.indexes[:0]
	if c.indexed && c.dictionary.full {
		c.indexed = false
	}
}

// spell takes the values of the first page out of the dictionary, which does
// not pay.
func (c *chunk) spell() {
	c.indexed, c.hopeless = false, true
	for _, i := range c.indexes {
		if c.isText() {
			c.appendText(c.dictionary.at(i))
		} else {
			c.numbers = append(c.numbers, c.dictionary.numbers[i])
		}
	}
	c.indexes = c.indexes[:0]
	c.dictionary.reset()
}

// encode writes the values of the page into s.body.
func (c *chunk) encode(s *scratch) format.Encoding {
	switch {
	case len(c.indexes) > 0:
		width := max(1, bits.Len32(uint32(c.dictionary.len()-1)))
		s.body = append(s.body[:0], byte(width))
		s.packed, _ = (&rle.Encoding{BitWidth: width}).EncodeInt32(s.packed, c.indexes)
		s.body = append(s.body, s.packed...)
		return format.RLEDictionary
	case c.isText():
		s.body = append(s.body[:0], c.text...)
		return format.Plain
	}
	c.bounds.addNumbers(c.columnType, c.numbers)
	return s.encodeNumbers(c.columnType, c.numbers)
}

// compress returns the body, compressed unless that is no gain. A column that
// can't be compressed is tried again later.
func (c *chunk) compress(s *scratch) (body []byte, compressed bool) {
	if c.stubborn > 0 {
		c.stubborn--
		return s.body, false
	}
	s.packed = encoder().EncodeAll(s.body, s.packed[:0])
	if len(s.packed) < len(s.body)-len(s.body)/16 {
		return s.packed, true
	}
	c.stubborn = stubbornPages
	return s.body, false
}

// stubbornPages are not compressed after one that was no gain.
const stubbornPages = 7

// encoder is the compressor of all files. Pages have a checksum of their own.
var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20))
	if err != nil {
		panic("lakeanalytics: zstd: " + err.Error()) // of these options
	}
	return e
})

// dictionaryPage returns the page of the dictionary, empty if no page uses it.
func (c *chunk) dictionaryPage(s *scratch) []byte {
	if !slices.Contains(c.encodings, format.RLEDictionary) {
		return nil
	}
	d := &c.dictionary
	s.body = s.body[:0]
	if c.isText() {
		for i := range int32(len(d.ends)) {
			value := d.at(i)
			c.bounds.addText(c.columnType, value)
			if c.kind != kindDecimal {
				s.body = binary.LittleEndian.AppendUint32(s.body, uint32(len(value)))
			}
			s.body = append(s.body, value...)
		}
	} else {
		c.bounds.addNumbers(c.columnType, d.numbers)
		s.appendPlain(c.columnType, d.numbers)
	}
	s.packed = encoder().EncodeAll(s.body, s.packed[:0])
	header := format.PageHeader{
		Type: format.DictionaryPage, UncompressedPageSize: int32(len(s.body)), CompressedPageSize: int32(len(s.packed)), CRC: int32(crc32.ChecksumIEEE(s.packed)),
		DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(d.len()), Encoding: format.Plain}),
	}
	page := s.appendHeader(s.page[:0], &header)
	c.raw += int64(len(page) + len(s.body))
	s.page = append(page, s.packed...)
	return s.page
}

// scratch is the room in which the pages of a file are made.
type scratch struct {
	levels, body, packed, page []byte
	int32s                     []int32
	int64s                     []int64
	runs                       []byte
	header                     headerWriter
}

// appendLevels writes levels: one run if they are all the same.
func (s *scratch) appendLevels(levels []byte, most int) {
	width := bits.Len(uint(most))
	for _, level := range levels {
		if level != levels[0] {
			s.runs, _ = (&rle.Encoding{BitWidth: width}).EncodeLevels(s.runs, levels)
			s.levels = append(s.levels, s.runs...)
			return
		}
	}
	s.levels = append(binary.AppendUvarint(s.levels, uint64(len(levels))<<1), levels[0])
}

// encodeNumbers writes numbers: integers as differences, others plainly.
func (s *scratch) encodeNumbers(t *columnType, numbers []uint64) format.Encoding {
	switch physicalOf(t) {
	case format.Int32:
		s.int32s = s.int32s[:0]
		for _, n := range numbers {
			s.int32s = append(s.int32s, int32(n))
		}
		s.body, _ = (&delta.BinaryPackedEncoding{}).EncodeInt32(s.body, s.int32s)
		return format.DeltaBinaryPacked
	case format.Int64:
		s.int64s = s.int64s[:0]
		for _, n := range numbers {
			s.int64s = append(s.int64s, int64(n))
		}
		s.body, _ = (&delta.BinaryPackedEncoding{}).EncodeInt64(s.body, s.int64s)
		return format.DeltaBinaryPacked
	}
	s.body = s.body[:0]
	s.appendPlain(t, numbers)
	return format.Plain
}

func (s *scratch) appendPlain(t *columnType, numbers []uint64) {
	switch physicalOf(t) {
	case format.Boolean:
		for i, n := range numbers {
			if i%8 == 0 {
				s.body = append(s.body, 0)
			}
			s.body[len(s.body)-1] |= byte(n) << (i % 8)
		}
	case format.Int32, format.Float:
		for _, n := range numbers {
			s.body = binary.LittleEndian.AppendUint32(s.body, uint32(n))
		}
	default:
		for _, n := range numbers {
			s.body = binary.LittleEndian.AppendUint64(s.body, n)
		}
	}
}

// statistics returns the bounds as the format has them. Go's min and max order
// -0 before 0, as the format wants it.
func (c *chunk) statistics() format.Statistics {
	statistics := format.Statistics{NullCount: c.allNulls}
	switch b := &c.bounds; {
	case b.unknown || !b.any:
	case c.isText():
		statistics.MinValue, statistics.MaxValue = slices.Clone(b.first), slices.Clone(b.last)
		if len(b.first) == 0 {
			statistics.MinValue = []byte{}
		}
		if len(b.last) == 0 {
			statistics.MaxValue = []byte{}
		}
	default:
		statistics.MinValue, statistics.MaxValue = c.bound(b.least), c.bound(b.greatest)
	}
	return statistics
}

func (c *chunk) bound(value uint64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, value)
	switch physicalOf(c.columnType) {
	case format.Boolean:
		return b[:1]
	case format.Int32, format.Float:
		return b[:4]
	}
	return b
}

// metadata describes the chunk, whose first page is at an offset.
func (c *chunk) metadata(offset int64, dictionaryPage int) format.ColumnChunk {
	meta := format.ColumnMetaData{
		Type: physicalOf(c.columnType), Encoding: append([]format.Encoding{format.RLE}, c.encodings...), PathInSchema: c.path, Codec: format.Zstd,
		NumValues: c.count, TotalUncompressedSize: c.raw, TotalCompressedSize: int64(dictionaryPage + len(c.pages)),
		DataPageOffset: offset + int64(dictionaryPage), Statistics: c.statistics(),
	}
	if dictionaryPage > 0 {
		meta.Encoding = append(meta.Encoding, format.Plain)
		meta.DictionaryPageOffset = offset
	}
	return format.ColumnChunk{MetaData: meta}
}
