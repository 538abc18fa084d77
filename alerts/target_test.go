package alerts_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

func TestTargets(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	own := "arn:aws:sns:eu-west-1:123456789012:" + alerts.ResourceName(north, "alarms")
	require.Equal(t, "arn:aws:sns:eu-west-1:123456789012:north_alarms", own)

	got, err := alerts.OwnTargets(ctx, north, own)
	require.NoError(t, err)
	require.Equal(t, own, got)
	got, err = alerts.OwnTargets(ctx, north, "https://sqs.eu-west-1.amazonaws.com/123456789012/north_q")
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(got, "/north_q"))

	to := alerts.ToOwnTargets("arn:aws:sns:eu-west-1:123456789012:")
	got, err = to(ctx, north, "arn:aws:sns:us-east-1:999999999999:alarms")
	require.NoError(t, err)
	require.Equal(t, own, got)
	_, err = to(ctx, north, "arn:aws:sns:us-east-1:999999999999:")
	require.ErrorIs(t, err, alerts.ErrTarget)

	got, err = alerts.ToOneTarget("shared")(ctx, north, "anything")
	require.NoError(t, err)
	require.Equal(t, "shared", got)

	for _, targets := range []alerts.Targets{alerts.OwnTargets, to, alerts.ToOneTarget("shared")} {
		_, err := targets(ctx, tenant.ID{}, own)
		require.ErrorIs(t, err, tenant.ErrID)
	}
}

func TestAttackTargetsOfAnotherTenant(t *testing.T) {
	t.Parallel()
	alike := tenant.MustParseID("north-1")
	for _, target := range []string{
		"arn:aws:sns:eu-west-1:123456789012:south_alarms",
		"arn:aws:sns:eu-west-1:123456789012:north-1_alarms",
		"arn:aws:sns:eu-west-1:123456789012:north",
		"arn:aws:sns:eu-west-1:123456789012:north_",
		"arn:aws:sns:eu-west-1:north_x:alarms",
		"https://sqs.eu-west-1.amazonaws.com/north_x/south_q",
		"southnorth_q", "NORTH_q", "_north_q", "", "north_q/", "north_q:",
	} {
		_, err := alerts.OwnTargets(t.Context(), north, target)
		require.ErrorIs(t, err, alerts.ErrTarget, target)
		require.ErrorIs(t, err, iotenant.ErrDenied)
		require.True(t, alerts.Permanent(err))
		require.NotContains(t, err.Error(), "south")
	}
	to := alerts.ToOwnTargets("")
	for _, name := range []string{"south_q", "x/south_q", "..", "1_alarms"} {
		got, err := to(t.Context(), north, name)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(got, "north_"), got)
		_, err = alerts.OwnTargets(t.Context(), alike, got)
		require.ErrorIs(t, err, alerts.ErrTarget)
	}
}
