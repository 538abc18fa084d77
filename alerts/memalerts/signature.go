package memalerts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Names of the headers of a webhook.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

const (
	// MinSecretLength is the least length of a secret in bytes.
	MinSecretLength = 24
	// ReplayWindow is how far a timestamp may be from the receiver's clock.
	ReplayWindow = 5 * time.Minute

	signatureVersion = "v1,"
	// signaturesMax bounds the work that a forged header can cause.
	signaturesMax = 8
)

// sign sets the headers of a webhook.
func sign(header http.Header, id string, at time.Time, body []byte, secrets [][]byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		signatures[i] = signatureVersion + base64.StdEncoding.EncodeToString(digest(secret, id, timestamp, body))
	}
	header.Set(HeaderID, id)
	header.Set(HeaderTimestamp, timestamp)
	header.Set(HeaderSignature, strings.Join(signatures, " "))
}

func digest(secret []byte, id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// Verify checks the headers and body of a webhook and returns its event. It is
// for receivers: read the body with a limit, verify it, drop the ids that were
// seen within [ReplayWindow] or longer, answer 2xx. Any of the secrets may have
// signed. The error is [ErrSignature], also without a secret of
// [MinSecretLength], and then nothing of the body is to be trusted.
func Verify(header http.Header, body []byte, now time.Time, secrets ...[]byte) (Event, error) {
	id, timestamp := header.Get(HeaderID), header.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" {
		return Event{}, fmt.Errorf("%w: no id or timestamp", ErrSignature)
	}
	if age := now.Unix() - seconds; age > int64(ReplayWindow/time.Second) || -age > int64(ReplayWindow/time.Second) {
		return Event{}, fmt.Errorf("%w: timestamp is too old or too new", ErrSignature)
	}
	if !signedByAny(header.Get(HeaderSignature), id, timestamp, body, secrets) {
		return Event{}, fmt.Errorf("%w: no match", ErrSignature)
	}
	var event Event
	if err := json.Unmarshal(body, &event); err != nil {
		return Event{}, fmt.Errorf("%w: body: %w", ErrSignature, err)
	}
	if event.Alert.ID != id {
		return Event{}, fmt.Errorf("%w: id of another alert", ErrSignature)
	}
	return event, nil
}

func signedByAny(header, id, timestamp string, body []byte, secrets [][]byte) bool {
	signatures := strings.Fields(header)
	if len(signatures) > signaturesMax {
		return false
	}
	for _, secret := range secrets {
		if len(secret) < MinSecretLength {
			continue
		}
		want := digest(secret, id, timestamp, body)
		for _, text := range signatures {
			encoded, ok := strings.CutPrefix(text, signatureVersion)
			got, err := base64.StdEncoding.DecodeString(encoded)
			if ok && err == nil && hmac.Equal(got, want) {
				return true
			}
		}
	}
	return false
}
