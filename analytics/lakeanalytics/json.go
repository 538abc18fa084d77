package lakeanalytics

import (
	"iter"
	"unicode/utf8"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

// membersOf checks that text is an object and returns its members, names
// without escapes. Values are as they are written.
func membersOf(text []byte) (iter.Seq2[[]byte, []byte], error) {
	from := jsonscan.Space(text, 0)
	if from == len(text) || text[from] != '{' {
		return nil, errNoObject
	}
	end := jsonscan.Value(text, from, maxDepth)
	if end < 0 || jsonscan.Space(text, end) != len(text) {
		return nil, errNoObject
	}
	return checkedMembers(text[from:end]), nil
}

// checkedMembers returns the members of an object that has been checked.
func checkedMembers(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		i := jsonscan.Space(object, 1)
		for object[i] == '"' {
			end, escaped := jsonscan.String(object, i+1)
			name := object[i+1 : end]
			if escaped {
				name = jsonscan.AppendText(nil, name)
			}
			from := jsonscan.Space(object, jsonscan.Space(object, end+1)+1)
			end = jsonscan.Skip(object, from)
			if !yield(name, object[from:end]) {
				return
			}
			if i = jsonscan.Space(object, end); object[i] == ',' {
				i = jsonscan.Space(object, i+1)
			}
		}
	}
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes a JSON string. Bytes that are no UTF-8 become U+FFFD.
func appendQuoted[T []byte | string](b []byte, text T) []byte {
	b = append(b, '"')
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, size := utf8.DecodeRuneInString(string(text[i:min(len(text), i+utf8.UTFMax)]))
			b = utf8.AppendRune(b, r)
			i += size
			continue
		}
		i++
	}
	return append(b, '"')
}
