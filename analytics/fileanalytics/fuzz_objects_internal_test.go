package fileanalytics

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// parseObject is the inverse of objectLayout.object, by the steps that List and
// Sweep take.
func parseObject(t *testing.T, root, path string) (tenant.ID, string) {
	t.Helper()
	relative, err := filepath.Rel(filepath.Join(root, objectsDirName), path)
	require.NoError(t, err)
	parts := strings.Split(relative, string(filepath.Separator))
	id, ok := parseTenantDirName(parts[0])
	require.True(t, ok, parts[0])
	name := ""
	for i, part := range parts[1:] {
		e, ok := parseEntry(name, part)
		require.True(t, ok, "%q after %q", part, name)
		require.Equal(t, i == len(parts)-2, e.object)
		name = e.key
	}
	return id, name
}

// FuzzObjectPath checks that names and tenants come back from paths, that no two
// of them meet, on file systems that ignore case as well, and that no object is
// in the way of another.
func FuzzObjectPath(f *testing.F) {
	long := strings.Repeat("x", maxPiece)
	for _, pair := range [][2]string{
		{"a", "A"}, {"a/b", "a"}, {"a%2fb", "a/b"}, {"con", "CON.csv"}, {"b.", "b"}, {"..x", ".../x"}, {long, long + "/x"}, {long + "x", long + "/" + long},
		{long + long, long + "/x/" + long + "."}, {"a b", "a: b"}, {strings.Repeat("C:/", 200) + "c", strings.Repeat("%", 800)}, {"a  b", "a*"},
	} {
		f.Add("acme", pair[0], "acme-b", pair[1])
		f.Add("acme", pair[0], "acme", pair[1])
	}
	f.Fuzz(func(t *testing.T, idText, name, otherText, otherName string) {
		id, idErr := tenant.ParseID(idText)
		other, otherErr := tenant.ParseID(otherText)
		if idErr != nil || otherErr != nil || analytics.CheckObjectName(name) != nil || analytics.CheckObjectName(otherName) != nil {
			return
		}
		files := objectLayout{filepath.FromSlash("/data")}
		path, otherPath := files.object(id, name), files.object(other, otherName)
		gotID, gotName := parseObject(t, files.root, path)
		require.Equal(t, id, gotID)
		require.Equal(t, name, gotName)
		checkPath(t, path)

		same := id == other && name == otherName
		require.Equal(t, same, strings.EqualFold(path, otherPath), "%s and %s", path, otherPath)
		require.False(t, strings.HasPrefix(otherPath, path+string(filepath.Separator)), "%s is in the way of %s", path, otherPath)
		if at := strings.LastIndexByte(name, '/'); at >= 0 {
			require.True(t, strings.HasPrefix(path, files.dir(id, name[:at+1])+string(filepath.Separator)))
		}
	})
}

// checkPath checks that a path is one on every file system.
func checkPath(t *testing.T, path string) {
	t.Helper()
	require.Equal(t, filepath.Clean(path), path)
	require.Equal(t, strings.ToLower(path), path)
	for part := range strings.SplitSeq(path, string(filepath.Separator)) {
		require.LessOrEqual(t, len(part), 255)
		require.Equal(t, strings.TrimRight(part, ". "), part)
		require.False(t, strings.ContainsAny(part, `<>:"|?*\`), part)
		require.NotEqual(t, newDirMark, part)
		stem, _, _ := strings.Cut(part, ".")
		require.NotContains(t, []string{"con", "prn", "aux", "nul", "com1", "lpt9"}, strings.TrimRight(stem, " "))
	}
}

// FuzzObjectFile checks that every file name that is read is the one that would
// be written.
func FuzzObjectFile(f *testing.F) {
	long := strings.Repeat("%41", maxPiece)
	for _, file := range []string{"@a", "a", "@", "+", "@a+", "a+", long + "+", "@" + long, "%41", "%61", "@%2", "@%2F", "%2f", "%00", "%2e", ".", "..", "@.", "~new", "@b%2e", "%63on", "con", "@%63on", "a%20", ".DS_Store"} {
		f.Add("", file)
		f.Add("a/", file)
		f.Add(strings.Repeat("x", maxPiece), file)
	}
	f.Fuzz(func(t *testing.T, prefix, file string) {
		e, ok := parseEntry(prefix, file)
		if !ok || strings.ContainsRune(file, '/') {
			return // no directory has such an entry
		}
		require.True(t, strings.HasPrefix(e.key, prefix))
		name := e.key
		if !e.object {
			name += strings.Repeat("y", 3)
		}
		id := tenant.MustParseID("acme")
		if analytics.CheckObjectName(name) != nil || prefix != "" && parsesAs(prefix) != prefix {
			return
		}
		files := objectLayout{filepath.FromSlash("/data")}
		below, _ := strings.CutPrefix(files.object(id, name), filepath.Join(files.tenantDir(id), ""))
		require.Contains(t, strings.Split(below, string(filepath.Separator)), file, "%q is not a part of %q", file, below)
	})
}

// parsesAs returns a prefix as directories have it: after a part, or after whole
// pieces of one.
func parsesAs(prefix string) string {
	at := strings.LastIndexByte(prefix, '/') + 1
	return prefix[:at+(len(prefix)-at)/maxPiece*maxPiece]
}

// FuzzLink checks that a link allows what it was made for, and that no other
// URL, however near, allows anything else.
func FuzzLink(f *testing.F) {
	f.Add("acme", "x", "https://example.com/files/acme/x?expires=1&signature=A")
	f.Add("acme", "contents/a b%2f.csv", "https://example.com/files/acme/..?expires=1")
	f.Fuzz(func(t *testing.T, idText, name, other string) {
		now := time.Unix(1772366400, 0)
		links, err := NewLinks("https://example.com/files", []byte(strings.Repeat("k", MinLinkKeyLength)), func(o *LinkOptions) { o.Now = func() time.Time { return now } })
		require.NoError(t, err)
		if parsed, err := url.Parse(other); err == nil {
			_, _, err := links.parse(parsed)
			require.Error(t, err, "nobody signed it")
		}
		id, err := tenant.ParseID(idText)
		if err != nil || analytics.CheckObjectName(name) != nil {
			return
		}
		link, err := links.Link(id, name, time.Minute)
		require.NoError(t, err)
		parsed, err := url.Parse(link)
		require.NoError(t, err)
		gotID, gotName, err := links.parse(parsed)
		require.NoError(t, err)
		require.Equal(t, id, gotID)
		require.Equal(t, name, gotName)
	})
}
