package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/iotenant/iotenant/alerts/detector"
)

// run prints everything that the analysis of the service would have found in a
// model, and whether it runs here.
func (f *validateFlags) run(out io.Writer) error {
	if f.definition != "" {
		definitions := definitionFlags{definition: f.definition, resource: f.resource, template: f.template, complete: true}
		return definitions.check(out, f.format)
	}
	l, err := f.read()
	if err != nil {
		return err
	}
	runs := false
	if l.body != nil {
		l.add(f.model, detector.Analyze(l.body, l.options(&f.modelFlags)).Findings, l.place)
		_, err := detector.Load(l.body, l.options(&f.modelFlags))
		runs = err == nil
	}
	if err := writeProblems(out, f.format, l.problems); err != nil {
		return err
	}
	if f.format == "text" {
		verdict := "the model does not run"
		if runs {
			verdict = "the model runs"
		}
		if _, err := fmt.Fprintln(out, verdict); err != nil {
			return err
		}
	}
	if l.failed() {
		return errModel
	}
	return nil
}

// writeProblems writes findings: one JSON object per line, or as text with a
// last line that counts them.
func writeProblems(out io.Writer, format string, problems []problem) error {
	counts := map[detector.Level]int{}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for i := range problems {
		counts[problems[i].Level]++
		var err error
		if format == "json" {
			err = encoder.Encode(&problems[i])
		} else {
			_, err = fmt.Fprintln(out, problems[i].text())
		}
		if err != nil {
			return err
		}
	}
	if format == "json" {
		return nil
	}
	_, err := fmt.Fprintf(out, "%d errors, %d warnings, %d notes\n", counts[detector.LevelError], counts[detector.LevelWarning], counts[detector.LevelInfo])
	return err
}
