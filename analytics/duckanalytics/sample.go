package duckanalytics

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// samples reports whether the word at i is the method of TABLESAMPLE.
func samples(all []token, i int) bool {
	if !all[i].is("bernoulli") && !all[i].is("system") {
		return false
	}
	for i--; i >= 0 && all[i].kind == tokenSpace; i-- {
	}
	return i >= 0 && all[i].is("tablesample")
}

// sampled bounds the percentage of a TABLESAMPLE.
func sampled(n node) error {
	sample := nodeOf(n, "sample")
	if sample == nil {
		return nil
	}
	value := nodeOf(sample, "sample_size")
	number, _ := value["value"].(json.Number)
	percent, err := number.Float64()
	if percentage, _ := sample["is_percentage"].(bool); !percentage || err != nil || percent < 0 || percent > 100 {
		return fmt.Errorf("%w: TABLESAMPLE of %q percent", analytics.ErrSQL, number)
	}
	// DuckDB takes 100 for an integer, and 100.0 not.
	text := strconv.FormatFloat(percent, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	value["type"], value["value"] = node{"id": "DOUBLE", "type_info": nil}, json.Number(text)
	return nil
}
