package lambdaanalytics

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// textOf returns the text of a result as it comes. stop ends the result, after
// end has ended its statement.
func textOf(result *analytics.Result, format Format, end context.CancelFunc) (text io.Reader, stop func()) {
	reader, writer := io.Pipe()
	write := writeJSON
	if format == CSV {
		write = analytics.WriteCSV
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_ = writer.CloseWithError(write(writer, result))
	}()
	return reader, func() {
		end()
		_ = reader.CloseWithError(context.Canceled)
		<-written
	}
}

// write takes the text of a result, as far as there is room for it, or puts it
// into an object.
func (q *Query) write(ctx context.Context, id tenant.ID, format Format, text io.Reader, cost func(Format, []byte) int) (answered, error) {
	var head bytes.Buffer
	piece, room := make([]byte, 32<<10), q.options.MaxResult
	for {
		n, err := text.Read(piece)
		head.Write(piece[:n])
		room -= cost(format, piece[:n])
		switch {
		case room < 0:
			return q.store(ctx, id, format, io.MultiReader(&head, text))
		case errors.Is(err, io.EOF):
			return answered{format: format, text: head.Bytes()}, nil
		case err != nil:
			return answered{}, err
		}
	}
}

// resultsFolder is where results are that were too large.
const resultsFolder = "queries/"

// store puts a result into an object, and links to it.
func (q *Query) store(ctx context.Context, id tenant.ID, format Format, text io.Reader) (answered, error) {
	if q.options.Objects == nil {
		return answered{}, fmt.Errorf("%w: more than %d bytes", ErrResult, q.options.MaxResult)
	}
	name := resultsFolder + q.options.NewID() + "." + string(format)
	if err := q.options.Objects.Put(ctx, id, name, text); err != nil {
		return answered{}, err
	}
	uri, err := q.options.Objects.Link(ctx, id, name, q.options.LinkValid)
	if err != nil {
		return answered{}, err
	}
	return answered{link: &link{Link: uri, Format: format, Expires: q.options.Now().Add(q.options.LinkValid).UTC()}}, nil
}

// writeJSON writes a result in the format JSON. It reads the result to its end
// and closes it.
func writeJSON(w io.Writer, result *analytics.Result) (err error) {
	defer func() {
		if closed := result.Close(); err == nil {
			err = closed
		}
	}()
	out := bufio.NewWriterSize(w, 64<<10)
	if err := writeColumns(out, result.Columns); err != nil {
		return err
	}
	n := 0
	var line []byte
	for row, err := range result.Rows {
		if err != nil {
			return err
		}
		line = line[:0]
		if n++; n > 1 {
			line = append(line, ',')
		}
		if line, err = appendRow(line, row); err != nil {
			return err
		}
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	_, _ = out.WriteString("]}")
	return out.Flush()
}

func writeColumns(out *bufio.Writer, columns []analytics.ResultColumn) error {
	type column struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	described := make([]column, len(columns))
	for n, c := range columns {
		described[n] = column{c.Name, c.Type}
	}
	text, err := json.Marshal(described)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, `{"columns":%s,"rows":[`, text)
	return err
}

func appendRow(line []byte, row []analytics.Field) ([]byte, error) {
	line = append(line, '[')
	for n := range row {
		if n > 0 {
			line = append(line, ',')
		}
		if row[n].Null {
			line = append(line, "null"...)
			continue
		}
		text, err := json.Marshal(row[n].Text)
		if err != nil {
			return nil, err
		}
		line = append(line, text...)
	}
	return append(line, ']'), nil
}

// direct is what a text takes of the answer to a direct invocation: JSON stands
// in it as it is, CSV as a string.
func direct(format Format, text []byte) int {
	if format == JSON {
		return len(text)
	}
	return quoted(format, text)
}

// quoted is what a text takes as a string in JSON, as encoding/json writes it.
func quoted(_ Format, text []byte) int {
	n := len(text)
	for _, c := range text {
		switch {
		case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t':
			n++
		case c < ' ' || c == '<' || c == '>' || c == '&' || c == 0xe2 || c >= 0xf8: // U+2028 begins with e2
			n += 5
		}
	}
	return n
}
