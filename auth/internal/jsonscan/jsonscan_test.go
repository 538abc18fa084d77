package jsonscan_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/auth/internal/jsonscan"
)

func TestScanner(t *testing.T) {
	t.Parallel()
	s := jsonscan.New([]byte(` {"a" : [1, -2.5e+3, true, false, null, "x\n"], "b": {}, "c":[]} `))
	s.Object()
	name, escaped, ok := s.Member()
	require.True(t, ok && !escaped)
	require.Equal(t, "a", string(name))
	s.Array()
	var got []string
	for s.Element() {
		switch s.Kind() {
		case 0:
			got = append(got, string(s.Number()))
		case 't':
			require.True(t, s.Bool())
		case 'f':
			require.False(t, s.Bool())
		case 'n':
			s.Null()
		default:
			raw, escaped := s.String()
			require.True(t, escaped)
			text, ok := jsonscan.AppendUnescaped(nil, raw)
			require.True(t, ok)
			got = append(got, string(text))
		}
	}
	require.Equal(t, []string{"1", "-2.5e+3", "x\n"}, got)
	for _, want := range []string{"{}", "[]"} {
		_, _, ok = s.Member()
		require.True(t, ok)
		require.Equal(t, want, string(s.Skip()))
	}
	_, _, ok = s.Member()
	require.False(t, ok)
	require.NoError(t, s.End())
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:            "byte 0: want a value",
		`{"a":1,}`:    "byte 7: want a string",
		`{"a" 1}`:     "byte 5: want ':' after the name of a member",
		`[1,]`:        "byte 3: want a value",
		`[1 2]`:       "byte 3: want ',' or the closing bracket",
		`"a`:          "byte 2: string without end",
		"\"\x01\"":    "byte 1: control character in a string",
		"\"\xff\"":    "byte 3: string is not UTF-8",
		`"\x"`:        "byte 1: bad escape in a string",
		`"\u12g4"`:    "byte 1: bad escape in a string",
		`-`:           "byte 1: want a number",
		`1.`:          "byte 2: want a digit after the decimal point",
		`1e`:          "byte 2: want a digit in the exponent",
		`tru`:         "byte 0: want true",
		`1 2`:         "byte 2: text after the end of the value",
		`01`:          "byte 1: text after the end of the value",
		`[1}`:         "byte 2: want ',' or the closing bracket",
		`{"a":{"b":]`: "byte 10: want a value",
		strings.Repeat("[", 33) + strings.Repeat("]", 33): "byte 33: nested too deep",
	} {
		s := jsonscan.New([]byte(text))
		s.Skip()
		require.EqualError(t, s.End(), want, text)
		require.True(t, s.Failed())
		require.False(t, s.Element())
		require.Empty(t, s.Skip())
	}
}

func TestAppendUnescapedRefusesHalfSurrogates(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`\ud800`, `\udc00`, `\ud800\ud800`, `\ud800x`, `\ud800\n`, `\udc00\ud800`, `\ud800\u0041`} {
		_, ok := jsonscan.AppendUnescaped(nil, []byte(raw))
		require.False(t, ok, raw)
	}
}

// FuzzSkip compares with encoding/json what is JSON.
func FuzzSkip(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `{"a":[1,2.5,-3e-2,"\ud83d\ude00",null,true,false]}`, `"\u0000"`, ` 1 `, `{"a":1,"a":2}`, `[1,]`, `{"a"}`,
		"\"\xc3\x28\"", `-0`, `00`, `1e+`, `[[[[]]]]`, "\ufeff{}", `nul`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := jsonscan.New(text)
		value := s.Skip()
		err := s.End()
		if depth(text) > jsonscan.MaxDepth || !utf8.Valid(text) {
			return // encoding/json takes these
		}
		if want := json.Valid(text); want != (err == nil) {
			t.Fatalf("%q: valid is %t, the scanner says %v", text, want, err)
		}
		if err == nil && string(value) != strings.Trim(string(text), " \t\r\n") {
			t.Fatalf("%q: skipped %q", text, value)
		}
	})
}

// depth is not less than the depth of a text.
func depth(text []byte) (deepest int) {
	level := 0
	for _, c := range text {
		switch c {
		case '{', '[':
			level++
			deepest = max(deepest, level)
		case '}', ']':
			level--
		}
	}
	return deepest
}

// FuzzString compares with encoding/json what a string stands for.
func FuzzString(f *testing.F) {
	for _, seed := range []string{`""`, `"a"`, `"\"\\\/\b\f\n\r\t"`, `"\u00fc\ud83d\ude00"`, `"\ud800"`, `"ü"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := jsonscan.New(text)
		raw, _ := s.String()
		if s.End() != nil {
			return
		}
		var want string
		require.NoError(t, json.Unmarshal(text, &want))
		got, ok := jsonscan.AppendUnescaped(nil, raw)
		if !ok {
			require.Contains(t, want, "\ufffd")
			return
		}
		require.Equal(t, want, string(got))
	})
}
