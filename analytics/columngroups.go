package analytics

import (
	"fmt"
	"slices"
	"strings"
)

// columnGroups numbers the groups of a query as they come.
type columnGroups struct {
	name   func(values []string) string
	levels []groupLevel // one for each column of By
	all    []columnGroup
	known  map[string]int32 // by what name says
	named  []int32          // the group of each combination of values; unused without name
	rows   []int32
	values []string
}

type columnGroup struct {
	name string
	by   []string
}

// groupLevel is a column of By. Together with those before it makes combinations
// of values, which are numbered; of the first they are the values.
type groupLevel struct {
	numbers map[string]int32 // of values
	values  []string
	// local has the numbers of the names in the block, from 1 on, and that of
	// no name; -1 for one that is not known yet.
	local        []int32
	combinations map[combination]int32
	list         []combination
	latest       combination // saves looking it up again
	number       int32
}

// combination is one of the level before, and a value.
type combination struct{ before, value int32 }

func newColumnGroups(query *ColumnQuery) columnGroups {
	g := columnGroups{name: query.Group, levels: make([]groupLevel, len(query.By)), known: map[string]int32{}}
	for i := range g.levels {
		g.levels[i].numbers = map[string]int32{}
		g.levels[i].combinations = map[combination]int32{}
		g.levels[i].latest = combination{-1, -1}
	}
	return g
}

// of returns the group of each row of a block. It is valid until the next.
func (g *columnGroups) of(block *ColumnBlock) ([]int32, error) {
	if cap(g.rows) < len(block.Times) {
		g.rows = make([]int32, len(block.Times))
	}
	rows := g.rows[:len(block.Times)]
	for i := range g.levels {
		level := &g.levels[i]
		level.localize(block.By[i].Names)
		if i == 0 {
			level.first(rows, block.By[0].Rows)
		} else {
			level.next(rows, block.By[i].Rows)
		}
		if level.size() > MaxCells {
			return nil, fmt.Errorf("%w: more than %d groups", ErrLimit, MaxCells)
		}
	}
	g.complete()
	if g.name != nil {
		for i, combination := range rows {
			rows[i] = g.named[combination]
		}
	}
	return rows, nil
}

func (l *groupLevel) size() int { return max(len(l.values), len(l.list)) }

// localize finds the values of the names of a block.
func (l *groupLevel) localize(names []string) {
	l.local = append(l.local[:0], -1)
	for _, name := range names {
		l.local = append(l.local, l.value(name))
	}
}

func (l *groupLevel) value(name string) int32 {
	number, known := l.numbers[name]
	if !known {
		number = int32(len(l.values))
		l.numbers[name] = number
		l.values = append(l.values, name)
	}
	return number
}

// valueOf returns the value of a name in the block, or of none.
func (l *groupLevel) valueOf(name int32) int32 {
	if l.local[name+1] < 0 {
		l.local[0] = l.value("")
	}
	return l.local[name+1]
}

// first puts the values into rows.
func (l *groupLevel) first(rows, names []int32) {
	for i, name := range names {
		rows[i] = l.valueOf(name)
	}
}

// next puts in place of the combinations before those with the values.
func (l *groupLevel) next(rows, names []int32) {
	for i, name := range names {
		c := combination{rows[i], l.valueOf(name)}
		if c != l.latest {
			number, known := l.combinations[c]
			if !known {
				number = int32(len(l.list))
				l.combinations[c] = number
				l.list = append(l.list, c)
			}
			l.latest, l.number = c, number
		}
		rows[i] = l.number
	}
}

// complete makes the groups of combinations that are new.
func (g *columnGroups) complete() {
	last := len(g.levels) - 1
	count := len(g.levels[last].list)
	if last == 0 {
		count = len(g.levels[0].values)
	}
	if g.name == nil {
		for number := len(g.all); number < count; number++ {
			by := slices.Clone(g.valuesOf(int32(number)))
			g.all = append(g.all, columnGroup{strings.Join(by, " / "), by})
		}
		return
	}
	for number := len(g.named); number < count; number++ {
		name := g.name(g.valuesOf(int32(number)))
		group, known := g.known[name]
		if !known {
			group = int32(len(g.all))
			g.known[name] = group
			g.all = append(g.all, columnGroup{name: name})
		}
		g.named = append(g.named, group)
	}
}

// valuesOf returns the values of a combination.
func (g *columnGroups) valuesOf(number int32) []string {
	g.values = g.values[:0]
	for i := len(g.levels) - 1; i > 0; i-- {
		c := g.levels[i].list[number]
		g.values = append(g.values, g.levels[i].values[c.value])
		number = c.before
	}
	g.values = append(g.values, g.levels[0].values[number])
	slices.Reverse(g.values)
	return g.values
}
