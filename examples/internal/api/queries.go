package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// maxAnswer bounds the text of the values in an answer, in bytes. A data set
// has no such limit.
const maxAnswer = 4 << 20

type queryInput struct {
	Body struct {
		SQL string `json:"sql" minLength:"1" maxLength:"131072" doc:"One SELECT over data stores of the tenant."`
	}
}

type queryOutput struct {
	Columns []queryColumn `json:"columns" nullable:"false"`
	Rows    [][]*string   `json:"rows" nullable:"false" doc:"The values as text, null for NULL."`
}

type queryColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func (a *api) registerQueries() {
	operation(a, huma.Operation{
		OperationID: "query", Method: http.MethodPost, Path: "/queries", Tags: []string{"analytics"},
		Summary: "Ask the data stores in SQL", Description: "The dialect is that of data sets in AWS IoT Analytics.",
	}, func(ctx context.Context, id tenant.ID, input *queryInput) (*body[queryOutput], error) {
		result, err := a.Engine.Query(ctx, id, analytics.Statement{SQL: input.Body.SQL, Now: time.Now()})
		if err != nil {
			return nil, err
		}
		answer, err := collect(result)
		return &body[queryOutput]{answer}, errors.Join(err, result.Close())
	})
}

// collect reads a result that has room in one answer.
func collect(result *analytics.Result) (queryOutput, error) {
	answer := queryOutput{Columns: make([]queryColumn, len(result.Columns)), Rows: [][]*string{}}
	for i, column := range result.Columns {
		answer.Columns[i] = queryColumn{Name: column.Name, Type: column.Type}
	}
	size := 0
	for fields, err := range result.Rows {
		if err != nil {
			return answer, err
		}
		row := make([]*string, len(fields))
		for i, field := range fields {
			size += len(field.Text) + 8
			if text := field.Text; !field.Null {
				row[i] = &text
			}
		}
		if size > maxAnswer {
			return answer, fmt.Errorf("%w: the answer has more than %d bytes; use a data set", analytics.ErrSQLLimit, maxAnswer)
		}
		answer.Rows = append(answer.Rows, row)
	}
	return answer, nil
}
