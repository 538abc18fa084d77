package cfn

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// parseJSON reads JSON text.
func parseJSON(data []byte) (*node, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, locate(data, err)
	}
	r := &jsonReader{data: data, decoder: json.NewDecoder(bytes.NewReader(data)), line: 1, column: 1}
	r.decoder.UseNumber()
	return r.value(0)
}

// locate adds the place to an error of package json.
func locate(data []byte, err error) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return &SyntaxError{Message: err.Error()}
	}
	r := jsonReader{data: data, line: 1, column: 1}
	r.moveTo(int(max(syntax.Offset-1, 0)))
	return &SyntaxError{Line: r.line, Column: r.column, Message: err.Error()}
}

// jsonReader reads valid JSON token by token and follows lines and columns.
type jsonReader struct {
	data         []byte
	decoder      *json.Decoder
	pos          int
	line, column int
}

// moveTo counts lines and columns up to an offset.
func (r *jsonReader) moveTo(offset int) {
	for r.pos < min(offset, len(r.data)) {
		if r.data[r.pos] == '\n' {
			r.line, r.column, r.pos = r.line+1, 1, r.pos+1
			continue
		}
		_, size := utf8.DecodeRune(r.data[r.pos:])
		r.pos += size
		r.column++
	}
}

// token returns the next token and its place.
func (r *jsonReader) token() (token json.Token, line, column int, err error) {
	start := int(r.decoder.InputOffset())
	for start < len(r.data) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[start]) >= 0 {
		start++
	}
	r.moveTo(start)
	line, column = r.line, r.column
	if token, err = r.decoder.Token(); err != nil {
		return nil, line, column, locate(r.data, err)
	}
	return token, line, column, nil
}

func (r *jsonReader) value(depth int) (*node, error) {
	token, line, column, err := r.token()
	if err != nil {
		return nil, err
	}
	n := &node{line: line, column: column}
	switch t := token.(type) {
	case bool:
		n.kind, n.text = boolean, "false"
		if t {
			n.text = "true"
		}
	case json.Number:
		n.kind, n.text = number, t.String()
	case string:
		n.kind, n.text = text, t
	case json.Delim:
		if depth == MaxDepth {
			return nil, &SyntaxError{Line: line, Column: column, Message: tooDeep}
		}
		if t == '{' {
			n.kind = mapping
			return n, r.object(n, depth+1)
		}
		n.kind = list
		return n, r.array(n, depth+1)
	}
	return n, nil
}

func (r *jsonReader) object(n *node, depth int) error {
	var o object
	for r.decoder.More() {
		token, line, column, err := r.token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		value, err := r.value(depth)
		if err != nil {
			return err
		}
		o.add(member{name: name, value: value, line: line, column: column})
	}
	n.members = o.members
	_, _, _, err := r.token()
	return err
}

func (r *jsonReader) array(n *node, depth int) error {
	for r.decoder.More() {
		item, err := r.value(depth)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, _, _, err := r.token()
	return err
}
