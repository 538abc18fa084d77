package detector_test

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// handScan is the program that one would write by hand for one kind of
// message: a single validating pass that keeps deviceId and
// sensorData.pressure. It is the limit that the engine is measured against.
type handScan struct {
	data     []byte
	device   []byte
	pressure float64
}

func (s *handScan) document(data []byte) bool {
	s.data = data
	i := s.space(0)
	if i >= len(data) || data[i] != '{' {
		return false
	}
	i = s.object(i+1, 1, 0)
	return i >= 0 && s.space(i) == len(data)
}

// Where the scan is: at the top, within sensorData, elsewhere.
const (
	atTop = iota
	inSensorData
	elsewhere
)

func (s *handScan) space(i int) int {
	for i < len(s.data) && s.data[i] <= ' ' && (s.data[i] == ' ' || s.data[i] == '\n' || s.data[i] == '\t' || s.data[i] == '\r') {
		i++
	}
	return i
}

func (s *handScan) object(i, depth, where int) int {
	data := s.data
	if depth > 128 {
		return -1
	}
	if i = s.space(i); i < len(data) && data[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(data) || data[i] != '"' {
			return -1
		}
		start := i + 1
		end := s.text(start)
		if end < 0 {
			return -1
		}
		if i = s.space(end + 1); i >= len(data) || data[i] != ':' {
			return -1
		}
		i = s.space(i + 1)
		name := data[start:end]
		switch {
		case where == atTop && string(name) == "deviceId" && i < len(data) && data[i] == '"':
			start = i + 1
			if end = s.text(start); end < 0 {
				return -1
			}
			s.device = data[start:end]
			i = end + 1
		case where == atTop && string(name) == "sensorData" && i < len(data) && data[i] == '{':
			i = s.object(i+1, depth+1, inSensorData)
		case where == inSensorData && string(name) == "pressure":
			start = i
			if i = s.number(i); i > 0 {
				s.pressure = decimal(data[start:i])
			}
		default:
			i = s.value(i, depth)
		}
		if i < 0 {
			return -1
		}
		if i = s.space(i); i >= len(data) {
			return -1
		}
		if data[i] == '}' {
			return i + 1
		}
		if data[i] != ',' {
			return -1
		}
		i = s.space(i + 1)
	}
}

func (s *handScan) value(i, depth int) int {
	if i >= len(s.data) {
		return -1
	}
	switch s.data[i] {
	case '"':
		if i = s.text(i + 1); i < 0 {
			return -1
		}
		return i + 1
	case '{':
		return s.object(i+1, depth+1, elsewhere)
	case '[':
		return s.array(i+1, depth+1)
	case 't':
		return s.word(i, "true")
	case 'f':
		return s.word(i, "false")
	case 'n':
		return s.word(i, "null")
	}
	return s.number(i)
}

func (s *handScan) word(i int, word string) int {
	if i+len(word) <= len(s.data) && string(s.data[i:i+len(word)]) == word {
		return i + len(word)
	}
	return -1
}

func (s *handScan) array(i, depth int) int {
	if depth > 128 {
		return -1
	}
	if i = s.space(i); i < len(s.data) && s.data[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, depth); i < 0 {
			return -1
		}
		if i = s.space(i); i >= len(s.data) {
			return -1
		}
		if s.data[i] == ']' {
			return i + 1
		}
		if s.data[i] != ',' {
			return -1
		}
		i = s.space(i + 1)
	}
}

func (s *handScan) text(i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	data := s.data
	for {
		if i+8 <= len(data) {
			x := binary.LittleEndian.Uint64(data[i:])
			x = (((x ^ '"'*ones) - ones) | ((x ^ '\\'*ones) - ones) | (x - ' '*ones) | x) & highs
			if x == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(x) >> 3
		} else if i >= len(data) {
			return -1
		}
		switch c := data[i]; {
		case c == '"':
			return i
		case c == '\\':
			if i = s.escape(i); i < 0 {
				return -1
			}
		case c < ' ':
			return -1
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && size <= 1 {
				return -1
			}
			i += size
		}
	}
}

func (s *handScan) escape(i int) int {
	if i+1 >= len(s.data) {
		return -1
	}
	switch s.data[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if i+6 <= len(s.data) {
			if _, err := strconv.ParseUint(string(s.data[i+2:i+6]), 16, 16); err == nil {
				return i + 6
			}
		}
	}
	return -1
}

func (s *handScan) number(i int) int {
	data := s.data
	if i < len(data) && data[i] == '-' {
		i++
	}
	first := i
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	if i == first || data[first] == '0' && i > first+1 {
		return -1
	}
	if i < len(data) && data[i] == '.' {
		first = i + 1
		for i = first; i < len(data) && data[i]-'0' <= 9; {
			i++
		}
		if i == first {
			return -1
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		if i++; i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		for first = i; i < len(data) && data[i]-'0' <= 9; {
			i++
		}
		if i == first {
			return -1
		}
	}
	return i
}

// decimal reads a number of few digits without exponent fast, others slowly.
func decimal(text []byte) float64 {
	var mantissa uint64
	scale, fraction := 1.0, false
	for _, c := range text {
		switch {
		case c == '.':
			fraction = true
		case c < '0' || c > '9' || mantissa >= 1<<53/10 || scale >= 1e22:
			f, _ := strconv.ParseFloat(string(text), 64)
			return f
		default:
			mantissa = mantissa*10 + uint64(c-'0')
			if fraction {
				scale *= 10
			}
		}
	}
	return float64(mantissa) / scale
}

func TestHandScanValidates(t *testing.T) {
	t.Parallel()
	payload := telemetry(nil, 1, 1, 68.17)
	for i := range payload {
		for _, c := range []byte{'"', '\\', '{', ',', '0', 'e', '.', '-', ' ', 0x1f, 'x', '}', ']'} {
			changed := append([]byte(nil), payload...)
			changed[i] = c
			var s handScan
			require.Equal(t, json.Valid(changed), s.document(changed), "%s", changed)
		}
	}
}
