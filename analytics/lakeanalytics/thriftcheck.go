package lakeanalytics

import (
	"encoding/binary"
	"errors"
)

// errThrift: bytes are no struct in Thrift's compact protocol.
var errThrift = errors.New("not a struct in Thrift's compact protocol")

// Types of the protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftStruct = 12
)

const (
	maxThriftDepth = 16
	// An element of a list of structs has at least as many bytes, and the
	// description of a chunk: in memory they have hundreds.
	leastElement = 3
	leastChunk   = 24
)

// thriftSize returns the length of the struct with which data begins. The
// decoder of the library believes what a list or text says of its own length;
// of what has passed here, it is true.
func thriftSize(data []byte) (int, error) {
	c := &thriftChecker{data: data}
	if !c.structure(0, nil) {
		return 0, errThrift
	}
	return len(data) - len(c.data), nil
}

type thriftChecker struct{ data []byte }

func (c *thriftChecker) skip(n int) bool {
	if n < 0 || n > len(c.data) {
		return false
	}
	c.data = c.data[n:]
	return true
}

func (c *thriftChecker) uvarint() (uint64, bool) {
	value, size := binary.Uvarint(c.data)
	return value, size > 0 && c.skip(size)
}

// structure passes over a struct. path are the fields that lead to it.
func (c *thriftChecker) structure(depth int, path []int) bool {
	if depth > maxThriftDepth {
		return false
	}
	field := 0
	for {
		if len(c.data) == 0 {
			return false
		}
		header := c.data[0]
		c.data = c.data[1:]
		if header == 0 {
			return true
		}
		if step := int(header >> 4); step > 0 {
			field += step
		} else {
			id, ok := c.uvarint()
			if !ok {
				return false
			}
			field = int(int16(id>>1) ^ -int16(id&1))
		}
		if kind := header & 15; kind != thriftTrue && kind != thriftFalse && !c.value(kind, depth, append(path, field)) {
			return false
		}
	}
}

func (c *thriftChecker) value(kind byte, depth int, path []int) bool {
	switch kind {
	case thriftTrue, thriftFalse, thriftByte: // as an element, a boolean is a byte
		return c.skip(1)
	case thriftDouble:
		return c.skip(8)
	case thriftBinary:
		n, ok := c.uvarint()
		return ok && n <= uint64(len(c.data)) && c.skip(int(n))
	case thriftList, thriftSet:
		return c.list(depth, path)
	case thriftStruct:
		return c.structure(depth+1, path)
	}
	if kind < thriftI16 || kind > thriftI64 {
		return false // maps are in no struct of the format
	}
	_, ok := c.uvarint()
	return ok
}

func (c *thriftChecker) list(depth int, path []int) bool {
	if len(c.data) == 0 {
		return false
	}
	header := c.data[0]
	c.data = c.data[1:]
	n, ok := uint64(header>>4), true
	if n == 15 {
		n, ok = c.uvarint()
	}
	least := uint64(1)
	if header&15 == thriftStruct {
		if least = leastElement; len(path) == 2 && path[0] == 4 && path[1] == 1 {
			least = leastChunk
		}
	}
	if !ok || n > uint64(len(c.data))/least {
		return false
	}
	before := len(c.data)
	for range n {
		if !c.value(header&15, depth+1, path) {
			return false
		}
	}
	return uint64(before-len(c.data)) >= n*least
}
