package lambdaevent

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// maxDepth is how deep an event may nest.
const maxDepth = 1000

var errBase64 = errors.New("data is no Base64")

// reader walks over the text of an event. After an error it stands still.
type reader struct {
	data []byte
	i    int
	err  error
	// room is where texts are put that don't stand in data as they are.
	room []byte
}

func (r *reader) fail(at int, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: want %s", at, want)
	}
}

// begin takes the character that begins a value.
func (r *reader) begin(c byte, want string) bool {
	r.i = jsonscan.Space(r.data, r.i)
	if r.err != nil || r.i >= len(r.data) || r.data[r.i] != c {
		r.fail(r.i, want)
		return false
	}
	r.i++
	return true
}

// more goes to the next member or element, of which there were n, and reports
// whether there is one before end.
func (r *reader) more(end byte, n int) bool {
	if r.err != nil {
		return false
	}
	r.i = jsonscan.Space(r.data, r.i)
	switch {
	case r.i < len(r.data) && r.data[r.i] == end:
		r.i++
		return false
	case n == 0:
		return true
	case r.i < len(r.data) && r.data[r.i] == ',':
		r.i = jsonscan.Space(r.data, r.i+1)
		return true
	}
	r.fail(r.i, fmt.Sprintf("',' or '%c'", end))
	return false
}

// name reads the name of a member. It is valid until the next text.
func (r *reader) name() []byte {
	name := r.text("a name")
	r.i = jsonscan.Space(r.data, r.i)
	if r.err == nil && (r.i >= len(r.data) || r.data[r.i] != ':') {
		r.fail(r.i, "':'")
	}
	r.i = jsonscan.Space(r.data, r.i+1)
	return name
}

// members calls do with the name of each member of an object; do reads the value.
func (r *reader) members(do func(name []byte)) {
	if !r.begin('{', "an object") {
		return
	}
	for n := 0; r.more('}', n); n++ {
		name := r.name()
		if r.err != nil {
			return
		}
		do(name)
	}
}

// elements calls do at each element of an array; do reads it.
func (r *reader) elements(do func()) {
	if !r.begin('[', "an array") {
		return
	}
	for n := 0; r.more(']', n); n++ {
		do()
	}
}

// text reads a string: a part of the data, or, if it holds escapes, of room.
func (r *reader) text(want string) []byte {
	if !r.begin('"', want) {
		return nil
	}
	start := r.i
	end, escaped := jsonscan.String(r.data, start)
	if end < 0 {
		r.fail(-1-end, "the end of a string")
		return nil
	}
	r.i = end + 1
	if !escaped {
		return r.data[start:end:end]
	}
	mark := len(r.room)
	r.room = jsonscan.AppendText(r.room, r.data[start:end])
	return r.room[mark:len(r.room):len(r.room)]
}

// item reads a string and returns it as it is written.
func (r *reader) item() []byte {
	if !r.begin('"', "an id") {
		return nil
	}
	start := r.i
	end, _ := jsonscan.String(r.data, start)
	if end < 0 {
		r.fail(-1-end, "the end of a string")
		return nil
	}
	r.i = end + 1
	return r.data[start:end:end]
}

// unquoted returns what a string says, given as item returns it.
func unquoted(item []byte) string {
	if bytes.IndexByte(item, '\\') < 0 {
		return string(item)
	}
	return string(jsonscan.AppendText(nil, item))
}

// base64 reads a string of Base64 and returns what it stands for, in room.
func (r *reader) base64() []byte {
	text := r.text("data in Base64")
	if r.err != nil {
		return nil
	}
	mark := len(r.room)
	room, err := base64.StdEncoding.AppendDecode(r.room, text)
	if err != nil {
		r.err = errBase64
		return nil
	}
	r.room = room
	return room[mark:len(room):len(room)]
}

// value reads any value and returns its text.
func (r *reader) value() []byte {
	if r.err != nil {
		return nil
	}
	end := jsonscan.Value(r.data, r.i, maxDepth)
	if end < 0 {
		r.fail(-1-end, "JSON")
		return nil
	}
	value := r.data[r.i:end:end]
	r.i = end
	return value
}

// null takes a null, if there is one.
func (r *reader) null() bool {
	if r.err == nil && bytes.HasPrefix(r.data[min(r.i, len(r.data)):], []byte("null")) {
		r.i += len("null")
		return true
	}
	return false
}

// number reads a number, or a string that is one, or something else, which is 0.
func (r *reader) number() float64 {
	text := bytes.Trim(r.value(), `"`)
	number, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0
	}
	return number
}

// end checks that nothing follows.
func (r *reader) end() {
	if r.i = jsonscan.Space(r.data, r.i); r.err == nil && r.i != len(r.data) {
		r.fail(r.i, "the end")
	}
}
