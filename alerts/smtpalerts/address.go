package smtpalerts

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
)

// maxAddress is the limit of an address in bytes (RFC 5321, 4.5.3.1.3).
const maxAddress = 254

// An address is a dot-atom and a domain. What would have to be quoted is left
// out: it could end the address in a command of SMTP.
var (
	localPattern  = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+)*$`)
	domainPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
)

// checkAddress refuses addresses without telling what is in them.
func checkAddress(address string) error {
	local, domain, _ := strings.Cut(address, "@")
	if len(address) > maxAddress || len(local) > 64 || !localPattern.MatchString(local) || !domainPattern.MatchString(domain) {
		return fmt.Errorf("%w: want one like name@example.com", ErrAddress)
	}
	return nil
}

// parseSender reads "a@example.com" or "A <a@example.com>".
func parseSender(text string) (*mail.Address, error) {
	if text != oneLine(text, maxSender) {
		return nil, fmt.Errorf("%w: want one line", ErrAddress)
	}
	sender, err := mail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	return sender, checkAddress(sender.Address)
}

// maxSender is the limit of a sender with its name, in characters.
const maxSender = 320
