package lakeanalytics

import (
	"github.com/iotenant/iotenant/analytics"
)

// nonce tells commits apart. That of the commit that made a table tells the
// table from others of the same name, before and after it.
type nonce [16]byte

// entry is an object of the log: a commit, which is a change of a table, or a
// checkpoint, which is a table as all commits up to its version made it.
type entry struct {
	checkpoint bool
	version    uint64
	nonce      nonce
	at         int64 // when it was made, in milliseconds

	// declared is the table from now on; nil if it stays as it is.
	declared *declaration
	// deleted: there is no table from now on, nor anything of it.
	deleted bool
	// leaving: the table takes no more rows, since it replaces others.
	leaving bool

	// appended are new files. Their bases are relative to the sequence number
	// that the commit finds.
	appended []file
	// added are files of rows that have their sequence numbers.
	added     []file
	removed   []removal
	forgotten []string // names of removed files whose objects are gone
	ids       []digest // of the rows that were added, in order
	sequences uint64   // how many sequence numbers the rows took
	replaced  []nonce  // tables that took the place of rows of this one

	// nonces are those of the latest commits; of a checkpoint only.
	nonces []nonce
}

// declaration is a table as it was declared, and which one of its name it is.
type declaration struct {
	table analytics.Table
	nonce nonce
}

// removal is a file that is no longer, or has never been, a part of the table.
type removal struct {
	name string // after the table's prefix
	at   int64  // when it was removed, in milliseconds
}
