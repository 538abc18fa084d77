package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
)

// corpus holds the models of the engine, whose traces are written from the
// documentation of the service.
const corpus = "../../alerts/detector/testdata/golden"

// TestCorpus runs the corpus of the engine through the program.
func TestCorpus(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob(filepath.Join(corpus, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			args, ok := corpusArgs(t, folder)
			if !ok {
				t.Skip("the program has no flag for an option of this case")
			}
			got := backtest("", args...)
			require.Equal(t, statusDone, got.status, got.err)
			wanted, err := os.ReadFile(filepath.Join(folder, "trace.jsonl"))
			require.NoError(t, err)
			want, lines := strings.Split(strings.TrimSpace(string(wanted)), "\n"), strings.Split(strings.TrimSpace(got.out), "\n")
			require.Len(t, lines, len(want))
			for i := range want {
				requireCorpusLine(t, want[i], lines[i])
			}
		})
	}
}

// corpusArgs returns the flags of a case.
func corpusArgs(t *testing.T, folder string) (args []string, ok bool) {
	t.Helper()
	var c struct {
		Until   *float64          `json:"until"`
		Inputs  []json.RawMessage `json:"inputs"`
		Options detector.Options  `json:"options"`
	}
	text, err := os.ReadFile(filepath.Join(folder, "case.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &c))
	args = []string{"detector", "-model", filepath.Join(folder, "model.json"), "-messages", filepath.Join(folder, "messages.jsonl")}
	if c.Until != nil {
		args = append(args, "-until", strconv.FormatFloat(*c.Until, 'f', -1, 64))
	}
	for i, input := range c.Inputs {
		name := filepath.Join(t.TempDir(), strconv.Itoa(i)+".json")
		require.NoError(t, os.WriteFile(name, input, 0o600))
		args = append(args, "-inputs", name)
	}
	if c.Options.Strict {
		args = append(args, "-strict")
	}
	semantics := reflect.ValueOf(c.Options.Semantics)
	for i := range semantics.NumField() {
		if semantics.Field(i).Bool() {
			args = append(args, "-semantics", semantics.Type().Field(i).Name)
		}
	}
	return args, c.Options.MinTimer == 0
}

// requireCorpusLine compares lines. Errors of the corpus are parts of their
// texts or paths; what is not found has a text of its own here.
func requireCorpusLine(t *testing.T, want, got string) {
	t.Helper()
	w, g := corpusLine(t, want), corpusLine(t, got)
	wanted, given := w["errors"].([]any), g["errors"].([]any)
	require.Len(t, given, len(wanted), "want %s\ngot  %s", want, got)
	for i := range wanted {
		e := given[i].(map[string]any)
		if e["code"] != resourceNotFound {
			text, err := json.Marshal(e)
			require.NoError(t, err)
			quoted, err := json.Marshal(wanted[i])
			require.NoError(t, err)
			require.Contains(t, string(text), string(quoted[1:len(quoted)-1]))
		}
	}
	delete(w, "errors")
	delete(g, "errors")
	require.Equal(t, w, g, "want %s\ngot  %s", want, got)
}

// corpusLine keeps Integer and Decimal apart.
func corpusLine(t *testing.T, text string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var line map[string]any
	require.NoError(t, decoder.Decode(&line))
	return line
}
