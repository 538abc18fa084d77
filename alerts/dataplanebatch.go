package alerts

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts/detector"
)

// batchEntry is what all entries of batches have in common, by the names of
// each.
type batchEntry struct {
	MessageID         string `json:"messageId"`
	RequestID         string `json:"requestId"`
	InputName         string `json:"inputName"`
	DetectorModelName string `json:"detectorModelName"`
	AlarmModelName    string `json:"alarmModelName"`
	KeyValue          string `json:"keyValue"`
	Payload           []byte `json:"payload"` // in Base64
}

// id returns the entry's id in its batch.
func (e *batchEntry) id() string {
	if e.RequestID != "" {
		return e.RequestID
	}
	return e.MessageID
}

// maxEntryID is the limit of an entry's id, in bytes.
const maxEntryID = 64

// entries reads the entries of a batch under a name, each also as it stands.
// Ids are unique in their batch.
func (c *call) entries(name string) (parsed []batchEntry, raw []json.RawMessage, err error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(c.body, &members); err != nil {
		return nil, nil, fmt.Errorf("%w: body: %w", errRequest, err)
	}
	if err := json.Unmarshal(members[name], &raw); err != nil || len(raw) == 0 {
		return nil, nil, fmt.Errorf("%w: %s: want a list with at least one entry", errRequest, name)
	}
	parsed = make([]batchEntry, len(raw))
	known := map[string]bool{}
	for i := range raw {
		if err := json.Unmarshal(raw[i], &parsed[i]); err != nil {
			return nil, nil, fmt.Errorf("%w: %s[%d]: %w", errRequest, name, i, err)
		}
		id := parsed[i].id()
		if id == "" || len(id) > maxEntryID || !isEntryID(id) {
			return nil, nil, fmt.Errorf("%w: %s[%d]: id: want 1 to %d of a-z, A-Z, 0-9, '_', '-'", errRequest, name, i, maxEntryID)
		}
		if known[id] {
			return nil, nil, fmt.Errorf("%w: %s[%d]: id %q is used twice", errRequest, name, i, id)
		}
		known[id] = true
	}
	return parsed, raw, nil
}

func isEntryID(id string) bool { return checkModelName(id) == nil }

func (d *dataPlane) failure(e *batchEntry, err error) failure {
	code, _, text := d.describeError(err)
	return failure{MessageID: e.MessageID, RequestID: e.RequestID, ErrorCode: code, ErrorMessage: text}
}

func (d *dataPlane) putMessages(c call) (any, error) {
	entries, _, err := c.entries("messages")
	if err != nil {
		return nil, err
	}
	var messages []Message
	var places []int // in entries
	failures := []failure{}
	for i := range entries {
		if err := d.checkInput(c, entries[i].InputName); err != nil {
			failures = append(failures, d.failure(&entries[i], err))
			continue
		}
		messages = append(messages, Message{Input: entries[i].InputName, ID: entries[i].MessageID, Payload: entries[i].Payload})
		places = append(places, i)
	}
	var failed *PutError
	switch err := d.runtime.Put(c.Context(), c.id, messages...); {
	case errors.As(err, &failed):
		failures = append(failures, d.putFailures(entries, places, failed)...)
	case err != nil:
		return nil, err
	}
	return map[string]any{"BatchPutMessageErrorEntries": failures}, nil
}

// checkInput refuses messages for an input that does not exist.
func (d *dataPlane) checkInput(c call, input string) error {
	routes, err := d.runtime.models.routesOf(c.Context(), c.id)
	if err != nil {
		return err
	}
	if len(routes.byInput[input]) > 0 {
		return nil
	}
	known, err := d.options.HasInput(c.Context(), c.id, input)
	if err == nil && !known {
		err = fmt.Errorf("input of name: %s %w", input, iotenant.ErrNotFound)
	}
	return err
}

// putFailures has one failure for each message that failed, at whichever
// models: the first that may pass, so that the client sends it again.
func (d *dataPlane) putFailures(entries []batchEntry, places []int, failed *PutError) (failures []failure) {
	worst := map[int]error{}
	for _, f := range failed.Failures {
		if known, ok := worst[f.Index]; !ok || Permanent(known) && !Permanent(f.Err) {
			worst[f.Index] = f.Err
		}
	}
	for index, place := range places {
		if err, ok := worst[index]; ok {
			failures = append(failures, d.failure(&entries[place], err))
		}
	}
	return failures
}

func (d *dataPlane) updateDetectors(c call) (any, error) {
	failures, err := d.operateAll(c, "detectors", detector.OperationUpdate)
	return map[string]any{"batchUpdateDetectorErrorEntries": failures}, err
}

func (d *dataPlane) operateAlarms(name string, kind detector.OperationKind) func(call) (any, error) {
	return func(c call) (any, error) {
		failures, err := d.operateAll(c, name, kind)
		return map[string]any{"errorEntries": failures}, err
	}
}

func (d *dataPlane) operateAll(c call, name string, kind detector.OperationKind) ([]failure, error) {
	entries, raw, err := c.entries(name)
	if err != nil {
		return nil, err
	}
	failures := []failure{}
	for i := range entries {
		if err := d.operate(c, &entries[i], raw[i], kind); err != nil {
			failures = append(failures, d.failure(&entries[i], err))
		}
	}
	return failures, nil
}

func (d *dataPlane) operate(c call, e *batchEntry, raw []byte, kind detector.OperationKind) error {
	operation, err := detector.ParseOperation(kind, raw)
	if err != nil {
		return err
	}
	model := e.DetectorModelName
	if kind != detector.OperationUpdate {
		model = e.AlarmModelName
	}
	if err := d.checkKind(c, model, kind != detector.OperationUpdate); err != nil {
		return err
	}
	return d.runtime.Operate(c.Context(), c.id, model, e.KeyValue, operation)
}

func (d *dataPlane) deleteDetectors(c call) (any, error) {
	entries, _, err := c.entries("detectors")
	if err != nil {
		return nil, err
	}
	failures := []failure{}
	for i := range entries {
		e := &entries[i]
		err := d.checkKind(c, e.DetectorModelName, false)
		if err == nil {
			err = d.runtime.DeleteDetector(c.Context(), c.id, e.DetectorModelName, e.KeyValue)
		}
		if err != nil {
			failures = append(failures, d.failure(e, err))
		}
	}
	return map[string]any{"batchDeleteDetectorErrorEntries": failures}, nil
}
