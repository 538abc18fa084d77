// Package detector runs the detector models and alarm models of AWS IoT Events:
// bytes in, decisions out. It knows no service, storage, clock, goroutine or log. Package alerts
// builds the durable, multitenant runtime around it.
//
// # A model
//
// [Load] reads the JSON that people have: the body of CreateDetectorModel, the
// envelope that DescribeDetectorModel and the console export, or a bare
// definition; and the same of alarm models. Every expression is compiled once.
// All problems are reported together, each with its JSON path and, in an
// expression, line, column and a caret: the error is a [*ModelError]. What is
// only doubtful, or exceeds a quota of the old service, is in [Model.Findings].
// A Model does not change and is safe for concurrent use.
//
// [Analyze] reports what the service's analysis did, on its levels: types that
// disagree, what can't be reached, variables read before they are set, timers
// that are overlooked. [LoadInput] reads the declaration of an input, for
// [Options.Attributes].
//
// # An evaluation
//
// One detector is one [State]. A message goes through two steps: [Model.Read]
// scans the payload once, checks that it is JSON, and takes from it the
// routing key and the attributes that the model's expressions read;
// [Model.Evaluate] applies them to the state of the detector that the key
// names:
//
//	model, err := detector.Load(definition)
//	states := map[string]*detector.State{}
//	var message detector.Message
//	var result detector.Result
//
//	if err := model.Read(&message, "PressureInput", payload); err != nil {
//		return err // ErrPayload, ErrKey, ErrInput: the message is refused
//	}
//	state := states[string(message.Key())]
//	if state == nil {
//		state = model.NewState()
//		states[string(message.Key())] = state
//	}
//	trigger := detector.Trigger{At: now, Key: string(message.Key()), Message: &message, MessageID: id}
//	if err := model.Evaluate(state, &trigger, &result); err != nil {
//		return err
//	}
//	for _, action := range result.Actions {
//		// deliver action.Payload to action.Target
//	}
//
// Besides messages, timers and operations start evaluations, see [Trigger].
// Message and Result are reused: what they hold is valid until their next use.
// A State belongs to one goroutine at a time.
//
// # Time and timers
//
// The engine's time is [Trigger.At]. Nothing fires by itself: the caller asks
// [State.NextTimer] and, once the timer is due, evaluates a trigger with its
// name and due time. Due timers are to be fired one by one, in the order that
// NextTimer gives, before a message of a later time. A timer that was reset or
// cleared in the meantime answers [ErrTimer], so that a scheduler may deliver
// late or twice.
//
// # Alarm models
//
// A [Model] is a detector model or an alarm model, and runs the same way: its
// states are those of alarms, its only timer ends a snooze, and its actions run
// when the state changes. [State.Alarm] tells the rest. An operator's
// [Operation] is a trigger like any other; the old BatchUpdateDetector is one
// too, see [Update]. [ParseOperation] reads the requests of the old data plane:
//
//	operation, err := detector.ParseOperation(detector.OperationSnooze, []byte(`{"snoozeDuration":300,"note":"maintenance"}`))
//	if err != nil {
//		return err // ErrOperation
//	}
//	trigger := detector.Trigger{At: now, Key: key, Operation: &operation}
//	if err := model.Evaluate(state, &trigger, &result); err != nil {
//		return err // ErrOperation, ErrNoDetector
//	}
//
// The states change like this, where the rule is evaluated for messages only:
//
//	new → DISABLED                      the first message; the default
//	new → NORMAL                        the first message, with disabledOnInitialization false; then the rule
//	NORMAL → ACTIVE                     the rule is true
//	ACTIVE → NORMAL                     the rule is false, no acknowledge flow
//	ACTIVE → LATCHED                    the rule is false, with acknowledge flow
//	ACTIVE → ACKNOWLEDGED               acknowledge
//	ACKNOWLEDGED → NORMAL               the rule is false
//	LATCHED → NORMAL                    acknowledge
//	LATCHED → ACTIVE                    the rule is true
//	all but DISABLED → SNOOZE_DISABLED  snooze; once more: from now on
//	SNOOZE_DISABLED → NORMAL            its time is over
//	all → DISABLED                      disable
//	DISABLED, SNOOZE_DISABLED → NORMAL  enable
//	all but DISABLED → NORMAL           reset; the latest value is forgotten
//
// Acknowledging needs the acknowledge flow. An operation in another state is
// [ErrOperation]. A rule that can't be evaluated leaves the state as it is, and
// says why in [Result.Errors].
//
// # State
//
// [State] is compact: typed variables, timers, and the attributes of the last
// message of each input that expressions read. [State.AppendBinary] and
// [State.UnmarshalBinary] keep it losslessly; an Integer stays an Integer, a
// Decimal a Decimal. The encoding names variables, timers and attributes, so a
// state can be read by another version of its model: see [StateVersion].
//
// # Delivery
//
// An [Action] carries an id that is a name-based UUID of the trigger's scope
// and key, the model's name and version, and the number of the evaluation: the
// same evaluation gives the same ids, so receivers can drop duplicates. The
// engine delivers nothing; state changes are kept even if an action fails.
// [Result.Errors] tells which actions failed and why, and with [Result.Trace]
// [Result.AppendDebug] gives the record that the service logged.
//
// # Semantics
//
// Evaluation order, BATCH and SERIAL, undefined values, retained inputs and
// timeouts follow the documentation of the service and the models that it
// published. Where these leave a question open, [Semantics] names it; the zero
// value is the recommended answer.
//
// # Values
//
// An Integer has 64 bits, and overflow is an error, not a wrap. A Decimal is a
// float64 that prints as 20.0 or 50.018: the shortest text that reads back,
// with a fraction. A JSON number is an Integer if it has neither fraction nor
// exponent and fits, else a Decimal; one beyond the range of Decimal is
// undefined. A String that an expression makes has at most 256 KB.
//
// # Limits
//
// A payload nests at most [Options.MaxDepth] levels. A model has at most
// [MaxModelSize] bytes. The quotas of the service are warnings, or errors with
// [Options.Strict].
package detector
