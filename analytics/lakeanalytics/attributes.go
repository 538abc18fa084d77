package lakeanalytics

import (
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/internal/jsonscan"
)

// attributes finds those attributes of messages that are wanted, in any case:
// of a name the last.
type attributes struct {
	places map[string]int // by name in lower case
	raws   [][]byte       // of the message, by place; nil where there is none
	seen   []expectation
	name   []byte
}

// expectation is the place of an attribute, as the message before tells it by
// the same position.
type expectation struct {
	name  []byte
	place int
}

// want returns the place of an attribute, a new one unless it is wanted already.
func (a *attributes) want(name []byte) int {
	if a.places == nil {
		a.places = map[string]int{}
	}
	lower := string(appendLower(nil, name))
	place, known := a.places[lower]
	if !known {
		place = len(a.raws)
		a.places[lower], a.raws = place, append(a.raws, nil)
	}
	return place
}

// scan checks an object and takes its attributes, none if it is wrong.
func (a *attributes) scan(data []byte) bool {
	if !a.scanned(data) {
		a.forget()
		return false
	}
	return true
}

func (a *attributes) scanned(data []byte) bool {
	i := jsonscan.Space(data, 0)
	if i >= len(data) || data[i] != '{' {
		return false
	}
	if i = jsonscan.Space(data, i+1); i < len(data) && data[i] == '}' {
		return jsonscan.Space(data, i+1) == len(data)
	}
	for position := 0; ; position++ {
		if i >= len(data) || data[i] != '"' {
			return false
		}
		end, escaped := jsonscan.String(data, i+1)
		if end < 0 {
			return false
		}
		name := data[i+1 : end]
		if escaped {
			name = jsonscan.AppendText(nil, name)
		}
		if i = jsonscan.Space(data, end+1); i >= len(data) || data[i] != ':' {
			return false
		}
		from := jsonscan.Space(data, i+1)
		if i = jsonscan.Value(data, from, maxDepth-1); i < 0 {
			return false
		}
		a.take(position, name, data[from:i])
		if i = jsonscan.Space(data, i); i >= len(data) {
			return false
		}
		if data[i] == '}' {
			return jsonscan.Space(data, i+1) == len(data)
		}
		if data[i] != ',' {
			return false
		}
		i = jsonscan.Space(data, i+1)
	}
}

// take takes the value of an attribute at a position of the message.
func (a *attributes) take(position int, name, value []byte) {
	var place int
	if position < len(a.seen) && string(a.seen[position].name) == string(name) {
		place = a.seen[position].place
	} else {
		place = a.lookup(position, name)
	}
	if place >= 0 {
		a.raws[place] = value
	}
}

// lookup finds the place of an attribute, and remembers it.
func (a *attributes) lookup(position int, name []byte) int {
	a.name = appendLower(a.name[:0], name)
	place, ok := a.places[string(a.name)]
	if !ok {
		place = -1
	}
	if position == len(a.seen) && position < 2*MaxColumns {
		a.seen = append(a.seen, expectation{})
	}
	if position < len(a.seen) && len(name) <= pipeline.MaxFieldName {
		a.seen[position].name = append(a.seen[position].name[:0], name...)
		a.seen[position].place = place
	}
	return place
}

// forget makes room for the next message.
func (a *attributes) forget() { clear(a.raws) }
