package lakeanalytics

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// start begins a row group.
func (l *leafReader) start(r io.ReaderAt, group *format.RowGroup) error {
	l.at, l.value = 0, 0
	if err := l.open(r, &group.Columns[l.index].MetaData); err != nil {
		return fmt.Errorf("column %s: %w", l.path, err)
	}
	return nil
}

// there reports whether there is another value, and reads its page.
func (l *leafReader) there() (bool, error) {
	for l.at >= l.total {
		l.at, l.value, l.total = 0, 0, 0
		if err := l.next(); errors.Is(err, io.EOF) {
			return false, nil
		} else if err != nil {
			return false, fmt.Errorf("column %s: %w", l.path, err)
		}
	}
	return true, nil
}

// peek returns the levels of the next value, which has to have a repetition
// level.
func (l *leafReader) peek(rep int) (def int, err error) {
	there, err := l.there()
	switch {
	case err != nil:
		return 0, err
	case !there || l.rep() != rep:
		return 0, errLevels
	}
	return l.def(), nil
}

func (l *leafReader) rep() int {
	if l.maxRep == 0 {
		return 0
	}
	return int(l.reps[l.at])
}

func (l *leafReader) def() int {
	if l.maxDef == 0 {
		return 0
	}
	return int(l.defs[l.at])
}

// take passes over the next value, which has to have a repetition level, and
// returns its place among the values of the page, or -1 for a NULL.
func (l *leafReader) take(rep int) (int, error) {
	def, err := l.peek(rep)
	if err != nil {
		return 0, err
	}
	l.at++
	if def < l.maxDef {
		return -1, nil
	}
	l.value++
	return l.value - 1, nil
}
