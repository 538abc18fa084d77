package detector

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// codecVersion is the first byte of an encoded state.
const codecVersion = 1

// The encoding, after the version:
//
//	model version, state name                       texts
//	created, updated                                varints, microseconds
//	number of evaluations                           uvarint
//	variables: count, then name and value           name is a text
//	timers: count, then name, flags, due, duration  text, byte, varint, uvarint
//	inputs: count, then name, count, then attribute path and value
//	of an alarm: flags, input property, threshold   byte, values
//	    last operation, note, duration of a snooze  texts, uvarint seconds
//
// A text is its length, an uvarint, and its bytes. A value is a byte for its
// kind, then nothing, a byte, a varint, eight bytes or a text.

// AppendBinary appends the encoded state.
func (s *State) AppendBinary(b []byte) ([]byte, error) {
	if s.model == nil {
		return b, fmt.Errorf("%w: not made by a model", ErrState)
	}
	b = append(b, codecVersion)
	b = appendText(b, s.model.version)
	b = appendText(b, s.Name())
	b = binary.AppendVarint(b, s.created)
	b = binary.AppendVarint(b, s.updated)
	b = binary.AppendUvarint(b, s.number)
	b = s.appendVars(b)
	b = s.appendTimers(b)
	b = s.appendInputs(b)
	if s.model.alarm != nil {
		b = s.extra.alarm.append(b)
	}
	return b, nil
}

// MarshalBinary returns the encoded state.
func (s *State) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

func (s *State) appendVars(b []byte) []byte {
	count := 0
	for i := range s.vars {
		if s.vars[i].kind != Undefined {
			count++
		}
	}
	b = binary.AppendUvarint(b, uint64(count))
	for i, value := range s.vars {
		if value.kind != Undefined {
			b = appendText(b, s.variableName(i))
			b = appendValue(b, value)
		}
	}
	return b
}

func (s *State) appendTimers(b []byte) []byte {
	count := 0
	for i := range s.timers {
		if s.timers[i].duration != 0 {
			count++
		}
	}
	b = binary.AppendUvarint(b, uint64(count))
	for i := range s.timers {
		if t := &s.timers[i]; t.duration != 0 {
			b = appendText(b, s.timerName(i))
			b = append(b, byte(t.flags))
			b = binary.AppendVarint(b, t.due)
			b = binary.AppendUvarint(b, uint64(t.duration))
		}
	}
	return b
}

func (s *State) appendInputs(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s.model.inputs)))
	for i := range s.model.inputs {
		root := s.model.inputs[i].root
		b = appendText(b, s.model.inputs[i].name)
		count := 0
		for _, slot := range s.slots[root.low:root.high] {
			if slot.kind != Undefined {
				count++
			}
		}
		b = binary.AppendUvarint(b, uint64(count))
		for j := root.low; j < root.high; j++ {
			slot := &s.slots[j]
			if slot.kind == Undefined {
				continue
			}
			b = appendText(b, s.model.attributes[j])
			value := Value{kind: slot.kind, bits: slot.bits}
			if slot.kind == String {
				value.text = view(slot.in(s.texts[i]))
			}
			b = appendValue(b, value)
		}
	}
	return b
}

// Flags of an encoded alarm.
const (
	alarmEvaluated = 1 << iota
	alarmWoke
)

func (a *alarmMemory) append(b []byte) []byte {
	var flags byte
	if a.evaluated {
		flags |= alarmEvaluated
	}
	if a.woke {
		flags |= alarmWoke
	}
	b = append(b, flags)
	if a.evaluated {
		b = appendValue(b, a.property)
		b = appendValue(b, a.threshold)
	}
	b = appendText(b, string(a.operation))
	b = appendText(b, a.note)
	return binary.AppendUvarint(b, uint64(a.snooze/time.Second))
}

func appendText(b []byte, text string) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

func appendValue(b []byte, v Value) []byte {
	b = append(b, byte(v.kind))
	switch v.kind {
	case Boolean:
		b = append(b, byte(v.bits))
	case Integer:
		b = binary.AppendVarint(b, int64(v.bits))
	case Decimal:
		b = binary.LittleEndian.AppendUint64(b, v.bits)
	case String:
		b = appendText(b, v.text)
	}
	return b
}

// StateVersion returns the version of the model that encoded the state. The
// error is [ErrState].
func StateVersion(data []byte) (string, error) {
	d := decoder{data: data}
	d.version()
	version := d.text()
	return string(version), d.err()
}

// UnmarshalBinary reads an encoded state into one made by [Model.NewState],
// also of another version of the model: variables and timers are kept,
// attributes that this version does not read are dropped. The error is
// [ErrState], also if this version has no state of that name; then s is
// unchanged.
func (s *State) UnmarshalBinary(data []byte) error {
	if s.model == nil {
		return fmt.Errorf("%w: not made by a model", ErrState)
	}
	fresh, d := s.model.NewState(), decoder{data: data}
	d.version()
	d.text()
	name := string(d.text())
	fresh.created, fresh.updated, fresh.number = d.varint(), d.varint(), d.uvarint()
	fresh.decodeVars(&d)
	fresh.decodeTimers(&d)
	fresh.decodeInputs(&d)
	if s.model.alarm != nil {
		fresh.extra.alarm.decode(&d)
	}
	if !d.bad && len(d.data) > 0 {
		d.bad = true
	}
	if err := d.err(); err != nil {
		return err
	}
	if name != "" {
		fresh.current = int32(s.model.findState(name))
		if fresh.current < 0 {
			return fmt.Errorf("%w: model %q has no state %q", ErrState, s.model.name, name)
		}
	}
	*s = *fresh
	return nil
}

func (s *State) decodeVars(d *decoder) {
	for range d.count() {
		name, value := d.text(), d.scalar()
		if d.bad {
			return
		}
		*s.variable(string(name)) = value
	}
}

func (s *State) decodeTimers(d *decoder) {
	for range d.count() {
		name := d.text()
		flags, due, duration := timerFlags(d.byte()), d.varint(), d.uvarint()
		if flags&^(running|elapsed|pending) != 0 || duration == 0 || duration > maxTimerSeconds {
			d.bad = true
		}
		if d.bad {
			return
		}
		*s.timer(string(name)) = timer{due: due, duration: int64(duration), flags: flags}
	}
}

func (s *State) decodeInputs(d *decoder) {
	for range d.count() {
		in := s.model.findInput(string(d.text()))
		next := int32(0)
		if in >= 0 {
			next = s.model.inputs[in].root.low
		}
		for range d.count() {
			path, value := d.text(), d.value()
			if d.bad {
				return
			}
			if in >= 0 {
				next = s.retain(in, next, path, value.kind, value.bits, d.last)
			}
		}
	}
}

func (a *alarmMemory) decode(d *decoder) {
	flags := d.byte()
	if flags&^(alarmEvaluated|alarmWoke) != 0 {
		d.bad = true
	}
	a.woke = flags&alarmWoke != 0
	if a.evaluated = flags&alarmEvaluated != 0; a.evaluated {
		a.property, a.threshold = d.scalar(), d.scalar()
	}
	a.operation, a.note = OperationKind(d.text()), string(d.text())
	snooze := d.uvarint()
	if snooze > maxTimerSeconds {
		d.bad = true
	}
	a.snooze = time.Duration(snooze) * time.Second
}

// retain sets an attribute of an input, if the model reads it, and returns the
// slot after it. The search begins at the slot next, where it mostly is.
func (s *State) retain(in int, next int32, path []byte, kind Kind, bits uint64, text []byte) int32 {
	root := s.model.inputs[in].root
	for range root.high - root.low {
		if next >= root.high {
			next = root.low
		}
		if s.model.attributes[next] == string(path) {
			if kind == String {
				offset := len(s.texts[in])
				s.texts[in] = append(s.texts[in], text...)
				s.slots[next] = textSlot(offset, len(s.texts[in]))
			} else {
				s.slots[next] = slot{bits, kind}
			}
			return next + 1
		}
		next++
	}
	return next
}

// decoder reads an encoded state. Once it is bad it reads zeros.
type decoder struct {
	data []byte
	last []byte // of the last value, if it is a String
	bad  bool
}

var errDamaged = errors.New("encoding is damaged")

func (d *decoder) err() error {
	if d.bad {
		return fmt.Errorf("%w: %w", ErrState, errDamaged)
	}
	return nil
}

func (d *decoder) version() {
	if d.byte() != codecVersion {
		d.bad = true
	}
}

func (d *decoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.data)) {
		d.bad = true
		return nil
	}
	taken := d.data[:n]
	d.data = d.data[n:]
	return taken
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	i, n := binary.Uvarint(d.data)
	if d.bad || n <= 0 {
		d.bad = true
		return 0
	}
	d.data = d.data[n:]
	return i
}

func (d *decoder) varint() int64 {
	i, n := binary.Varint(d.data)
	if d.bad || n <= 0 {
		d.bad = true
		return 0
	}
	d.data = d.data[n:]
	return i
}

// count reads how many entries follow. Each has at least two bytes.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.data)/2) {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *decoder) text() []byte { return d.take(d.uvarint()) }

// value reads a value. The bytes of a String are in last.
func (d *decoder) value() Value {
	v := Value{kind: Kind(d.byte())}
	d.last = nil
	switch v.kind {
	case Null, Composite:
	case Boolean:
		if v.bits = uint64(d.byte()); v.bits > 1 {
			d.bad = true
		}
	case Integer:
		v.bits = uint64(d.varint())
	case Decimal:
		if b := d.take(8); b != nil {
			v.bits = binary.LittleEndian.Uint64(b)
		}
		if f := math.Float64frombits(v.bits); math.IsNaN(f) || math.IsInf(f, 0) {
			d.bad = true
		}
	case String:
		d.last = d.text()
	default:
		d.bad = true
	}
	return v
}

// scalar reads a Boolean, Integer, Decimal or String.
func (d *decoder) scalar() Value {
	v := d.value()
	if v.kind < Boolean || v.kind > String {
		d.bad = true
	}
	v.text = string(d.last)
	return v
}
