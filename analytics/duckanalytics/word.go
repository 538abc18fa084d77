package duckanalytics

// prestoReserved are the words that are no names in Presto 0.217.
var prestoReserved = []string{
	"alter", "and", "as", "between", "by", "case", "cast", "constraint", "create", "cross", "cube", "current_date", "current_path",
	"current_role", "current_time", "current_timestamp", "current_user", "deallocate", "delete", "describe", "distinct", "drop", "else", "end",
	"escape", "except", "execute", "exists", "extract", "false", "for", "from", "full", "group", "grouping", "having", "in", "inner", "insert",
	"intersect", "into", "is", "join", "left", "like", "localtime", "localtimestamp", "natural", "normalize", "not", "null", "on", "or", "order",
	"outer", "prepare", "recursive", "right", "rollup", "select", "table", "then", "true", "uescape", "union", "unnest", "using", "values",
	"when", "where", "with",
}

// duckReserved are the other words that DuckDB reads as no name of a column.
var duckReserved = []string{
	"all", "analyse", "analyze", "anti", "any", "array", "asc", "asof", "asymmetric", "at", "authorization", "binary", "both", "check", "collate",
	"collation", "column", "columns", "concurrently", "default", "deferrable", "desc", "do", "fetch", "foreign", "freeze", "generated", "glob",
	"ilike", "initially", "isnull", "lambda", "lateral", "leading", "limit", "map", "notnull", "offset", "only", "overlaps", "pivot",
	"pivot_longer", "pivot_wider", "placing", "positional", "primary", "qualify", "references", "returning", "semi", "show", "similar", "some",
	"struct", "summarize", "symmetric", "tablesample", "to", "trailing", "try_cast", "unique", "unpack", "unpivot", "variadic", "verbose",
	"window",
}

var (
	// beforeOperands are reserved words that an operand, or a table, follows.
	beforeOperands = []string{
		"and", "as", "between", "by", "case", "distinct", "else", "escape", "except", "for", "from", "having", "in", "intersect", "is", "join", "like",
		"not", "on", "or", "select", "recursive", "then", "union", "values", "when", "where", "with",
	}
	// afterOperands are tokens that follow an operand and begin none.
	afterOperands = []string{
		",", ")", "]", ";", ".", "=", "<", ">", "!", "/", "%", "|", "and", "as", "between", "cross", "else", "end", "except", "for", "from", "full",
		"group", "having", "in", "inner", "intersect", "is", "join", "left", "like", "natural", "on", "or", "order", "right", "then", "union", "when",
		"where",
	}
	// afterItems are tokens that end an item of a select list.
	afterItems = []string{",", ")", "]", ";", "from", "where", "group", "having", "order", "limit", "union", "intersect", "except"}
	// afterTables are tokens that end a table, or begin the names of its columns.
	afterTables = []string{
		",", ")", "(", ";", "where", "group", "having", "order", "limit", "union", "intersect", "except", "join", "inner", "left", "right", "full",
		"cross", "natural", "on", "using", "tablesample",
	}
)
