package duckanalytics

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// node is a node of the tree that DuckDB's json_serialize_sql makes of a
// statement.
type node = map[string]any

// parsed is the answer of json_serialize_sql.
type parsed struct {
	Error      bool   `json:"error"`
	Message    string `json:"error_message"`
	Statements []node `json:"statements"`
}

// noSelect is the message for other statements.
const noSelect = "Only SELECT statements can be serialized to json!"

// readTree returns the one statement of a text that was serialized.
func readTree(text string) (node, error) {
	var answer parsed
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&answer); err != nil {
		return nil, fmt.Errorf("%w: it can't be read: %w", analytics.ErrSQL, err)
	}
	switch {
	case answer.Error && answer.Message == noSelect, len(answer.Statements) != 1 && !answer.Error:
		return nil, fmt.Errorf("%w: only one statement is allowed, a SELECT", analytics.ErrSQL)
	case answer.Error:
		return nil, fmt.Errorf("%w: %s", analytics.ErrSQL, firstLine(answer.Message))
	}
	return answer.Statements[0], nil
}

// writeTree is the inverse, for json_deserialize_sql.
func writeTree(statement node) (string, error) {
	text, err := json.Marshal(map[string]any{"error": false, "statements": []any{statement}})
	return string(text), err
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func textOf(n node, key string) string {
	text, _ := n[key].(string)
	return text
}

func nodeOf(n node, key string) node {
	child, _ := n[key].(node)
	return child
}

func listOf(n node, key string) []any {
	list, _ := n[key].([]any)
	return list
}

func classOf(v any) string {
	n, _ := v.(node)
	return textOf(n, "class")
}

// clone copies a tree, so that it can stand at two places.
func clone(v any) any {
	switch v := v.(type) {
	case node:
		to := make(node, len(v))
		for key, child := range v {
			to[key] = clone(child)
		}
		return to
	case []any:
		to := make([]any, len(v))
		for i, child := range v {
			to[i] = clone(child)
		}
		return to
	}
	return v
}

// call makes a call of a function.
func call(name string, args ...any) node {
	if args == nil {
		args = []any{}
	}
	return node{
		"class": "FUNCTION", "type": "FUNCTION", "alias": "", "query_location": 0,
		"function_name": name, "schema": "", "catalog": "", "children": args, "filter": nil,
		"order_bys": node{"type": "ORDER_MODIFIER", "orders": []any{}},
		"distinct":  false, "is_operator": false, "export_state": false,
	}
}

// operate makes a call of a function that is written as an operator.
func operate(name string, args ...any) node {
	n := call(name, args...)
	n["is_operator"] = true
	return n
}

func constant(typeID string, value any) node {
	return node{
		"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "query_location": 0,
		"value": node{"type": node{"id": typeID, "type_info": nil}, "is_null": false, "value": value},
	}
}

func text(value string) node { return constant("VARCHAR", value) }

func integer(value int) node { return constant("INTEGER", json.Number(strconv.Itoa(value))) }

func null() node {
	return node{
		"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "query_location": 0,
		"value": node{"type": node{"id": "NULL", "type_info": nil}, "is_null": true},
	}
}

func cast(child any, typeID string) node {
	return node{
		"class": "CAST", "type": "OPERATOR_CAST", "alias": "", "query_location": 0,
		"child": child, "cast_type": node{"id": typeID, "type_info": nil}, "try_cast": false,
	}
}

func operator(kind string, children ...any) node {
	return node{"class": "OPERATOR", "type": kind, "alias": "", "query_location": 0, "children": children}
}

func comparison(kind string, left, right any) node {
	return node{"class": "COMPARISON", "type": kind, "alias": "", "query_location": 0, "left": left, "right": right}
}

func conjunction(kind string, children ...any) node {
	return node{"class": "CONJUNCTION", "type": kind, "alias": "", "query_location": 0, "children": children}
}

func when(condition, then, otherwise any) node {
	return node{
		"class": "CASE", "type": "CASE_EXPR", "alias": "", "query_location": 0,
		"case_checks": []any{node{"when_expr": condition, "then_expr": then}}, "else_expr": otherwise,
	}
}

func column(names ...any) node {
	return node{"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "query_location": 0, "column_names": names}
}

func lambda(parameter string, body any) node {
	return node{"class": "LAMBDA", "type": "LAMBDA", "alias": "", "query_location": 0, "lhs": column(parameter), "expr": body}
}

// constantText returns the text of a constant string.
func constantText(v any) (string, bool) {
	n, _ := v.(node)
	if textOf(n, "class") != "CONSTANT" {
		return "", false
	}
	value := nodeOf(n, "value")
	if textOf(nodeOf(value, "type"), "id") != "VARCHAR" {
		return "", false
	}
	text, ok := value["value"].(string)
	return text, ok
}

// isZeroless reports whether v is a constant number other than 0.
func isZeroless(v any) bool {
	n, _ := v.(node)
	if textOf(n, "class") != "CONSTANT" {
		return false
	}
	number, ok := nodeOf(n, "value")["value"].(json.Number)
	return ok && strings.ContainsAny(number.String(), "123456789")
}
