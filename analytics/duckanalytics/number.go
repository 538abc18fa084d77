package duckanalytics

import (
	"math"
	"math/big"
	"slices"
	"strconv"
)

// appendDouble writes a number as Java's Double.toString, or Float.toString for
// 32 bits: 76.0, 1.0E7, 1.0E-4, NaN, Infinity.
func appendDouble(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	if size := math.Abs(v); size != 0 && (size < 1e-3 || size >= 1e7) {
		return appendScientific(dst, v, bits)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, bits)
	if slices.Contains(dst[start:], '.') {
		return dst
	}
	return append(dst, ".0"...)
}

// appendScientific turns 1e-05 into 1.0E-5.
func appendScientific(dst []byte, v float64, bits int) []byte {
	var buffer [32]byte
	text := strconv.AppendFloat(buffer[:0], v, 'e', -1, bits)
	e, point := 0, false
	for text[e] != 'e' {
		point = point || text[e] == '.'
		e++
	}
	dst = append(dst, text[:e]...)
	if !point {
		dst = append(dst, ".0"...)
	}
	dst = append(dst, 'E')
	digits := text[e+1:]
	if digits[0] == '-' {
		dst = append(dst, '-')
	}
	digits = digits[1:]
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	return append(dst, digits...)
}

// appendDecimal writes an unscaled value with its scale: 1.50.
func appendDecimal(dst []byte, unscaled *big.Int, scale int) []byte {
	if unscaled.Sign() < 0 {
		dst = append(dst, '-')
	}
	text := new(big.Int).Abs(unscaled).String()
	for len(text) <= scale {
		text = "0" + text
	}
	dst = append(dst, text[:len(text)-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), text[len(text)-scale:]...)
	}
	return dst
}
