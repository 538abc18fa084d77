// Package envelope is what messages of alerts carry beside their payload, the
// same in every service that has room for it.
package envelope

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

// Attributes tell what a message is, and whose. None is empty.
func Attributes(id tenant.ID, alert *alerts.Alert) map[string]string {
	all := map[string]string{
		"tenant": id.String(), "alertId": alert.ID, "model": alert.Model, "key": alert.Key, "event": alert.Event, "state": alert.State,
	}
	for name, value := range all {
		if value == "" {
			delete(all, name)
		}
	}
	return all
}

// IsFIFO reports whether a topic or queue is one that keeps the order of
// groups, by the end of its name.
func IsFIFO(target string) bool { return strings.HasSuffix(target, ".fifo") }

// Group is the group of an alert's detector in such a topic or queue.
func Group(id tenant.ID, alert *alerts.Alert) string {
	digest := sha256.Sum256([]byte(strings.Join([]string{id.String(), alert.Model, alert.Key}, "\x1f")))
	return hex.EncodeToString(digest[:])
}
