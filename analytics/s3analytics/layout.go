package s3analytics

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// This file is the only one that knows how objects are called in the bucket:
//
//	<prefix>tenants/<tenant>/<name>
//
// '/' is in no tenant id, so that no key of one tenant begins with what the
// keys of another begin with.
const (
	tenantsFolder = "tenants/"
	separator     = "/"
)

// maxKey is the length of a key in bytes, by S3.
const maxKey = 1024

// folderOf returns what all keys of a tenant begin with.
func folderOf(prefix string, id tenant.ID) string {
	return prefix + tenantsFolder + id.String() + separator
}

// nameIn is the reverse: it returns the name of the object that has this key.
// ok is false for what lies outside the folder, and for what this package has
// not written.
func nameIn(folder, key string) (name string, ok bool) {
	name, ok = strings.CutPrefix(key, folder)
	return name, ok && analytics.CheckObjectName(name) == nil
}

func (o *Objects) folder(id tenant.ID) string { return folderOf(o.options.Prefix, id) }

func (o *Objects) key(id tenant.ID, name string) string { return o.folder(id) + name }

// checkPrefix reports what is wrong with Options.Prefix.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	folder, ok := strings.CutSuffix(prefix, separator)
	if !ok {
		return fmt.Errorf("s3analytics: prefix %q does not end with a slash", prefix)
	}
	if err := analytics.CheckObjectName(folder); err != nil {
		return fmt.Errorf("s3analytics: prefix: %w", err)
	}
	// What startAfter returns is two bytes longer than a name can be.
	const most = maxKey - analytics.MaxObjectName - 2 - len(tenantsFolder) - tenant.MaxIDLength - len(separator)
	if len(prefix) > most {
		return fmt.Errorf("s3analytics: prefix has %d bytes, want at most %d", len(prefix), most)
	}
	return nil
}

// nameBytes are the bytes of which names consist, in order. afterAll is behind
// all of them.
const (
	nameBytes = " !%'()*,-./0123456789:=ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
	afterAll  = "~"
)

// isStrange reports whether no name holds this.
func isStrange(text string) bool {
	return len(text) > analytics.MaxObjectName || strangeByte(text) >= 0
}

// strangeByte returns the place of the first byte that is in no name, or -1.
func strangeByte(text string) int {
	for i := range len(text) {
		if strings.IndexByte(nameBytes, text[i]) < 0 {
			return i
		}
	}
	return -1
}

// startAfter returns a text after which the same names come as after this one,
// and which S3 takes: of bytes of names, and not too long.
func startAfter(after string) string {
	// No name is longer, so none lies between after and its beginning.
	after = after[:min(len(after), analytics.MaxObjectName)]
	i := strangeByte(after)
	if i < 0 {
		return after
	}
	// Of the names that begin with after[:i], those come first that go on with
	// a byte before the strange one.
	before := strings.IndexFunc(nameBytes, func(b rune) bool { return byte(b) > after[i] })
	switch before {
	case -1:
		return after[:i] + afterAll
	case 0:
		return after[:i]
	}
	return after[:i] + nameBytes[before-1:before] + afterAll
}
