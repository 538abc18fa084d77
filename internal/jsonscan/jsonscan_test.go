package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/jsonscan"
)

const depth = 100

func valid(text string) bool {
	data := []byte(text)
	end := jsonscan.Value(data, jsonscan.Space(data, 0), depth)
	return end >= 0 && jsonscan.Space(data, end) == len(data)
}

func TestValue(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `[]`, ` { "a" : [ 1 , -0.5e+3 , "x\u00e9\n" , null , true , false ] } `, `0`, `"é"`, `"aaaaaaaaaaaaaaaaaaaa"`, `[[[]]]`, `1E5`,
	} {
		require.True(t, valid(text), text)
	}
	for text, at := range map[string]int{
		``: 0, `{`: 1, `{"a"}`: 4, `{"a":1,}`: 7, `[1,]`: 3, `[1 2]`: 3, `01`: 0, `-`: 1, `1.`: 2, `1e`: 2, `tru`: 0, `{a:1}`: 1, "\"\n\"": 1, `"\x"`: 1, `"\u12"`: 1, "\"\xff\"": 1, `"`: 1,
		`{"a":1`: 6, `[1`: 2,
	} {
		require.Equal(t, -1-at, jsonscan.Value([]byte(text), 0, depth), text)
	}
	require.Equal(t, 6, jsonscan.Value([]byte(`[[[]]]`), 0, 3))
	require.Equal(t, -1-2, jsonscan.Value([]byte(`[[[]]]`), 0, 2))
}

func FuzzValue(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e+3,"x\u00e9\ud83d\ude00\n",null,true]}`, `"\ud83d"`, `[01]`, "\"\x00\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if jsonscan.Value([]byte(text), 0, 1<<20) >= 0 && !valid(text) {
			return // too deep, or data after the value
		}
		require.Equal(t, utf8.ValidString(text) && json.Valid([]byte(text)), valid(text), text)
		if valid(text) {
			var compact bytes.Buffer
			require.NoError(t, json.Compact(&compact, []byte(text)))
			require.Equal(t, compact.String(), string(jsonscan.AppendCompact(nil, []byte(text))))
			for _, following := range []string{"", ",", "]", "}", " ", "\n"} {
				data, start := []byte(text+following), jsonscan.Space([]byte(text), 0)
				require.Equal(t, jsonscan.Value(data, start, 1<<20), jsonscan.Skip(data, start))
			}
		}
		var meaning string
		if valid(text) && json.Unmarshal([]byte(text), &meaning) == nil && text[0] == '"' {
			end, _ := jsonscan.String([]byte(text), 1)
			require.Equal(t, meaning, string(jsonscan.AppendText(nil, []byte(text[1:end]))))
		}
	})
}
