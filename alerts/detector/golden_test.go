package detector_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
)

// goldenCase is what a case of the corpus says beside its model, messages and
// trace.
type goldenCase struct {
	About string `json:"about"`
	// Until: timers are fired up to this second after the last message.
	Until   *float64          `json:"until"`
	Inputs  []json.RawMessage `json:"inputs"`
	Options detector.Options  `json:"options"`
}

// The corpus was written from the documentation of the service, not from what
// the engine does. Errors are given by a part of their text.
func TestGolden(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/golden/*")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(folders), 100)
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			want := readLines(t, folder, "trace.jsonl")
			got := replay(t, folder)
			for i := range min(len(want), len(got)) {
				requireLine(t, want[i], got[i])
			}
			require.Len(t, got, len(want))
		})
	}
}

// Each option has its case, but for one that shows in default payloads only:
// see TestDefaultPayload.
func TestGoldenOptions(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/golden/*")
	require.NoError(t, err)
	turned := map[string]bool{}
	for _, folder := range folders {
		var c goldenCase
		require.NoError(t, json.Unmarshal([]byte(readFile(t, folder, "case.json")), &c))
		options := reflect.ValueOf(c.Options.Semantics)
		for i := range options.NumField() {
			if options.Field(i).Bool() {
				turned[options.Type().Field(i).Name] = true
			}
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[detector.Semantics]()) {
		require.True(t, turned[field.Name] || field.Name == "BareTimerPayload", field.Name)
	}
}

func readLines(t *testing.T, folder, name string) []string {
	t.Helper()
	return strings.Split(strings.TrimSuffix(readFile(t, folder, name), "\n"), "\n")
}

func readFile(t *testing.T, folder, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	return string(text)
}

// replay returns the trace of a case. Every state passes through its encoding
// after every line.
func replay(t *testing.T, folder string) (lines []string) {
	t.Helper()
	var c goldenCase
	require.NoError(t, json.Unmarshal([]byte(readFile(t, folder, "case.json")), &c))
	require.NotEmpty(t, c.About)
	if len(c.Inputs) > 0 {
		c.Options.Attributes = map[string][]string{}
		for _, text := range c.Inputs {
			input, err := detector.LoadInput(text)
			require.NoError(t, err)
			c.Options.Attributes[input.Name] = input.Attributes
		}
	}
	model, err := detector.Load([]byte(readFile(t, folder, "model.json")), func(o *detector.Options) { *o = c.Options })
	require.NoError(t, err)
	d := &driver{t: t, model: model, states: map[string]*detector.State{}, seen: map[string]float64{}}
	for _, text := range readLines(t, folder, "messages.jsonl") {
		var line driverLine
		require.NoError(t, json.Unmarshal([]byte(text), &line))
		d.until(line.At)
		d.line(&line)
		for _, state := range d.states {
			restart(t, state)
		}
	}
	if c.Until != nil {
		d.until(*c.Until)
	}
	return d.trace
}

func restart(t *testing.T, state *detector.State) {
	t.Helper()
	encoded, err := state.MarshalBinary()
	require.NoError(t, err)
	require.NoError(t, state.UnmarshalBinary(encoded))
}

func requireLine(t *testing.T, want, got string) {
	t.Helper()
	w, g := decodeLine(t, want), decodeLine(t, got)
	wanted, given := w["errors"].([]any), g["errors"].([]any)
	require.Len(t, given, len(wanted), "want %s\ngot  %s", want, got)
	for i := range wanted {
		require.Contains(t, given[i], wanted[i])
	}
	delete(w, "errors")
	delete(g, "errors")
	require.Equal(t, w, g, "want %s\ngot  %s", want, got)
}

// decodeLine keeps Integer and Decimal apart.
func decodeLine(t *testing.T, text string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var line map[string]any
	require.NoError(t, decoder.Decode(&line))
	return line
}
