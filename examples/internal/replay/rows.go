// Package replay sends recorded readings as a device would: over MQTT at QoS 1,
// in order, each with a message id that is the same in every replay of the
// same file, resending what was not acknowledged.
package replay

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"
)

// Row is one reading of a file.
type Row struct {
	Number    int // 1 for the first row after the header
	Timestamp time.Time
	Value     float64
}

// layouts are the accepted forms of a timestamp. Without a zone it is UTC.
var layouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05"}

// Rows reads CSV with the header "timestamp,value". It ends after the first
// error, which names the row.
func Rows(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		reader := csv.NewReader(r)
		reader.FieldsPerRecord = 2
		reader.ReuseRecord = true
		if err := readHeader(reader); err != nil {
			yield(Row{}, err)
			return
		}
		for number := 1; ; number++ {
			record, err := reader.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			var row Row
			if err == nil {
				row, err = parseRow(number, record)
			}
			if err != nil {
				yield(Row{}, fmt.Errorf("replay: row %d: %w", number, err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// readHeader accepts the byte order mark that spreadsheets write.
func readHeader(reader *csv.Reader) error {
	const want = `replay: want the header "timestamp,value"`
	header, err := reader.Read()
	switch {
	case errors.Is(err, io.EOF):
		return errors.New(want + ", the file is empty")
	case err != nil:
		return fmt.Errorf("%s: %w", want, err)
	case strings.TrimPrefix(header[0], "\ufeff") != "timestamp" || header[1] != "value":
		return fmt.Errorf("%s, found %q", want, strings.Join(header, ","))
	}
	return nil
}

func parseRow(number int, record []string) (Row, error) {
	value, err := strconv.ParseFloat(record[1], 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return Row{}, fmt.Errorf("value %q is not a finite number", record[1])
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, record[0]); err == nil {
			return Row{Number: number, Timestamp: at.UTC(), Value: value}, nil
		}
	}
	return Row{}, fmt.Errorf("timestamp %q: want RFC 3339 or YYYY-MM-DD hh:mm:ss", record[0])
}
