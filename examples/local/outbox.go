package main

import (
	"context"
	"fmt"
	"os"

	"github.com/iotenant/iotenant/auth/memauth"
)

// outbox takes the place of an e-mail service: it writes each message into a
// file of its folder.
type outbox struct{ folder string }

func (o outbox) Send(_ context.Context, message memauth.Message) error {
	if err := os.MkdirAll(o.folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(o.folder, "mail-*.txt")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "To: %s\nSubject: %s of %s\n\nYour code is %s\n", message.Email, message.Purpose, message.Username, message.Code)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}
