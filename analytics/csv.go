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
	for i, column := range result.Columns {
		writeSeparator(out, i)
		writeQuoted(out, column.Name)
	}
	out.WriteByte('\n')
	for row, err := range result.Rows {
		if err != nil {
			return err
		}
		for i, field := range row {
			writeSeparator(out, i)
			if !field.Null {
				writeQuoted(out, field.Text)
			}
		}
		if err := out.WriteByte('\n'); err != nil {
			return err
		}
	}
	return out.Flush()
}

func writeSeparator(out *bufio.Writer, i int) {
	if i > 0 {
		out.WriteByte(',')
	}
}

// writeQuoted leaves errors to the writer, which keeps the first.
func writeQuoted(out *bufio.Writer, text string) {
	out.WriteByte('"')
	for {
		before, after, found := strings.Cut(text, `"`)
		out.WriteString(before)
		if !found {
			break
		}
		out.WriteString(`""`)
		text = after
	}
	out.WriteByte('"')
}
