package lakeanalytics

import "math/bits"

// decimalOf converts a number to a decimal of at most 18 digits, exactly: to
// what it is times 10^scale.
func decimalOf(t *columnType, raw []byte) (value uint64, fits bool) {
	text := numberText(raw)
	if text == nil {
		return 0, false
	}
	d := digitsOf(text)
	m, ok := d.scaled(t.scale)
	if !ok || m >= powersOfTen[t.precision] {
		return 0, false
	}
	if d.negative {
		m = -m
	}
	return m, true
}

var powersOfTen = [...]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// longDecimal adds a decimal of more digits: 16 bytes, big-endian, in two's
// complement.
func (s *shredder) longDecimal(c *chunk, raw []byte, rep int) bool {
	text := numberText(raw)
	if text == nil {
		return false
	}
	m, negative, ok := wideOf(text, c.scale, c.precision)
	if !ok {
		return false
	}
	if negative {
		m = m.negated()
	}
	s.text = m.append(s.text[:0])
	c.string(s.text, rep)
	return true
}

// wide is an integer of 128 bits.
type wide struct{ high, low uint64 }

// wideOf returns a number times 10^scale if that is whole and has at most
// precision digits.
func wideOf(text []byte, scale, precision int) (m wide, negative, ok bool) {
	if text[0] == '-' {
		negative, text = true, text[1:]
	}
	end, point := len(text), -1
	exponent := 0
	for i, c := range text {
		if c == '.' {
			point = i
		} else if c|0x20 == 'e' {
			end, exponent = i, exponentOf(text[i+1:])
			break
		}
	}
	if point < 0 {
		point = end
	}
	count, last := 0, 0
	add := func(digit byte) bool {
		if m != (wide{}) || digit != 0 {
			count++
		}
		m = m.timesTen(digit)
		return count <= precision
	}
	for i, c := range text[:end] {
		place := point - i + scale + exponent // of the digit, times 10^scale
		if i < point {
			place--
		}
		switch {
		case c == '.':
		case place >= 0:
			if last = place; !add(c - '0') {
				return m, negative, false
			}
		case c != '0':
			return m, negative, false
		}
	}
	for ; last > 0 && m != (wide{}); last-- {
		if !add(0) {
			return m, negative, false
		}
	}
	return m, negative && m != (wide{}), true
}

func (m wide) timesTen(digit byte) wide {
	high, low := bits.Mul64(m.low, 10)
	low, carry := bits.Add64(low, uint64(digit), 0)
	return wide{m.high*10 + high + carry, low}
}

func (m wide) negated() wide {
	low, borrow := bits.Sub64(0, m.low, 0)
	high, _ := bits.Sub64(0, m.high, borrow)
	return wide{high, low}
}

func (m wide) append(b []byte) []byte {
	for _, word := range [...]uint64{m.high, m.low} {
		for shift := 56; shift >= 0; shift -= 8 {
			b = append(b, byte(word>>shift))
		}
	}
	return b
}

// wideFrom reads what append wrote.
func wideFrom(b []byte) (m wide, negative bool) {
	if b[0] >= 0x80 {
		m = wide{^uint64(0), ^uint64(0)}
	}
	for _, c := range b {
		m = wide{m.high<<8 | m.low>>56, m.low<<8 | uint64(c)}
	}
	if m.high>>63 != 0 {
		return m.negated(), true
	}
	return m, false
}

// digits returns the decimal digits of a number.
func (m wide) digits() []byte {
	var buffer [40]byte
	at := len(buffer)
	for {
		high := m.high / 10
		low, digit := bits.Div64(m.high%10, m.low, 10)
		m = wide{high, low}
		at--
		if buffer[at] = '0' + byte(digit); m == (wide{}) {
			return append([]byte(nil), buffer[at:]...)
		}
	}
}

// appendDecimal writes a decimal whose digits end scale places after the point.
func appendDecimal(b, digits []byte, negative bool, scale int) []byte {
	if negative {
		b = append(b, '-')
	}
	whole := len(digits) - scale
	if whole <= 0 {
		b = append(b, '0')
	} else {
		b = append(b, digits[:whole]...)
	}
	if scale == 0 {
		return b
	}
	b = append(b, '.')
	for range -whole {
		b = append(b, '0')
	}
	return append(b, digits[max(whole, 0):]...)
}
