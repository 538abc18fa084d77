package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// pipelineFlags are those of the command pipeline.
type pipelineFlags struct {
	definitionFlags

	messages  string
	env       string
	strict    bool
	semantics pipeline.Semantics
}

func parsePipelineFlags(args []string, errOut io.Writer) (*pipelineFlags, error) {
	f := &pipelineFlags{}
	set := newFlagSet("pipeline", errOut)
	set.StringVar(&f.definition, "definition", "", "definition `file` of a pipeline: JSON of the service, or a CloudFormation template")
	set.StringVar(&f.messages, "messages", "", "payloads, one a line; blank lines are skipped, but counted; - is standard input")
	set.StringVar(&f.env, "env", "", "`file` with registry, shadow and lambda")
	set.StringVar(&f.resource, "resource", "", "logical id or `name` of the pipeline in a template")
	f.template.register(set)
	set.BoolVar(&f.strict, "strict", false, "enforce the quotas of the service")
	set.Func("semantics", "`names` of fields of pipeline.Semantics to set", setFields(&f.semantics))
	if err := parse(set, args); err != nil {
		return nil, err
	}
	switch {
	case f.definition == "":
		return nil, errors.New("-definition is missing")
	case f.messages == "":
		return nil, errors.New("-messages is missing")
	}
	return f, nil
}

// run prints what the pipeline makes of each line.
func (f *pipelineFlags) run(ctx context.Context, in io.Reader, out, errOut io.Writer) error {
	p, err := f.pipeline(errOut, func(o *pipeline.Options) { o.Strict, o.Semantics = f.strict, f.semantics })
	if err != nil {
		return err
	}
	w, err := readWorld(f.env, errOut)
	if err != nil {
		return err
	}
	payloads, numbers, err := f.payloads(in)
	if err != nil {
		return err
	}
	var batch pipeline.Batch
	env := &pipeline.Environment{Functions: w, Registry: w, Shadows: shadowWorld{w}}
	if err := p.Run(ctx, env, &batch, payloads); err != nil {
		return err
	}
	for _, event := range batch.Events() {
		if event.Err != nil {
			fmt.Fprintf(errOut, "%s:%d: %s: %s: %s\n", f.messages, numbers[event.Source], event.Activity, event.Reason, event.Err)
		}
	}
	return writeOutputs(out, &batch, numbers)
}

// payloads returns the lines that are not blank, and their numbers.
func (f *pipelineFlags) payloads(in io.Reader) (payloads [][]byte, numbers []int, err error) {
	var data []byte
	if f.messages == "-" {
		data, err = io.ReadAll(in)
	} else {
		data, err = os.ReadFile(f.messages)
	}
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\ufeff"))) {
		number++
		if line = bytes.TrimRight(line, "\r\n"); len(bytes.TrimSpace(line)) > 0 {
			payloads, numbers = append(payloads, line), append(numbers, number)
		}
	}
	return payloads, numbers, err
}

// writeOutputs writes a JSON object for each payload.
func writeOutputs(out io.Writer, batch *pipeline.Batch, numbers []int) error {
	outputs := make([][]int, len(numbers))
	for i := range batch.Len() {
		source := batch.At(i).Source()
		outputs[source] = append(outputs[source], i)
	}
	reasons := make([][]pipeline.Reason, len(numbers))
	for _, event := range batch.Events() {
		if event.Reason.IsError() {
			reasons[event.Source] = append(reasons[event.Source], event.Reason)
		}
	}
	w := bufio.NewWriter(out)
	var line []byte
	for source, number := range numbers {
		line = append(strconv.AppendInt(append(line[:0], `{"in":`...), int64(number), 10), `,"out":[`...)
		for i, output := range outputs[source] {
			line = batch.At(output).AppendJSON(separate(line, i))
		}
		line = append(line, ']')
		for i, reason := range reasons[source] {
			if i == 0 {
				line = append(line, `,"errors":[`...)
			}
			line = strconv.AppendQuote(separate(line, i), string(reason))
		}
		if len(reasons[source]) > 0 {
			line = append(line, ']')
		}
		if _, err := w.Write(append(line, '}', '\n')); err != nil {
			return err
		}
	}
	return w.Flush()
}

// world is what a pipeline finds outside of it.
type world struct {
	Registry map[string]json.RawMessage `json:"registry"`
	Shadow   map[string]json.RawMessage `json:"shadow"`
	Lambda   map[string][]string        `json:"lambda"`

	errOut io.Writer
}

// readWorld reads an environment file; there is nothing without one.
func readWorld(name string, errOut io.Writer) (*world, error) {
	w := &world{errOut: errOut}
	if name == "" {
		return w, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(w); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return w, nil
}

func (w *world) DescribeThing(_ context.Context, thing string) ([]byte, error) {
	return lookup(w.Registry, thing)
}

// shadowWorld are the shadows of a world.
type shadowWorld struct{ *world }

func (w shadowWorld) ThingShadow(_ context.Context, thing string) ([]byte, error) {
	return lookup(w.Shadow, thing)
}

func lookup(all map[string]json.RawMessage, thing string) ([]byte, error) {
	text, ok := all[thing]
	if !ok {
		return nil, fmt.Errorf("thing %q: %w", thing, iotenant.ErrNotFound)
	}
	return text, nil
}

// Invoke runs the command of a function, with the event as standard input. A
// function that has no name in a template is also known by its logical id.
func (w *world) Invoke(ctx context.Context, name string, event []byte) ([]byte, error) {
	command, ok := w.Lambda[name]
	if !ok {
		command = w.Lambda[strings.TrimPrefix(name, stackName+"-")]
	}
	if len(command) == 0 {
		return nil, fmt.Errorf("function %q: %w", name, iotenant.ErrNotFound)
	}
	var answer bytes.Buffer
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the user's own command
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(event), &answer, w.errOut
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("function %q: %w", name, err)
	}
	return answer.Bytes(), nil
}
