package tenant

import (
	"encoding/json"
	"time"
)

// OnceRecord is what a [Once] keeps of one execution.
type OnceRecord struct {
	// Path is the operation, followed by the parts of the key.
	Path []string `json:"path"`
	// Fingerprint is the SHA-256 digest of the payload.
	Fingerprint []byte     `json:"fingerprint"`
	Status      OnceStatus `json:"status"`
	// Holder is unique to the call of Do that wrote the record.
	Holder string `json:"holder"`
	// LeaseUntil is when an execution that is running may be taken over.
	LeaseUntil time.Time `json:"leaseUntil"`
	// ExpiresAt is when the record is forgotten.
	ExpiresAt time.Time `json:"expiresAt"`
	// Result is the encoded result of an execution that is done.
	Result json.RawMessage `json:"result,omitempty"`
	// Failure is the text of a final error, and FailureKind the text of its
	// kind, empty if it had none.
	Failure     string `json:"failure,omitempty"`
	FailureKind string `json:"failureKind,omitempty"`
}

// OnceStatus says how far an execution is.
type OnceStatus string

// The states of an execution.
const (
	// OnceRunning: it has begun; after OnceRecord.LeaseUntil its holder counts
	// as crashed.
	OnceRunning OnceStatus = "running"
	// OnceDone: it has ended, and its result is kept.
	OnceDone OnceStatus = "done"
	// OnceFailed: it has ended with a final error.
	OnceFailed OnceStatus = "failed"
	// OnceTooLarge: it has ended, but its result is too large to be kept.
	OnceTooLarge OnceStatus = "too-large"
)

// OnceSchema is how a [Once] keeps its records.
var OnceSchema = Schema[OnceRecord]{
	Entity: "once",
	Key:    func(r *OnceRecord) Key { return NewKey(r.Path...) },
	// Rounded up, because stores round down: a record must not go before its
	// time. Once itself forgets to the nanosecond.
	Expires: func(r *OnceRecord) time.Time { return r.ExpiresAt.Add(time.Second - 1) },
}

// expired reports whether the record is forgotten.
func (r *OnceRecord) expired(now time.Time) bool { return !now.Before(r.ExpiresAt) }

// leased reports whether somebody may be executing.
func (r *OnceRecord) leased(now time.Time) bool {
	return r.Status == OnceRunning && now.Before(r.LeaseUntil)
}
