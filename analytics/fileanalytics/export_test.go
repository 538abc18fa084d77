package fileanalytics

import (
	"context"

	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
)

// Checkpoint moves everything to the segments.
func (s *Store) Checkpoint(ctx context.Context) error { return s.checkpoint(ctx) }

// OnDisk puts the store on another file layer.
func OnDisk(fsys disk.FS) func(*Options) { return func(o *Options) { o.fs = fsys } }
