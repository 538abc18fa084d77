package itemcodec_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/itemcodec"
)

type plain struct {
	Text string `json:"t"`
	lost string
}

type packed struct{ Text string }

func (p *packed) AppendBinary(dst []byte) ([]byte, error) {
	if p.Text == "bad" {
		return dst, errors.New("no encoding")
	}
	return append(dst, "packed:"+p.Text...), nil
}

func (p *packed) UnmarshalBinary(data []byte) (err error) {
	var ok bool
	if p.Text, ok = strings.CutPrefix(string(data), "packed:"); !ok {
		return errors.New("not packed")
	}
	return nil
}

// half implements one of the two interfaces only.
type half struct{ Text string }

func (h *half) AppendBinary(dst []byte) ([]byte, error) { return append(dst, "half"...), nil }

func schema[T any]() *tenant.Schema[T] {
	return &tenant.Schema[T]{Entity: "thing", Key: func(*T) tenant.Key { return tenant.NewKey("k") }}
}

func roundTrip[T any](t *testing.T, value T, wantText string) T {
	t.Helper()
	codec := itemcodec.New(schema[T]())
	text, err := codec.Append([]byte("before "), &value, &tenant.Record{Key: "k"})
	require.NoError(t, err)
	require.Equal(t, "before "+wantText, string(text))
	var back T
	require.NoError(t, codec.Decode(text[len("before "):], &back))
	clear(text)
	return back
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	require.Equal(t, plain{Text: "a"}, roundTrip(t, plain{"a", "lost"}, `{"t":"a"}`))
	require.Equal(t, packed{"a"}, roundTrip(t, packed{"a"}, "packed:a"))
	require.Equal(t, half{"a"}, roundTrip(t, half{"a"}, `{"Text":"a"}`))
	require.Equal(t, json.RawMessage("[1]"), roundTrip(t, json.RawMessage("[1]"), "[1]"), "nothing of the data is kept")
}

func TestErrors(t *testing.T) {
	t.Parallel()
	_, err := itemcodec.New(schema[packed]()).Append(nil, &packed{"bad"}, &tenant.Record{})
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	require.ErrorContains(t, err, "thing: no encoding")
	_, err = itemcodec.New(schema[chan int]()).Append(nil, new(chan int), &tenant.Record{})
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	for _, err := range []error{
		itemcodec.New(schema[packed]()).Decode([]byte("x"), new(packed)),
		itemcodec.New(schema[plain]()).Decode([]byte("x"), new(plain)),
	} {
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.ErrorContains(t, err, "stored thing can't be decoded")
	}
	require.Panics(t, func() { itemcodec.New[plain](nil) })
	require.Panics(t, func() { itemcodec.New(&tenant.Schema[plain]{}) })
}

func TestAppendOpEncodesLikeAppend(t *testing.T) {
	t.Parallel()
	appendOp := func(op tenant.Op) (string, error) {
		text, err := itemcodec.AppendOp([]byte("before "), &op, &tenant.Record{Key: "k"})
		return string(text), err
	}
	text, err := appendOp(tenant.PutOp(schema[plain](), plain{"a", "lost"}, tenant.Always()))
	require.NoError(t, err)
	require.Equal(t, `before {"t":"a"}`, text)
	text, err = appendOp(tenant.PutOp(schema[packed](), packed{"a"}, tenant.Always()))
	require.NoError(t, err)
	require.Equal(t, "before packed:a", text)
	text, err = appendOp(tenant.PutOp(schema[half](), half{"a"}, tenant.Always()))
	require.NoError(t, err)
	require.Equal(t, `before {"Text":"a"}`, text)
	text, err = appendOp(tenant.PutOp(schema[packed](), packed{"bad"}, tenant.Always()))
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	require.ErrorContains(t, err, "thing: no encoding")
	require.Equal(t, "before ", text)
	_, err = appendOp(tenant.PutOp(schema[packed](), packed{strings.Repeat("x", tenant.MaxItemSize)}, tenant.Always()))
	require.ErrorIs(t, err, tenant.ErrTooLarge)
}

func TestSizeCountsKeysIndexesAndNames(t *testing.T) {
	t.Parallel()
	codec := itemcodec.New(schema[packed]())
	record := &tenant.Record{Key: strings.Repeat("k", 100), Index: []string{strings.Repeat("i", 200), ""}}
	fits := tenant.MaxItemSize - 100 - 200 - 1024 - len("packed:")
	_, err := codec.Append([]byte("header"), &packed{strings.Repeat("x", fits)}, record)
	require.NoError(t, err)
	_, err = codec.Append([]byte("header"), &packed{strings.Repeat("x", fits+1)}, record)
	require.ErrorIs(t, err, tenant.ErrTooLarge)
	require.ErrorContains(t, err, "thing: 409601 bytes, limit 409600")
}
