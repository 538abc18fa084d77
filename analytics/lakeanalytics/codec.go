package lakeanalytics

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

// An object of the log:
//
//	magic 8
//	tenant, kind and name of the table
//	flags, version, nonce 16, time in milliseconds
//	declaration, if flagged: name, retention, format, columns, partitions,
//	  nonce 16
//	appended files: folders, for each its name, day and dimensions;
//	  files, for each: folder, name in it, rows, bytes, first, last - first,
//	  base
//	added files, likewise
//	removed files, for each: name, time
//	names of forgotten files
//	ids, each 16
//	sequence numbers taken
//	nonces of tables that replaced rows, each 16
//	nonces of commits, each 16
//	CRC-32C of all that, 4
//
// Numbers are uvarints. Texts have their length before them, lists theirs.
const entryMagic = "itlake01"

const (
	flagCheckpoint = 1 << iota
	flagDeclared
	flagDeleted
	flagLeaving
	allFlags = 1<<iota - 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// owner is whose log an object is in.
type owner struct {
	tenant tenant.ID
	table  analytics.TableID // the name in lower case
}

func (e *entry) flags() (flags uint64) {
	for flag, set := range map[uint64]bool{flagCheckpoint: e.checkpoint, flagDeclared: e.declared != nil, flagDeleted: e.deleted, flagLeaving: e.leaving} {
		if set {
			flags |= flag
		}
	}
	return flags
}

func (e *entry) encode(of owner) []byte {
	b := make([]byte, 0, 256+len(e.ids)*len(digest{})+(len(e.appended)+len(e.added))*64)
	b = append(b, entryMagic...)
	b = appendText(b, of.tenant.String())
	b = appendText(b, string(of.table.Kind))
	b = appendText(b, of.table.Name)
	b = binary.AppendUvarint(b, e.flags())
	b = binary.AppendUvarint(b, e.version)
	b = append(b, e.nonce[:]...)
	b = binary.AppendUvarint(b, uint64(e.at))
	if e.declared != nil {
		b = e.declared.append(b)
	}
	b = appendFiles(b, e.appended)
	b = appendFiles(b, e.added)
	b = binary.AppendUvarint(b, uint64(len(e.removed)))
	for _, r := range e.removed {
		b = appendText(b, r.name)
		b = binary.AppendUvarint(b, uint64(r.at))
	}
	b = binary.AppendUvarint(b, uint64(len(e.forgotten)))
	for _, name := range e.forgotten {
		b = appendText(b, name)
	}
	b = binary.AppendUvarint(b, uint64(len(e.ids)))
	for i := range e.ids {
		b = append(b, e.ids[i][:]...)
	}
	b = binary.AppendUvarint(b, e.sequences)
	b = appendNonces(b, e.replaced)
	b = appendNonces(b, e.nonces)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendNonces(b []byte, nonces []nonce) []byte {
	b = binary.AppendUvarint(b, uint64(len(nonces)))
	for i := range nonces {
		b = append(b, nonces[i][:]...)
	}
	return b
}

func (d *declaration) append(b []byte) []byte {
	b = appendText(b, d.table.Name)
	b = binary.AppendUvarint(b, uint64(d.table.RetentionDays))
	b = appendText(b, string(d.table.Format))
	b = binary.AppendUvarint(b, uint64(len(d.table.Columns)))
	for _, c := range d.table.Columns {
		b = appendText(b, c.Name)
		b = appendText(b, c.Type)
	}
	b = binary.AppendUvarint(b, uint64(len(d.table.Partitions)))
	for _, p := range d.table.Partitions {
		b = appendText(b, p.Attribute)
		b = appendBool(b, p.Timestamp)
		b = appendText(b, p.TimestampFormat)
	}
	return append(b, d.nonce[:]...)
}

func appendBool(b []byte, set bool) []byte {
	if set {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendFiles writes what files have in common once.
func appendFiles(b []byte, files []file) []byte {
	places := map[string]uint64{}
	var shared []*file
	for i := range files {
		name := folderOf(files[i].name)
		if _, ok := places[name]; !ok {
			places[name] = uint64(len(shared))
			shared = append(shared, &files[i])
		}
	}
	b = binary.AppendUvarint(b, uint64(len(shared)))
	for _, f := range shared {
		b = appendText(b, folderOf(f.name))
		b = binary.AppendUvarint(b, uint64(f.day))
		b = binary.AppendUvarint(b, uint64(len(f.dimensions)))
		for _, d := range f.dimensions {
			b = appendText(b, d.Name)
			b = appendBool(b, d.Value != nil)
			if d.Value != nil {
				b = appendText(b, *d.Value)
			}
		}
	}
	b = binary.AppendUvarint(b, uint64(len(files)))
	for i := range files {
		f := &files[i]
		name := folderOf(f.name)
		b = binary.AppendUvarint(b, places[name])
		b = appendText(b, f.name[len(name):])
		for _, n := range [...]uint64{uint64(f.rows), uint64(f.bytes), uint64(f.first), uint64(f.last - f.first), f.base} {
			b = binary.AppendUvarint(b, n)
		}
	}
	return b
}

// decodeEntry returns what encode made of a version, for the same owner.
func decodeEntry(data []byte, of owner, version uint64, checkpoint bool) (*entry, error) {
	size := len(data) - 4
	if size < len(entryMagic) || string(data[:len(entryMagic)]) != entryMagic {
		return nil, fmt.Errorf("%w: not an object of a log", analytics.ErrCorrupt)
	}
	if crc32.Checksum(data[:size], castagnoli) != binary.LittleEndian.Uint32(data[size:]) {
		return nil, fmt.Errorf("%w: wrong checksum", analytics.ErrCorrupt)
	}
	r := reader{rest: data[len(entryMagic):size]}
	if r.text() != of.tenant.String() || r.text() != string(of.table.Kind) || r.text() != of.table.Name {
		return nil, fmt.Errorf("%w: of another log", analytics.ErrCorrupt)
	}
	e := r.entry()
	if r.bad || len(r.rest) > 0 {
		return nil, fmt.Errorf("%w: malformed", analytics.ErrCorrupt)
	}
	if e.version != version || e.checkpoint != checkpoint {
		return nil, fmt.Errorf("%w: of another version", analytics.ErrCorrupt)
	}
	if e.declared != nil {
		e.declared.table.Kind = of.table.Kind
	}
	return e, nil
}

// reader reads what encode wrote, and notes in bad what it can't have written.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// number reads a uvarint that fits an int64.
func (r *reader) number() int64 {
	n := r.uvarint()
	if int64(n) < 0 {
		r.bad = true
		return 0
	}
	return int64(n)
}

// count reads the length of a list whose items take size bytes at least, so
// that what is made for it is in proportion to what is there.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.rest)/size) {
		r.bad, r.rest = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.bad, r.rest = true, nil
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes(r.count(1))) }

func (r *reader) bool() bool { return r.bytes(1)[0] != 0 }

func (r *reader) nonce() nonce { return nonce(r.bytes(len(nonce{}))) }

func (r *reader) entry() *entry {
	flags := r.uvarint()
	if flags > allFlags {
		r.bad = true
	}
	e := &entry{
		checkpoint: flags&flagCheckpoint != 0,
		deleted:    flags&flagDeleted != 0,
		leaving:    flags&flagLeaving != 0,
		version:    r.uvarint(),
		nonce:      r.nonce(),
		at:         r.number(),
	}
	if flags&flagDeclared != 0 {
		e.declared = r.declaration()
	}
	e.appended = r.files()
	e.added = r.files()
	for n := r.count(2); n > 0 && !r.bad; n-- {
		e.removed = append(e.removed, removal{r.text(), r.number()})
	}
	for n := r.count(1); n > 0 && !r.bad; n-- {
		e.forgotten = append(e.forgotten, r.text())
	}
	if n := r.count(len(digest{})); n > 0 {
		e.ids = make([]digest, n)
		for i := range e.ids {
			e.ids[i] = digest(r.bytes(len(digest{})))
		}
	}
	e.sequences = r.uvarint()
	e.replaced = r.nonces()
	e.nonces = r.nonces()
	return e
}

func (r *reader) nonces() (nonces []nonce) {
	for n := r.count(len(nonce{})); n > 0 && !r.bad; n-- {
		nonces = append(nonces, r.nonce())
	}
	return nonces
}

func (r *reader) declaration() *declaration {
	d := &declaration{}
	d.table.Name = r.text()
	d.table.RetentionDays = int(r.number())
	d.table.Format = pipeline.Format(r.text())
	for n := r.count(2); n > 0 && !r.bad; n-- {
		d.table.Columns = append(d.table.Columns, pipeline.Column{Name: r.text(), Type: r.text()})
	}
	for n := r.count(3); n > 0 && !r.bad; n-- {
		d.table.Partitions = append(d.table.Partitions, pipeline.Partition{Attribute: r.text(), Timestamp: r.bool(), TimestampFormat: r.text()})
	}
	d.nonce = r.nonce()
	return d
}

// sharedFolder is what the files of a folder have in common.
type sharedFolder struct {
	name       string
	day        int32
	dimensions []analytics.Dimension
}

func (r *reader) files() []file {
	var folders []sharedFolder
	for n := r.count(3); n > 0 && !r.bad; n-- {
		folder := sharedFolder{name: r.text(), day: int32(r.number())}
		for n := r.count(2); n > 0 && !r.bad; n-- {
			d := analytics.Dimension{Name: r.text()}
			if r.bool() {
				value := r.text()
				d.Value = &value
			}
			folder.dimensions = append(folder.dimensions, d)
		}
		folders = append(folders, folder)
	}
	n := r.count(7)
	if n == 0 {
		return nil
	}
	files := make([]file, 0, n)
	for ; n > 0 && !r.bad; n-- {
		place := r.uvarint()
		if place >= uint64(len(folders)) {
			r.bad = true
			return nil
		}
		in := folders[place]
		f := file{name: in.name + r.text(), day: in.day, dimensions: in.dimensions}
		f.rows, f.bytes, f.first = r.number(), r.number(), r.number()
		f.last = f.first + r.number()
		f.base = r.uvarint()
		if f.last < f.first || folderOf(f.name) != in.name {
			r.bad = true
		}
		files = append(files, f)
	}
	return files
}
