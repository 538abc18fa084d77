package analytics

import (
	"bufio"
	"io"
	"strings"
)

// writeCSV writes a result as CSV.
func writeCSV(w io.Writer, result *Result) error {
	b := bufio.NewWriter(w)
	for i, column := range result.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.ReplaceAll(column.Name, `"`, `""`) + `"`)
	}
	b.WriteByte('\n')
	for row, err := range result.Rows {
		if err != nil {
			return err
		}
		for i, field := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			if !field.Null {
				b.WriteString(`"` + strings.ReplaceAll(field.Text, `"`, `""`) + `"`)
			}
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}
