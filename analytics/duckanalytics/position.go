package duckanalytics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// clause is the part of a query that a token stands in.
type clause uint8

const (
	clauseNone   clause = iota // arguments, or what comes before a query
	clauseWith                 // the queries before a query
	clauseSelect               // the select list
	clauseFrom                 // the tables
	clauseOn                   // conditions between tables
	clauseRest                 // what follows the tables
	clauseValues               // rows
	clauseType                 // the type of a cast
	clauseCase                 // from CASE to END
)

// nesting is what parentheses, brackets, CASE and END enclose.
type nesting struct {
	clause clause
	// opener is the token before the parenthesis, such as the name of a function.
	opener token
	// closed is the symbol that ends the level, if one does.
	closed string
	// typed is in the type of a cast.
	typed bool
	// bare is in a row of VALUES without parentheses.
	bare bool
}

// position goes through the tokens of a statement, and knows whether the next is
// where an operand, a name, may begin, or where an operator or an alias stands.
type position struct {
	all []token
	at  int
	out []token

	levels  []nesting
	operand bool
	// last are the two tokens before, the nearest first.
	last [2]token
}

// respell quotes the names that DuckDB would read as keywords and Presto
// doesn't, writes AS before an alias, and refuses what Presto can't read.
func respell(all []token) ([]token, error) {
	p := &position{all: all, levels: []nesting{{}}}
	for p.at < len(all) {
		if err := p.step(); err != nil {
			return nil, err
		}
	}
	if p.last[0].is(",") {
		return nil, fmt.Errorf("%w: nothing stands behind the last ,", analytics.ErrSQL)
	}
	if p.level().bare {
		// A comment may come before.
		p.out = append(p.out, token{tokenSpace, "\n"}, token{tokenSymbol, ")"})
	}
	return p.out, nil
}

func (p *position) step() error {
	t := p.all[p.at]
	p.row(t)
	switch t.kind {
	case tokenWord:
		return p.word(t)
	case tokenSymbol:
		return p.symbol(t)
	case tokenString:
		if p.last[0].is("as") || !p.operand && p.level().clause == clauseFrom {
			return fmt.Errorf("%w: the alias %s is a text, names stand in double quotes", analytics.ErrSQL, t.text)
		}
		p.pass(t, false)
	case tokenQuoted, tokenBacktick:
		p.pass(t, false)
	case tokenSpace:
		p.out = append(p.out, t)
		p.at++
	}
	return nil
}

// row puts a row of VALUES that is one value alone in parentheses, before a token.
func (p *position) row(t token) {
	level := p.level()
	switch {
	case level.clause != clauseValues || t.kind == tokenSpace:
	case level.bare && ends(t, afterItems):
		p.out = append(p.out, token{tokenSymbol, ")"})
		level.bare = false
	case !level.bare && (p.last[0].is("values") || p.last[0].is(",")) && !t.is("("):
		p.out = append(p.out, token{tokenSymbol, "("})
		level.bare = true
	}
}

// pass writes a token, and tells whether an operand may follow.
func (p *position) pass(t token, operand bool) {
	p.out = append(p.out, t)
	p.last[0], p.last[1] = t, p.last[0]
	p.operand = operand
	p.at++
}

// passTo writes the tokens up to one.
func (p *position) passTo(end int, operand bool) {
	for p.at <= end {
		if t := p.all[p.at]; t.kind == tokenSpace {
			p.out = append(p.out, t)
			p.at++
		} else {
			p.pass(t, operand)
		}
	}
}

// quote writes a word as a name.
func (p *position) quote(t token) { p.pass(token{tokenQuoted, quoteName(t.text)}, false) }

// alias writes a word as a name after AS.
func (p *position) alias(t token) {
	p.out = append(p.out, token{tokenWord, "AS"}, token{tokenSpace, " "})
	p.quote(t)
}

// next is the place of the n-th token after a place that is no space, and that
// token; without one, the place is that of the end.
func (p *position) next(at, n int) (int, token) {
	for at++; at < len(p.all); at++ {
		if p.all[at].kind == tokenSpace {
			continue
		}
		if n--; n == 0 {
			return at, p.all[at]
		}
	}
	return at, token{}
}

func (p *position) level() *nesting { return &p.levels[len(p.levels)-1] }

func (p *position) symbol(t token) error {
	switch t.text {
	case "(":
		p.open(nesting{opener: p.last[0], closed: ")"})
		p.pass(t, true)
	case "[":
		if p.operand {
			return fmt.Errorf("%w: [ without ARRAY before it", analytics.ErrSQL)
		}
		p.open(nesting{closed: "]"})
		p.pass(t, true)
	case ")", "]":
		return p.close(t)
	case ",":
		if level := p.level(); level.clause == clauseOn {
			level.clause = clauseFrom
		}
		p.pass(t, true)
	case ";":
		p.levels = []nesting{{}}
		p.pass(t, false)
	case ":", "{", "}":
		return fmt.Errorf("%w: unexpected %q", analytics.ErrSQL, t.text)
	case "*":
		p.pass(t, !p.operand)
	default:
		p.pass(t, true)
	}
	return nil
}

// open begins a level.
func (p *position) open(l nesting) {
	above := p.level()
	l.typed = above.typed || above.clause == clauseType
	p.levels = append(p.levels, l)
}

// close ends the level.
func (p *position) close(t token) error {
	switch level := p.level(); {
	case level.closed != t.text:
		return fmt.Errorf("%w: unexpected %s", analytics.ErrSQL, t.text)
	case p.last[0].is("(") && nameIs(level.opener, "count"):
		return fmt.Errorf("%w: the function count without an argument, want count(*)", analytics.ErrSQL)
	}
	p.levels = p.levels[:len(p.levels)-1]
	p.pass(t, false)
	return p.comma(t)
}

// comma refuses one that nothing follows before a token.
func (p *position) comma(t token) error {
	if p.last[1].is(",") && ends(t, afterItems) {
		return fmt.Errorf("%w: nothing stands between , and %s", analytics.ErrSQL, t.text)
	}
	return nil
}

// nameIs tells whether a word, in quotes or without, is a name.
func nameIs(t token, name string) bool { return strings.EqualFold(strings.Trim(t.text, "\"`"), name) }

func (p *position) word(t token) error {
	word := strings.ToLower(t.text)
	switch {
	case '0' <= word[0] && word[0] <= '9', p.last[0].is("."):
		p.pass(t, false)
	case slices.Contains(prestoReserved, word):
		return p.reserved(t, word)
	case p.operand:
		p.name(t, word)
	default:
		return p.behind(t, word)
	}
	return nil
}

// reserved follows a word that is no name in Presto.
func (p *position) reserved(t token, word string) error {
	level := p.level()
	operand := slices.Contains(beforeOperands, word)
	switch word {
	case "select":
		level.clause = clauseSelect
	case "from":
		if p.last[0].is("distinct") && (p.last[1].is("is") || p.last[1].is("not")) {
			break
		}
		if level.clause == clauseWith || level.clause == clauseNone && (p.operand || len(p.levels) == 1) {
			return fmt.Errorf("%w: FROM without SELECT", analytics.ErrSQL)
		}
		if level.clause == clauseSelect {
			level.clause = clauseFrom
		}
	case "where", "having", "group", "order":
		if level.clause != clauseNone {
			level.clause = clauseRest
		}
	case "union", "intersect", "except":
		level.clause = clauseNone
	case "values":
		level.clause = clauseValues
	case "with":
		if level.clause == clauseNone {
			level.clause = clauseWith
		}
	case "on":
		if p.last[0].is("distinct") {
			return refuse("DISTINCT ON")
		}
		if level.clause == clauseFrom {
			level.clause = clauseOn
		}
	case "join":
		if level.clause == clauseOn {
			level.clause = clauseFrom
		}
	case "as":
		if level.clause == clauseNone && level.closed == ")" {
			level.clause, operand = clauseType, false
		}
	case "case":
		p.open(nesting{clause: clauseCase})
	case "end":
		if level.clause == clauseCase {
			p.levels = p.levels[:len(p.levels)-1]
		}
	}
	p.pass(t, operand)
	return p.comma(t)
}

// name writes a word that stands where an operand begins.
func (p *position) name(t token, word string) {
	at, next := p.next(p.at, 1)
	switch {
	case word == "interval" && p.interval(at, next):
	case slices.Contains(duckReserved, word) && p.alone(word, next):
		p.quote(t)
	default:
		// ALL x, as in SELECT ALL x, is x, but not ORDER BY ALL.
		p.pass(t, word == "all" && !next.is("(") && !p.last[1].is("order"))
	}
}

// interval passes INTERVAL '1' DAY and INTERVAL '1-2' YEAR TO MONTH, and reports
// whether there is one.
func (p *position) interval(at int, next token) bool {
	if next.is("+") || next.is("-") {
		at, next = p.next(at, 1)
	}
	if next.kind != tokenString {
		return false
	}
	end := at
	if unit, found := p.next(at, 1); found.kind == tokenWord {
		end = unit
		if to, found := p.next(unit, 2); found.kind == tokenWord {
			if _, between := p.next(unit, 1); between.is("to") {
				end = to
			}
		}
	}
	p.passTo(end, false)
	return true
}

// alone reports whether a word where an operand begins is a name, and not the
// beginning of more.
func (p *position) alone(word string, next token) bool {
	if next.is("(") || next.kind == tokenString {
		return false
	}
	before := p.last[0]
	switch word {
	case "all":
		switch {
		case before.is("by"):
			return next.is(",")
		case before.is("limit"), before.is("union"), before.is("intersect"), before.is("except"):
			return false
		}
		return ends(next, afterOperands)
	case "array", "map":
		if level := p.level(); level.typed {
			return next.kind == tokenWord
		}
		return word == "map" || !next.is("[")
	case "lateral":
		return !next.is("unnest")
	case "both", "leading", "trailing":
		return !before.is("(") || !nameIs(p.level().opener, "trim") || next.is(")") || next.is(",")
	}
	return true
}

// behind writes a word that stands after an operand: an alias, or what is a
// keyword only there.
func (p *position) behind(t token, word string) error {
	level := p.level()
	_, next := p.next(p.at, 1)
	switch {
	case word == "at" && p.zone():
	case level.clause == clauseSelect && ends(next, afterItems):
		p.alias(t)
	case level.clause == clauseFrom && slices.Contains(duckReserved, word) && ends(next, afterTables):
		p.alias(t)
	case word == "tablesample" && !next.is("bernoulli") && !next.is("system"):
		return refuse("TABLESAMPLE but BERNOULLI and SYSTEM")
	case word == "limit" || word == "offset":
		if level.clause != clauseNone {
			level.clause = clauseRest
		}
		p.pass(t, true)
	default:
		p.pass(t, false)
	}
	return nil
}

// zone passes AT TIME ZONE, and reports whether there is one.
func (p *position) zone() bool {
	_, time := p.next(p.at, 1)
	end, zone := p.next(p.at, 2)
	if !time.is("time") || !zone.is("zone") {
		return false
	}
	p.passTo(end, true)
	return true
}

// ends tells whether a token is one of some, or the end.
func ends(next token, by []string) bool {
	return next.text == "" || slices.Contains(by, strings.ToLower(next.text))
}
