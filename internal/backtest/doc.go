// Package backtest replays recorded messages and operations through a model
// and writes down each evaluation. The clock is that of the lines, so a replay
// is exact and takes no time.
//
// # Messages
//
// A line of the messages is a message or an operation:
//
//	{"at":10,"inputName":"PressureInput","messageId":"m-1","payload":{"id":"p-1","pressure":71}}
//	{"at":20,"kind":"BatchSnoozeAlarm","request":{"keyValue":"p-1","snoozeDuration":300}}
//
// at is in seconds and never decreases. inputName may be absent if the model
// reads one input, messageId is then generated. kind is BatchUpdateDetector,
// BatchAcknowledgeAlarm, BatchEnableAlarm, BatchDisableAlarm, BatchSnoozeAlarm
// or BatchResetAlarm, request one entry of that request of the old data plane.
//
// # Trace
//
// Each evaluation is a line, and so is a message that is refused or ignored:
//
//	{"at":10,"kind":"message","key":"p-1","state":"hot","variables":{"n":1},"timers":{"t":70},
//	 "actions":[{"type":"sns","target":"arn:…","payload":"…","eventName":"high","stateName":"hot"}],"errors":[]}
//
// kind is message, timer, or that of the operation; timerName is there for the
// timers of detectors. timers holds those that run, with the second they are
// due. payload is there if the model gives one. For an alarm, state is its
// state, and the end of a snooze is a timer without a name.
package backtest
