package analytics

import (
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// Metric names what is counted. The first five are those of AWS IoT Analytics,
// in the namespace AWS/IoTAnalytics.
type Metric string

// The metrics.
const (
	// ActionExecution counts what was done, by Observation.Action.
	ActionExecution Metric = "ActionExecution"
	// ActionExecutionThrottled counts what had to wait, or was refused, because
	// too much was being done.
	ActionExecutionThrottled Metric = "ActionExecutionThrottled"
	// ActivityExecutionError counts messages at which an activity failed, by
	// Reason.
	ActivityExecutionError Metric = "ActivityExecutionError"
	// IncomingMessages counts messages that a channel took.
	IncomingMessages Metric = "IncomingMessages"
	// PipelineConcurrentExecutionCount is how many batches a pipeline is
	// working on: a gauge of the process.
	PipelineConcurrentExecutionCount Metric = "PipelineConcurrentExecutionCount"
	// ActivityEvent counts what activities did to messages without having
	// failed, by Reason: why fields or messages are missing. The service had
	// no such metric.
	ActivityEvent Metric = "ActivityEvent"
)

// Observation is a value of a metric. What does not belong to it is empty.
type Observation struct {
	Metric Metric
	Value  int
	// Action is the operation of the API, such as "BatchPutMessage".
	Action    string
	Channel   string
	Pipeline  string
	Datastore string
	Dataset   string
	// Activity is the name of an activity, Type its type, and Reason what
	// happened there.
	Activity string
	Type     pipeline.ActivityType
	Reason   pipeline.Reason
}
