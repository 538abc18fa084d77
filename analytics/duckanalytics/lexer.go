package duckanalytics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

type tokenKind uint8

const (
	tokenSpace tokenKind = iota // blanks and comments
	tokenWord
	tokenQuoted   // "name"
	tokenBacktick // `name`
	tokenString
	tokenSymbol // everything else, byte by byte
)

type token struct {
	kind tokenKind
	text string
}

func (t token) is(word string) bool {
	return (t.kind == tokenWord || t.kind == tokenSymbol) && strings.EqualFold(t.text, word)
}

// tokens cuts a statement so that its parts joined are the statement. What
// DuckDB would read in another way than Presto, such as E'\x' and $$, is
// refused.
func tokens(sql string) ([]token, error) {
	var all []token
	for rest := sql; rest != ""; {
		t, err := nextToken(rest)
		if err != nil {
			return nil, err
		}
		if n := len(all); t.kind == tokenString && n > 0 && all[n-1].kind == tokenWord && len(all[n-1].text) <= 2 && !all[n-1].is("x") && !all[n-1].is("as") {
			return nil, fmt.Errorf("%w: %s before a string", analytics.ErrSQL, all[n-1].text)
		}
		all = append(all, t)
		rest = rest[len(t.text):]
	}
	return all, nil
}

func nextToken(rest string) (token, error) {
	switch c := rest[0]; {
	case isBlank(c):
		n := 1
		for n < len(rest) && isBlank(rest[n]) {
			n++
		}
		return token{tokenSpace, rest[:n]}, nil
	case strings.HasPrefix(rest, "--"):
		if n := strings.IndexAny(rest, "\r\n"); n >= 0 {
			rest = rest[:n]
		}
		return token{tokenSpace, rest}, nil
	case strings.HasPrefix(rest, "/*"):
		return comment(rest)
	case c == '\'':
		return delimited(tokenString, rest)
	case c == '"':
		return delimited(tokenQuoted, rest)
	case c == '`':
		return delimited(tokenBacktick, rest)
	case isWord(c):
		n := 1
		for n < len(rest) && isWord(rest[n]) {
			n++
		}
		return token{tokenWord, rest[:n]}, nil
	case c == '$' || c == 0:
		return token{}, fmt.Errorf("%w: unexpected %q", analytics.ErrSQL, c)
	}
	return token{tokenSymbol, rest[:1]}, nil
}

func isBlank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c >= 0x80
}

// comment reads a comment, which may hold others.
func comment(rest string) (token, error) {
	depth := 0
	for n := 0; n < len(rest); {
		switch {
		case strings.HasPrefix(rest[n:], "/*"):
			depth++
			n += 2
		case strings.HasPrefix(rest[n:], "*/"):
			depth--
			n += 2
			if depth == 0 {
				return token{tokenSpace, rest[:n]}, nil
			}
		default:
			n++
		}
	}
	return token{}, fmt.Errorf("%w: a comment has no end", analytics.ErrSQL)
}

func delimited(kind tokenKind, rest string) (token, error) {
	quote := rest[0]
	for n := 1; n < len(rest); n++ {
		if rest[n] != quote {
			continue
		}
		if n+1 < len(rest) && rest[n+1] == quote {
			n++
			continue
		}
		return token{kind, rest[:n+1]}, nil
	}
	return token{}, fmt.Errorf("%w: %c has no end", analytics.ErrSQL, quote)
}

// translate writes as DuckDB reads it what Presto, or the service, writes in
// another way: `name`, X'00ff', array(bigint) and GROUP BY ALL x. It leaves
// strings and comments alone.
func translate(sql string) (string, error) {
	all, err := tokens(sql)
	if err != nil {
		return "", err
	}
	if all, err = respell(all); err != nil {
		return "", err
	}
	var out strings.Builder
	if err := translateTokens(&out, all, 0); err != nil {
		return "", err
	}
	return out.String(), nil
}

func translateTokens(out *strings.Builder, all []token, depth int) error {
	if depth > maxTypeDepth {
		return fmt.Errorf("%w: it has more than %d levels", analytics.ErrSQL, maxTypeDepth)
	}
	for i := 0; i < len(all); i++ {
		t := all[i]
		switch {
		case t.kind == tokenBacktick:
			name := strings.ReplaceAll(t.text[1:len(t.text)-1], "``", "`")
			out.WriteString(`"` + strings.ReplaceAll(name, `"`, `""`) + `"`)
		case t.is("x") && i+1 < len(all) && all[i+1].kind == tokenString:
			out.WriteString("from_hex(" + all[i+1].text + ")")
			i++
		case t.is("array"):
			first, end := parentheses(all, i+1)
			if end == 0 {
				out.WriteString(t.text)
				break
			}
			if err := translateTokens(out, all[first:end], depth+1); err != nil {
				return err
			}
			out.WriteString("[]")
			i = end
		case t.is("decimal") && endsCast(all, i):
			out.WriteString(t.text + "(38,0)")
		case t.is("if") && arguments(all, i+1) == 2:
			// The parser wants a third.
			first, end := parentheses(all, i+1)
			out.WriteString("if(")
			if err := translateTokens(out, all[first:end], depth+1); err != nil {
				return err
			}
			out.WriteString(", NULL)")
			i = end
		case t.is("interval"):
			written, end, err := interval(all, i)
			if err != nil {
				return err
			}
			if end == 0 {
				written, end = t.text, i
			}
			out.WriteString(written)
			i = end
		case samples(all, i):
			out.WriteString(t.text)
			first, end := parentheses(all, i+1)
			if end == 0 {
				break
			}
			// DuckDB cuts a number without it.
			out.WriteString("(")
			if err := translateTokens(out, all[first:end], depth+1); err != nil {
				return err
			}
			out.WriteString(" PERCENT)")
			i = end
		case (t.is("all") || t.is("distinct")) && groups(all, i):
		default:
			out.WriteString(t.text)
		}
	}
	return nil
}

// endsCast reports whether the word at i is the type of a cast: AS word).
func endsCast(all []token, i int) bool {
	next, before := i+1, i-1
	for next < len(all) && all[next].kind == tokenSpace {
		next++
	}
	for before >= 0 && all[before].kind == tokenSpace {
		before--
	}
	if next == len(all) || !all[next].is(")") || before < 0 || !all[before].is("as") {
		return false
	}
	for depth := 0; before >= 0; before-- {
		switch {
		case all[before].is(")"):
			depth++
		case all[before].is("(") && depth > 0:
			depth--
		case all[before].is("("):
			for before--; before >= 0 && all[before].kind == tokenSpace; before-- {
			}
			return before >= 0 && (all[before].is("cast") || all[before].is("try_cast"))
		}
	}
	return false
}

// parentheses returns the tokens between those that begin at i, if they do.
func parentheses(all []token, i int) (first, end int) {
	for i < len(all) && all[i].kind == tokenSpace {
		i++
	}
	if i == len(all) || !all[i].is("(") {
		return 0, 0
	}
	depth := 0
	for end = i; end < len(all); end++ {
		switch {
		case all[end].is("("):
			depth++
		case all[end].is(")"):
			if depth--; depth == 0 {
				return i + 1, end
			}
		}
	}
	return 0, 0
}

// arguments counts those in the parentheses that begin at i.
func arguments(all []token, i int) int {
	first, end := parentheses(all, i)
	if first == end {
		return 0
	}
	n, depth := 1, 0
	for _, t := range all[first:end] {
		switch {
		case t.is("("), t.is("["):
			depth++
		case t.is(")"), t.is("]"):
			depth--
		case t.is(",") && depth == 0:
			n++
		}
	}
	return n
}

// groups reports whether the word at i is between GROUP BY and an expression.
func groups(all []token, i int) bool {
	var before []token
	for j := i - 1; j >= 0 && len(before) < 2; j-- {
		if all[j].kind != tokenSpace {
			before = append(before, all[j])
		}
	}
	if len(before) < 2 || !before[0].is("by") || !before[1].is("group") {
		return false
	}
	for _, t := range all[i+1:] {
		if t.kind == tokenSpace {
			continue
		}
		return !slices.ContainsFunc([]string{")", ";", "having", "order", "limit", "union", "intersect", "except"}, t.is)
	}
	return false
}
