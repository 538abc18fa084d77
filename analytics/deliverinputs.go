package analytics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// InputMessage is a row on its way to an input of AWS IoT Events.
type InputMessage struct {
	// ID is the same whenever the same row of the same content is sent: inputs
	// drop what they have by it. It has at most 100 bytes.
	ID string
	// Payload is an object in JSON: a member for each column, all strings as in
	// the CSV.
	Payload []byte
}

// Inputs takes messages for inputs of tenants: a runtime of detector models, or
// a client of a queue before one. An error is permanent by the rule of
// [Deliverer].
type Inputs interface {
	PutMessages(ctx context.Context, id tenant.ID, input string, messages []InputMessage) error
}

// ToInputsOptions are the options of [ToInputs].
type ToInputsOptions struct {
	// Batch is how many messages are put in a call. Default 100.
	Batch int
}

// ToInputs returns a deliverer to destinations in AWS IoT Events: each row of the
// CSV becomes a message. After an error all rows are put again, with the ids that
// they had.
func ToInputs(inputs Inputs, optFns ...func(*ToInputsOptions)) Deliverer {
	var options ToInputsOptions
	for _, fn := range optFns {
		fn(&options)
	}
	positive(&options.Batch, 100)
	return &toInputs{inputs: inputs, batch: options.Batch}
}

type toInputs struct {
	inputs Inputs
	batch  int
}

// Deliver puts a message for each row. Errors: those of Inputs and Objects.Open,
// [ErrCorrupt].
func (t *toInputs) Deliver(ctx context.Context, id tenant.ID, delivery Delivery) error {
	if err := checkTenant(id); err != nil {
		return err
	}
	body, err := delivery.Open(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	rows := newCSVReader(io.NewSectionReader(body, 0, body.Size()))
	columns, err := header(rows)
	if err != nil {
		return err
	}
	var batch []InputMessage
	for number := 1; ; number++ {
		row, err := rows.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if ended := err != nil; ended || len(batch) == t.batch {
			if len(batch) > 0 {
				if err := t.inputs.PutMessages(ctx, id, delivery.Rule.Input, batch); err != nil {
					return err
				}
			}
			if ended {
				return nil
			}
			batch = nil
		}
		batch = append(batch, InputMessage{ID: delivery.ID + "." + strconv.Itoa(number), Payload: rowObject(columns, row)})
	}
}

// header reads the names of the columns, as JSON.
func header(rows *csvReader) ([][]byte, error) {
	names, err := rows.next()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	columns := make([][]byte, len(names))
	for i, name := range names {
		columns[i] = quoted(name)
	}
	return columns, nil
}

// rowObject writes a row as an object. Of columns of one name the last stands.
func rowObject(columns [][]byte, row []string) []byte {
	b := []byte{'{'}
	for i, column := range columns {
		if hasColumn(columns[i+1:], column) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, column...), ':'), quoted(row[i])...)
	}
	return append(b, '}')
}

func hasColumn(columns [][]byte, column []byte) bool {
	for _, other := range columns {
		if bytes.Equal(other, column) {
			return true
		}
	}
	return false
}

// quoted is a string in JSON, with <, > and & as they are.
func quoted(text string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string can be encoded, a buffer written to
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

var errNoDeliverer = fmt.Errorf("analytics: no deliverer for this destination: %w", iotenant.ErrUnsupported)
