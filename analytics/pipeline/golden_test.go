package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// golden is a file of the corpus, which was written from the documentation of
// the service, not from what the engine does. Its sections are
//
//	-- about --       what it shows
//	-- definition --  the pipeline
//	-- semantics --   fields of pipeline.Semantics
//	-- env --         registry and shadow by thing
//	-- cases --       messages, each in a batch of its own
//	-- batch --       messages that are one batch
//
// A message is a line after "< ", followed by what comes out after "> " and the
// reasons of its events after "! ".
type golden struct {
	sections map[string]string
	cases    []goldenCase
}

type goldenCase struct {
	in      string
	out     []string
	reasons []string
}

func readGolden(t *testing.T, name string) *golden {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	g := &golden{sections: map[string]string{}}
	section := ""
	for line := range strings.Lines(string(text)) {
		if title, ok := strings.CutPrefix(line, "-- "); ok {
			section = strings.TrimSuffix(title, " --\n")
			g.sections[section] = ""
			continue
		}
		g.sections[section] += line
	}
	for line := range strings.Lines(g.sections["cases"] + g.sections["batch"]) {
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			continue
		}
		text := line[2:]
		switch line[0] {
		case '<':
			g.cases = append(g.cases, goldenCase{in: text})
		case '>':
			g.cases[len(g.cases)-1].out = append(g.cases[len(g.cases)-1].out, text)
		case '!':
			g.cases[len(g.cases)-1].reasons = append(g.cases[len(g.cases)-1].reasons, text)
		default:
			t.Fatalf("%s: %q", name, line)
		}
	}
	return g
}

func (g *golden) load(t *testing.T) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.Load([]byte(g.sections["definition"]), func(o *pipeline.Options) {
		if text := g.sections["semantics"]; text != "" {
			require.NoError(t, json.Unmarshal([]byte(text), &o.Semantics))
		}
	})
	require.NoError(t, err)
	return p
}

func goldenFiles(t *testing.T) []string {
	t.Helper()
	files := goldenNames(t)
	require.GreaterOrEqual(t, len(files), 25)
	return files
}

func goldenNames(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/golden/*.txt")
	require.NoError(t, err)
	return files
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, name := range goldenFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			t.Parallel()
			g := readGolden(t, name)
			require.NotEmpty(t, g.cases)
			p, env := g.load(t), environment(t, g.sections["env"])
			var b pipeline.Batch
			if _, together := g.sections["batch"]; together {
				requireBatch(t, p, env, &b, g.cases)
				return
			}
			for i := range g.cases {
				requireBatch(t, p, env, &b, g.cases[i:i+1])
			}
		})
	}
}

func TestGoldenIsLarge(t *testing.T) {
	t.Parallel()
	n := 0
	for _, name := range goldenFiles(t) {
		n += len(readGolden(t, name).cases)
	}
	require.GreaterOrEqual(t, n, 100)
}

// Each option has its case, but for those that loading shows, see
// TestLoadOptions, and for that of data stores.
func TestGoldenOptions(t *testing.T) {
	t.Parallel()
	turned := map[string]bool{"OneFormOnly": true, "RootRemoveOnly": true, "SchemalessParquet": true}
	for _, name := range goldenFiles(t) {
		if text := readGolden(t, name).sections["semantics"]; text != "" {
			require.NoError(t, json.Unmarshal([]byte(text), &turned))
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[pipeline.Semantics]()) {
		require.True(t, turned[field.Name], field.Name)
	}
}

func requireBatch(t *testing.T, p *pipeline.Pipeline, env *pipeline.Environment, b *pipeline.Batch, cases []goldenCase) {
	t.Helper()
	var payloads [][]byte
	for _, c := range cases {
		payloads = append(payloads, []byte(c.in))
	}
	require.NoError(t, p.Run(context.Background(), env, b, payloads))
	got := make([]goldenCase, len(cases))
	for i := range got {
		got[i].in = cases[i].in
	}
	for i := range b.Len() {
		from := &got[b.At(i).Source()]
		from.out = append(from.out, string(b.At(i).AppendJSON(nil)))
	}
	for _, event := range b.Events() {
		got[event.Source].reasons = append(got[event.Source].reasons, string(event.Reason))
	}
	require.Equal(t, cases, got)
}

// world is a registry, shadows and functions for tests.
type world struct {
	Registry map[string]json.RawMessage `json:"registry"`
	Shadow   map[string]json.RawMessage `json:"shadow"`

	mutex sync.Mutex
	calls map[string]int
}

func environment(t *testing.T, text string) *pipeline.Environment {
	t.Helper()
	w := &world{calls: map[string]int{}}
	if text != "" {
		require.NoError(t, json.Unmarshal([]byte(text), w))
	}
	return &pipeline.Environment{Functions: w, Registry: w, Shadows: w}
}

func (w *world) DescribeThing(_ context.Context, thing string) ([]byte, error) {
	return found(w.Registry, thing)
}

func (w *world) ThingShadow(_ context.Context, thing string) ([]byte, error) {
	return found(w.Shadow, thing)
}

func found(all map[string]json.RawMessage, thing string) ([]byte, error) {
	if text, ok := all[thing]; ok {
		return text, nil
	}
	return nil, fmt.Errorf("no thing: %w", iotenant.ErrNotFound)
}

var errBroken = errors.New("broken")

// Invoke calls a function of the tests by its name.
func (w *world) Invoke(_ context.Context, name string, event []byte) ([]byte, error) {
	w.mutex.Lock()
	w.calls[name]++
	call := w.calls[name]
	w.mutex.Unlock()
	var messages []any
	if err := json.Unmarshal(event, &messages); err != nil {
		return nil, err
	}
	answer := []any{}
	for _, message := range messages {
		fields, isObject := message.(map[string]any)
		switch name {
		case "double":
			fields["t"] = fields["t"].(float64) * 2
			answer = append(answer, fields)
		case "wrap":
			if !isObject {
				fields = map[string]any{"data": message}
			}
			answer = append(answer, fields)
		case "cold":
			if fields["t"].(float64) < 10 {
				answer = append(answer, fields)
			}
		case "size":
			answer = append(answer, map[string]any{"size": len(messages)})
		case "flaky":
			if call == 1 {
				return nil, errBroken
			}
			answer = append(answer, fields)
		case "text":
			return []byte(`["text"]`), nil
		default:
			return nil, errBroken
		}
	}
	return json.Marshal(answer)
}
