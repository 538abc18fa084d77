package duckanalytics

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// mysqlLetters are those of date_format and date_parse, in strftime.
var mysqlLetters = map[byte]string{
	'a': "%a", 'b': "%b", 'c': "%-m", 'd': "%d", 'e': "%-d", 'f': "%f", 'H': "%H", 'h': "%I", 'I': "%I", 'i': "%M", 'j': "%j", 'k': "%-H",
	'l': "%-I", 'M': "%B", 'm': "%m", 'p': "%p", 'r': "%I:%M:%S %p", 'S': "%S", 's': "%S", 'T': "%H:%M:%S", 'v': "%V", 'W': "%A", 'x': "%G", 'Y': "%Y",
	'y': "%y", '%': "%%",
}

// mysqlFormat translates a format of MySQL.
func mysqlFormat(format string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		if i++; i == len(format) {
			return "", fmt.Errorf("%w: the format %q ends with %%", analytics.ErrSQL, format)
		}
		to, ok := mysqlLetters[format[i]]
		if !ok {
			// Presto takes what is not a letter of its own as itself.
			if strings.IndexByte("DUuVwX", format[i]) >= 0 {
				return "", fmt.Errorf("%w: %%%c in a format is not supported", analytics.ErrSQL, format[i])
			}
			to = string(format[i])
		}
		out.WriteString(to)
	}
	return out.String(), nil
}

// jodaLetters are runs of letters of Joda's DateTimeFormat, in strftime.
var jodaLetters = map[string]string{
	"yyyy": "%Y", "y": "%Y", "YYYY": "%Y", "Y": "%Y", "yy": "%y", "YY": "%y", "xxxx": "%G", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m",
	"dd": "%d", "d": "%-d", "DDD": "%j", "D": "%-j", "EEEE": "%A", "EEE": "%a", "EE": "%a", "E": "%a", "e": "%u", "ww": "%V", "HH": "%H", "H": "%-H",
	"hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g", "SSSSSS": "%f", "a": "%p",
}

// jodaFormat translates a format of Joda to write times of a zone, if they have
// one that is not UTC.
func jodaFormat(format string, zone any) (string, error) {
	name, ok := constantText(zone)
	_, isOffset := offsetMinutes(name)
	switch {
	case zone == nil:
		return joda(format, map[string]string{"Z": "+0000", "ZZ": "+00:00", "ZZZ": utc, "z": utc})
	case isOffset:
		return joda(format, map[string]string{"Z": strings.ReplaceAll(name, ":", ""), "ZZ": name, "ZZZ": name, "z": name})
	case ok:
		return joda(format, map[string]string{"ZZZ": name})
	}
	return joda(format, nil)
}

// jodaParse translates a format of Joda to read.
func jodaParse(format string) (string, error) {
	return joda(format, map[string]string{"Z": "%z", "ZZ": "%z", "ZZZ": "%Z", "z": "%Z"})
}

func joda(format string, zones map[string]string) (string, error) {
	var out strings.Builder
	for rest := format; rest != ""; {
		c := rest[0]
		switch {
		case c == '\'':
			end := strings.IndexByte(rest[1:], '\'')
			if end < 0 {
				return "", fmt.Errorf("%w: the format %q has an open quote", analytics.ErrSQL, format)
			}
			literal := rest[1 : 1+end]
			if literal == "" {
				literal = "'"
			}
			out.WriteString(strings.ReplaceAll(literal, "%", "%%"))
			rest = rest[end+2:]
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			n := len(rest) - len(strings.TrimLeft(rest, string(c)))
			to, ok := jodaLetters[rest[:n]]
			if !ok {
				to, ok = zones[rest[:n]]
			}
			if !ok {
				return "", fmt.Errorf("%w: %s in a format is not supported", analytics.ErrSQL, rest[:n])
			}
			out.WriteString(to)
			rest = rest[n:]
		default:
			out.WriteString(strings.ReplaceAll(string(c), "%", "%%"))
			rest = rest[1:]
		}
	}
	return out.String(), nil
}

// parseTime reads a time. As in Joda, one without a year is of 1970, or 2000 if
// it has a month or a day, and Z is an offset.
func parseTime(v any, format string) node {
	const year, monthOrDay = "YyG", "mdbBjaAuV"
	switch letters := letters(format); {
	case strings.ContainsAny(letters, year):
	case strings.ContainsAny(letters, monthOrDay):
		v, format = operate("||", text("2000 "), v), "%Y "+format
	default:
		v, format = operate("||", text("1970 "), v), "%Y "+format
	}
	if before, found := strings.CutSuffix(format, "%z"); found {
		return call("strptime", v, call("list_value", text(format), text(before+"Z")))
	}
	return call("strptime", v, text(format))
}

// letters are those of a format of strftime.
func letters(format string) string {
	var all []byte
	for i := 0; i+1 < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		if i++; format[i] == '-' && i+1 < len(format) {
			i++
		}
		all = append(all, format[i])
	}
	return string(all)
}
