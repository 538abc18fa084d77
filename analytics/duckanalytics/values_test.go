package duckanalytics_test

import "testing"

// TestValues has rows that are one value, without parentheses.
func TestValues(t *testing.T) {
	t.Parallel()
	wantAnswers(t, inProcess(t, words(t)), []answerTest{
		{"values 1, 2 order by 1", "'_col0';'1';'2'"},
		{"values 1, (2) order by 1 desc limit 1 -- x", "'_col0';'2'"},
		{"values 1 -- x", "'_col0';'1'"},
		{"VALUES 1 + 1, case when true then 3 end, greatest(4, 1), array[5, 6][1] ;", "'_col0';'2';'3';'4';'5'"},
		{"select * from (values 1, 2) t(a) where a > 1", "'a';'2'"},
		{"select * from (values 1), (values (2, 'x'))", "'_col0','_col1','_col2';'1','2','x'"},
		{"select temp from s where temp in (values 1, 2)", "'temp';'1'"},
		{"values 1 union all values 2, 3 order by 1", "'_col0';'1';'2';'3'"},
	})
}
