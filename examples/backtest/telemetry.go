package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/examples/internal/rule"
	"github.com/iotenant/iotenant/tenant"
)

// stored returns the messages of a tenant that package fileanalytics keeps.
func (f *detectorFlags) stored(ctx context.Context, model *detector.Model) (events iter.Seq2[*event, error], closing func(), err error) {
	id, err := tenant.ParseID(f.tenant)
	if err != nil {
		return nil, nil, err
	}
	folder := f.data
	if below := filepath.Join(folder, "telemetry"); isFolder(below) {
		folder = below // the folder of examples/local
	}
	copied, err := os.MkdirTemp("", "backtest-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { _ = os.RemoveAll(copied) } // a copy in the folder for such
	if err := snapshot(folder, copied, id); err != nil {
		remove()
		return nil, nil, fmt.Errorf("%s: %w", folder, err)
	}
	store, err := fileanalytics.Open(copied, tenant.RandomCursorKeys())
	if err != nil {
		remove()
		return nil, nil, err
	}
	closing = func() {
		_ = store.Close() // nothing was written
		remove()
	}
	if f.until.IsZero() {
		f.until = f.to
	}
	query := analytics.Query{From: f.from, To: f.to, Channels: channels(model), Limit: tenant.MaxLimit}
	return telemetry(analytics.AllMessages(ctx, store, id, query), model.Inputs()), closing, nil
}

// channels returns the channels that feed the model; nil if there are too many
// to ask for.
func channels(model *detector.Model) []string {
	var names []string
	for _, input := range model.Inputs() {
		if names = append(names, input); input == rule.DefaultInput {
			names = append(names, "")
		}
	}
	if len(names) > analytics.MaxSelected {
		return nil
	}
	return names
}

// telemetry turns the stored messages of these inputs into events.
func telemetry(messages iter.Seq2[analytics.Message, error], inputs []string) iter.Seq2[*event, error] {
	return func(yield func(*event, error) bool) {
		for m, err := range messages {
			if err != nil {
				yield(nil, err)
				return
			}
			if !slices.Contains(inputs, rule.Input(m.Channel)) {
				continue
			}
			e := &event{
				at:        m.At,
				input:     rule.Input(m.Channel),
				messageID: m.ID,
				generated: m.ID == "",
				payload:   rule.WithThing(m.Payload, m.Thing),
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// Names in a folder of package fileanalytics.
const (
	journalFolder = "journal"
	tenantsFolder = "tenants"
	tenantPrefix  = "t-"
	segmentSuffix = ".seg"
)

// maxAttempts bounds how often a snapshot begins again because a journal went
// away. A store that takes in messages moves on every few seconds at most.
const maxAttempts = 20

// snapshot makes a folder that a store can be opened on, while another store
// has the original open and writes to it. What is there when it begins is in
// it: the journals are copied first, and a message leaves them only after the
// tenant's state counts it, which is copied afterwards. Segments are only
// appended to, and read no further than the state says; they are linked.
func snapshot(from, to string, id tenant.ID) error {
	if !isFolder(filepath.Join(from, journalFolder)) {
		return errors.New("no telemetry: want a folder of examples/local or of package fileanalytics")
	}
	err := errMoved
	for attempt := 0; errors.Is(err, errMoved) && attempt < maxAttempts; attempt++ {
		err = copyJournals(filepath.Join(from, journalFolder), filepath.Join(to, journalFolder))
	}
	if err != nil {
		return err
	}
	owner := filepath.Join(tenantsFolder, tenantPrefix+id.String())
	return copyTenant(filepath.Join(from, owner), filepath.Join(to, owner))
}

// errMoved: a journal went away, its messages are in segments now.
var errMoved = errors.New("the store moves on faster than it can be copied")

func copyJournals(from, to string) error {
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o700)); err != nil {
		return err
	}
	journals, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, journal := range journals {
		err := copyFile(filepath.Join(from, journal.Name()), filepath.Join(to, journal.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			return errMoved
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyTenant copies what is beside the segments first, and then links these.
func copyTenant(from, to string) error {
	if !isFolder(from) {
		return nil // all that there is of the tenant is in the journals
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, segments := range []bool{false, true} {
		files, err := os.ReadDir(from)
		if err != nil {
			return err
		}
		for _, file := range files {
			if strings.HasSuffix(file.Name(), segmentSuffix) != segments {
				continue
			}
			take := copyFile
			if segments {
				take = linkFile
			}
			err := take(filepath.Join(from, file.Name()), filepath.Join(to, file.Name()))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// linkFile links a file, or copies it where links are not to be had.
func linkFile(from, to string) error {
	absolute, err := filepath.Abs(from)
	if err != nil {
		return err
	}
	if os.Symlink(absolute, to) == nil {
		return nil
	}
	return copyFile(from, to)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
