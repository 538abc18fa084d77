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
)

// object is a JSON object of a model, with its place.
type object struct {
	reader  *reader
	path    string
	members map[string]any
	known   map[string]bool
}

// parseDocument reads JSON text whose top is an object.
func parseDocument(data []byte) (map[string]any, error) {
	if len(data) > MaxModelSize {
		return nil, fmt.Errorf("model is %d bytes long, want at most %d", len(data), MaxModelSize)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var top any
	if err := decoder.Decode(&top); err != nil {
		return nil, located(data, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("data after the JSON object, at byte %d", decoder.InputOffset())
	}
	members, ok := top.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("want a JSON object, got %s", jsonKind(top))
	}
	return members, nil
}

// located adds line and column to a syntax error.
func located(data []byte, err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		before := data[:min(int(max(syntax.Offset-1, 0)), len(data))]
		line := bytes.Count(before, []byte("\n")) + 1
		column := len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:]))) + 1
		return fmt.Errorf("not JSON: line %d, column %d: %w", line, column, err)
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return errors.New("not JSON: the text ends early")
	}
	return fmt.Errorf("not JSON: %w", err)
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
