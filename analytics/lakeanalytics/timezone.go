package lakeanalytics

import (
	"strings"
	"time"
)

// offset reads an offset from UTC. The number of letters tells its form.
func (f *timeFields) offset(p *patternItem, text string) (rest string, ok bool) {
	zero, colon, minutes, seconds := "", false, 2, 0 // 0 never, 1 perhaps, 2 always
	switch {
	case p.letter == 'O' || p.letter == 'Z' && p.count == 4:
		if !strings.HasPrefix(text, "GMT") {
			return text, false
		}
		text, colon, minutes, seconds = text[3:], true, 1, 1
		if text == "" || text[0] != '+' && text[0] != '-' {
			f.zone = time.UTC
			return text, true
		}
	case p.letter == 'Z' && p.count == 5:
		zero, colon, seconds = "Z", true, 1
	case p.letter != 'Z':
		colon = p.count == 3 || p.count == 5
		if p.count == 1 {
			minutes = 1
		}
		if p.count > 3 {
			seconds = 1
		}
		if p.letter == 'X' {
			zero = "Z"
		}
	}
	if zero != "" && strings.HasPrefix(text, zero) {
		f.zone = time.UTC
		return text[1:], true
	}
	return f.signedOffset(text, colon, minutes, seconds, p.letter == 'O' && p.count == 1)
}

func (f *timeFields) signedOffset(text string, colon bool, minutes, seconds int, short bool) (rest string, ok bool) {
	if text == "" || text[0] != '+' && text[0] != '-' {
		return text, false
	}
	sign := 1
	if text[0] == '-' {
		sign = -1
	}
	two := &patternItem{count: 2}
	total, rest, ok := two.fixed(text[1:])
	if !ok && short {
		total, rest, ok = (&patternItem{count: 1}).fixed(text[1:])
	}
	if !ok || total > 18 {
		return text, false
	}
	unit := 60
	total *= 60 * unit
	for _, wanted := range []int{minutes, seconds} {
		next := rest
		if colon && strings.HasPrefix(next, ":") {
			next = next[1:]
		} else if colon {
			next = ""
		}
		n, after, there := two.fixed(next)
		switch {
		case wanted == 0, !there && wanted == 1:
		case !there || n > 59:
			return text, false
		default:
			total, rest = total+n*unit, after
		}
		unit /= 60
	}
	f.zone = time.FixedZone("", sign*total)
	return rest, true
}

// zoneName reads a name such as UTC, Z, EST or Europe/Berlin, or an offset.
func (f *timeFields) zoneName(text string) (rest string, ok bool) {
	end := 0
	for end < len(text) && (isNameByte(text[end]|0x20) || strings.IndexByte("/+-:", text[end]) >= 0) {
		end++
	}
	name, rest := text[:end], text[end:]
	switch name {
	case "":
		return text, false
	case "Z", "UTC", "GMT", "UT":
		f.zone = time.UTC
		return rest, true
	case "Local":
		return text, false // of the machine
	}
	if seconds, ok := abbreviations[name]; ok {
		f.zone = time.FixedZone(name, seconds)
		return rest, true
	}
	for _, prefix := range []string{"UTC", "GMT", "UT", ""} {
		if after, found := strings.CutPrefix(name, prefix); found && after != "" && (after[0] == '+' || after[0] == '-') {
			left, ok := f.signedOffset(after, strings.Contains(after, ":"), 1, 0, true)
			return rest, ok && left == ""
		}
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return text, false
	}
	f.zone = zone
	return rest, true
}

// abbreviations are the names of zones that Java reads in English and that are
// the same all year.
var abbreviations = map[string]int{
	"EST": -5 * 3600, "EDT": -4 * 3600, "CST": -6 * 3600, "CDT": -5 * 3600, "MST": -7 * 3600, "MDT": -6 * 3600, "PST": -8 * 3600, "PDT": -7 * 3600,
	"WET": 0, "WEST": 3600, "CET": 3600, "CEST": 2 * 3600, "EET": 2 * 3600, "EEST": 3 * 3600, "BST": 3600, "IST": 19800, "JST": 9 * 3600, "KST": 9 * 3600,
}
