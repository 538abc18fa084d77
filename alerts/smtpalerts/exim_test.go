package smtpalerts_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/smtpalerts"
	"github.com/iotenant/iotenant/tenant"
)

// eximConfiguration delivers what is for example.com into files of one folder,
// one for each letter, with whom it is for.
const eximConfiguration = `
exim_user = {uid}
exim_group = {gid}
spool_directory = {folder}/spool
log_file_path = {folder}/log-%s
primary_hostname = mail.example.com
deliver_drop_privilege = true
rfc1413_query_timeout = 0s
keep_environment =
tls_advertise_hosts = *
tls_certificate = {folder}/certificate.pem
tls_privatekey = {folder}/key.pem
acl_smtp_rcpt = recipients
acl_smtp_data = letters

begin acl
recipients:
  deny   !authenticated = *
         message = 5.7.0 who are you
  deny   local_parts = gone
         message = 5.1.1 no such mailbox
  defer  local_parts = busy
         message = 4.2.2 mailbox full
  accept domains = example.com
  deny   message = 5.7.1 relaying denied
letters:
  deny   condition = ${if match{$h_subject:}{refuse}}
         message = 5.7.1 no such letters
  require verify = header_syntax
  accept

begin routers
all:
  driver = accept
  transport = folder

begin transports
folder:
  driver = appendfile
  directory = {folder}/mail
  envelope_to_add = true
  maildir_format
  create_directory

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{user}}{eq{$auth3}{secret}}}{yes}{no}}
  server_set_id = $auth2
`

// exim is a mail server of Debian that answers each connection by a process.
type exim struct {
	folder  string
	program string
	client  smtpalerts.Server
}

// nobody is the user whose processes are exim's where the tests run as root:
// it delivers nothing as root.
const nobody = 65534

func newExim(t *testing.T) *exim {
	t.Helper()
	program, err := exec.LookPath("/usr/sbin/exim4")
	if err != nil {
		if os.Getenv("IOTENANT_EMULATORS") != "" {
			t.Fatalf("exim4 is missing, has make emulators installed it? %v", err)
		}
		t.Skip("exim4 is missing: make emulators installs it")
	}
	if os.Getenv("IOTENANT_EMULATORS") == "" {
		t.Skip("exim4 is not asked for: set IOTENANT_EMULATORS=1")
	}
	folder, err := os.MkdirTemp("", "iotenant-exim") //nolint:usetesting // nobody may not enter a folder of the test
	require.NoError(t, err)
	t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(folder, "log-main")); err == nil && t.Failed() {
			t.Logf("%s", log)
		}
		require.NoError(t, os.RemoveAll(folder))
	})
	e := &exim{folder: folder, program: program}
	user, group := os.Getuid(), os.Getgid()
	if user == 0 {
		user, group = nobody, nobody
	}
	e.configure(t, user, group)
	e.listen(t, user, group)
	return e
}

func (e *exim) configure(t *testing.T, user, group int) {
	t.Helper()
	serverTLS, clientTLS := certificate(t)
	key, err := x509.MarshalPKCS8PrivateKey(serverTLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	configuration := strings.NewReplacer("{folder}", e.folder, "{uid}", fmt.Sprint(user), "{gid}", fmt.Sprint(group)).Replace(eximConfiguration)
	for name, text := range map[string][]byte{
		"exim.conf":       []byte(configuration),
		"certificate.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: serverTLS.Certificates[0].Certificate[0]}),
		"key.pem":         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	} {
		path := filepath.Join(e.folder, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		require.NoError(t, os.Chown(path, user, group))
	}
	require.NoError(t, os.Chown(e.folder, user, group))
	e.client = smtpalerts.Server{TLS: clientTLS, Username: "user", Password: "secret"}
}

// listen starts exim for each connection, as inetd does. The process ends with
// it, or with the test.
func (e *exim) listen(t *testing.T, user, group int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	e.client.Address = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var processes sync.WaitGroup
	processes.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			processes.Go(func() {
				if err := e.serve(ctx, conn.(*net.TCPConn), user, group); err != nil && ctx.Err() == nil {
					t.Errorf("exim4: %v", err)
				}
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		require.NoError(t, listener.Close())
		processes.Wait()
	})
}

func (e *exim) serve(ctx context.Context, conn *net.TCPConn, user, group int) error {
	file, err := conn.File()
	if err = errors.Join(err, conn.Close()); err != nil {
		return err
	}
	defer file.Close()
	cmd := exec.CommandContext(ctx, e.program, "-bs", "-odi", "-C", filepath.Join(e.folder, "exim.conf"))
	cmd.Stdin, cmd.Stdout = file, file
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(group)}}
	}
	output, err := os.Create(filepath.Join(e.folder, fmt.Sprint("errors-", time.Now().UnixNano())))
	if err != nil {
		return err
	}
	defer output.Close()
	cmd.Stderr = output
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(output.Name())
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}

// letters are what somebody has got. The server delivers before it takes the
// next command.
func (e *exim) letters(t *testing.T, address string) (letters []received) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(e.folder, "mail", "new", "*"))
	require.NoError(t, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		letter := received{to: address, raw: string(raw)}
		if header, _ := letter.parse(t); header.Get("Envelope-To") == address {
			letters = append(letters, letter)
		}
	}
	return letters
}

func TestExim(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(t *testing.T) alertstest.Harness {
		e := newExim(t)
		refused := ""
		mailer, err := smtpalerts.New(e.client, sender, func(_ context.Context, id tenant.ID, alert alerts.Alert) ([]string, error) {
			if refused != "" {
				return []string{refused + "@example.com"}, nil
			}
			return byTenant(t.Context(), id, alert)
		})
		require.NoError(t, err)
		return alertstest.Harness{
			Notifier: mailer,
			Received: func(id tenant.ID) []string {
				address := id.String() + "@example.com"
				return idsOf(t, e.letters(t, address), address)
			},
			Refuse: func(permanent bool) {
				if refused = "busy"; permanent {
					refused = "gone"
				}
			},
		}
	})
}

// TestEximLetter checks that another's server takes the letters for what they
// are, and what it refuses.
func TestEximLetter(t *testing.T) {
	t.Parallel()
	e := newExim(t)
	mailer, err := smtpalerts.New(e.client, sender, to("gone@example.com", "ops@example.com", "spy@other.example"))
	require.NoError(t, err)
	alert := alertstest.SampleAlert(1)
	alert.Event = "zu heiß\r\nBcc: spy@example.com"
	alert.Payload = "one\r\n.\r\ntwo"
	err = mailer.Notify(t.Context(), acme, alert)
	require.ErrorIs(t, err, smtpalerts.ErrRefused)
	require.ErrorContains(t, err, "no such mailbox")
	require.ErrorContains(t, err, "relaying denied")
	letters := e.letters(t, "ops@example.com")
	require.Len(t, letters, 1)
	require.Empty(t, e.letters(t, "spy@example.com"))
	header, text := letters[0].parse(t)
	require.Equal(t, "zu heiß Bcc: spy@example.com: boiler boiler-7", subject(t, header))
	require.Contains(t, text, "    one\n    .\n    two\n")

	alert.Event = "refuse"
	mailer, err = smtpalerts.New(e.client, sender, to("ops@example.com"))
	require.NoError(t, err)
	require.ErrorIs(t, mailer.Notify(t.Context(), acme, alert), smtpalerts.ErrRefused)

	e.client.Password = "wrong"
	mailer, err = smtpalerts.New(e.client, sender, to("ops@example.com"))
	require.NoError(t, err)
	require.ErrorIs(t, mailer.Notify(t.Context(), acme, alert), smtpalerts.ErrServer)
}
