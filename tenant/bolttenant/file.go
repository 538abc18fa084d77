package bolttenant

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.etcd.io/bbolt"
	bboltErrors "go.etcd.io/bbolt/errors"

	"github.com/iotenant/iotenant"
)

const fileMode = 0o600

// openFile opens the database at path and creates it if there is none.
func openFile(path string, lockTimeout time.Duration) (*bbolt.DB, error) {
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		if err := createFile(path); err != nil {
			return nil, fmt.Errorf("create: %w: %w", iotenant.ErrUnavailable, err)
		}
	case err != nil:
		return nil, fmt.Errorf("%w: %w", iotenant.ErrUnavailable, err)
	}
	if err := checkComplete(path); err != nil {
		return nil, err
	}
	return openDatabase(path, lockTimeout)
}

// createFile makes an empty store under another name and links it to path
// when all of it is on the disk, so that a crash leaves no half-made store.
// A store that somebody else made meanwhile stays.
func createFile(path string) error {
	directory := filepath.Dir(path)
	temp, err := os.CreateTemp(directory, filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return err
	}
	if err := initialize(temp.Name()); err != nil {
		return err
	}
	err = os.Link(temp.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(temp.Name(), path) // a file system without links
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDirectory(directory)
}

func initialize(path string) error {
	db, err := bbolt.Open(path, fileMode, nil)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{metaBucket, itemsBucket, expiryBucket} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(metaBucket).Put(formatKey, format)
	})
	return errors.Join(err, db.Close())
}

// syncDirectory makes the names in a directory durable. Windows can't and
// needn't.
func syncDirectory(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// openDatabase opens what checkComplete found to be complete. Damage that
// bbolt meets makes it panic; here it is an error.
func openDatabase(path string, lockTimeout time.Duration) (db *bbolt.DB, err error) {
	var file *os.File
	defer func() {
		damage := recover()
		if damage == nil {
			return
		}
		if db != nil {
			_ = db.Close()
		}
		_ = file.Close()
		db, err = nil, fmt.Errorf("%w file: damaged: %v", iotenant.ErrInvalid, damage)
	}()
	db, err = bbolt.Open(path, fileMode, &bbolt.Options{
		Timeout:      lockTimeout,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			var err error
			file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
			return file, err
		},
	})
	switch {
	case errors.Is(err, bboltErrors.ErrTimeout):
		return nil, fmt.Errorf("%w: another process or store has it open", iotenant.ErrUnavailable)
	case errors.Is(err, bboltErrors.ErrInvalid), errors.Is(err, bboltErrors.ErrVersionMismatch), errors.Is(err, bboltErrors.ErrChecksum):
		return nil, fmt.Errorf("%w file: not a store, or damaged: %w", iotenant.ErrInvalid, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", iotenant.ErrUnavailable, err)
	}
	if err := db.View(checkFormat); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// checkFormat refuses databases of other programs and other formats.
func checkFormat(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil || tx.Bucket(itemsBucket) == nil || tx.Bucket(expiryBucket) == nil {
		return fmt.Errorf("%w file: a bbolt database of another program", iotenant.ErrInvalid)
	}
	if found := meta.Get(formatKey); !bytes.Equal(found, format) {
		return fmt.Errorf("%w file: format %q, want %q", iotenant.ErrInvalid, found, format)
	}
	return nil
}

// checkComplete refuses what is no bbolt database, and one that was cut short:
// bbolt maps the file into memory, and touching a page behind the end would
// end the process.
func checkComplete(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %w", iotenant.ErrUnavailable, err)
	}
	defer file.Close()
	want, err := sizeByMeta(file)
	if err != nil {
		return err
	}
	// The size is asked for last: a process that has the file open may make
	// it grow now.
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", iotenant.ErrUnavailable, err)
	}
	if info.Size() < want {
		return fmt.Errorf("%w file: damaged: cut short at %d of %d bytes", iotenant.ErrInvalid, info.Size(), want)
	}
	return nil
}

// Where bbolt keeps its two meta pages: at the begin of the file, one page
// each, after a page header. Numbers are in the byte order of the machine.
const (
	pageHeaderSize = 16
	metaSize       = 64
	metaMagic      = 0xED0CDAED
	minPageSize    = 1 << 9
	maxPageSize    = 1 << 16
)

// sizeByMeta returns how long the database says that it is.
func sizeByMeta(file io.ReaderAt) (int64, error) {
	var size int64
	var newest uint64
	consider := func(m meta, ok bool) {
		if ok && (size == 0 || m.transaction > newest) {
			size, newest = int64(m.pages)*int64(m.pageSize), m.transaction
		}
	}
	first, ok := readMeta(file, 0)
	consider(first, ok)
	if ok {
		second, ok := readMeta(file, int64(first.pageSize))
		consider(second, ok)
		return size, nil
	}
	for pageSize := int64(minPageSize); pageSize <= maxPageSize; pageSize *= 2 {
		second, ok := readMeta(file, pageSize)
		consider(second, ok)
	}
	if size == 0 {
		return 0, fmt.Errorf("%w file: not a store", iotenant.ErrInvalid)
	}
	return size, nil
}

type meta struct {
	pageSize           uint32
	pages, transaction uint64
}

// readMeta reads the meta page at offset, if it is a good one.
func readMeta(file io.ReaderAt, offset int64) (meta, bool) {
	var page [pageHeaderSize + metaSize]byte
	if _, err := file.ReadAt(page[:], offset); err != nil {
		return meta{}, false
	}
	text, order := page[pageHeaderSize:], binary.NativeEndian
	checksum := fnv.New64a()
	checksum.Write(text[:56])
	if order.Uint32(text) != metaMagic || order.Uint64(text[56:]) != checksum.Sum64() {
		return meta{}, false
	}
	return meta{
		pageSize:    order.Uint32(text[8:]),
		pages:       order.Uint64(text[40:]),
		transaction: order.Uint64(text[48:]),
	}, true
}
