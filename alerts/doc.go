// Package alerts runs AWS IoT Events detector and alarm models for many tenants,
// durably: messages in, alerts out.
//
// # The parts
//
// [Models] holds the models of each tenant: the JSON of the service, checked
// and versioned. [Runtime] evaluates messages with them, fires their timers
// and delivers the actions that they decide. Each external action is an
// [Alert], which [Alerts] lists and a [Notifier] tells somebody of. The engine
// that evaluates is package detector; it knows nothing of tenants or storage.
//
//	detectors := bolttenant.NewRepository(store, &alerts.DetectorSchema)
//	models := alerts.NewModels(bolttenant.NewRepository(store, &alerts.ModelSchema), detectors)
//	raised := bolttenant.NewRepository(store, &alerts.AlertSchema)
//	runtime := alerts.NewRuntime(models, detectors, raised, notifier, func(o *alerts.Options) {
//		o.Tenants = tenants
//	})
//	go runtime.Run(ctx)
//
//	_, err := models.Put(ctx, id, definition)
//	err = runtime.Put(ctx, id, alerts.Message{Input: "telemetry", ID: messageID, Payload: payload})
//
// # Rules
//
// Who doesn't want to write a model writes a [Rule]: thresholds with
// hysteresis, rates, N of the last M messages, for a duration, silence,
// schedules, escalation. It compiles into a model.
//
// # What is never lost
//
// For each detector and batch there is one conditional write. It carries the
// state, the timers, the ids of the accepted messages and the actions that
// were decided. When [Runtime.Put] returns nil, all of that is durable; if it
// fails, the batch can be put again: messages that took effect are known by
// their ids for [Window], and ignored.
//
// Actions are handed over after that: each becomes an Alert record, is
// delivered, tried again after failures with growing pauses, and after
// Options.Attempts failures, or one that is [Permanent], it is dead, with the
// reason; [Runtime.Redeliver] revives it. Delivery is at least once. The id of an
// alert is a UUID made of tenant, model, version, key, number of the
// evaluation and place of the action, so it is the same however often a
// process ends in between, and receivers can drop duplicates. So do detectors
// that an iotEvents action feeds, within Window.
//
// # Order
//
// A detector is evaluated by one process at a time: in this process it has one
// holder, and among processes the version of its record decides. Messages of
// one Put are evaluated in their order, those of concurrent calls in any.
// Alerts are delivered in no particular order; Alert.Evaluation and Index tell
// it.
//
// # Time
//
// Timers are kept with their due time and survive restarts. [Runtime.Run] fires
// them; a message fires those that are due before it. A timer is always
// evaluated as of its due time, so that what a detector decides does not depend
// on when the process got to it: one that slept for an hour catches up, expiry
// by expiry. Programs that can't run all the time call [Runtime.Sweep] on a
// schedule instead of Run.
//
// # Versions
//
// [Models.Put] switches a model atomically. Detectors of the old version are
// reset, as the service did, or kept with PutOptions.Keep. Another process
// follows after at most ModelsOptions.RefreshAfter.
//
// # People and storms
//
// [Alerts] keeps what people do about an alert: acknowledge, assign, comment.
// [Shelves] hold a detector's alerts back for a time. [Options.ActionLimit]
// caps what a tenant delivers in a minute; what comes on top is kept, and a
// [Storm] sums it up instead of silence. To cap models and detectors of a tenant,
// give the runtime repositories that enforce its plan.
//
// [Runtime.Operate] is for operators: acknowledge, snooze, disable, enable and
// reset an alarm, set a detector's state. [NewDataPlane] serves clients of the
// old service.
//
// # Isolation of failures
//
// A model that fails, a receiver that hangs or a tenant that floods does not
// stop others: failures are those of one message at one model, workers are
// shared out among tenants in turn, and a hanging call ends after
// Options.NotifyTimeout.
package alerts
