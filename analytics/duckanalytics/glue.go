package duckanalytics

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/analytics/pipeline"
)

// duckTypes are the types that nest nothing and have no numbers.
var duckTypes = map[string]string{
	"tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INTEGER", "bigint": "BIGINT", "boolean": "BOOLEAN",
	"double": "DOUBLE", "float": "FLOAT", "string": "VARCHAR", "varchar": "VARCHAR", "char": "VARCHAR",
	"timestamp": "TIMESTAMP", "date": "DATE", "binary": "BLOB",
}

// typeOfGlue turns a type of AWS Glue, such as array<struct<a:int>>, into one of
// DuckDB.
func typeOfGlue(name string) (string, error) {
	t, err := pipeline.ParseColumnType(name)
	if err != nil {
		return "", err
	}
	return duckType(&t), nil
}

func duckType(t *pipeline.ColumnType) string {
	switch t.Name {
	case "array":
		return duckType(&t.Parts[0].ColumnType) + "[]"
	case "map":
		return "MAP(" + duckType(&t.Parts[0].ColumnType) + ", " + duckType(&t.Parts[1].ColumnType) + ")"
	case "struct":
		fields := make([]string, len(t.Parts))
		for i := range t.Parts {
			fields[i] = quoteName(t.Parts[i].Name) + " " + duckType(&t.Parts[i].ColumnType)
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	case "decimal":
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	}
	return duckTypes[t.Name]
}

// quoteName writes a name for DuckDB.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteText writes a text for DuckDB.
func quoteText(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }
