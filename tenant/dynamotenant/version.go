package dynamotenant

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/iotenant/iotenant/tenant"
)

// newVersion draws the version of a write. DynamoDB has no counter for all
// writers of an item, past and future; 64 random bits are not drawn twice.
func newVersion() tenant.Version {
	var random [8]byte
	rand.Read(random[:]) // never fails
	return tenant.Version(max(1, binary.BigEndian.Uint64(random[:])))
}
