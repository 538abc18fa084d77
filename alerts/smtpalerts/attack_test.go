package smtpalerts_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/smtpalerts"
	"github.com/iotenant/iotenant/tenant"
)

// wantedHeader is what every letter has, each once.
var wantedHeader = []string{
	"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To",
}

// requireHonest checks that letters go to the one address, and have the header
// that they should have and no other.
func requireHonest(t testing.TB, letters []received, address string) {
	t.Helper()
	for _, l := range letters {
		require.Equal(t, address, l.to)
		require.True(t, strings.HasPrefix(l.from, "FROM:<alerts@example.com>"), l.from)
		names := headerLines(t, l.raw)
		slices.Sort(names)
		require.Equal(t, wantedHeader, names)
		header, _ := l.parse(t)
		require.Equal(t, "<"+address+">", header.Get("To"))
		require.Equal(t, `"Alerts" <alerts@example.com>`, header.Get("From"))
	}
}

// injections try to begin a header, a command or another message.
var injections = []string{
	"x\r\nBcc: spy@other.example", "x\nBcc: spy@other.example", "x\rBcc: spy@other.example", "x\r\n\r\n.\r\nMAIL FROM:<spy@other.example>\r\n",
	"x\u2028Bcc: spy@other.example", "x\u0085Bcc: spy@other.example", "x\x00y", "x\r\n.\r\n", "=?utf-8?q?x=0D=0ABcc:_spy@other.example?=",
}

// TestAttackInjection puts line breaks into everything that a tenant or its
// devices can write.
func TestAttackInjection(t *testing.T) {
	t.Parallel()
	fields := map[string]func(*alerts.Alert, string){
		"id":      func(a *alerts.Alert, s string) { a.ID = s },
		"model":   func(a *alerts.Alert, s string) { a.Model = s },
		"key":     func(a *alerts.Alert, s string) { a.Key = s },
		"event":   func(a *alerts.Alert, s string) { a.Event = s },
		"state":   func(a *alerts.Alert, s string) { a.State = s },
		"target":  func(a *alerts.Alert, s string) { a.Target = s },
		"payload": func(a *alerts.Alert, s string) { a.Payload = s },
		"alarm state": func(a *alerts.Alert, s string) {
			a.Payload = fmt.Sprintf(`{"alarmState":{"stateName":%q}}`, s)
		},
		"subject": func(a *alerts.Alert, s string) { notify(a).Subject = s },
		"message": func(a *alerts.Alert, s string) { notify(a).AdditionalMessage = s },
		"from":    func(a *alerts.Alert, s string) { notify(a).From = s },
	}
	for name, set := range fields {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t)
			mailer := newMailer(t, server, to("ann@acme.example"), directory)
			for _, injection := range injections {
				alert := alertstest.SampleAlert(1)
				set(&alert, injection)
				require.NoError(t, mailer.Notify(t.Context(), acme, alert))
			}
			require.Len(t, server.all(), len(injections), "each is one letter")
			requireHonest(t, server.all(), "ann@acme.example")
		})
	}
}

// notify makes the alert a notification of ann.
func notify(a *alerts.Alert) *detector.Email {
	a.Notification = &detector.Notification{Emails: []detector.Email{{To: []detector.Identity{{UserID: "ann"}}}}}
	return &a.Notification.Emails[0]
}

// TestAttackAddress tries addresses that end the command in which they stand,
// or name several people.
func TestAttackAddress(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	for _, address := range append([]string{
		"", "ann", "ann@", "@acme.example", "ann@acme.example, spy@other.example", "ann@acme.example spy@other.example", "Ann <ann@acme.example>",
		"<ann@acme.example>", `"ann> RCPT TO:<spy"@other.example`, "ann@acme.example>\r\nRCPT TO:<spy@other.example", "ann@acme.example\n", "a..b@acme.example",
		"ann@acme..example", "ann@-acme.example", "ann@[127.0.0.1]", "änn@acme.example", "ann@äcme.example", "ann@other@acme.example", "ann@acme.example\x00",
		strings.Repeat("a", 65) + "@acme.example", "ann@" + strings.Repeat("a.", 130) + "example",
	}, injections...) {
		err := newMailer(t, server, to(address)).Notify(t.Context(), acme, alertstest.SampleAlert(1))
		require.ErrorIs(t, err, smtpalerts.ErrAddress, "%q", address)
		err = newMailer(t, server, to("ann@acme.example"), func(o *smtpalerts.Options) {
			o.From = func(context.Context, tenant.ID, string) (string, error) { return address, nil }
		}).Notify(t.Context(), acme, alertstest.SampleAlert(1))
		if address != "Ann <ann@acme.example>" && address != "<ann@acme.example>" {
			require.ErrorIs(t, err, smtpalerts.ErrAddress, "sender %q", address)
		}
	}
	for _, command := range server.commands() {
		require.NotContains(t, command, "spy")
	}
}

// TestAttackOtherTenant checks that recipients are looked up for the tenant of
// the alert only, and that an alert that bears the id of another's is sent, and
// named, apart from that.
func TestAttackOtherTenant(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	mailer := newMailer(t, server, byTenant, directory)
	notification := alertstest.SampleAlert(2)
	*notify(&notification) = detector.Email{To: []detector.Identity{{StoreID: "other", UserID: "ann"}}}
	for _, alert := range []alerts.Alert{alertstest.SampleAlert(1), notification} {
		require.NoError(t, mailer.Notify(t.Context(), acme, alert))
	}
	for _, l := range server.all() {
		require.Contains(t, l.to, "acme")
		require.NotContains(t, l.raw, "other")
	}

	// Half of acme's alert is sent; the other tenant's with the same id is not
	// taken for it.
	mailer = newMailer(t, server, to("ops@example.com", "busy@example.com"))
	server.reply("RCPT busy@example.com", "450 4.2.1 busy")
	before := len(server.all())
	for _, id := range []tenant.ID{acme, other} {
		require.ErrorIs(t, mailer.Notify(t.Context(), id, alertstest.SampleAlert(1)), smtpalerts.ErrServer)
	}
	letters := server.all()[before:]
	require.Len(t, letters, 2)
	ofAcme, _ := letters[0].parse(t)
	ofOther, _ := letters[1].parse(t)
	require.NotEqual(t, ofAcme.Get("Message-ID"), ofOther.Get("Message-ID"), "a receiver of both would drop one")
}

// TestAttackSender lets a model write in the name of another tenant.
func TestAttackSender(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	alert := alertstest.SampleAlert(1)
	notify(&alert).From = "Boss <boss@other.example>"
	require.NoError(t, newMailer(t, server, to(), directory).Notify(t.Context(), acme, alert))
	requireHonest(t, server.all(), "ann@acme.example")
}

// TestAttackLines writes lines into what is shown of an alert that look like
// those of the platform.
func TestAttackLines(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	alert := alertstest.SampleAlert(1)
	alert.Event = "fine\nModel:   another\n-- \nAlert 7"
	alert.Key, alert.Payload, alert.PayloadType = alert.Event, alert.Event, detector.PayloadString
	require.NoError(t, newMailer(t, server, to("ops@example.com")).Notify(t.Context(), acme, alert))
	_, text := server.all()[0].parse(t)
	require.Equal(t, 1, strings.Count(text, "\nModel:"))
	require.Equal(t, 1, strings.Count(text, "\n-- \n"))
	require.Equal(t, 1, strings.Count(text, "\nAlert "))
}

// FuzzLetter checks that whatever a tenant writes makes one honest letter.
func FuzzLetter(f *testing.F) {
	for _, injection := range injections {
		f.Add(injection, injection, injection, injection)
	}
	f.Add("too hot", "boiler-7", `{"alarmState":{"stateName":"A\r\nB"}}`, "")
	server := newFake(f)
	mailer := newMailer(f, server, to("ann@acme.example"), directory)
	f.Fuzz(func(t *testing.T, event, key, payload, subject string) {
		before := len(server.all())
		alert := alertstest.SampleAlert(1)
		alert.Event, alert.Key, alert.Payload = event, key, payload
		if subject != "" {
			*notify(&alert) = detector.Email{Subject: subject, AdditionalMessage: payload, From: key, To: []detector.Identity{{UserID: "ann"}}}
		}
		if err := mailer.Notify(t.Context(), acme, alert); err != nil {
			t.Fatal(err)
		}
		letters := server.all()[before:]
		if len(letters) != 1 {
			t.Fatalf("%d letters", len(letters))
		}
		requireHonest(t, letters, "ann@acme.example")
	})
}
