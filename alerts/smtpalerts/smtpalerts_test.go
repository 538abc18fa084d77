package smtpalerts_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/smtpalerts"
	"github.com/iotenant/iotenant/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	acme  = tenant.MustParseID("acme")
	other = tenant.MustParseID("other")
)

const sender = "Alerts <alerts@example.com>"

// to tells everybody's alerts to the same people.
func to(addresses ...string) smtpalerts.Recipients {
	return func(context.Context, tenant.ID, alerts.Alert) ([]string, error) { return addresses, nil }
}

// newMailer returns a mailer through a server on this machine.
func newMailer(t testing.TB, server *fakeServer, recipients smtpalerts.Recipients, optFns ...func(*smtpalerts.Options)) *smtpalerts.Mailer {
	t.Helper()
	mailer, err := smtpalerts.New(smtpalerts.Server{Address: server.address(), Security: smtpalerts.Unencrypted}, sender, recipients, optFns...)
	require.NoError(t, err)
	return mailer
}

func decode(t testing.TB, message *mail.Message) string {
	t.Helper()
	require.Equal(t, "quoted-printable", message.Header.Get("Content-Transfer-Encoding"))
	text, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	require.NoError(t, err)
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

func subject(t testing.TB, header mail.Header) string {
	t.Helper()
	text, err := (&mime.WordDecoder{}).DecodeHeader(header.Get("Subject"))
	require.NoError(t, err)
	return text
}

// byTenant is where the alerts of a tenant of the suite go.
func byTenant(_ context.Context, id tenant.ID, _ alerts.Alert) ([]string, error) {
	return []string{id.String() + "@example.com"}, nil
}

var alertLine = regexp.MustCompile(`(?m)^Alert (\S+)$`)

// idsOf are the ids of the alerts that somebody has.
func idsOf(t testing.TB, letters []received, address string) (ids []string) {
	t.Helper()
	for _, l := range letters {
		if l.to == address {
			_, text := l.parse(t)
			ids = append(ids, alertLine.FindStringSubmatch(text)[1])
		}
	}
	return ids
}

func TestMailer(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(t *testing.T) alertstest.Harness {
		server := newFake(t)
		return alertstest.Harness{
			Notifier: newMailer(t, server, byTenant),
			Received: func(id tenant.ID) []string { return idsOf(t, server.all(), id.String()+"@example.com") },
			Refuse: func(permanent bool) {
				server.reply("END", "451 4.3.0 try later")
				if permanent {
					server.reply("END", "554 5.7.1 message refused")
				}
			},
			Hang: server.stopAnswering,
		}
	})
}

func TestLetter(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	now := time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC)
	mailer := newMailer(t, server, to("ops@example.com"), func(o *smtpalerts.Options) { o.Now = func() time.Time { return now } })
	require.NoError(t, mailer.Notify(t.Context(), acme, alertstest.SampleAlert(1)))
	letter := server.all()[0]
	require.Equal(t, "FROM:<alerts@example.com> BODY=8BITMIME", letter.from)
	header, text := letter.parse(t)
	require.Equal(t, `"Alerts" <alerts@example.com>`, header.Get("From"))
	require.Equal(t, "<ops@example.com>", header.Get("To"))
	require.Equal(t, "too hot: boiler boiler-7", subject(t, header))
	require.Equal(t, "auto-generated", header.Get("Auto-Submitted"))
	date, err := header.Date()
	require.NoError(t, err)
	require.True(t, now.Equal(date))
	require.Equal(t, `too hot: boiler boiler-7

Model:   boiler
Key:     boiler-7
Event:   too hot
State:   hot
Time:    2026-01-02 03:04:05 UTC

    {
      "temperature": "93 °C"
    }

`+"-- \n"+`Alert 00000000-0000-3000-8000-000000000001
`, text)
}

// TestTexts checks what a letter says of each kind of payload.
func TestTexts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change  func(*alerts.Alert)
		subject string
		want    string
	}{
		"a detector's own payload": {
			func(a *alerts.Alert) {
				a.Payload = `{"eventTime":1,"payload":{"state":{"stateName":"hot","variables":{"severity":2,"name":"a\nb"},"timers":{}}}}`
			},
			"too hot: boiler boiler-7", "05 UTC\n\n    name: \"a\\nb\"\n    severity: 2\n\n-- \n",
		},
		"an alarm's payload": {
			func(a *alerts.Alert) {
				a.Payload = `{"alarmModelName":"boiler","alarmState":{"stateName":"ACTIVE","ruleEvaluation":{"simpleRule":{"inputProperty":93.5,"operator":"GREATER","threshold":90}}}}`
			},
			"ACTIVE: boiler boiler-7", "Rule:    93.5 GREATER 90\n",
		},
		"a storm": {
			func(a *alerts.Alert) {
				*a = alerts.Alert{
					ID: "storm:acme:1", Kind: alerts.KindStorm, Event: "storm", At: a.At, PayloadType: detector.PayloadJSON,
					Payload: `{"eventName":"storm","limit":100,"suppressed":12,"models":{"b":2,"a":10}}`,
				}
			},
			"12 alerts held back", "    More than 100 actions in this minute. Not delivered:\n    a: 10\n    b: 2\n\n-- \nAlert storm:acme:1\n",
		},
		"text": {
			func(a *alerts.Alert) {
				a.Payload, a.PayloadType = "one\r\n.\r\n-- \rtwo\x00\x1b[31m\u202e", detector.PayloadString
			},
			"too hot: boiler boiler-7", "    one\n    .\n    -- \n    two[31m\n\n-- \nAlert 0",
		},
		"nothing":        {func(a *alerts.Alert) { a.Payload = "" }, "too hot: boiler boiler-7", "05 UTC\n\n-- \nAlert 0"},
		"much":           {func(a *alerts.Alert) { a.Payload = strings.Repeat("é", 5000) }, "too hot: boiler boiler-7", "é\n    …\n\n-- \nAlert 0"},
		"without a key":  {func(a *alerts.Alert) { a.Key = "" }, "too hot: boiler", "Model:   boiler\nEvent:   too hot\n"},
		"a long event":   {func(a *alerts.Alert) { a.Event = strings.Repeat("ü", 300) }, strings.Repeat("ü", 199) + "…", strings.Repeat("ü", 199) + "…\n\nModel"},
		"a broken storm": {func(a *alerts.Alert) { a.Kind, a.Payload = alerts.KindStorm, "x" }, "too hot: boiler boiler-7", "    x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t)
			alert := alertstest.SampleAlert(1)
			test.change(&alert)
			mailer := newMailer(t, server, to("ops@example.com"), func(o *smtpalerts.Options) { o.MaxPayload = 2001 })
			require.NoError(t, mailer.Notify(t.Context(), acme, alert))
			header, text := server.all()[0].parse(t)
			require.Equal(t, test.subject, subject(t, header))
			require.Contains(t, text, test.want)
		})
	}
}

// alarm is a notification with two e-mails.
func alarm() alerts.Alert {
	alert := alertstest.SampleAlert(1)
	alert.Kind, alert.Target = detector.ActionNotification, ""
	alert.Payload = `{"alarmState":{"stateName":"ACTIVE"}}`
	alert.Notification = &detector.Notification{Emails: []detector.Email{
		{From: "boss@example.org", Subject: "Boiler 7", AdditionalMessage: "Close the valve.\nThen call.", To: []detector.Identity{{StoreID: "d-1", UserID: "ann"}, {UserID: "nobody"}}},
		{To: []detector.Identity{{UserID: "ann"}, {UserID: "bob"}}},
	}}
	return alert
}

// directory knows ann and bob.
func directory(o *smtpalerts.Options) {
	o.Email = func(_ context.Context, id tenant.ID, to detector.Identity) (string, error) {
		if to.UserID == "nobody" {
			return "", nil
		}
		return to.UserID + "@" + id.String() + ".example", nil
	}
}

func TestNotification(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	mailer := newMailer(t, server, to("ops@example.com"), directory)
	require.NoError(t, mailer.Notify(t.Context(), acme, alarm()))
	letters := server.all()
	require.Len(t, letters, 3, "whom the model names, and nobody else")
	header, text := letters[0].parse(t)
	require.Equal(t, "ann@acme.example", letters[0].to)
	require.Equal(t, "Boiler 7", header.Get("Subject"))
	require.Equal(t, `"Alerts" <alerts@example.com>`, header.Get("From"), "a model does not decide from whom it comes")
	require.Contains(t, text, "ACTIVE: boiler boiler-7\n")
	require.Contains(t, text, "\nClose the valve.\nThen call.\n")
	second, _ := letters[1].parse(t)
	require.Equal(t, "ACTIVE: boiler boiler-7", second.Get("Subject"))
	require.NotEqual(t, header.Get("Message-ID"), second.Get("Message-ID"), "another e-mail to the same person")
	third, _ := letters[2].parse(t)
	require.Equal(t, "bob@acme.example", letters[2].to)
	require.Equal(t, second.Get("Message-ID"), third.Get("Message-ID"))

	mailer = newMailer(t, server, to(), directory, func(o *smtpalerts.Options) {
		o.From = func(_ context.Context, id tenant.ID, asked string) (string, error) {
			return id.String() + " <" + asked + ">", nil
		}
	})
	alert := alarm()
	alert.Notification.Emails = alert.Notification.Emails[:1]
	require.NoError(t, mailer.Notify(t.Context(), acme, alert))
	header, _ = server.all()[3].parse(t)
	require.Equal(t, `"acme" <boss@example.org>`, header.Get("From"))
	alert.Notification.Emails[0].From = "no address"
	err := mailer.Notify(t.Context(), acme, alert)
	require.ErrorIs(t, err, smtpalerts.ErrAddress)
	require.True(t, alerts.Permanent(err))
}

// TestLookUpsThatFail checks that nobody is told if not everybody is known.
func TestLookUpsThatFail(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	failure := fmt.Errorf("directory: %w", iotenant.ErrUnavailable)
	mailer := newMailer(t, server, func(context.Context, tenant.ID, alerts.Alert) ([]string, error) { return nil, failure })
	require.ErrorIs(t, mailer.Notify(t.Context(), acme, alertstest.SampleAlert(1)), failure)
	mailer = newMailer(t, server, to("ops@example.com"), func(o *smtpalerts.Options) {
		o.Email = func(context.Context, tenant.ID, detector.Identity) (string, error) { return "", failure }
		o.From = func(context.Context, tenant.ID, string) (string, error) { return "", failure }
	})
	require.ErrorIs(t, mailer.Notify(t.Context(), acme, alarm()), failure)
	require.ErrorIs(t, mailer.Notify(t.Context(), acme, alertstest.SampleAlert(1)), failure)
	require.NoError(t, newMailer(t, server, to()).Notify(t.Context(), acme, alertstest.SampleAlert(1)), "nobody wants it")
	require.NoError(t, newMailer(t, server, to("a@example.com")).Notify(t.Context(), acme, func() alerts.Alert {
		alert := alarm()
		alert.Notification.Emails = nil
		return alert
	}()))
	require.Empty(t, server.commands(), "no connection for nothing")
}

func TestMessageIDs(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	mailer := newMailer(t, server, to("ops@example.com"), func(o *smtpalerts.Options) { o.Domain = "mail.example.net" })
	for _, id := range []tenant.ID{acme, acme, other} {
		require.NoError(t, mailer.Notify(t.Context(), id, alertstest.SampleAlert(1)))
	}
	require.NoError(t, mailer.Notify(t.Context(), acme, alertstest.SampleAlert(2)))
	var ids []string
	for _, l := range server.all() {
		header, _ := l.parse(t)
		ids = append(ids, header.Get("Message-ID"))
	}
	require.Regexp(t, `^<[0-9a-f]{32}@mail\.example\.net>$`, ids[0])
	require.Equal(t, ids[0], ids[1], "given again")
	require.NotEqual(t, ids[0], ids[2], "one of another tenant must not be dropped as a duplicate")
	require.NotEqual(t, ids[0], ids[3])
}

func TestOneRecipientFails(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	mailer := newMailer(t, server, to("gone@example.com", "busy@example.com", "ops@example.com", "not an address", "ops@example.com"))
	server.reply("RCPT gone@example.com", "550 5.1.1 no such mailbox")
	server.reply("RCPT busy@example.com", "452 4.2.2 mailbox full")
	alert := alertstest.SampleAlert(1)
	err := mailer.Notify(t.Context(), acme, alert)
	require.ErrorIs(t, err, smtpalerts.ErrServer)
	require.False(t, alerts.Permanent(err), "one of them may pass: %v", err)
	require.Equal(t, []string{alert.ID}, idsOf(t, server.all(), "ops@example.com"), "once, though named twice")

	server.reply("RCPT busy@example.com", "250 ok")
	err = mailer.Notify(t.Context(), acme, alert)
	require.ErrorIs(t, err, smtpalerts.ErrRefused)
	require.ErrorIs(t, err, smtpalerts.ErrAddress)
	require.True(t, alerts.Permanent(err))
	require.Len(t, server.all(), 2, "who has the letter gets no other")
	require.Equal(t, "busy@example.com", server.all()[1].to)

	err = mailer.Notify(t.Context(), acme, alert)
	require.True(t, alerts.Permanent(err))
	require.Len(t, server.all(), 4, "given again after it was done, it is sent again")
}

// TestReplies checks what a reply at each stage means, and that the letter to
// the next recipient is not lost by it.
func TestReplies(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		command, reply string
		want           error
	}{
		{"CONNECT", "554 5.3.2 no service", smtpalerts.ErrServer}, // no word about the letter
		{"CONNECT", "421 4.3.2 too busy", smtpalerts.ErrServer},
		{"MAIL", "530 5.7.0 authentication required", smtpalerts.ErrServer},
		{"MAIL", "454 Throttling failure: Maximum sending rate exceeded.", smtpalerts.ErrServer},
		{"MAIL", "553 5.1.8 sender refused", smtpalerts.ErrRefused},
		{"RCPT first@example.com", "550 5.1.1 no such mailbox", smtpalerts.ErrRefused},
		{"RCPT first@example.com", "450 4.2.1 busy", smtpalerts.ErrServer},
		{"DATA", "554 Message rejected: Email address is not verified.", smtpalerts.ErrRefused},
		{"DATA", "451 4.3.0 later", smtpalerts.ErrServer},
		{"END", "552 5.3.4 too large", smtpalerts.ErrRefused},
		{"END", "452 4.3.1 no space", smtpalerts.ErrServer},
		{"RSET", "500 what", nil}, // the letter is through
	} {
		t.Run(test.command+" "+test.reply, func(t *testing.T) {
			t.Parallel()
			server := newFake(t)
			server.reply(test.command, test.reply)
			err := newMailer(t, server, to("first@example.com", "second@example.com")).Notify(t.Context(), acme, alertstest.SampleAlert(1))
			require.ErrorIs(t, err, test.want)
			require.Equal(t, errors.Is(test.want, smtpalerts.ErrRefused), err != nil && alerts.Permanent(err))
			if strings.HasPrefix(test.command, "RCPT") {
				require.Len(t, idsOf(t, server.all(), "second@example.com"), 1)
			}
		})
	}
}

func TestTooManyRecipients(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	mailer := newMailer(t, server, to("a@example.com", "b@example.com"), directory, func(o *smtpalerts.Options) { o.MaxRecipients = 1 })
	for _, alert := range []alerts.Alert{alertstest.SampleAlert(1), alarm()} {
		err := mailer.Notify(t.Context(), acme, alert)
		require.ErrorIs(t, err, smtpalerts.ErrRecipients)
		require.True(t, alerts.Permanent(err))
	}
	require.Empty(t, server.commands())
}

func TestTLS(t *testing.T) {
	t.Parallel()
	serverTLS, clientTLS := certificate(t)
	authenticated := func(f *fakeServer) { f.tls, f.password = serverTLS, "secret" }
	implicit := func(f *fakeServer) { authenticated(f); f.implicit = true }
	for name, test := range map[string]struct {
		server   func(*fakeServer)
		security smtpalerts.Security
		client   *tls.Config
		password string
		want     error
	}{
		"STARTTLS":                    {authenticated, "", clientTLS, "secret", nil},
		"TLS from the first byte":     {implicit, smtpalerts.ImplicitTLS, clientTLS, "secret", nil},
		"wrong password":              {authenticated, smtpalerts.StartTLS, clientTLS, "wrong", smtpalerts.ErrServer},
		"no password":                 {authenticated, smtpalerts.StartTLS, clientTLS, "", smtpalerts.ErrServer},
		"a certificate of a stranger": {authenticated, smtpalerts.StartTLS, nil, "secret", smtpalerts.ErrServer},
		"the same, at once":           {implicit, smtpalerts.ImplicitTLS, nil, "secret", smtpalerts.ErrServer},
		"a server without TLS":        {func(*fakeServer) {}, smtpalerts.StartTLS, clientTLS, "secret", smtpalerts.ErrServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFake(t, test.server)
			config := smtpalerts.Server{Address: server.address(), Security: test.security, TLS: test.client}
			if test.password != "" {
				config.Username, config.Password = "user", test.password
			}
			mailer, err := smtpalerts.New(config, sender, to("ops@example.com"))
			require.NoError(t, err)
			err = mailer.Notify(t.Context(), acme, alertstest.SampleAlert(1))
			require.ErrorIs(t, err, test.want)
			if test.want != nil {
				require.False(t, alerts.Permanent(err), "it is for the platform to mend: %v", err)
				require.NotContains(t, err.Error(), "secret")
				require.Empty(t, server.all())
				return
			}
			require.Len(t, server.all(), 1)
		})
	}
}

// TestPasswordNeedsEncryption checks that no server is asked for a letter or
// given a password in the clear, whatever it says of itself.
func TestPasswordNeedsEncryption(t *testing.T) {
	t.Parallel()
	server := newFake(t, func(f *fakeServer) { f.password = "secret" })
	mailer, err := smtpalerts.New(smtpalerts.Server{Address: server.address(), Username: "user", Password: "secret"}, sender, to("ops@example.com"))
	require.NoError(t, err)
	require.ErrorIs(t, mailer.Notify(t.Context(), acme, alertstest.SampleAlert(1)), smtpalerts.ErrServer)
	for _, command := range server.commands() {
		require.NotRegexp(t, `^(AUTH|MAIL)`, command)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	good := smtpalerts.Server{Address: "mail.example.com:587"}
	for name, test := range map[string]struct {
		server smtpalerts.Server
		from   string
		change func(*smtpalerts.Options)
	}{
		"no address":              {smtpalerts.Server{}, sender, nil},
		"no host":                 {smtpalerts.Server{Address: ":587"}, sender, nil},
		"no port":                 {smtpalerts.Server{Address: "mail.example.com"}, sender, nil},
		"port 0":                  {smtpalerts.Server{Address: "mail.example.com:0"}, sender, nil},
		"port by name":            {smtpalerts.Server{Address: "mail.example.com:smtp"}, sender, nil},
		"security":                {smtpalerts.Server{Address: good.Address, Security: "ssl"}, sender, nil},
		"no password":             {smtpalerts.Server{Address: good.Address, Username: "a"}, sender, nil},
		"no user name":            {smtpalerts.Server{Address: good.Address, Password: "a"}, sender, nil},
		"password in the clear":   {smtpalerts.Server{Address: good.Address, Username: "a", Password: "b", Security: smtpalerts.Unencrypted}, sender, nil},
		"hello of two lines":      {smtpalerts.Server{Address: good.Address, Hello: "a\r\nMAIL FROM:<a@b>"}, sender, nil},
		"no sender":               {good, "", nil},
		"two senders":             {good, "a@example.com, b@example.com", nil},
		"sender of two lines":     {good, "a@example.com\r\nBcc: b@example.com", nil},
		"a domain that is none":   {good, sender, func(o *smtpalerts.Options) { o.Domain = "a>b" }},
		"a sender without domain": {good, "alerts", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := smtpalerts.New(test.server, test.from, to(), func(o *smtpalerts.Options) {
				if test.change != nil {
					test.change(o)
				}
			})
			require.ErrorIs(t, err, smtpalerts.ErrConfig)
			require.ErrorIs(t, err, iotenant.ErrInvalid)
		})
	}
	_, err := smtpalerts.New(good, "alerts@example.com", to())
	require.NoError(t, err)
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	require.NoError(t, server.listener.Close())
	err := newMailer(t, server, to("ops@example.com")).Notify(t.Context(), acme, alertstest.SampleAlert(1))
	require.ErrorIs(t, err, smtpalerts.ErrServer)
}

// TestTimeout checks that a server that hangs does so for the time of the
// option only, wherever it begins to.
func TestTimeout(t *testing.T) {
	t.Parallel()
	server := newFake(t)
	server.stopAnswering()
	mailer := newMailer(t, server, to("ops@example.com"), func(o *smtpalerts.Options) { o.Timeout = 50 * time.Millisecond })
	err := mailer.Notify(t.Context(), acme, alertstest.SampleAlert(1))
	require.ErrorIs(t, err, smtpalerts.ErrServer)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func ExampleNew() {
	onCall := func(context.Context, tenant.ID, alerts.Alert) ([]string, error) {
		return []string{"ops@example.com"}, nil
	}
	_, err := smtpalerts.New(smtpalerts.Server{
		Address:  "email-smtp.eu-west-1.amazonaws.com:587",
		Username: "the SMTP user name", Password: "the SMTP password",
	}, "Alerts <alerts@example.com>", onCall)
	fmt.Println(err)
	_, err = smtpalerts.New(smtpalerts.Server{Address: "127.0.0.1:25", Security: smtpalerts.Unencrypted}, "alerts", onCall)
	fmt.Println(err)
	// Output:
	// <nil>
	// smtpalerts: invalid configuration: sender: smtpalerts: invalid address: mail: missing '@' or angle-addr
}
