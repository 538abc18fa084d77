package detector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/internal/exprlang"
)

// object is a JSON object of a model, with its place.
type object struct {
	reader  *reader
	path    string
	members map[string]any
	known   map[string]bool
}

// parseDocument reads JSON text whose top is an object. It is not ok, and adds
// a finding, if the text is none.
func parseDocument(data []byte, findings *findings) (members map[string]any, ok bool) {
	if len(data) > MaxModelSize {
		findings.add(LevelError, Structure, "", "model is %d bytes long, want at most %d", len(data), MaxModelSize)
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var top any
	if err := decoder.Decode(&top); err != nil {
		findings.syntax(data, err)
		return nil, false
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		findings.document(data, int(decoder.InputOffset()), "data after the JSON object")
		return nil, false
	}
	if members, ok = top.(map[string]any); !ok {
		findings.add(LevelError, Structure, "", "want a JSON object, got %s", jsonKind(top))
	}
	return members, ok
}

// syntax adds what is wrong with JSON text.
func (f *findings) syntax(data []byte, err error) {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		f.document(data, len(data), "not JSON: the text ends early")
	case errors.As(err, &syntax):
		f.document(data, int(syntax.Offset)-1, "not JSON: "+err.Error())
	default:
		f.add(LevelError, Structure, "", "not JSON: %s", err)
	}
}

// document adds a finding about a place in the document itself.
func (f *findings) document(data []byte, offset int, message string) {
	offset = max(0, min(offset, len(data)))
	at := &exprlang.Error{Source: strings.ToValidUTF8(string(data), "?"), Offset: offset}
	line, column := at.Position()
	f.put(Finding{Level: LevelError, Type: Structure, Message: message, Line: line, Column: column, Caret: at.Caret()})
}

func jsonKind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a Boolean"
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "an array"
	}
	return "an object"
}

func (r *reader) object(path string, members map[string]any) *object {
	return &object{reader: r, path: path, members: members, known: map[string]bool{}}
}

// at returns the path of a member.
func (o *object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// has reports whether the member is there and not null.
func (o *object) has(name string) bool {
	o.known[name] = true
	return o.members[name] != nil
}

func (o *object) wrongType(name, want string) {
	o.reader.findings.add(LevelError, Structure, o.at(name), "want %s, got %s", want, jsonKind(o.members[name]))
}

func (o *object) missing(name string) {
	o.reader.findings.add(LevelError, Structure, o.at(name), "%s is required.", name)
}

// text returns a string member, "" if it is absent.
func (o *object) text(name string) string {
	if !o.has(name) {
		return ""
	}
	text, ok := o.members[name].(string)
	if !ok {
		o.wrongType(name, "a string")
	}
	return text
}

// required returns a string member that must be there and not empty.
func (o *object) required(name string) string {
	text := o.text(name)
	if text == "" {
		if _, isText := o.members[name].(string); isText || !o.has(name) {
			o.missing(name)
		}
	}
	return text
}

// name returns a required name, whose length is limited.
func (o *object) name(name string) string {
	text := o.required(name)
	o.limit(name, text, maxNameLength)
	return text
}

func (o *object) limit(name, text string, most int) {
	if length := len([]rune(text)); length > most {
		o.reader.findings.add(o.reader.findings.quota(), ServiceLimits, o.at(name), "%s is %d characters long, want at most %d", name, length, most)
	}
}

// flag returns a Boolean member, false if it is absent.
func (o *object) flag(name string) bool {
	if !o.has(name) {
		return false
	}
	flag, ok := o.members[name].(bool)
	if !ok {
		o.wrongType(name, "a Boolean")
	}
	return flag
}

// child returns an object member, nil if it is absent.
func (o *object) child(name string) *object {
	if !o.has(name) {
		return nil
	}
	members, ok := o.members[name].(map[string]any)
	if !ok {
		o.wrongType(name, "an object")
		return nil
	}
	return o.reader.object(o.at(name), members)
}

// children returns the objects of an array member.
func (o *object) children(name string) []*object {
	if !o.has(name) {
		return nil
	}
	list, ok := o.members[name].([]any)
	if !ok {
		o.wrongType(name, "an array")
		return nil
	}
	var children []*object
	for i, element := range list {
		path := fmt.Sprintf("%s[%d]", o.at(name), i)
		members, ok := element.(map[string]any)
		if !ok {
			o.reader.findings.add(LevelError, Structure, path, "want an object, got %s", jsonKind(element))
			continue
		}
		children = append(children, o.reader.object(path, members))
	}
	return children
}

// ignore marks members that the engine does not use.
func (o *object) ignore(names ...string) {
	for _, name := range names {
		o.known[name] = true
	}
}

// end reports members that nothing has asked for.
func (o *object) end() {
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		if o.known[name] || o.members[name] == nil {
			continue
		}
		hint := ""
		for known := range o.known {
			if strings.EqualFold(known, name) {
				hint = fmt.Sprintf(", did you mean %q?", known)
			}
		}
		o.reader.findings.add(o.reader.findings.quota(), Structure, o.at(name), "unknown member %q%s", name, hint)
	}
}
