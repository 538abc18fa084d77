package mqttdevice_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
)

// mosquitto returns a command of the mosquitto clients for a thing.
func (p *platform) mosquitto(ctx context.Context, program, version string, args ...string) *exec.Cmd {
	p.t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("IOTENANT_EMULATORS") == "" {
		p.t.Skipf("%s is not installed (Debian package mosquitto-clients)", program)
	}
	require.NoError(p.t, err)
	return exec.CommandContext(ctx, path, append([]string{"-V", version}, args...)...)
}

func TestMosquitto(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"mqttv311", "mqttv5"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p, authority := tlsPlatform(t)
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			name := device.ThingName(acme, pump)
			host, port := splitAddress(t, p.broker.Addresses().TCP)
			login := []string{"-h", host, "-p", port, "-i", name, "-u", name, "-P", p.passwords[name], "-q", "1"}

			publish := p.mosquitto(ctx, "mosquitto_pub", version, append(login, "-t", telemetry(acme, pump), "-m", `{"messageId":"m-1"}`)...)
			output, err := publish.CombinedOutput()
			require.NoError(t, err, "%s", output)
			require.Equal(t, "m-1", p.inbox.all()[0].ID)

			for _, topic := range []string{telemetry(globex, pump), "$aws/things/globex:pump/shadow/update", command(acme, pump)} {
				output, err = p.mosquitto(ctx, "mosquitto_pub", version, append(login, "-t", topic, "-m", "stolen")...).CombinedOutput()
				if version == "mqttv5" { // it is told, and tells its user
					require.Contains(t, string(output), "Not authorized", topic)
				} else {
					require.Error(t, err, topic)
				}
			}
			output, err = p.mosquitto(ctx, "mosquitto_pub", version,
				append(login, "-t", telemetry(acme, pump), "-m", "x", "--will-topic", telemetry(globex, pump), "--will-payload", "x")...).CombinedOutput()
			require.Error(t, err, "%s", output)
			// This one ends by itself, with success, when all was denied.
			output, _ = p.mosquitto(ctx, "mosquitto_sub", version, append(login, "-t", "t/globex/#")...).CombinedOutput()
			require.Contains(t, string(output), "denied")
			require.Len(t, p.inbox.all(), 1)

			var received bytes.Buffer
			subscribe := p.mosquitto(ctx, "mosquitto_sub", version, append(login, "-t", "t/acme/d/pump/#", "-C", "1")...)
			subscribe.Stdout, subscribe.Stderr = &received, &received
			require.NoError(t, subscribe.Start())
			done := make(chan error, 1)
			go func() { done <- subscribe.Wait() }()
			require.Eventually(t, func() bool {
				message := device.Message{Topic: device.CommandTopic(acme, pump, ""), Payload: []byte("open")}
				require.NoError(t, p.broker.Publish(ctx, acme, message))
				select {
				case err := <-done:
					require.NoError(t, err, received.String())
					return true
				default:
					return false
				}
			}, wait, 20*time.Millisecond)
			require.Equal(t, "open\n", received.String())

			p.mosquittoOverTLS(ctx, version, authority)
		})
	}
}

func (p *platform) mosquittoOverTLS(ctx context.Context, version string, authority *memdevice.Authority) {
	t := p.t
	pair, err := authority.IssueClient(globex, valve)
	require.NoError(t, err)
	_, err = p.registry.AddCertificate(ctx, globex, valve, pair.Leaf)
	require.NoError(t, err)
	key, err := memdevice.MarshalKeyPEM(pair)
	require.NoError(t, err)
	dir := t.TempDir()
	for name, text := range map[string][]byte{"ca.pem": authority.CertificatePEM(), "cert.pem": memdevice.MarshalCertificatePEM(pair), "key.pem": key} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	host, port := splitAddress(t, p.broker.Addresses().TLS)
	name := device.ThingName(globex, valve)
	certified := []string{
		"-h", host, "-p", port, "-i", name, "-q", "1", "-m", "secured",
		"--cafile", filepath.Join(dir, "ca.pem"), "--cert", filepath.Join(dir, "cert.pem"), "--key", filepath.Join(dir, "key.pem"),
	}
	output, err := p.mosquitto(ctx, "mosquitto_pub", version, append(certified, "-t", telemetry(globex, valve))...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	messages := p.inbox.all()
	require.Equal(t, globex, messages[len(messages)-1].Topic.Tenant)
}
