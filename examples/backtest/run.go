package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"
)

// run loads the model, evaluates all events, and writes what it decides.
func (f *detectorFlags) run(ctx context.Context, in io.Reader, out, errOut io.Writer) error {
	l, err := f.load()
	if err != nil {
		return err
	}
	if l.model == nil {
		if err := writeProblems(errOut, "text", l.problems); err != nil {
			return err
		}
		return errModel
	}
	for i := range l.problems {
		if p := &l.problems[i]; p.Type == "" { // of a template: what stands in for a value
			fmt.Fprintln(errOut, p.text())
		}
	}
	buffered := bufio.NewWriterSize(out, 64<<10)
	views := f.views(l, buffered)
	r := newReplay(l, func(ev *evaluation) error {
		if f.changes && !ev.changed && ev.refusal == nil {
			return nil
		}
		return views.write(ev)
	})
	r.creates, r.compare = f.semantics.UpdateCreates, f.changes
	err = f.replay(ctx, r, in, errOut)
	if err != nil && !errors.Is(err, errLines) {
		return errors.Join(err, buffered.Flush())
	}
	if bad := errors.Join(views.close(), buffered.Flush()); bad != nil {
		return bad
	}
	return err
}

// replay evaluates the events of the source, and the timers up to -until.
func (f *detectorFlags) replay(ctx context.Context, r *replay, in io.Reader, errOut io.Writer) error {
	events, closing, err := f.source(ctx, r, in)
	if err != nil {
		return err
	}
	defer closing()
	p := progress{name: f.messages, errOut: errOut}
	for e, err := range events {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if p.bad(err) {
			continue
		}
		if err != nil {
			return err
		}
		p.note(e)
		if err := r.put(e); err != nil {
			return err
		}
	}
	if err := r.fire(f.until); err != nil {
		return err
	}
	return p.end()
}

// source opens the messages.
func (f *detectorFlags) source(ctx context.Context, r *replay, in io.Reader) (events iter.Seq2[*event, error], closing func(), err error) {
	only := ""
	if inputs := r.model.Inputs(); len(inputs) == 1 {
		only = inputs[0]
	}
	switch {
	case f.data != "":
		return f.stored(ctx, r.model)
	case f.messages == "-":
		return lines(in, only), func() {}, nil
	}
	file, err := os.Open(f.messages)
	if err != nil {
		return nil, nil, err
	}
	return lines(file, only), func() { _ = file.Close() }, nil // it was only read
}

// progress reports what is odd about the lines.
type progress struct {
	name     string
	errOut   io.Writer
	lines    int // that could not be read
	backward int // whose time is before that of the line above
	last     time.Time
}

// bad reports a line that can't be read.
func (p *progress) bad(err error) bool {
	line, ok := errors.AsType[*errLine](err)
	if ok {
		p.lines++
		fmt.Fprintf(p.errOut, "%s:%s\n", p.name, line)
	}
	return ok
}

func (p *progress) note(e *event) {
	if e.at.Before(p.last) {
		p.backward++
	}
	p.last = e.at
}

func (p *progress) end() error {
	if p.backward > 0 {
		fmt.Fprintf(p.errOut, "%s: %d lines are of an earlier time than the line above them\n", p.name, p.backward)
	}
	if p.lines > 0 {
		return fmt.Errorf("%w: %d", errLines, p.lines)
	}
	return nil
}

// view shows evaluations.
type view interface {
	write(*evaluation) error
	close() error
}

// views shows evaluations in several ways.
type views []view

func (v views) write(ev *evaluation) error {
	for _, one := range v {
		if err := one.write(ev); err != nil {
			return err
		}
	}
	return nil
}

func (v views) close() error {
	for _, one := range v {
		if err := one.close(); err != nil {
			return err
		}
	}
	return nil
}

func (f *detectorFlags) views(l *loaded, out io.Writer) views {
	var all views
	if f.format == "text" {
		all = append(all, newTable(l.model, out))
	} else {
		all = append(all, &trace{out: out})
	}
	if f.svg != "" {
		all = append(all, newTimeline(l.model, f.svg))
	}
	return all
}
