package main

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secrets are made at the first start and kept in the data folder, readable by
// the user only.
type secrets struct {
	CursorKey  []byte `json:"cursorKey"`
	WebhookKey []byte `json:"webhookKey"`
	LinkKey    []byte `json:"linkKey"`
	// Passwords of the demo: of users by username, of devices by thing name.
	Passwords map[string]string `json:"passwords"`
	// AccessKeys of the demo's tenants, by id.
	AccessKeys map[string]accessKey `json:"accessKeys"`
	// Seeded says that the demo is complete.
	Seeded bool `json:"seeded"`

	path string
}

func loadSecrets(folder string) (*secrets, error) {
	s := &secrets{path: filepath.Join(folder, "secrets.json"), Passwords: map[string]string{}, AccessKeys: map[string]accessKey{}}
	text, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.CursorKey, s.WebhookKey, s.LinkKey = randomBytes(32), randomBytes(32), randomBytes(32)
		return s, s.save()
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	if s.LinkKey == nil { // a folder of an earlier version
		s.LinkKey = randomBytes(32)
		return s, s.save()
	}
	return s, nil
}

// save replaces the file as a whole, so that a crash leaves the old or the new
// one.
func (s *secrets) save() error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(s.path), "secrets-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // fails after the rename, as it should
	if _, err := file.Write(append(text, '\n')); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), s.path)
}

func randomText(n int) string { return base32.StdEncoding.EncodeToString(randomBytes(n)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
