package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/tenant"
)

// certificates is a folder with the demo's certificate authority and the
// client certificates that it issued.
type certificates struct {
	folder    string
	authority *memdevice.Authority
}

// openCertificates reads the authority, or makes it at the first start.
func openCertificates(folder string) (*certificates, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	c := &certificates{folder: folder}
	text, err := os.ReadFile(c.path("authority-secret.pem"))
	switch {
	case err == nil:
		c.authority, err = memdevice.ParseAuthority(text)
		return c, err
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if c.authority, err = memdevice.NewAuthority(); err != nil {
		return nil, err
	}
	if text, err = c.authority.MarshalPEM(); err != nil {
		return nil, err
	}
	return c, errors.Join(c.write("authority.pem", c.authority.CertificatePEM()), c.write("authority-secret.pem", text))
}

func (c *certificates) path(name string) string { return filepath.Join(c.folder, name) }

func (c *certificates) write(name string, text []byte) error {
	return os.WriteFile(c.path(name), text, 0o600)
}

// server returns the configuration of the broker's TLS listener.
func (c *certificates) server() (*tls.Config, error) {
	certificate, err := c.authority.IssueServer("127.0.0.1", "localhost")
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}

// client returns the base name of the files of a device's certificate and key,
// which are made and registered unless they are there.
func (c *certificates) client(ctx context.Context, devices *device.Registry, id tenant.ID, thing device.ID) (name string, err error) {
	name = id.String() + "_" + thing.String()
	if _, err := os.Stat(c.path(name + ".pem")); err == nil {
		return name, nil
	}
	pair, err := c.authority.IssueClient(id, thing)
	if err != nil {
		return "", err
	}
	key, err := memdevice.MarshalKeyPEM(pair)
	if err != nil {
		return "", err
	}
	if _, err := devices.AddCertificate(ctx, id, thing, pair.Leaf); err != nil {
		return "", err
	}
	return name, errors.Join(c.write(name+"-key.pem", key), c.write(name+".pem", memdevice.MarshalCertificatePEM(pair)))
}
