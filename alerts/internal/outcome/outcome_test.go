package outcome_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/internal/outcome"
)

type coded string

func (c coded) Error() string     { return "service: " + string(c) }
func (c coded) ErrorCode() string { return string(c) }

func TestOf(t *testing.T) {
	t.Parallel()
	require.NoError(t, outcome.Of(nil))
	for err, kind := range map[error]error{
		coded("ValidationException"):  iotenant.ErrInvalid,
		coded("TooLong"):              iotenant.ErrInvalid,
		coded("Throttling"):           iotenant.ErrUnavailable,
		coded("AccessDenied"):         iotenant.ErrUnavailable,
		coded("NotFound"):             iotenant.ErrUnavailable,
		context.DeadlineExceeded:      iotenant.ErrUnavailable,
		errors.New("connection lost"): iotenant.ErrUnavailable,
	} {
		got := outcome.Of(fmt.Errorf("wrapped: %w", err), "TooLong")
		require.Equal(t, kind, iotenant.KindOf(got), err)
		require.ErrorIs(t, got, err)
	}
}
