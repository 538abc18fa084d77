package detector

import (
	"fmt"
	"unicode/utf8"
	"unsafe"
)

// Message is a message as a model reads it: the routing key and the attributes
// that expressions read. It is filled by [Model.Read]; the zero Message is
// ready, and a used one can be read again.
//
// An alarm on a property of an AWS IoT SiteWise asset reads an input per
// property, named by its reference without the attribute and with both ids in
// backticks, as in $sitewise.assetModel.`<asset model id>`.`<property id>`; its
// payload is
//
//	{"assetId":"…","propertyValue":{"value":31.5,"quality":"GOOD"}}
//
// and the key of such an alarm is assetId, unless the model has another.
type Message struct {
	model   *Model
	input   int
	ignored bool
	scanner scanner
}

// Key returns the key value that names the detector, valid until the next
// Read; empty if the model has no key. Use states[string(m.Key())] to look up
// a state without a copy.
func (m *Message) Key() []byte {
	if m.scanner.keyKind != String {
		return nil
	}
	return m.scanner.keyText
}

// Ignored reports whether the message is for no detector, which only
// [Semantics.IgnoreKeyless] allows. It is not to be evaluated.
func (m *Message) Ignored() bool { return m.ignored }

// Payload returns the bytes that were read. They belong to the caller of Read.
func (m *Message) Payload() []byte { return m.scanner.data }

// Read scans the payload of a message of the input into message. It keeps a
// reference to payload, see [Message.Payload], and copies what it needs of it.
//
// Errors: [ErrInput] for an input that the model does not read, [ErrPayload]
// for what is no JSON object, [ErrKey] if the model has a key and the payload
// no usable value there: 1 to 128 of the characters a-z, A-Z, 0-9, '-', '_'
// and ':', or a number or Boolean whose text is that. Such a message creates
// nothing.
func (m *Model) Read(message *Message, input string, payload []byte) error {
	index := m.findInput(input)
	if index < 0 {
		return fmt.Errorf("%w: model %q reads no input %q", ErrInput, m.name, input)
	}
	message.model, message.input, message.ignored = m, index, false
	err := message.scanner.scan(payload, m.inputs[index].root, m.maxDepth)
	if err == nil {
		err = m.checkKey(message)
	}
	if err != nil {
		message.model = nil
	}
	return err
}

func (m *Model) findInput(name string) int {
	for i := range m.inputs {
		if m.inputs[i].name == name {
			return i
		}
	}
	return -1
}

// MaxKeyLength is the limit of a key value in bytes.
const MaxKeyLength = 128

func (m *Model) checkKey(message *Message) error {
	if m.key == "" {
		return nil
	}
	switch message.scanner.keyKind {
	case String:
	case Undefined:
		if message.ignored = m.semantics.IgnoreKeyless; message.ignored {
			return nil
		}
		return fmt.Errorf("%w: no value at %q", ErrKey, m.key)
	default:
		return fmt.Errorf("%w: %s at %q, want a String, number or Boolean", ErrKey, message.scanner.keyKind, m.key)
	}
	key := message.Key()
	if len(key) == 0 || len(key) > MaxKeyLength {
		return fmt.Errorf("%w: value at %q is %d bytes long, want 1 to %d", ErrKey, m.key, len(key), MaxKeyLength)
	}
	for i, c := range key {
		if !isKeyByte(c) {
			r, _ := utf8.DecodeRune(key[i:])
			return fmt.Errorf("%w: value at %q holds %q, want a-z, A-Z, 0-9, '-', '_', ':'", ErrKey, m.key, r)
		}
	}
	return nil
}

func isKeyByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == ':'
}

// view returns bytes as a string without a copy. The bytes must not change
// while the string is used.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// sameText reports whether two strings are the same bytes in memory.
func sameText(a, b string) bool {
	return len(a) == len(b) && unsafe.StringData(a) == unsafe.StringData(b)
}
