package shadow

import "strconv"

// appendValue appends the JSON text of v without white space.
func appendValue(text []byte, v value) []byte {
	switch v.kind {
	case kindScalar:
		return append(text, v.text...)
	case kindArray:
		text = append(text, '[')
		for i := range v.members {
			if i > 0 {
				text = append(text, ',')
			}
			text = appendValue(text, v.members[i].value)
		}
		return append(text, ']')
	case kindObject:
		text = append(text, '{')
		for i := range v.members {
			if i > 0 {
				text = append(text, ',')
			}
			text = append(append(text, v.members[i].name...), ':')
			text = appendValue(text, v.members[i].value)
		}
		return append(text, '}')
	default:
		return append(text, "null"...)
	}
}

// size is the length of what appendValue appends; 0 if v is absent.
func (v value) size() int {
	switch v.kind {
	case kindAbsent:
		return 0
	case kindNull:
		return len("null")
	case kindScalar:
		return len(v.text)
	}
	size := len("{}") + max(0, len(v.members)-1)
	for i := range v.members {
		if v.kind == kindObject {
			size += len(v.members[i].name) + len(":")
		}
		size += v.members[i].size()
	}
	return size
}

// appendMetadata appends the metadata of v: its shape, with {"timestamp":T} in
// the place of each scalar. A null has no metadata. A given time is that of
// everything in v; 0 means that v has its own.
func appendMetadata(text []byte, v value, time int64) []byte {
	if time == 0 {
		time = v.time
	}
	switch v.kind {
	case kindArray:
		text = append(text, '[')
		for i := range v.members {
			if i > 0 {
				text = append(text, ',')
			}
			text = appendMetadata(text, v.members[i].value, time)
		}
		return append(text, ']')
	case kindObject:
		text = append(text, '{')
		first := true
		for i := range v.members {
			if v.members[i].kind == kindNull {
				continue
			}
			if !first {
				text = append(text, ',')
			}
			first = false
			text = append(append(text, v.members[i].name...), ':')
			text = appendMetadata(text, v.members[i].value, time)
		}
		return append(text, '}')
	default:
		text = append(text, `{"timestamp":`...)
		text = strconv.AppendInt(text, time, 10)
		return append(text, '}')
	}
}

// appendString appends a JSON string with the least escapes.
func appendString(text []byte, s string) []byte {
	const hex = "0123456789abcdef"
	text = append(text, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			text = append(text, '\\', c)
		case c == '\n':
			text = append(text, `\n`...)
		case c == '\r':
			text = append(text, `\r`...)
		case c == '\t':
			text = append(text, `\t`...)
		case c < ' ':
			text = append(text, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			text = append(text, c)
		}
	}
	return append(text, '"')
}

func appendVersion(text []byte, version int64) []byte {
	return strconv.AppendInt(append(text, `,"version":`...), version, 10)
}

func appendTimestamp(text []byte, seconds int64) []byte {
	return strconv.AppendInt(append(text, `,"timestamp":`...), seconds, 10)
}

// appendEnd closes a document, with the client token if there is one.
func appendEnd(text []byte, clientToken string) []byte {
	if clientToken != "" {
		text = appendString(append(text, `,"clientToken":`...), clientToken)
	}
	return append(text, '}')
}
