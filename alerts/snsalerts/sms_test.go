package snsalerts_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/snsalerts"
	"github.com/iotenant/iotenant/tenant"
)

func numbers(list ...string) snsalerts.Numbers {
	return func(context.Context, tenant.ID, alerts.Alert) ([]string, error) { return list, nil }
}

func TestTexter(t *testing.T) {
	t.Parallel()
	// The receivers of SMS get no ids: the text carries them here.
	own := map[tenant.ID]string{alertstest.TenantA: "+4915112345678", alertstest.TenantB: "+15551234567"}
	alertstest.TestNotifier(t, func(*testing.T) alertstest.Harness {
		m := &memorySNS{}
		texter := snsalerts.NewTexter(m, func(_ context.Context, id tenant.ID, _ alerts.Alert) ([]string, error) {
			return []string{own[id]}, nil
		}, func(o *snsalerts.TextOptions) { o.Text = func(a alerts.Alert) string { return a.ID } })
		return alertstest.Harness{
			Notifier: texter, Refuse: m.refuse, Hang: func() { m.hang = true },
			Received: func(id tenant.ID) (ids []string) {
				for _, p := range m.published {
					if p.target == own[id] {
						ids = append(ids, p.message)
					}
				}
				return ids
			},
		}
	})
}

func TestTexts(t *testing.T) {
	t.Parallel()
	m := &memorySNS{}
	texter := snsalerts.NewTexter(m, numbers("+15551234567"), func(o *snsalerts.TextOptions) { o.SenderID = "ACME" })
	require.NoError(t, texter.Notify(t.Context(), alertstest.TenantA, alertstest.SampleAlert(1)))
	require.Equal(t, "too hot: boiler boiler-7", m.published[0].message)
	require.Equal(t, "ACME", *m.published[0].attributes["AWS.SNS.SMS.SenderID"].StringValue)
	require.Equal(t, "Transactional", *m.published[0].attributes["AWS.SNS.SMS.SMSType"].StringValue)

	long := alertstest.SampleAlert(1)
	long.Event = strings.Repeat("ü", 1000)
	require.NoError(t, texter.Notify(t.Context(), alertstest.TenantA, long))
	require.Equal(t, snsalerts.MaxText, utf8.RuneCountInString(m.published[1].message))

	texter = snsalerts.NewTexter(m, numbers("0151", "+15551234567", "+"))
	err := texter.Notify(t.Context(), alertstest.TenantA, long)
	require.ErrorIs(t, err, snsalerts.ErrNumber)
	require.True(t, alerts.Permanent(err))
	require.Len(t, m.published, 3, "the good number was told")

	m.err = apiError("OptedOut")
	require.ErrorIs(t, texter.Notify(t.Context(), alertstest.TenantA, long), snsalerts.ErrNumber)
	m.err = apiError("InternalError")
	require.ErrorIs(t, texter.Notify(t.Context(), alertstest.TenantA, long), iotenant.ErrUnavailable)
	require.NoError(t, snsalerts.NewTexter(m, numbers()).Notify(t.Context(), alertstest.TenantA, long), "nobody wants it")

	failing := snsalerts.NewTexter(m, func(context.Context, tenant.ID, alerts.Alert) ([]string, error) { return nil, iotenant.ErrUnavailable })
	require.ErrorIs(t, failing.Notify(t.Context(), alertstest.TenantA, long), iotenant.ErrUnavailable)
}

func ExampleNewTexter() {
	client := &memorySNS{} // sns.NewFromConfig(config), in a program
	onCall := func(context.Context, tenant.ID, alerts.Alert) ([]string, error) { return []string{"+15551234567"}, nil }
	err := snsalerts.NewTexter(client, onCall).Notify(context.Background(), tenant.MustParseID("acme"), alertstest.SampleAlert(1))
	fmt.Println(client.published[0].message, err)
	// Output: too hot: boiler boiler-7 <nil>
}
