package lakeanalytics

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
)

// Names of objects, under a tenant:
//
//	<kind>/<table>/__dt=2026-03-01/<dimensions>/<first ms>_<last ms>_<writer>_<number>.<extension>
//	<kind>/<table>/_log/<version, 20 digits>
//	<kind>/<table>/_log/<version, 20 digits>.checkpoint
//	<kind>/<table>/_log/latest
//	lake/clock
//
// A table's name is in lower case: names that differ in case only are the same.
// They are built and parsed in this file only.
const (
	logFolder        = "_log/"
	dayFolder        = "__dt="
	checkpointSuffix = ".checkpoint"
	latestName       = "latest"
	clockName        = "lake/clock"
	versionDigits    = 20
	// nullValue stands for a value that is missing, as in Hive.
	nullValue = "__HIVE_DEFAULT_PARTITION__"
	// maxFolders is the length of the folders of dimensions. Longer ones are
	// named by a digest: with the rest of a name, 300 bytes at most, they fit
	// analytics.MaxObjectName.
	maxFolders = 480
)

// layout builds the names of a table's objects.
type layout struct{ prefix string }

func layoutOf(table analytics.TableID) layout {
	return layout{string(table.Kind) + "/" + strings.ToLower(table.Name) + "/"}
}

func (l layout) log() string                { return l.prefix + logFolder }
func (l layout) data() string               { return l.prefix + dayFolder }
func (l layout) latest() string             { return l.log() + latestName }
func (l layout) commit(v uint64) string     { return fmt.Sprintf("%s%0*d", l.log(), versionDigits, v) }
func (l layout) checkpoint(v uint64) string { return l.commit(v) + checkpointSuffix }

// parseLog returns the version that an object of the log is of.
func (l layout) parseLog(name string) (version uint64, checkpoint, ok bool) {
	digits, ok := strings.CutPrefix(name, l.log())
	if !ok {
		return 0, false, false
	}
	digits, checkpoint = strings.CutSuffix(digits, checkpointSuffix)
	if len(digits) != versionDigits {
		return 0, false, false
	}
	version, err := strconv.ParseUint(digits, 10, 64)
	return version, checkpoint, err == nil && version > 0
}

// tableOf returns the table that an object is of, its name in lower case.
func tableOf(name string) (table analytics.TableID, ok bool) {
	kind, rest, _ := strings.Cut(name, "/")
	text, _, ok := strings.Cut(rest, "/")
	table = analytics.TableID{Kind: analytics.TableKind(kind), Name: text}
	return table, ok && checkTableID(table) == nil && strings.ToLower(text) == text
}

// afterTable is a name after those of all objects of a table, and before those
// of the next one.
func afterTable(table analytics.TableID) string {
	return strings.TrimSuffix(layoutOf(table).prefix, "/") + "0" // which follows the slash
}

// folder returns the folders of a day and dimensions, after the table's prefix.
func folder(day int32, dimensions []analytics.Dimension) string {
	text := appendDay([]byte(dayFolder), day)
	text = append(text, '/')
	start := len(text)
	for _, d := range dimensions {
		text = appendEscaped(text, d.Name)
		text = append(text, '=')
		if d.Value == nil {
			text = append(text, nullValue...)
		} else {
			text = appendEscaped(text, *d.Value)
		}
		text = append(text, '/')
	}
	if len(text)-start > maxFolders {
		digest := sha256.Sum256(text[start:])
		text = append(text[:start], '!') // which is escaped elsewhere
		text = hex.AppendEncode(text, digest[:16])
		text = append(text, '/')
	}
	return string(text)
}

func appendDay(text []byte, day int32) []byte {
	return time.Unix(int64(day)*86400, 0).UTC().AppendFormat(text, time.DateOnly)
}

// appendEscaped percent-encodes what is not unreserved in a URL.
func appendEscaped(text []byte, value string) []byte {
	for i := range len(value) {
		c := value[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.' {
			text = append(text, c)
		} else {
			text = append(text, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
	return text
}

// fileName returns the name of a data file after its folder.
func fileName(first, last int64, writer string, number uint64, extension string) string {
	return fmt.Sprintf("%d_%d_%s_%d%s", first/int64(time.Millisecond), last/int64(time.Millisecond), writer, number, extension)
}

// folderOf returns the folder of a data file.
func folderOf(name string) string { return name[:strings.LastIndexByte(name, '/')+1] }

// isFile reports whether a name after the table's prefix is one that fileName
// and folder make.
func isFile(name string) bool {
	folders, base, ok := strings.Cut(name, "/")
	if !ok || !strings.HasPrefix(folders, dayFolder) {
		return false
	}
	base = base[strings.LastIndexByte(base, '/')+1:]
	base, _, _ = strings.Cut(base, ".")
	parts := strings.Split(base, "_")
	return len(parts) == 4 && isNumber(parts[0]) && isNumber(parts[1]) && parts[2] != "" && isNumber(parts[3])
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil
}
