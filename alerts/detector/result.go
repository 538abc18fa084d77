package detector

import "time"

// Result tells what an evaluation decided. The next evaluation reuses its
// slices and the bytes of its payloads: copy what you keep. The zero Result is
// ready.
type Result struct {
	// Trace asks for Conditions and VariablesBefore. Set it before Evaluate.
	Trace bool

	// At is the time of the evaluation, Number counts the evaluations of the
	// detector from 1.
	At     time.Time
	Number uint64
	// Created: the evaluation created the detector.
	Created bool
	// Before and After are the names of its states. Before is the initial
	// state for a new detector.
	Before, After string
	// Transition: a transition event was taken, perhaps to the same state.
	Transition bool
	// Actions are to be delivered, in order.
	Actions []Action
	// Errors tell which actions failed, in order.
	Errors []ActionError
	// Conditions has one entry per condition, in order of definition, only
	// with Trace.
	Conditions []Condition
	// VariablesBefore are the variables before the evaluation, only with Trace.
	VariablesBefore []Variable

	frame frame
}

// ActionKind is the kind of an action, as in the model's JSON.
type ActionKind string

// The kinds of actions that are delivered.
const (
	ActionSNS        ActionKind = "sns"
	ActionIoTTopic   ActionKind = "iotTopicPublish"
	ActionLambda     ActionKind = "lambda"
	ActionSQS        ActionKind = "sqs"
	ActionFirehose   ActionKind = "firehose"
	ActionIoTEvents  ActionKind = "iotEvents"
	ActionDynamoDB   ActionKind = "dynamoDB"
	ActionDynamoDBv2 ActionKind = "dynamoDBv2"
	ActionSiteWise   ActionKind = "iotSiteWise"
)

// ActionNotification is the notification of an alarm: Target is the ARN of the
// Lambda function that the model names, Payload tells of the alarm, and
// Action.Notification whom to tell. See [Notification.LambdaEvent].
const ActionNotification ActionKind = "lambdaAction"

// Kinds of actions that act on the detector itself. They occur in
// [ActionError] only.
const (
	ActionSetVariable ActionKind = "setVariable"
	ActionSetTimer    ActionKind = "setTimer"
	ActionResetTimer  ActionKind = "resetTimer"
	ActionClearTimer  ActionKind = "clearTimer"
)

// PayloadType says what a payload is.
type PayloadType string

// The types of payloads.
const (
	// PayloadDefault: the model gives no payload; the engine wrote the
	// service's default object, which is JSON.
	PayloadDefault PayloadType = "DEFAULT"
	// PayloadJSON: JSON text written by the model's content expression. It may
	// be invalid all the same; then a warning stands in [Result.Errors].
	PayloadJSON PayloadType = "JSON"
	// PayloadString: any text written by the model's content expression.
	PayloadString PayloadType = "STRING"
)

// Action is one delivery that an evaluation decided.
type Action struct {
	// ID is the same whenever the same evaluation runs again.
	ID ActionID
	// Kind and Target: whereto. Target is the topic ARN, MQTT topic, function
	// ARN, queue URL, delivery stream, input name or table name; for SiteWise
	// the property alias, else "<asset id>/<property id>".
	Kind   ActionKind
	Target string
	// Payload is what to deliver, PayloadType what it is. It is valid until
	// the next use of the Result. A SiteWise action with a propertyValue has
	// none.
	Payload     []byte
	PayloadType PayloadType
	// Fields are the further settings of the action by their JSON path, such
	// as useBase64, separator, hashKeyField or propertyValue.quality.
	Fields []Field
	// Notification is set for ActionNotification only.
	Notification *Notification
	// EventName and StateName: the event whose action this is, and the state
	// whose lifecycle ran it. For alarms: no event, and the new state.
	EventName string
	StateName string
	// Index counts the deliveries of the evaluation from 0.
	Index int
}

// ActionID is a name-based UUID (version 3).
type ActionID [16]byte

// String returns the id in its usual form, 36 characters.
func (id ActionID) String() string { return string(id.append(nil)) }

func (id ActionID) append(b []byte) []byte {
	for i, c := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

// Field returns the setting of that name, or an undefined value.
func (a *Action) Field(name string) Value {
	for i := range a.Fields {
		if a.Fields[i].Name == name {
			return a.Fields[i].Value
		}
	}
	return Value{}
}

// Field is a named setting of an action.
type Field struct {
	Name  string
	Value Value
}

// Lifecycle is the moment in which events run, as the service's logs name it.
type Lifecycle string

// The lifecycles of a state.
const (
	OnEnter Lifecycle = "OnEnter"
	OnInput Lifecycle = "OnInput"
	OnExit  Lifecycle = "OnExit"
)

// ActionError tells why an action was not, or not cleanly, executed.
type ActionError struct {
	// Level is LevelError, or LevelWarning if the action was executed anyway.
	Level     Level
	StateName string
	Lifecycle Lifecycle
	EventName string
	Kind      ActionKind
	// Path is the action's place in the definition, such as
	// "states[0].onInput.events[1].actions[0].setVariable".
	Path string
	// Message is the service's text where one is known, and the cause.
	Message string
}

// Error returns path and message, so that an ActionError is an error.
func (e *ActionError) Error() string { return e.Path + ": " + e.Message }

// Outcome of a condition, as the service's logs name it.
type Outcome string

// The outcomes of conditions.
const (
	OutcomeTrue    Outcome = "True"
	OutcomeFalse   Outcome = "False"
	OutcomeSkipped Outcome = "Skipped"
	OutcomeError   Outcome = "Error"
)

// Condition is the outcome of one event's condition in an evaluation.
type Condition struct {
	StateName  string
	Lifecycle  Lifecycle
	EventName  string
	Transition bool // a transition event
	Outcome    Outcome
	// Details says why a condition was skipped, undefined, or failed.
	Details string
}
