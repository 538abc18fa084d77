package fileanalytics

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
	"github.com/iotenant/iotenant/tenant"
)

// A journal holds the latest messages of all tenants, so that one fsync makes
// all of them durable. It begins with a header:
//
//	magic 8, number 8, salt 8, arrival of the first record 8, CRC-32C 4
//
// Then come frames, one for each fsync:
//
//	magic 4, length of the body 4, arrival of its first record 8,
//	CRC-32C of the body 4, CRC-32C of salt, offset and the fields before 4
//	body: for each record the length of the tenant id 1, tenant id, record
//
// A frame is written only after the frame before it was synced. So an unreadable
// frame with none after it is the torn end of a write that nobody was told had
// succeeded; with a readable one after it, it is damage. The salt is random, so
// no payload can be mistaken for a frame.
//
// Behind the last frame of the journal that is written to are zeros: to write
// over them changes no length, so that there is less for an fsync to do.
const (
	journalMagic  = "iotntj01"
	journalHeader = 8 + 8 + 8 + 8 + 4
	frameMagic    = 0x4d524661
	frameHeader   = 4 + 4 + 8 + 4 + 4
)

type journal struct {
	name    string
	file    disk.File
	number  uint64
	salt    uint64
	size    int64 // end of the last frame
	filled  int64 // end of the zeros behind it
	damaged bool  // there may be something else after size
}

// Bounds of how many zeros are written ahead: as many bytes as the journal has.
const (
	minAhead = 64 << 10
	maxAhead = 1 << 20
)

var zeros [maxAhead]byte

// createJournal makes an empty journal, durably.
func createJournal(fsys disk.FS, files layout, number, salt, arrival uint64) (*journal, error) {
	j := &journal{name: files.journal(number), number: number, salt: salt, size: journalHeader}
	file, err := fsys.Create(j.name)
	if err != nil {
		return nil, err
	}
	j.file = file
	header := append([]byte{}, journalMagic...)
	header = binary.LittleEndian.AppendUint64(header, number)
	header = binary.LittleEndian.AppendUint64(header, salt)
	header = binary.LittleEndian.AppendUint64(header, arrival)
	header = binary.LittleEndian.AppendUint32(header, checksum(header))
	if err := j.init(fsys, files, header); err != nil {
		_ = file.Close() // the first error counts
		return nil, err
	}
	return j, nil
}

func (j *journal) init(fsys disk.FS, files layout, header []byte) error {
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	if _, err := j.file.WriteAt(header, 0); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	return fsys.SyncDir(files.journalDir())
}

// newFrame returns room for a frame header, to append the body to.
func newFrame(capacity int) []byte { return make([]byte, frameHeader, frameHeader+capacity) }

// write makes a frame durable. After an error nothing of it counts, and the
// next write repairs the journal first.
func (j *journal) write(frame []byte, arrival uint64) error {
	if err := j.repair(); err != nil {
		return err
	}
	j.sealFrame(frame, arrival)
	j.damaged = true
	if _, err := j.file.WriteAt(frame, j.size); err != nil {
		return err
	}
	end := j.size + int64(len(frame))
	filled := j.fill(end)
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.size, j.filled, j.damaged = end, filled, false
	return nil
}

// fill writes zeros from end on if there are none, and returns where they end.
// That it fails, because the disk is full, is no harm: they spare time only.
func (j *journal) fill(end int64) int64 {
	if end <= j.filled {
		return j.filled
	}
	ahead := zeros[:max(minAhead, min(end, maxAhead))]
	if _, err := j.file.WriteAt(ahead, end); err != nil {
		return end
	}
	return end + int64(len(ahead))
}

// repair removes what a failed write may have left.
func (j *journal) repair() error {
	if !j.damaged {
		return nil
	}
	return j.trim()
}

// trim ends the file with its last frame.
func (j *journal) trim() error {
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.filled, j.damaged = j.size, false
	return nil
}

func (j *journal) sealFrame(frame []byte, arrival uint64) {
	body := frame[frameHeader:]
	binary.LittleEndian.PutUint32(frame, frameMagic)
	binary.LittleEndian.PutUint32(frame[4:], uint32(len(body)))
	binary.LittleEndian.PutUint64(frame[8:], arrival)
	binary.LittleEndian.PutUint32(frame[16:], checksum(body))
	binary.LittleEndian.PutUint32(frame[20:], frameChecksum(frame, j.salt, j.size))
}

func frameChecksum(frame []byte, salt uint64, offset int64) uint32 {
	var covered [8 + 8 + frameHeader - 4]byte
	binary.LittleEndian.PutUint64(covered[:], salt)
	binary.LittleEndian.PutUint64(covered[8:], uint64(offset))
	copy(covered[16:], frame[:frameHeader-4])
	return checksum(covered[:])
}

// journalEntry is one record found in a journal, with its place in the bytes.
type journalEntry struct {
	tenant tenant.ID
	raw    []byte
	record record
}

// journalContent is what can be read of a journal.
type journalContent struct {
	number, salt, first uint64 // first: arrival of the first record
	entries             []journalEntry
	size                int64 // end of the last frame; 0 if there is no header
}

// readJournal takes a journal apart. A torn end is left out; last says whether
// the journal may have one. The error wraps analytics.ErrCorrupt.
func readJournal(data []byte, number uint64, last bool) (journalContent, error) {
	header := reader{data: data}
	magic := header.bytes(8)
	content := journalContent{number: header.uint64(), salt: header.uint64(), first: header.uint64()}
	sum := header.uint32()
	if header.bad || string(magic) != journalMagic || content.number != number || sum != checksum(data[:journalHeader-4]) {
		// Frames are written only after the header was synced.
		if last && len(data) <= journalHeader {
			return journalContent{number: number}, nil
		}
		return journalContent{}, fmt.Errorf("%w: journal header", analytics.ErrCorrupt)
	}
	content.size = journalHeader
	next := content.first
	for content.size < int64(len(data)) {
		body, ok := frameAt(data, content.salt, content.size, next)
		if !ok {
			if !last || frameAfter(data, content.salt, content.size) {
				return journalContent{}, fmt.Errorf("%w: journal frame at byte %d", analytics.ErrCorrupt, content.size)
			}
			break
		}
		entries, err := frameEntries(body, next)
		if err != nil {
			return journalContent{}, fmt.Errorf("%w in journal frame at byte %d", err, content.size)
		}
		next += uint64(len(entries))
		content.entries = append(content.entries, entries...)
		content.size += int64(frameHeader + len(body))
	}
	return content, nil
}

// frameAt returns the body of the frame at offset, if there is one.
func frameAt(data []byte, salt uint64, offset int64, arrival uint64) ([]byte, bool) {
	frame := data[offset:]
	if !isFrame(frame, salt, offset) || binary.LittleEndian.Uint64(frame[8:]) != arrival {
		return nil, false
	}
	body := frame[frameHeader:]
	length := binary.LittleEndian.Uint32(frame[4:])
	if uint64(length) > uint64(len(body)) {
		return nil, false
	}
	body = body[:length:length]
	return body, checksum(body) == binary.LittleEndian.Uint32(frame[16:])
}

func isFrame(frame []byte, salt uint64, offset int64) bool {
	return len(frame) >= frameHeader &&
		binary.LittleEndian.Uint32(frame) == frameMagic &&
		binary.LittleEndian.Uint32(frame[20:]) == frameChecksum(frame, salt, offset)
}

// frameAfter reports whether any frame begins after offset.
func frameAfter(data []byte, salt uint64, offset int64) bool {
	magic := binary.LittleEndian.AppendUint32(nil, frameMagic)
	for at := offset + 1; at < int64(len(data)); at++ {
		i := bytes.Index(data[at:], magic)
		if i < 0 {
			return false
		}
		if at += int64(i); isFrame(data[at:], salt, at) {
			return true
		}
	}
	return false
}

// frameEntries takes the body of a frame apart.
func frameEntries(body []byte, arrival uint64) ([]journalEntry, error) {
	var entries []journalEntry
	rest := reader{data: body}
	for len(rest.data) > 0 {
		var length byte
		if text := rest.bytes(1); len(text) == 1 {
			length = text[0]
		}
		id, ok := parseTenantText(rest.bytes(uint64(length)))
		decoded, n, err := decodeRecord(rest.data)
		if err != nil || rest.bad || !ok || decoded.arrival != arrival+uint64(len(entries)) {
			return nil, fmt.Errorf("%w: entry %d", analytics.ErrCorrupt, len(entries)+1)
		}
		entries = append(entries, journalEntry{tenant: id, raw: rest.bytes(uint64(n)), record: decoded})
	}
	return entries, nil
}

// parseTenantText reads a tenant id from a file of the store.
func parseTenantText(text []byte) (tenant.ID, bool) {
	return parseTenantDirName(tenantPrefix + string(text))
}
