package shadow

import "strings"

// equalNumbers reports whether two JSON texts are numbers of the same value,
// exactly and whatever their size.
func equalNumbers(a, b string) bool {
	return isNumber(a) && isNumber(b) && normalize(a) == normalize(b)
}

func isNumber(text string) bool {
	return text[0] == '-' || '0' <= text[0] && text[0] <= '9'
}

// decimal is a number in normal form: ±0.digits × 10^exponent, where digits
// neither begins nor ends with a zero. Zero has no digits and no sign.
type decimal struct {
	negative bool
	digits   string
	exponent int64
	// tail is an exponent beyond measure, as text.
	tail string
}

// normalize reads a JSON number.
func normalize(text string) decimal {
	var n decimal
	text, n.negative = strings.CutPrefix(text, "-")
	mantissa, exponent := text, ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], text[i+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	n.digits, n.exponent = whole, int64(len(whole))
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		n.digits = whole + fraction
	}
	leading := len(n.digits) - len(strings.TrimLeft(n.digits, "0"))
	n.exponent -= int64(leading)
	n.digits = strings.TrimRight(n.digits[leading:], "0")
	if n.digits == "" {
		return decimal{}
	}
	if scale, ok := smallExponent(exponent); ok {
		n.exponent += scale
	} else {
		n.tail = exponent
	}
	return n
}

// smallExponent reads an exponent of up to 15 digits.
func smallExponent(text string) (int64, bool) {
	text = strings.TrimPrefix(text, "+")
	text, negative := strings.CutPrefix(text, "-")
	text = strings.TrimLeft(text, "0")
	if len(text) > 15 {
		return 0, false
	}
	var n int64
	for i := range len(text) {
		n = n*10 + int64(text[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}
