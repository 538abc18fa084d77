package analytics

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// batchRequest is the body of BatchPutMessage.
type batchRequest struct {
	ChannelName string `json:"channelName"`
	Messages    []struct {
		MessageID string `json:"messageId"`
		Payload   []byte `json:"payload"` // in Base64
	} `json:"messages"`
}

// batchFailure is a message of a batch that was refused.
type batchFailure struct {
	MessageID    string `json:"messageId"`
	ErrorCode    string `json:"errorCode"`
	ErrorMessage string `json:"errorMessage"`
}

func (d *dataPlane) putMessages(c call) (any, error) {
	var request batchRequest
	if err := c.read(&request); err != nil {
		return nil, err
	}
	if n := len(request.Messages); n == 0 || n > MaxBatch {
		return nil, fmt.Errorf("%w: messages: %d entries, want 1 to %d", errRequest, n, MaxBatch)
	}
	if checkName(request.ChannelName) != nil {
		return nil, fmt.Errorf("%w: channelName: want 1 to %d letters, digits and underscores", errRequest, MaxDatastore)
	}
	failures := make([]error, len(request.Messages))
	var rows []Row
	var places []int
	known := map[string]bool{}
	for i := range request.Messages {
		m := &request.Messages[i]
		switch {
		case !isMessageID(m.MessageID):
			failures[i] = fmt.Errorf("%w: message id: want 1 to %d ASCII characters", ErrMessage, MaxMessageID)
		case known[m.MessageID]:
			failures[i] = fmt.Errorf("%w: %q", ErrDuplicateID, m.MessageID)
		default:
			known[m.MessageID] = true
			rows, places = append(rows, Row{ID: d.rowID(c, m.MessageID), Payload: m.Payload}), append(places, i)
		}
	}
	if err := d.put(c, request.ChannelName, rows, places, failures); err != nil {
		return nil, err
	}
	entries := []batchFailure{}
	for i, err := range failures {
		if err != nil {
			entries = append(entries, batchFailure{request.Messages[i].MessageID, codeInvalid, err.Error()})
		}
	}
	return map[string]any{"batchPutMessageErrorEntries": entries}, nil
}

// maxInvocationID is what an id of a call may be long, in bytes: that of AWS's
// clients is a UUID.
const maxInvocationID = MaxRowID - MaxMessageID - 1

// rowID returns the id by which a message is known when it is sent again, empty
// if it is not. Ids of messages are unique in their batch only; that of the
// call stays the same when a client repeats it.
func (d *dataPlane) rowID(c call, messageID string) string {
	if d.options.UniqueIDs {
		return messageID
	}
	invocation := c.Header.Get("Amz-Sdk-Invocation-Id")
	if !isText(invocation, maxInvocationID) || invocation == "" {
		return ""
	}
	return invocation + "/" + messageID
}

// put puts rows, which stand at places in their batch, and notes those that are
// refused.
func (d *dataPlane) put(c call, channel string, rows []Row, places []int, failures []error) error {
	if len(rows) == 0 {
		_, err := d.ingest.source(c.Context(), c.id, channel)
		return err
	}
	err := d.ingest.Put(c.Context(), c.id, channel, rows)
	var refused *PutError
	if !errors.As(err, &refused) {
		return err
	}
	for _, f := range refused.Failures {
		failures[places[f.Index]] = f.Err
	}
	return nil
}

func isMessageID(id string) bool {
	if id == "" || len(id) > MaxMessageID {
		return false
	}
	for i := range len(id) {
		if id[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (d *dataPlane) runActivity(c call) (any, error) {
	var request struct {
		PipelineActivity json.RawMessage `json:"pipelineActivity"`
		Payloads         [][]byte        `json:"payloads"`
	}
	if err := c.read(&request); err != nil {
		return nil, err
	}
	outputs, log, err := d.ingest.RunActivity(c.Context(), c.id, request.PipelineActivity, request.Payloads)
	if err != nil {
		return nil, err
	}
	return map[string]any{"payloads": outputs, "logResult": log}, nil
}

func (d *dataPlane) sample(c call) (any, error) {
	limit, err := c.limit("maxMessages", MaxSample)
	if err != nil {
		return nil, err
	}
	from, err := c.time("startTime")
	if err != nil {
		return nil, err
	}
	to, err := c.time("endTime")
	if err != nil {
		return nil, err
	}
	payloads, err := d.ingest.Sample(c.Context(), c.id, c.PathValue("name"), limit, from, to)
	return map[string]any{"payloads": payloads}, err
}

func (d *dataPlane) startReprocessing(c call) (any, error) {
	var body struct {
		StartTime       *wireTime `json:"startTime"`
		EndTime         *wireTime `json:"endTime"`
		ChannelMessages *struct {
			S3Paths []string `json:"s3Paths"`
		} `json:"channelMessages"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	request := ReprocessingRequest{Pipeline: c.PathValue("name")}
	if body.StartTime != nil {
		request.From = timeOf(body.StartTime)
	}
	if body.EndTime != nil {
		request.To = timeOf(body.EndTime)
	}
	if body.ChannelMessages != nil {
		request.Paths = body.ChannelMessages.S3Paths
	}
	started, err := d.options.Reprocessings.Start(c.Context(), c.id, request)
	return map[string]any{"reprocessingId": started.ID}, err
}

func (d *dataPlane) cancelReprocessing(c call) (any, error) {
	return struct{}{}, d.options.Reprocessings.Cancel(c.Context(), c.id, c.PathValue("name"), c.PathValue("id"))
}
