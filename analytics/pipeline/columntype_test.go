package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics/pipeline"
)

func TestParseColumnType(t *testing.T) {
	t.Parallel()
	part := func(name string, t pipeline.ColumnType) pipeline.ColumnPart {
		return pipeline.ColumnPart{Name: name, ColumnType: t}
	}
	number := pipeline.ColumnType{Name: "int"}
	for text, want := range map[string]pipeline.ColumnType{
		"integer":       number,
		" Decimal ":     {Name: "decimal", Precision: 10},
		"decimal(5)":    {Name: "decimal", Precision: 5},
		"decimal(38,0)": {Name: "decimal", Precision: 38},
		"DECIMAL(5, 2)": {Name: "decimal", Precision: 5, Scale: 2},
		"varchar(20)":   {Name: "varchar", Precision: 20},
		"map<string,array<int>>": {Name: "map", Parts: []pipeline.ColumnPart{
			part("key", pipeline.ColumnType{Name: "string"}), part("value", pipeline.ColumnType{Name: "array", Parts: []pipeline.ColumnPart{part("element", number)}}),
		}},
		"struct<A:int,b:struct<c:date>>": {Name: "struct", Parts: []pipeline.ColumnPart{
			part("a", number), part("b", pipeline.ColumnType{Name: "struct", Parts: []pipeline.ColumnPart{part("c", pipeline.ColumnType{Name: "date"})}}),
		}},
	} {
		got, err := pipeline.ParseColumnType(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "text", "array", "array<int", "array<>", "map<int>", "struct<a>", "struct<>", "char", "char(0)", "char(256)", "varchar(65536)", "decimal(0)", "decimal(39)", "decimal(5,6)", "decimal(5,2,1)",
		"int)", strings.Repeat("array<", 101) + "int" + strings.Repeat(">", 101), strings.Repeat("a", 131073),
	} {
		_, err := pipeline.ParseColumnType(text)
		require.ErrorIs(t, err, pipeline.ErrDefinition, text)
	}
	_, err := pipeline.ParseColumnType(strings.Repeat("array<", 100) + "int" + strings.Repeat(">", 100))
	require.NoError(t, err)
}
