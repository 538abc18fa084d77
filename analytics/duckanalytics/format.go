package duckanalytics

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// formatPattern is a conversion of Java's Formatter: 1 argument, 2 flags, 3
// width, 4 precision, 5 conversion.
var formatPattern = regexp.MustCompile(`^%(?:([1-9]\d*)\$)?([-+ 0,(#<]*)(\d*)(?:\.(\d+))?([a-zA-Z%])`)

// Bounds of a conversion.
const (
	maxFormatWidth     = 1000
	maxFormatPrecision = 30
)

// formatted is one conversion.
type formatted struct {
	flags            string
	width, precision int
	verb             byte
}

// format is that of Java for the conversions %s, %d, %f, %e, %b and %n.
func format(_ *rewriter, args []any) (node, error) {
	rest, err := wantConstant("format", args[0])
	if err != nil {
		return nil, err
	}
	to := text("")
	next, used := 1, 0
	for rest != "" {
		literal, _, _ := strings.Cut(rest, "%")
		if literal != "" {
			to, rest = operate("||", to, text(literal)), rest[len(literal):]
			continue
		}
		match := formatPattern.FindStringSubmatch(rest)
		if match == nil {
			return nil, fmt.Errorf("%w: format of %q is not supported", analytics.ErrSQL, rest)
		}
		rest = rest[len(match[0]):]
		f, err := parseFormatted(match)
		if err != nil {
			return nil, err
		}
		if plain, ok := map[byte]string{'%': "%", 'n': "\n"}[f.verb]; ok {
			to = operate("||", to, text(plain))
			continue
		}
		at := next
		if match[1] != "" {
			at, _ = strconv.Atoi(match[1])
		} else {
			next++
		}
		if at >= len(args) || at < 1 {
			return nil, fmt.Errorf("%w: format of %s without an argument", analytics.ErrSQL, match[0])
		}
		if used++; used > maxGrown {
			return nil, fmt.Errorf("%w: format with more than %d conversions", analytics.ErrSQL, maxGrown)
		}
		to = operate("||", to, f.write(clone(args[at])))
	}
	return to, nil
}

func parseFormatted(match []string) (formatted, error) {
	f := formatted{flags: match[2], precision: -1, verb: match[5][0]}
	wrong := fmt.Errorf("%w: format of %s is not supported", analytics.ErrSQL, match[0])
	allowed, ok := map[byte]string{'s': "-", 'b': "-", 'd': "-+ 0,", 'f': "-+ 0,", 'e': "-+ 0", '%': "", 'n': ""}[f.verb]
	if !ok || strings.Trim(f.flags, allowed) != "" {
		return f, wrong
	}
	var err error
	if match[3] != "" {
		if f.width, err = strconv.Atoi(match[3]); err != nil || f.width > maxFormatWidth || allowed == "" {
			return f, wrong
		}
	}
	if match[4] != "" {
		if f.precision, err = strconv.Atoi(match[4]); err != nil || f.precision > maxFormatPrecision || strings.IndexByte("fe", f.verb) < 0 {
			return f, wrong
		}
	}
	if f.width == 0 && strings.ContainsAny(f.flags, "-0") {
		return f, wrong
	}
	return f, nil
}

// write formats an argument; null is written as such.
func (f formatted) write(arg any) node {
	spec := "%" + f.flags
	if f.width > 0 {
		spec += strconv.Itoa(f.width)
	}
	switch f.verb {
	case 's', 'b':
		return call("printf", text(spec+"s"), orNull(cast(arg, "VARCHAR")))
	case 'd':
		return orNull(call("printf", text(spec+"d"), arg))
	}
	precision := f.precision
	if precision < 0 {
		precision = 6
	}
	value := cast(arg, "DOUBLE")
	if f.verb == 'f' {
		// Java rounds half up.
		value = call("round", value, integer(precision))
	}
	return orNull(call("printf", text(spec+"."+strconv.Itoa(precision)+string(f.verb)), value))
}

func orNull(v any) node { return operator("OPERATOR_COALESCE", v, text("null")) }
