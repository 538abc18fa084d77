package shadow

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Request is a checked request document, see [Rules.ParseRequest].
type Request struct {
	// ClientToken is echoed in every answer; empty if there is none.
	ClientToken string

	// state is an object with desired and reported, or null.
	state value
	// version is what the shadow must have.
	version    int64
	hasVersion bool
}

// ParseRequest reads the payload of an update:
//
//	{"state": {"desired": {…}|null, "reported": {…}|null} | null, "version": N, "clientToken": "…"}
//
// Other members are ignored. The error is an [*Error]. Beside an error the
// request has its client token, if that could be read, for the rejection.
func (r Rules) ParseRequest(payload []byte) (Request, error) {
	if !utf8.Valid(payload) {
		return Request{}, &Error{Code: http.StatusUnsupportedMediaType, Message: "Unsupported documented encoding; supported encoding is UTF-8"}
	}
	document, err := parse(string(payload))
	if errors.Is(err, errNesting) {
		return Request{}, r.tooDeep()
	}
	if err != nil {
		return Request{}, badRequest("Invalid JSON")
	}
	request := Request{state: document.get(`"state"`)}
	token, tokenOK := clientToken(document)
	request.ClientToken = token
	if refusal := r.checkState(request.state); refusal != nil {
		return request, refusal
	}
	if !tokenOK {
		return request, badRequest("Invalid clientToken")
	}
	if version := document.get(`"version"`); version.kind != kindAbsent {
		if request.version, err = strconv.ParseInt(version.text, 10, 64); err != nil {
			return request, badRequest("Invalid version")
		}
		request.hasVersion = true
	}
	if refusal := r.checkSections(request.state); refusal != nil {
		return request, refusal
	}
	return request, nil
}

// ClientToken returns the client token in the payload of a get or delete,
// which AWS otherwise ignores; empty if there is no usable one.
func ClientToken(payload []byte) string {
	if len(payload) == 0 || !utf8.Valid(payload) {
		return ""
	}
	document, err := parse(string(payload))
	if err != nil {
		return ""
	}
	token, _ := clientToken(document)
	return token
}

// clientToken reports false for one that is no string or too long.
func clientToken(document value) (string, bool) {
	token := document.get(`"clientToken"`)
	if token.kind == kindAbsent {
		return "", true
	}
	text, ok := token.string()
	if !ok || len(text) > MaxClientToken {
		return "", false
	}
	return text, true
}

// string returns the text of a string without quotes and escapes.
func (v value) string() (string, bool) {
	if v.kind != kindScalar || v.text[0] != '"' {
		return "", false
	}
	if !strings.Contains(v.text, `\`) {
		return v.text[1 : len(v.text)-1], true
	}
	text, err := strconv.Unquote(v.text) // canonical escapes are Go's, too
	return text, err == nil
}

func (r Rules) checkState(state value) error {
	switch state.kind {
	case kindAbsent:
		return badRequest("Missing required node: state")
	case kindNull:
		return nil
	case kindObject:
	default:
		return badRequest("State node must be an object")
	}
	for _, section := range state.members {
		isSection := section.kind == kindObject || section.kind == kindNull
		switch {
		case section.name == `"desired"` && isSection || section.name == `"reported"` && isSection:
		case section.name == `"desired"`:
			return badRequest("Desired node must be an object")
		case section.name == `"reported"`:
			return badRequest("Reported node must be an object")
		case r.NameInvalidNode:
			name, _ := value{kind: kindScalar, text: section.name}.string()
			return badRequest("State contains an invalid node: '" + name + "'")
		default:
			return badRequest("State contains an invalid node")
		}
	}
	return nil
}

// checkSections checks what desired and reported hold. Both are objects or
// null.
func (r Rules) checkSections(state value) error {
	for _, section := range state.members {
		if section.depth() > r.maxDepth() {
			return r.tooDeep()
		}
		if section.hasArrayNull() {
			return badRequest("Arrays must not contain null")
		}
	}
	return nil
}

func (r Rules) tooDeep() *Error {
	return badRequest(fmt.Sprintf("JSON contains too many levels of nesting; maximum is %d", r.maxDepth()))
}
