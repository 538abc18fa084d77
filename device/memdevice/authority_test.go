package memdevice_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/tenant"
)

func TestAuthorityServesMutualTLS(t *testing.T) {
	t.Parallel()
	authority, err := memdevice.NewAuthority()
	require.NoError(t, err)
	text, err := authority.MarshalPEM()
	require.NoError(t, err)
	// After a restart it is still the same authority.
	again, err := memdevice.ParseAuthority(text)
	require.NoError(t, err)
	require.Equal(t, authority.CertificatePEM(), again.CertificatePEM())

	server, err := authority.IssueServer("localhost", "127.0.0.1")
	require.NoError(t, err)
	longest := device.MustParseID(strings.Repeat("x", device.MaxIDLength))
	id := tenant.MustParseID(strings.Repeat("a", tenant.MaxIDLength))
	client, err := again.IssueClient(id, longest)
	require.NoError(t, err)

	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	serving := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: again.Pool()})
	done := make(chan error, 1)
	go func() { done <- serving.Handshake() }()
	require.NoError(t, tls.Client(near, &tls.Config{Certificates: []tls.Certificate{client}, RootCAs: authority.Pool(), ServerName: "127.0.0.1"}).Handshake())
	require.NoError(t, <-done)
	require.Equal(t, device.ThingName(id, longest), serving.ConnectionState().PeerCertificates[0].Subject.CommonName)
}

func TestAuthorityRefusesBadInput(t *testing.T) {
	t.Parallel()
	authority, err := memdevice.NewAuthority()
	require.NoError(t, err)
	_, err = authority.IssueClient(tenant.ID{}, device.MustParseID("pump"))
	require.ErrorIs(t, err, tenant.ErrID)
	_, err = authority.IssueClient(tenant.MustParseID("acme"), device.ID{})
	require.ErrorIs(t, err, device.ErrID)

	pair, err := authority.IssueServer("localhost")
	require.NoError(t, err)
	key, err := memdevice.MarshalKeyPEM(pair)
	require.NoError(t, err)
	for name, text := range map[string][]byte{
		"nothing":       nil,
		"no authority":  append(memdevice.MarshalCertificatePEM(pair), key...),
		"no key":        authority.CertificatePEM(),
		"another's key": append(authority.CertificatePEM(), key...),
		"broken":        []byte("-----BEGIN CERTIFICATE-----\n"),
	} {
		_, err := memdevice.ParseAuthority(text)
		require.ErrorIs(t, err, iotenant.ErrInvalid, name)
	}
	_, err = memdevice.MarshalKeyPEM(tls.Certificate{})
	require.Error(t, err)
}

func ExampleNewAuthority() {
	authority, err := memdevice.NewAuthority()
	if err != nil {
		panic(err)
	}
	pair, err := authority.IssueClient(tenant.MustParseID("acme"), device.MustParseID("pump-1"))
	if err != nil {
		panic(err)
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: authority.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	fmt.Println(pair.Leaf.Subject.CommonName, err)
	// Output: acme:pump-1 <nil>
}
