package fileanalytics

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"sync/atomic"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
	"github.com/iotenant/iotenant/tenant"
)

// The state file of a tenant says how much of its segments counts, and what
// need not be read from them again at start. It is replaced as a whole by each
// checkpoint:
//
//	magic 8, CRC-32C of what follows 4
//	tenant id, through 8
//	number of segments, for each: day 4, size 8, bounds 48
//	number of streams, for each: data store, thing, latest 8,
//	  number of message ids, each 8
//	  number of last values, for each: channel, metric, time 8, arrival 8,
//	    value 8
//
// Texts have their length as uvarint before them; counts are uvarints.
const stateMagic = "iotnts01"

// encodeState encodes the state of an archive. The caller keeps it from
// changing.
func (a *archive) encodeState() []byte {
	data := append([]byte(stateMagic), 0, 0, 0, 0)
	data = appendText(data, a.id.String())
	data = binary.LittleEndian.AppendUint64(data, a.through)
	data = binary.AppendUvarint(data, uint64(len(a.segments)))
	for i := range a.segments {
		s := &a.segments[i]
		data = binary.LittleEndian.AppendUint32(data, uint32(s.day))
		data = binary.LittleEndian.AppendUint64(data, uint64(s.size))
		data = s.bounds.append(data)
	}
	data = binary.AppendUvarint(data, uint64(len(a.streams)))
	for key, s := range a.streams {
		data = appendText(data, key.datastore)
		data = appendText(data, key.thing)
		data = s.append(data)
	}
	binary.LittleEndian.PutUint32(data[len(stateMagic):], checksum(data[len(stateMagic)+4:]))
	return data
}

func (s *stream) append(data []byte) []byte {
	data = binary.LittleEndian.AppendUint64(data, uint64(s.latest))
	data = binary.AppendUvarint(data, uint64(len(s.ids.ids)))
	for _, id := range s.ids.oldestFirst() {
		data = binary.LittleEndian.AppendUint64(data, uint64(id))
	}
	data = binary.AppendUvarint(data, uint64(len(s.last)))
	for key, last := range s.last {
		data = appendText(data, key.channel)
		data = appendText(data, key.metric)
		data = binary.LittleEndian.AppendUint64(data, uint64(last.time))
		data = binary.LittleEndian.AppendUint64(data, last.arrival)
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(last.value))
	}
	return data
}

// decodeState fills an archive. total counts the ids of all windows. The error
// wraps analytics.ErrCorrupt; the archive is then half filled.
func (a *archive) decodeState(data []byte, total *atomic.Int64) error {
	rest := reader{data: data}
	magic, sum := rest.bytes(8), rest.uint32()
	if string(magic) != stateMagic || sum != checksum(rest.data) {
		return fmt.Errorf("%w: state", analytics.ErrCorrupt)
	}
	owner := rest.text()
	a.through = rest.uint64()
	for n := rest.uvarint(); n > 0 && !rest.bad; n-- {
		a.segments = append(a.segments, segment{day: day(rest.uint32()), size: rest.int64(), bounds: rest.bounds()})
	}
	for n := rest.uvarint(); n > 0 && !rest.bad; n-- {
		text := streamText{datastore: rest.text(), thing: rest.text()}
		rest.stream(a.stream(text.key()), total)
	}
	if rest.bad || len(rest.data) > 0 || string(owner) != a.id.String() {
		return fmt.Errorf("%w: state", analytics.ErrCorrupt)
	}
	return nil
}

func (r *reader) stream(s *stream, total *atomic.Int64) {
	s.latest = r.int64()
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		if id := idHash(r.uint64()); !r.bad && !s.ids.has(id) {
			s.ids.add(id, total)
		}
	}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		key := metricKey{channel: string(r.text()), metric: string(r.text())}
		s.last[key] = &lastValue{time: r.int64(), arrival: r.uint64(), value: math.Float64frombits(r.uint64())}
	}
}

// writeState replaces the state file of a tenant, durably.
func writeState(fsys disk.FS, files layout, id tenant.ID, data []byte) error {
	if err := writeFile(fsys, files.newState(id), data); err != nil {
		return err
	}
	if err := fsys.Rename(files.newState(id), files.state(id)); err != nil {
		return err
	}
	return fsys.SyncDir(files.tenantDir(id))
}

func writeFile(fsys disk.FS, name string, data []byte) (err error) {
	file, err := fsys.Create(name)
	if err != nil {
		return err
	}
	defer closing(file, &err)
	if err := file.Truncate(0); err != nil {
		return err
	}
	if _, err := file.WriteAt(data, 0); err != nil {
		return err
	}
	return file.Sync()
}

// readFile returns the content of a file; nil if there is none.
func readFile(fsys disk.FS, name string) (_ []byte, err error) {
	file, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closing(file, &err)
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	_, err = file.ReadAt(data, 0)
	return data, err
}
