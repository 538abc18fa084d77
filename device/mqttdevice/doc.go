// Package mqttdevice is an MQTT broker for devices, embedded in the program:
// the local twin of AWS IoT Core. It speaks MQTT 3.1.1 and 5 on TCP and TLS.
//
//	broker := mqttdevice.New(registry, directory, receiver, func(o *mqttdevice.Options) {
//		o.Address = "127.0.0.1:1883"
//	})
//	err := broker.Run(ctx)
//
// # Who may connect
//
// A device's client id is its thing name, "<tenant>:<thing>". It proves it with
// its password (MQTT username: the thing name again) or, on TLS, with a client
// certificate; see [device.Registry]. Its tenant must be active. A second
// connection of the same thing ends the first, as in AWS IoT Core. All
// refusals look the same to the device: "not authorized".
//
// # What it may do
//
// It publishes to its own "t/<tenant>/d/<thing>/telemetry", with levels behind
// it, and to get, update and delete of its own shadows. It subscribes to
// filters that select nothing but its own topics: those that begin with
// "t/<tenant>/d/<thing>/" or "$aws/things/<tenant>:<thing>/" in so many words.
// Its will is held to the same when it connects. Whatever else it tries is
// refused, logged and counted; see [Broker.Stats].
//
// A will for a shadow topic goes to the subscribers and not to the receiver: the
// shadow service of AWS ignores wills, too.
//
// # When a message is acknowledged
//
// A message is given to the [device.Receiver] first, then to the subscribers,
// then acknowledged. When the receiver refuses it:
//
//   - With an error of kind iotenant.ErrInvalid or iotenant.ErrDenied it will
//     never be taken. MQTT 5 says so, with reason 0x99 or 0x87. MQTT 3.1.1
//     can't, so there it is acknowledged, and is lost: or the device would send
//     it for ever.
//   - With any other error, MQTT 5 answers with reason 0x83: send it again. In
//     MQTT 3.1.1 the connection is closed, and the device sends again what was
//     not acknowledged.
//
// A message of QoS 0 that is refused is lost, as QoS 0 allows.
//
// The messages that a device sends ahead of their acknowledgements go to a
// [device.BatchReceiver] together, so that one write to a disk can cover them.
// They are processed and acknowledged in order.
//
// # Message ids
//
// Devices that send again what was not acknowledged cause duplicates. To tell
// them apart, a device marks each message with the MQTT 5 user property
// "message-id", or with a member "messageId" in its JSON payload. Without
// either a message counts as new each time: at least once.
//
// # Limits
//
// Those of AWS IoT Core hold by default; see [Limits]. Topics have at most 256
// bytes and 8 levels, and QoS 2 does not exist. What differs:
//
//   - A device that publishes faster than the limit is slowed down; nothing is
//     discarded.
//   - Sessions, queued and retained messages live in memory, and end with the
//     program.
//   - A will delay is not waited for, and the receive maximum of a client with
//     MQTT 5 does not hold messages to it back.
package mqttdevice
