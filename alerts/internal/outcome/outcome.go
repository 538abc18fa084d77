// Package outcome tells what an error of an AWS service means for an alert. It
// knows the errors by their shape, not by the SDK.
package outcome

import (
	"errors"
	"fmt"
	"slices"

	"github.com/iotenant/iotenant"
)

// Of returns err with a kind: iotenant.ErrInvalid if the service refuses what
// it was given, so that the alert is given up, else iotenant.ErrUnavailable. A
// missing permission or resource is for the platform to mend, so it may pass.
// refusals are the service's codes for what it refuses; a size that it does not
// take is among them.
func Of(err error, refusals ...string) error {
	if err == nil {
		return nil
	}
	kind := iotenant.ErrUnavailable
	if IsRefusal(Code(err), refusals...) {
		kind = iotenant.ErrInvalid
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// Judge is [Of] for a backend that has a sentinel of kind iotenant.ErrInvalid
// for what the service refuses.
func Judge(err, refused error, refusals ...string) error {
	err = Of(err, refusals...)
	if errors.Is(err, iotenant.ErrInvalid) {
		return fmt.Errorf("%w: %w", refused, err)
	}
	return err
}

// Code returns the service's code of an error, empty if it is none of it.
func Code(err error) string {
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		return coded.ErrorCode()
	}
	return ""
}

// IsRefusal reports whether a code is one of those that every service uses, or
// of refusals.
func IsRefusal(code string, refusals ...string) bool {
	return slices.Contains(common, code) || slices.Contains(refusals, code)
}

// common are the codes with which services refuse what they are given.
var common = []string{
	"ValidationError", "ValidationException", "InvalidParameter", "InvalidParameterValue",
	"InvalidParameterException", "InvalidParameterValueException", "InvalidArgumentException",
}
