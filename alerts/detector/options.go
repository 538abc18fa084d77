package detector

import "time"

// Limits of the engine, and of timers in whole seconds.
const (
	// MaxModelSize is the limit of a model's JSON text in bytes.
	MaxModelSize = 4 << 20
	// DefaultMaxDepth is the nesting that a payload may have.
	DefaultMaxDepth = 128
	// MaxTimer is the longest duration of a timer, 366 days.
	MaxTimer = 31622400 * time.Second
	// MinTimer is the shortest duration of a timer; 60 seconds if strict.
	MinTimer = time.Second

	strictMinTimer   = 60 * time.Second
	strictMaxPayload = 1024
)

// Options change how a model is loaded and run. The zero value is the default.
type Options struct {
	// Version is the model's version, as payloads and states show it. Default:
	// the version in an export, else "1".
	Version string
	// Strict enforces what the service enforced and the engine does not need:
	// its quotas, at least 60 seconds per timer, at most 1 KB per custom
	// payload, no unknown members in the model.
	Strict bool
	// MinTimer is the shortest duration that a timer may have. Default:
	// [MinTimer], or 60 seconds if Strict.
	MinTimer time.Duration
	// MaxDepth is how deep a payload may nest. Default: [DefaultMaxDepth].
	MaxDepth int
	// Attributes holds the declared attribute paths of the inputs, by input
	// name, see [LoadInput]. A reference to another input is a warning, and an
	// error if Strict; one to another path is a warning, and undefined if
	// Strict. Nil: nothing is known about inputs.
	Attributes map[string][]string
	// Semantics answers the questions that the service left open.
	Semantics Semantics
}

// Semantics answers the questions about evaluation that the documentation of
// the service leaves open. Each field turns away from the recommended answer,
// so that the zero value is the recommendation.
type Semantics struct {
	// ForgetInputs: $input reads only the message that caused this evaluation.
	// Recommended: the last message of each input is retained.
	ForgetInputs bool
	// UndeclaredIsUndefined: with [Options.Attributes], attributes that are not
	// declared are undefined; so they are if Strict. Recommended: what the
	// payload holds can be read.
	UndeclaredIsUndefined bool
	// IgnoreKeyless: a message without a value at the key's path is for no
	// detector and ignored, see [Message.Ignored]. Recommended: it is [ErrKey].
	IgnoreKeyless bool
	// MergeInputs: a message changes the retained attributes that it holds.
	// Recommended: it replaces the whole retained message.
	MergeInputs bool
	// KeepInputsOnUpdate: an [Update] keeps retained inputs. Recommended:
	// it clears them.
	KeepInputsOnUpdate bool
	// UpdateCreates: an update of a detector that does not exist creates it.
	// Recommended: it is [ErrNoDetector].
	UpdateCreates bool
	// UndefinedUnequalIsUndefined: != with an undefined side is undefined, so
	// the condition false. Recommended: it is true.
	UndefinedUnequalIsUndefined bool
	// MismatchIsError: == and != between incompatible types fail, so the
	// condition is false. Recommended: == is false, != is true.
	MismatchIsError bool
	// TimeoutReadOnce: timeout() is true for its first reader in an evaluation
	// only. Recommended: every reader of the evaluation gets the same answer.
	TimeoutReadOnce bool
	// SkipUntestedTimers: the expiry of a timer evaluates a state only if its
	// onInput calls timeout(). Recommended: it evaluates every state.
	SkipUntestedTimers bool
	// JoinTimers: the expiry of a timer is also that of all others that are
	// due by then, in one evaluation. Recommended: one evaluation each.
	JoinTimers bool
	// SnapshotActions: the expressions of actions in a BATCH lifecycle see the
	// variables as they were when the lifecycle began. Recommended: they see
	// what earlier actions wrote.
	SnapshotActions bool
	// ResetAfterClearFails: resetTimer after clearTimer is an action error.
	// Recommended: the timer starts again with its last duration.
	ResetAfterClearFails bool
	// ResetAfterExpiryFails: resetTimer of an elapsed timer is an action
	// error. Recommended: the timer starts again.
	ResetAfterExpiryFails bool
	// RoundDivision: the quotient of two Integers is rounded half away from
	// zero. Recommended: it is truncated toward zero.
	RoundDivision bool
	// WrapOverflow: Integer arithmetic wraps around. Recommended: overflow is
	// an error.
	WrapOverflow bool
	// StringOrderFails: < <= > >= between Strings fail. Recommended: they
	// compare bytewise.
	StringOrderFails bool
	// BareTimerPayload: the default payload of a timer evaluation does not
	// name the timer. Recommended: eventTriggerDetails has timerName.
	BareTimerPayload bool
	// StopOnSetVariableError: a setVariable that fails ends the actions of its
	// event. Recommended: they go on.
	StopOnSetVariableError bool
	// LiteralTopics: an MQTT topic is never an expression. Recommended: it is
	// one if it parses and yields a String.
	LiteralTopics bool
	// QuietSelfTransition: a transition to the same state runs no onExit.
	// Recommended: onExit and onEnter run.
	QuietSelfTransition bool
	// UndefinedIsNull: isNull() of an undefined value is true. Recommended:
	// false.
	UndefinedIsNull bool
	// AcknowledgeLatched: acknowledging a latched alarm makes it ACKNOWLEDGED.
	// Recommended: NORMAL, for the values are in range.
	AcknowledgeLatched bool
	// AcknowledgeFlow: an alarm model that does not mention the acknowledge
	// flow has it. Recommended: it has not.
	AcknowledgeFlow bool
	// AlarmActionsOnlyActive: the actions of an alarm run when it becomes
	// active. Recommended: on every change of its state.
	AlarmActionsOnlyActive bool
	// NotifyWithFlowOnly: an alarm without acknowledge flow notifies nobody.
	// Recommended: notifications do not depend on it.
	NotifyWithFlowOnly bool
}
