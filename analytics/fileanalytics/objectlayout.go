package fileanalytics

import (
	"path/filepath"
	"strings"

	"github.com/iotenant/iotenant/tenant"
)

// The folder of objects. All names in it are built and parsed here. None is a
// name in the folder of a store, see layout.
//
//	objects.lock
//	uploads/<random>                            what is being written
//	objects/t-<tenant>/<part>/…/@<last part>    an object
//	objects/t-<tenant>/<part>/…/~new            mark of a new directory
//
// Parts of names are kept as they are, but for bytes that some file system does
// not tell from another or gives a meaning: these are %xx. What is on the disk
// is a-z, 0-9 and !_.'()=,-% and blanks in any case, so '@', '~' and '+' can't
// be part of a name. An object a and a directory of objects a/… go together.
//
// A part of maxPiece bytes or more is cut: its first maxPiece bytes are a
// directory that ends in '+', in which the rest is a part again, of any length.
// A directory whose rest is empty is '+'.
const (
	objectsLockName = "objects.lock"
	uploadsDirName  = "uploads"
	objectsDirName  = "objects"
	newDirMark      = "~new"
	objectPrefix    = "@"
	pieceSuffix     = "+"
	emptyDirName    = "+"
	// maxPiece makes names of at most 241 bytes; file systems allow 255.
	maxPiece = 80
)

type objectLayout struct{ root string }

func (l objectLayout) lock() string       { return filepath.Join(l.root, objectsLockName) }
func (l objectLayout) uploadsDir() string { return filepath.Join(l.root, uploadsDirName) }
func (l objectLayout) objectsDir() string { return filepath.Join(l.root, objectsDirName) }

func (l objectLayout) upload(name string) string { return filepath.Join(l.uploadsDir(), name) }

func (l objectLayout) tenantDir(id tenant.ID) string {
	return filepath.Join(l.objectsDir(), tenantDirName(id))
}

// object returns the file of an object, whose name is checked.
func (l objectLayout) object(id tenant.ID, name string) string {
	var path strings.Builder
	path.WriteString(l.tenantDir(id))
	for {
		part, rest, more := strings.Cut(name, "/")
		part = appendPieces(&path, part)
		path.WriteByte(filepath.Separator)
		if !more {
			path.WriteString(objectPrefix)
			encodePiece(&path, part)
			return path.String()
		}
		encodeDir(&path, part)
		name = rest
	}
}

// dir returns the directory of all objects whose names begin with prefix, which
// is empty or parts with a slash after each.
func (l objectLayout) dir(id tenant.ID, prefix string) string {
	var path strings.Builder
	path.WriteString(l.tenantDir(id))
	for prefix != "" {
		part, rest, _ := strings.Cut(prefix, "/")
		prefix = rest
		part = appendPieces(&path, part)
		path.WriteByte(filepath.Separator)
		encodeDir(&path, part)
	}
	return path.String()
}

// appendPieces writes the directories of a long part, and returns its rest.
func appendPieces(path *strings.Builder, part string) string {
	for len(part) >= maxPiece {
		path.WriteByte(filepath.Separator)
		encodePiece(path, part[:maxPiece])
		path.WriteString(pieceSuffix)
		part = part[maxPiece:]
	}
	return part
}

func encodeDir(path *strings.Builder, part string) {
	if part == "" {
		path.WriteString(emptyDirName)
		return
	}
	encodePiece(path, part)
}

const lowerHex = "0123456789abcdef"

// encodePiece writes a piece of a name, without slashes, as file systems take
// it.
func encodePiece(path *strings.Builder, piece string) {
	reserved := isReserved(piece)
	for i := range len(piece) {
		if c := piece[i]; needsEscape(c) || c == '.' && i == len(piece)-1 || c == ' ' && (i == 0 || i == len(piece)-1) || reserved && i == 0 {
			path.WriteByte('%')
			path.WriteByte(lowerHex[c>>4])
			path.WriteByte(lowerHex[c&15])
		} else {
			path.WriteByte(c)
		}
	}
}

// needsEscape reports whether a byte of a name can't stand in a file name: upper
// case, since many file systems ignore the case, the escape itself, and what
// Windows gives a meaning.
func needsEscape(c byte) bool { return 'A' <= c && c <= 'Z' || c == '%' || c == '*' || c == ':' }

// isReserved reports whether a piece is a device on Windows, in any directory
// and with any extension.
func isReserved(piece string) bool {
	stem, _, _ := strings.Cut(piece, ".")
	switch stem = strings.TrimRight(stem, " "); stem {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(stem) == 4 && (stem[:3] == "com" || stem[:3] == "lpt") && '0' <= stem[3] && stem[3] <= '9'
}

// parsePiece is the inverse of encodePiece. It refuses what encodePiece never
// writes.
func parsePiece(text string) (string, bool) {
	var piece, again strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' {
			if i+2 >= len(text) {
				return "", false
			}
			high, low := strings.IndexByte(lowerHex, text[i+1]), strings.IndexByte(lowerHex, text[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			c = byte(high<<4 | low)
			i += 2
		}
		piece.WriteByte(c)
	}
	encodePiece(&again, piece.String())
	return piece.String(), again.String() == text
}

// entry is a name in a directory of objects.
type entry struct {
	// key is what the directory's names go on with: a whole name of an object,
	// or what all names in a directory begin with.
	key    string
	object bool
	file   string
}

// parseEntry tells what a name in the directory of a prefix means.
func parseEntry(prefix, file string) (entry, bool) {
	text, object := strings.CutPrefix(file, objectPrefix)
	text, cut := strings.CutSuffix(text, pieceSuffix)
	piece, ok := parsePiece(text)
	e := entry{key: prefix + piece, object: object, file: file}
	switch {
	case !ok || object && cut || (len(piece) == maxPiece) != (cut && piece != "") || len(piece) > maxPiece:
		return entry{}, false
	case object:
		return e, piece != "" || isPieceEnd(prefix)
	case cut && piece != "":
		return e, true
	}
	e.key += "/"
	return e, (piece == "") == cut && (piece != "" || isPieceEnd(prefix))
}

// isPieceEnd reports whether a prefix ends in a piece of a part rather than
// after a part, so that the rest of the part may be empty.
func isPieceEnd(prefix string) bool { return prefix != "" && !strings.HasSuffix(prefix, "/") }
