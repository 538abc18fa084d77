package detector

import "github.com/iotenant/iotenant/internal/jsonscan"

// failString tells why a string is wrong at -1-end.
func (s *scanner) failString(end int) int {
	i := -1 - end
	switch {
	case i >= len(s.data):
		return s.fail(i, "string does not end")
	case s.data[i] == '\\':
		return s.fail(i, "wrong escape in a string")
	case s.data[i] < ' ':
		return s.fail(i, "control character in a string")
	}
	return s.fail(i, "not UTF-8")
}

// string stores the string whose first quote is before i.
func (s *scanner) string(i int) (int, slot) {
	end, escaped := jsonscan.String(s.data, i)
	if end < 0 {
		return s.failString(end), slot{}
	}
	offset := len(s.text)
	if escaped {
		s.text = jsonscan.AppendText(s.text, s.data[i:end])
	} else {
		s.text = append(s.text, s.data[i:end]...)
	}
	return end + 1, textSlot(offset, len(s.text))
}
