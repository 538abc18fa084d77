package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

func TestPlanLimitsDevices(t *testing.T) {
	b := start(t, testConfig(t.TempDir()))
	plan := tenant.Plan{Name: "three", Quotas: map[string]int64{device.ThingSchema.Entity: 3}} // the demo has two
	require.NoError(t, b.directory.PutPlan(t.Context(), plan))
	_, err := b.directory.SetPlan(t.Context(), north, plan.Name)
	require.NoError(t, err)

	u := b.signIn("north-user")
	press := func(id string) map[string]string { return map[string]string{"id": id, "type": "press"} }
	u.want(http.StatusCreated, "POST", "/devices", press("press-2"), nil)
	status, answer := u.do("POST", "/devices", press("press-3"))
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, string(answer), "quota exceeded: denied: thing: 3 of 3")
	u.want(http.StatusNoContent, "DELETE", "/devices/press-2", nil, nil)
	u.want(http.StatusCreated, "POST", "/devices", press("press-3"), nil)
	b.signIn("south-user").want(http.StatusCreated, "POST", "/devices", press("press-3"), nil)
}
