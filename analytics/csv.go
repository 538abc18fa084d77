package analytics

import (
	"bufio"
	"io"
	"strings"
)

// WriteCSV writes a result as the service wrote its contents: a line of names,
// then a line for each row, every value in double quotes, null empty and
// without quotes, lines ended by a line feed. It reads the result to its end
// and closes it. The error is that of the result or of w.
func WriteCSV(w io.Writer, result *Result) (err error) {
	defer func() {
		if closed := result.Close(); err == nil {
			err = closed
		}
	}()
	out := bufio.NewWriterSize(w, 64<<10)
	var line []byte
	for i, column := range result.Columns {
		line = appendQuoted(appendSeparator(line, i), column.Name)
	}
	if _, err := out.Write(append(line, '\n')); err != nil {
		return err
	}
	for row, err := range result.Rows {
		if err != nil {
			return err
		}
		line = line[:0]
		for i, field := range row {
			line = appendSeparator(line, i)
			if !field.Null {
				line = appendQuoted(line, field.Text)
			}
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

func appendSeparator(line []byte, i int) []byte {
	if i > 0 {
		line = append(line, ',')
	}
	return line
}

func appendQuoted(line []byte, text string) []byte {
	line = append(line, '"')
	for {
		before, after, found := strings.Cut(text, `"`)
		line = append(line, before...)
		if !found {
			return append(line, '"')
		}
		line = append(line, `""`...)
		text = after
	}
}
