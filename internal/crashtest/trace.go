package crashtest

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// longestString is how much of a written text strace records.
const longestString = 16 << 20

// tracedCalls are the system calls that change files, and those that tell
// which file is meant. A '?' makes strace ignore what a machine doesn't have.
const tracedCalls = "?open,?openat,?creat,?close,?write,?pwrite64,?writev,?pwritev,?pwritev2,?ftruncate,?truncate,?fallocate,?fsync,?fdatasync," +
	"?sync_file_range,?link,?linkat,?rename,?renameat,?renameat2,?unlink,?unlinkat,?rmdir,?mkdir,?mkdirat,?lseek,?copy_file_range,?sendfile,?splice,?dup,?dup2,?dup3"

// call is a system call that succeeded. start and end are the places in the
// trace where it began and returned: what ended before a place has happened
// there, what began after it has not.
type call struct {
	start, end int
	name       string
	args       []string
	result     int64
}

// parseTrace reads the output of strace -f -xx.
func parseTrace(trace io.Reader) (calls []call, err error) {
	type begun struct {
		start int
		text  string
	}
	unfinished := map[string]begun{}
	lines := bufio.NewReaderSize(trace, 1<<20)
	for place := 0; ; place++ {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return calls, nil
		}
		if err != nil {
			return nil, err
		}
		process, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		text = strings.TrimLeft(text, " ")
		start := place
		switch {
		case strings.HasPrefix(text, "+++"), strings.HasPrefix(text, "---"):
			continue
		case strings.HasSuffix(text, " <unfinished ...>"):
			unfinished[process] = begun{place, strings.TrimSuffix(text, " <unfinished ...>")}
			continue
		case strings.HasPrefix(text, "<... "):
			_, rest, _ := strings.Cut(text, " resumed>")
			start, text = unfinished[process].start, unfinished[process].text+rest
			delete(unfinished, process)
		}
		c, ok, err := parseCall(text)
		if err != nil {
			return nil, fmt.Errorf("trace line %d: %w", place+1, err)
		}
		if ok {
			c.start, c.end = start, place
			calls = append(calls, c)
		}
	}
}

// parseCall reads "name(args) = result". ok is false if the call failed.
func parseCall(text string) (c call, ok bool, err error) {
	open, end := strings.IndexByte(text, '('), strings.LastIndex(text, ") ")
	equal := strings.LastIndex(text, "= ")
	if open < 0 || end < open || equal < end {
		return call{}, false, fmt.Errorf("not a system call: %.80q", text)
	}
	result, _, _ := strings.Cut(text[equal+2:], " ")
	if strings.HasPrefix(result, "-") || result == "?" {
		return call{}, false, nil
	}
	c.name = text[:open]
	if args := text[open+1 : end]; args != "" {
		c.args = strings.Split(args, ", ")
	}
	if c.result, err = strconv.ParseInt(result, 0, 64); err != nil {
		return call{}, false, fmt.Errorf("result %q: %w", result, err)
	}
	return c, true, nil
}

// number returns an argument that is a number.
func (c *call) number(i int) (int64, error) {
	if i >= len(c.args) {
		return 0, fmt.Errorf("%s: no argument %d", c.name, i)
	}
	return strconv.ParseInt(c.args[i], 0, 64)
}

// text returns an argument that is a string.
func (c *call) text(i int) (string, error) {
	if i >= len(c.args) {
		return "", fmt.Errorf("%s: no argument %d", c.name, i)
	}
	quoted := c.args[i]
	if len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
		return "", fmt.Errorf("%s: argument %d is no whole string: %.40q", c.name, i, quoted)
	}
	decoded, err := hex.DecodeString(strings.ReplaceAll(quoted[1:len(quoted)-1], `\x`, ""))
	return string(decoded), err
}
