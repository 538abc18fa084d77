package fileanalytics

import (
	"context"
	"errors"

	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
	"github.com/iotenant/iotenant/tenant"
)

// Checkpoint moves everything to the segments.
func (s *Store) Checkpoint(ctx context.Context) error { return s.checkpoint(ctx) }

// OnDisk puts the store on another file layer.
func OnDisk(fsys disk.FS) func(*Options) { return func(o *Options) { o.fs = fsys } }

// Waiting lets about so many points of a stream wait for those before them.
func Waiting(points int) func(*Options) { return func(o *Options) { o.waiting = points } }

// EachRecord calls visit with what is in the segments of a tenant, in the order
// of the files.
func (s *Store) EachRecord(id tenant.ID, visit func(at int64, payload []byte)) error {
	a, err := s.archive(id)
	if err != nil {
		return err
	}
	for _, segment := range a.segments {
		file, err := s.fs.Open(s.files.segment(id, segment.day))
		if err != nil {
			return err
		}
		err = eachRun(file, id, segment, func(r run) error {
			data := make([]byte, r.size-runHeader-int64(r.indexLength))
			if _, err := file.ReadAt(data, r.offset+runHeader+int64(r.indexLength)); err != nil {
				return err
			}
			for len(data) > 0 {
				decoded, n, err := decodeRecord(data)
				if err != nil {
					return err
				}
				visit(decoded.time, decoded.payload)
				data = data[n:]
			}
			return nil
		})
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// FolderOnDisk puts a folder on another file layer.
func FolderOnDisk(fsys disk.FS) func(*FolderOptions) { return func(o *FolderOptions) { o.fs = fsys } }
