package analytics

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// SealState makes the checksum of an encoded state of windows right, so that
// fuzzing gets behind it.
func SealState(data []byte) []byte {
	if len(data) < len(windowMagic)+4 {
		return data
	}
	data = slices.Clone(data)
	binary.LittleEndian.PutUint32(data[len(windowMagic):], crc32.Checksum(data[len(windowMagic)+4:], castagnoli))
	return data
}
