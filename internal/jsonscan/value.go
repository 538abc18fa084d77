package jsonscan

// Space returns the index of the first byte that is no space.
func Space(data []byte, i int) int {
	for i < len(data) && data[i] <= ' ' && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

// Number checks a number.
func Number(data []byte, i int) int {
	if i < len(data) && data[i] == '-' {
		i++
	}
	first := i
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	if i == first || data[first] == '0' && i > first+1 {
		return -1 - first
	}
	if i < len(data) && data[i] == '.' {
		first = i + 1
		for i = first; i < len(data) && data[i]-'0' <= 9; {
			i++
		}
		if i == first {
			return -1 - i
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
			return -1 - i
		}
	}
	return i
}

// Value checks a value, which nests at most depth levels.
func Value(data []byte, i, depth int) int {
	if i >= len(data) {
		return -1 - i
	}
	switch data[i] {
	case '"':
		end, _ := String(data, i+1)
		if end < 0 {
			return end
		}
		return end + 1
	case '{':
		return object(data, i+1, depth-1)
	case '[':
		return array(data, i+1, depth-1)
	case 't':
		return word(data, i, "true")
	case 'f':
		return word(data, i, "false")
	case 'n':
		return word(data, i, "null")
	}
	return Number(data, i)
}

func object(data []byte, i, depth int) int {
	if depth < 0 {
		return -i
	}
	if i = Space(data, i); i < len(data) && data[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(data) || data[i] != '"' {
			return -1 - i
		}
		if i, _ = String(data, i+1); i < 0 {
			return i
		}
		if i = Space(data, i+1); i >= len(data) || data[i] != ':' {
			return -1 - i
		}
		if i = Value(data, Space(data, i+1), depth); i < 0 {
			return i
		}
		if i = Space(data, i); i >= len(data) {
			return -1 - i
		}
		if data[i] == '}' {
			return i + 1
		}
		if data[i] != ',' {
			return -1 - i
		}
		i = Space(data, i+1)
	}
}

func array(data []byte, i, depth int) int {
	if depth < 0 {
		return -i
	}
	if i = Space(data, i); i < len(data) && data[i] == ']' {
		return i + 1
	}
	for {
		if i = Value(data, i, depth); i < 0 {
			return i
		}
		if i = Space(data, i); i >= len(data) {
			return -1 - i
		}
		if data[i] == ']' {
			return i + 1
		}
		if data[i] != ',' {
			return -1 - i
		}
		i = Space(data, i+1)
	}
}

func word(data []byte, i int, word string) int {
	if end := i + len(word); end <= len(data) && string(data[i:end]) == word {
		return end
	}
	return -1 - i
}

// AppendCompact appends checked JSON without the spaces in it.
func AppendCompact(b, raw []byte) []byte {
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case ' ', '\n', '\r', '\t':
			i++
		case '"':
			end, _ := String(raw, i+1)
			b = append(b, raw[i:end+1]...)
			i = end + 1
		default:
			b = append(b, c)
			i++
		}
	}
	return b
}
