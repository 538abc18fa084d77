package mqttdevice_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// raw is a device that sends what no client library would.
type raw struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (p *platform) rawDial() *raw {
	p.t.Helper()
	conn, err := net.Dial("tcp", p.address())
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = conn.Close() })
	return &raw{t: p.t, conn: conn, in: bufio.NewReader(conn)}
}

// rawConnect connects with MQTT 3.1.1 (4) or 5.
func (p *platform) rawConnect(id tenant.ID, thing device.ID, version byte) *raw {
	p.t.Helper()
	r := p.rawDial()
	name := device.ThingName(id, thing)
	r.send(connectPacket(name, p.passwords[name], version))
	packet := r.read()
	require.Equal(p.t, byte(0x20), packet[0])
	require.Zero(p.t, packet[3], "CONNACK")
	return r
}

func (r *raw) send(packet []byte) {
	r.t.Helper()
	_, err := r.conn.Write(packet)
	require.NoError(r.t, err)
}

// read returns the next packet.
func (r *raw) read() []byte {
	r.t.Helper()
	packet, err := r.tryRead()
	require.NoError(r.t, err)
	return packet
}

func (r *raw) tryRead() ([]byte, error) {
	_ = r.conn.SetReadDeadline(time.Now().Add(wait))
	first, err := r.in.ReadByte()
	if err != nil {
		return nil, err
	}
	length, err := binary.ReadUvarint(r.in)
	if err != nil {
		return nil, err
	}
	rest := make([]byte, length)
	_, err = io.ReadFull(r.in, rest)
	return append(binary.AppendUvarint([]byte{first}, length), rest...), err
}

// wantClosed checks that the broker closes the connection; with MQTT 3.1.1
// without another word.
func (r *raw) wantClosed() {
	r.t.Helper()
	packet, err := r.tryRead()
	require.ErrorIs(r.t, err, io.EOF, "got the packet %x", packet)
}

func (r *raw) close() { _ = r.conn.Close() }

func packet(first byte, parts ...[]byte) []byte {
	var body []byte
	for _, part := range parts {
		body = append(body, part...)
	}
	return append(binary.AppendUvarint([]byte{first}, uint64(len(body))), body...)
}

func text(s string) []byte { return append(number(uint16(len(s))), s...) }

func number(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

func connectPacket(name, password string, version byte) []byte {
	var properties []byte
	if version == 5 {
		properties = []byte{0}
	}
	return packet(0x10, text("MQTT"), []byte{version, 0xC2}, number(30), properties, text(name), text(name), text(password))
}

func publishPacket(id uint16, topic, payload string) []byte {
	return packet(0x32, text(topic), number(id), []byte(payload))
}

func subscribePacket(id uint16, filter string) []byte {
	return packet(0x82, number(id), text(filter), []byte{1})
}

func unsubscribePacket(id uint16, filter string) []byte {
	return packet(0xA2, number(id), text(filter))
}
