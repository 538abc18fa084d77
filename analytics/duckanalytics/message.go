package duckanalytics

import (
	"regexp"
	"strings"
)

// columnMessages are those of DuckDB about a column that there is not, which
// speak of names that the statement doesn't have.
var columnMessages = []struct {
	of *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`^Binder Error: Column "(.*)" referenced that exists in the SELECT clause`), `there is no column "$1"`},
	{regexp.MustCompile(`^Binder Error: Referenced column "(.*)" not found in FROM clause!`), `there is no column "$1"`},
	{regexp.MustCompile(`^Binder Error: (?:Values list|Table) "(.*)" does not have a column named "(.*)"`), `there is no column "$2" in "$1"`},
}

// plain is the message of DuckDB in terms of the statement.
func plain(message string) string {
	for _, m := range columnMessages {
		if found := m.of.FindStringSubmatchIndex(message); found != nil {
			return string(m.of.ExpandString(nil, m.to, message, found))
		}
	}
	return strings.TrimPrefix(message, "Binder Error: ")
}
