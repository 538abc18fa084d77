package analytics

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// An encoded state of windows:
//
//	magic 8, CRC-32C of what follows 4
//	tenant id, shape
//	time to which was advanced 8
//	number of things, for each by id: id, latest time 8,
//	  number of metrics, for each by channel and metric: channel, metric,
//	    number of windows, for each: start 8, end 8, revision plus one,
//	      summary
//
// Texts have their length before them. Fixed lengths are little-endian, other
// numbers uvarints. A window is closed if it has a revision. Each state has one
// encoding.
const windowMagic = "iotnww01"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encode returns the state of a tenant, to be given to [Windows.Restore] of
// windows with the same shape and options. The error is tenant.ErrID.
func (w *Windows) Encode(id tenant.ID) ([]byte, error) {
	if err := checkTenant(id); err != nil {
		return nil, err
	}
	state := w.tenants[id]
	if state == nil {
		state = newTenantWindows()
	}
	return w.encode(id, state), nil
}

func (w *Windows) encode(id tenant.ID, state *tenantWindows) []byte {
	data := append([]byte(windowMagic), 0, 0, 0, 0)
	data = appendText(data, id.String())
	data = appendText(data, w.kind())
	data = binary.LittleEndian.AppendUint64(data, uint64(state.past))
	data = binary.AppendUvarint(data, uint64(len(state.things)))
	for _, thing := range state.order() {
		data = appendText(data, thing.String())
		data = state.things[thing].append(data)
	}
	binary.LittleEndian.PutUint32(data[len(windowMagic):], crc32.Checksum(data[len(windowMagic)+4:], castagnoli))
	return data
}

// kind tells states apart that must not be mistaken for each other.
func (w *Windows) kind() string {
	return fmt.Sprintf("%s %t", w.shape.text(), len(w.options.Percentiles.Of) > 0)
}

func appendText(data []byte, text string) []byte {
	return append(binary.AppendUvarint(data, uint64(len(text))), text...)
}

func (of *thingWindows) append(data []byte) []byte {
	data = binary.LittleEndian.AppendUint64(data, uint64(of.latest))
	data = binary.AppendUvarint(data, uint64(len(of.series)))
	for _, key := range slices.SortedFunc(maps.Keys(of.series), metricKey.compare) {
		data = appendText(data, key.channel)
		data = appendText(data, key.metric)
		data = binary.AppendUvarint(data, uint64(len(of.series[key])))
		for _, known := range of.series[key] {
			data = binary.LittleEndian.AppendUint64(data, uint64(known.start))
			data = binary.LittleEndian.AppendUint64(data, uint64(known.end))
			data = binary.AppendUvarint(data, uint64(known.revision+1))
			data = known.summary.append(data)
		}
	}
	return data
}

func (k metricKey) compare(other metricKey) int {
	return cmp.Or(cmp.Compare(k.channel, other.channel), cmp.Compare(k.metric, other.metric))
}

// Restore replaces the state of a tenant by one that [Windows.Encode] returned
// for it. Errors, which leave everything as it was: tenant.ErrID, [ErrState].
func (w *Windows) Restore(id tenant.ID, data []byte) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	state, err := w.decode(id, data)
	if err != nil {
		return err
	}
	w.tenants[id] = state
	return nil
}

// decode reads what encode wrote. The error is [ErrState].
func (w *Windows) decode(id tenant.ID, data []byte) (*tenantWindows, error) {
	r := stateReader{data: data}
	magic, sum := r.bytes(uint64(len(windowMagic))), r.bytes(4)
	if r.bad || string(magic) != windowMagic || binary.LittleEndian.Uint32(sum) != crc32.Checksum(r.data, castagnoli) {
		return nil, ErrState
	}
	if r.text() != id.String() || r.text() != w.kind() {
		return nil, fmt.Errorf("%w: of other windows", ErrState)
	}
	state := r.tenant(w.options.Percentiles)
	if r.bad || state.count > MaxWindows || len(state.things) > MaxWindows || !bytes.Equal(w.encode(id, state), data) {
		return nil, ErrState
	}
	return state, nil
}

func (r *stateReader) tenant(p Percentiles) *tenantWindows {
	state := newTenantWindows()
	state.past = int64(r.uint64())
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		thing, err := device.ParseID(r.text())
		if err != nil {
			r.bad = true
			break
		}
		of := r.thing(p)
		for _, windows := range of.series {
			state.count += len(windows)
		}
		state.things[thing] = of
	}
	return state
}

func (r *stateReader) thing(p Percentiles) *thingWindows {
	of := &thingWindows{latest: int64(r.uint64()), series: map[metricKey][]*window{}}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		key := metricKey{r.text(), r.text()}
		var windows []*window
		for m := r.uvarint(); m > 0 && !r.bad; m-- {
			known := &window{bounds: bounds{int64(r.uint64()), int64(r.uint64())}}
			known.revision = int(r.uvarint()) - 1
			known.closed = known.revision >= 0
			known.summary = r.summary(p)
			windows = append(windows, known)
		}
		of.series[key] = windows
	}
	return of
}
