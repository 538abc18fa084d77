package fileanalytics

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
	"github.com/iotenant/iotenant/tenant"
)

// A segment holds the messages that a tenant received on one day. It is a chain
// of runs, one for each checkpoint that had messages for it. A run is
//
//	header: magic 8, length of the whole run 8, journal 8, length of the index 4,
//	        CRC-32C of the index 4, bounds 48, length of the tenant id 1,
//	        tenant id padded to 36, CRC-32C of the fields before 4
//	index:  for each extent data store and thing, each with its length as
//	        uvarint before it, offset in the run 8, length 4, bounds 48
//	records
//
// The index is the sparse one: an extent holds up to extentSize of records of
// one stream in the order of arrival, and extents are ordered by stream. So of
// what one thing sent, little more is read than a page asks for: the pages of a
// tenant take a few records of each of its things.
const (
	runMagic   = "iotntr01"
	tenantRoom = tenant.MaxIDLength
	runHeader  = 8 + 8 + 8 + 4 + 4 + boundsLength + 1 + tenantRoom + 4
	extentSize = 4 << 10
)

// segment is the known part of a segment file. What is behind size in the file
// was left by a checkpoint that did not finish, and is not there.
type segment struct {
	day    day
	size   int64
	bounds bounds
}

// run is a run as its header tells.
type run struct {
	offset      int64 // in the segment
	size        int64
	journal     uint64
	indexLength uint32
	indexSum    uint32
	bounds      bounds
}

// extent is an entry of a run's index.
type extent struct {
	stream streamKey
	offset int64 // in the run
	length uint32
	bounds bounds
}

// runBuilder makes the runs of one checkpoint, one for each day.
type runBuilder struct {
	tenant  tenant.ID
	journal uint64
	days    map[day]*runDraft
}

type runDraft struct {
	bounds  bounds
	extents []extent
	records [][]byte
	length  int // of the records
}

// newRuns orders what is in a part by day.
func newRuns(id tenant.ID, p *part) *runBuilder {
	b := &runBuilder{tenant: id, journal: p.journal, days: map[day]*runDraft{}}
	keys := make([]streamKey, 0, len(p.lists))
	for key := range p.lists {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, streamKey.compare)
	for _, key := range keys {
		for i := range p.lists[key].entries {
			b.add(key, &p.lists[key].entries[i])
		}
	}
	return b
}

func (b *runBuilder) add(key streamKey, entry *listEntry) {
	draft := b.days[dayOf(entry.at)]
	if draft == nil {
		draft = &runDraft{bounds: noBounds()}
		b.days[dayOf(entry.at)] = draft
	}
	draft.add(key, entry)
}

func (d *runDraft) add(key streamKey, entry *listEntry) {
	last := len(d.extents) - 1
	if last < 0 || d.extents[last].stream != key || int(d.extents[last].length)+len(entry.raw) > extentSize {
		d.extents = append(d.extents, extent{stream: key, offset: int64(d.length), bounds: noBounds()})
		last++
	}
	d.extents[last].length += uint32(len(entry.raw))
	d.extents[last].bounds.include(entry.bounds())
	d.bounds.include(entry.bounds())
	d.records = append(d.records, entry.raw)
	d.length += len(entry.raw)
}

// encode returns the run of a day.
func (b *runBuilder) encode(d *runDraft) []byte {
	var index []byte
	for i := range d.extents {
		e := &d.extents[i]
		index = appendText(index, e.stream.datastore)
		index = appendText(index, e.stream.thing)
		index = binary.LittleEndian.AppendUint64(index, uint64(e.offset))
		index = binary.LittleEndian.AppendUint32(index, e.length)
		index = e.bounds.append(index)
	}
	size := runHeader + len(index) + d.length
	data := make([]byte, 0, size)
	data = append(data, runMagic...)
	data = binary.LittleEndian.AppendUint64(data, uint64(size))
	data = binary.LittleEndian.AppendUint64(data, b.journal)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(index)))
	data = binary.LittleEndian.AppendUint32(data, checksum(index))
	data = d.bounds.append(data)
	data = append(data, byte(len(b.tenant.String())))
	data = append(data, b.tenant.String()...)
	data = append(data, make([]byte, tenantRoom-len(b.tenant.String()))...)
	data = binary.LittleEndian.AppendUint32(data, checksum(data))
	data = append(data, index...)
	for _, record := range d.records {
		data = append(data, record...)
	}
	return data
}

// appendRun makes a run durable behind the known part of a segment.
func appendRun(fsys disk.FS, name string, s segment, added bounds, data []byte) (_ segment, err error) {
	file, err := fsys.Create(name)
	if err != nil {
		return s, err
	}
	defer closing(file, &err)
	if err := file.Truncate(s.size); err != nil {
		return s, err
	}
	if _, err := file.WriteAt(data, s.size); err != nil {
		return s, err
	}
	if err := file.Sync(); err != nil {
		return s, err
	}
	s.size += int64(len(data))
	s.bounds.include(added)
	return s, nil
}

func closing(file disk.File, err *error) {
	if closed := file.Close(); *err == nil {
		*err = closed
	}
}

// readRun reads the header of the run at offset of a segment of this size that
// belongs to the tenant. The error wraps analytics.ErrCorrupt, or is that of
// the file.
func readRun(file disk.File, id tenant.ID, offset, size int64) (run, error) {
	if size-offset < runHeader {
		return run{}, corruptAt(offset, "run header")
	}
	header := make([]byte, runHeader)
	if _, err := file.ReadAt(header, offset); err != nil {
		return run{}, err
	}
	rest := reader{data: header}
	magic := rest.bytes(8)
	found := run{offset: offset, size: rest.int64(), journal: rest.uint64(), indexLength: rest.uint32(), indexSum: rest.uint32(), bounds: rest.bounds()}
	idLength := rest.bytes(1)[0]
	idText := rest.bytes(tenantRoom)
	if string(magic) != runMagic || rest.uint32() != checksum(header[:runHeader-4]) {
		return run{}, corruptAt(offset, "run header")
	}
	if int(idLength) > len(idText) || string(idText[:idLength]) != id.String() {
		return run{}, corruptAt(offset, "run of another tenant")
	}
	if found.size < runHeader+int64(found.indexLength) || found.size > size-offset {
		return run{}, corruptAt(offset, "run length")
	}
	return found, nil
}

// readIndex reads the index of a run, and returns the extents that are wanted.
func readIndex(file disk.File, r run, wanted func(*extent) bool) ([]extent, error) {
	index := make([]byte, r.indexLength)
	if _, err := file.ReadAt(index, r.offset+runHeader); err != nil {
		return nil, err
	}
	if checksum(index) != r.indexSum {
		return nil, corruptAt(r.offset, "run index")
	}
	var extents []extent
	var stream streamKey
	rest := reader{data: index}
	records := runHeader + int64(r.indexLength)
	for len(rest.data) > 0 {
		if text := (streamText{datastore: rest.text(), thing: rest.text()}); !text.is(stream) {
			stream = text.key()
		}
		e := extent{offset: records, stream: stream}
		e.offset += rest.int64()
		e.length = rest.uint32()
		e.bounds = rest.bounds()
		if rest.bad || e.offset < records || int64(e.length) > r.size || e.offset > r.size-int64(e.length) {
			return nil, corruptAt(r.offset, "run index")
		}
		if wanted(&e) {
			extents = append(extents, e)
		}
	}
	return extents, nil
}

// readExtent returns the records of an extent, undecoded.
func readExtent(file disk.File, r run, e *extent) ([]byte, error) {
	data := make([]byte, e.length)
	_, err := file.ReadAt(data, r.offset+e.offset)
	return data, err
}

// eachRun calls visit with each run of a segment.
func eachRun(file disk.File, id tenant.ID, s segment, visit func(run) error) error {
	for offset := int64(0); offset < s.size; {
		found, err := readRun(file, id, offset, s.size)
		if err != nil {
			return err
		}
		if err := visit(found); err != nil {
			return err
		}
		offset += found.size
	}
	return nil
}

// eachRecord calls visit with each record of the stream in data, which begins
// at offset of a segment.
func eachRecord(data []byte, stream streamKey, offset int64, visit func(*record) error) error {
	for len(data) > 0 {
		decoded, n, err := decodeRecord(data)
		if err != nil || !decoded.stream.is(stream) {
			return corruptAt(offset, "record")
		}
		if err := visit(&decoded); err != nil {
			return err
		}
		data = data[n:]
		offset += int64(n)
	}
	return nil
}

func corruptAt(offset int64, what string) error {
	return fmt.Errorf("%w: %s at byte %d", analytics.ErrCorrupt, what, offset)
}
