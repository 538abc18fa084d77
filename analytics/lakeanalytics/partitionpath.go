package lakeanalytics

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// defaultPartition stands for a value that was missing (D-44), as in Hive.
const defaultPartition = "__HIVE_DEFAULT_PARTITION__"

// maxPartitionValue is the length of a value in a path. A longer one counts as
// missing, so that names of files stay within the limits of a bucket.
const maxPartitionValue = 128

// maxPartitionPath is the length of all folders. With what stands before and
// after them, they fit analytics.MaxObjectName.
const maxPartitionPath = 560

// partitionPath returns the folders of dimensions, in the form of Hive (D-43):
//
//	__partition_site=a%2Fb/__year=2026/__month=01/__day=10/__hour=07
//
// A value consists of a-z, A-Z, 0-9, '-', '_' and '.'; every other byte is
// written as % and two digits. So is the first byte of a value that would be
// read as a missing one. No value can leave its folder.
func partitionPath(dimensions []analytics.Dimension) string {
	var b strings.Builder
	for i, d := range dimensions {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(d.Name)
		b.WriteByte('=')
		if d.Value == nil {
			b.WriteString(defaultPartition)
			continue
		}
		escapeValue(&b, *d.Value)
	}
	return b.String()
}

func escapeValue(b *strings.Builder, value string) {
	const digits = "0123456789ABCDEF"
	for i := range len(value) {
		c := value[i]
		if isPathByte(c) && !(i == 0 && value == defaultPartition) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
}

func isPathByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}

// parsePartitionPath reads what partitionPath wrote. It refuses any other way to
// write it, so that no two paths have one meaning.
func parsePartitionPath(path string) ([]analytics.Dimension, error) {
	if path == "" {
		return nil, nil
	}
	var dimensions []analytics.Dimension
	for part := range strings.SplitSeq(path, "/") {
		name, text, ok := strings.Cut(part, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("partition %q: want name=value", part)
		}
		d := analytics.Dimension{Name: name}
		if text != defaultPartition {
			value, err := unescapeValue(text)
			if err != nil {
				return nil, fmt.Errorf("partition %q: %w", part, err)
			}
			d.Value = &value
		}
		dimensions = append(dimensions, d)
	}
	if again := partitionPath(dimensions); again != path {
		return nil, fmt.Errorf("partitions %q: want %q", path, again)
	}
	return dimensions, nil
}

func unescapeValue(text string) (string, error) {
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b = append(b, text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", fmt.Errorf("%% without two digits")
		}
		high, low := strings.IndexByte("0123456789ABCDEF", text[i+1]), strings.IndexByte("0123456789ABCDEF", text[i+2])
		if high < 0 || low < 0 {
			return "", fmt.Errorf("%% without two digits")
		}
		b = append(b, byte(high<<4|low))
		i += 2
	}
	return string(b), nil
}
