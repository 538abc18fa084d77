package tenant_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

func TestBatchErrorTellsEachEntryAndUnwrapsToAll(t *testing.T) {
	t.Parallel()
	down := fmt.Errorf("disk: %w", iotenant.ErrUnavailable)
	err := error(&tenant.BatchError{Errs: []error{nil, tenant.ErrKey, nil, down}})
	require.EqualError(t, err, "tenant: batch: 2 of 4 entries failed, number 1 first: tenant: invalid key")
	for _, want := range []error{tenant.ErrKey, iotenant.ErrInvalid, down, iotenant.ErrUnavailable} {
		require.ErrorIs(t, err, want)
	}
	require.NotErrorIs(t, err, tenant.ErrNotFound)
	var partial *tenant.BatchError
	require.ErrorAs(t, fmt.Errorf("import: %w", err), &partial)
	require.Len(t, partial.Errs, 4)
	require.Equal(t, []error{tenant.ErrKey, down}, partial.Unwrap(), "errors.As can't bear nil")
	var timeout interface{ Timeout() bool }
	require.NotErrorAs(t, err, &timeout)
}

func TestBatchErrorWithoutFailure(t *testing.T) {
	t.Parallel()
	err := &tenant.BatchError{Errs: make([]error, 3)}
	require.EqualError(t, err, "tenant: batch: 0 of 3 entries failed")
	require.Empty(t, err.Unwrap())
}

func TestWritesShowBackendsWhatTheyAre(t *testing.T) {
	t.Parallel()
	put, remove := tenant.PutWrite(site{Name: "north"}), tenant.DeleteWrite[site](tenant.NewKey("south"))
	require.Equal(t, tenant.ActionPut, put.Action())
	require.Equal(t, &site{Name: "north"}, put.Value())
	require.Equal(t, tenant.ActionDelete, remove.Action())
	require.Equal(t, tenant.NewKey("south"), remove.Key())
	require.Zero(t, new(tenant.Write[site]).Action())
}
