package main

var deviceGuards = []guard{
	{
		name: "a credential ends with its thing", file: "device/credential.go", pkg: "./device",
		statement: "case item.Value.CreatedAt.Before(holder.Value.CreatedAt):",
		disabled:  "case item.Value.CreatedAt.Before(holder.Value.CreatedAt) && false:",
		tests:     []string{"TestAttackReusedNameWhileIndexLags"},
	}, {
		name: "a device publishes to its own topics only", file: "device/mqttdevice/policy.go", pkg: "./device/mqttdevice",
		statement: "own := topic.Tenant == p.tenant && topic.Thing == p.thing",
		disabled:  "own := true",
		tests:     []string{"TestAttackPublish", "TestAttackWill", "TestAttackTopicAlias"},
	}, {
		name: "a device gives no answers of the shadow service", file: "device/mqttdevice/policy.go", pkg: "./device/mqttdevice",
		statement: "if !own || !request {",
		disabled:  "if !own || !request && false {",
		tests:     []string{"TestAttackPublish"},
	}, {
		name: "a device subscribes to its own topics only", file: "device/mqttdevice/policy.go", pkg: "./device/mqttdevice",
		statement: "return strings.HasPrefix(nameOrFilter, p.topics) || strings.HasPrefix(nameOrFilter, p.things)",
		disabled:  "return true",
		tests:     []string{"TestAttackSubscribe", "TestAttackRetained"},
	}, {
		name: "a will is checked when the device connects", file: "device/mqttdevice/session.go", pkg: "./device/mqttdevice",
		statement: "if err := s.takeWill(); err != nil {",
		disabled:  "if err := s.takeWill(); err != nil && false {",
		tests:     []string{"TestAttackWill"},
	}, {
		name: "the username is the client id", file: "device/mqttdevice/session.go", pkg: "./device/mqttdevice",
		statement: "if string(pk.Connect.Username) != s.name {",
		disabled:  "if false {",
		tests:     []string{"TestAttackClientID"},
	}, {
		name: "a device proves who it is", file: "device/mqttdevice/session.go", pkg: "./device/mqttdevice",
		statement: "return refusalOf(err, RefusalCredential), err",
		disabled:  `return "", nil`,
		tests:     []string{"TestAttackClientID", "TestAttackTakeover", "TestAttackCertificate"},
	}, {
		name: "devices of a suspended tenant don't connect", file: "device/mqttdevice/session.go", pkg: "./device/mqttdevice",
		statement: "if err := b.gate.Admit(b.work, id); err != nil {",
		disabled:  "if err := b.gate.Admit(b.work, id); err != nil && false {",
		tests:     []string{"TestAttackSuspendedTenant"},
	}, {
		name: "devices of a suspended tenant don't publish", file: "device/mqttdevice/publish.go", pkg: "./device/mqttdevice",
		statement: "if err := s.broker.gate.Admit(s.broker.work, s.tenant); err != nil {",
		disabled:  "if err := s.broker.gate.Admit(s.broker.work, s.tenant); err != nil && false {",
		tests:     []string{"TestAttackSuspendedElsewhere"},
	}, {
		name: "no retained message on a shadow topic", file: "device/mqttdevice/publish.go", pkg: "./device/mqttdevice",
		statement: "if pk.FixedHeader.Retain && topic.Class == device.ClassShadow {",
		disabled:  "if false {",
		tests:     []string{"TestAttackRetained"},
	}, {
		name: "a message is of its tenant", file: "device/message.go", pkg: "./shadow/memshadow",
		statement: "if m.Topic.Tenant != id {",
		disabled:  "if false {",
		tests:     []string{"TestAttackTopics"},
	}, {
		name: "a bus tells only its tenant", file: "device/internal/fanout/fanout.go", pkg: "./shadow/memshadow",
		statement: "handlers := h.byTenant[message.Topic.Tenant]",
		disabled: `var handlers []*handler
	for _, others := range h.byTenant {
		handlers = append(handlers, others...)
	}`,
		tests: []string{"TestAttackSubscriptions"},
	}, {
		name: "a credential is of its thing", file: "device/credential.go", pkg: "./device",
		statement: "subtle.ConstantTimeCompare(hash, c.Hash) != 1",
		disabled:  "subtle.ConstantTimeCompare(hash, c.Hash) > 1",
		tests:     []string{"TestAttackCredentials"},
	}, {
		name: "a presence is of its tenant", file: "device/presence.go", pkg: "./device",
		statement: "if owner != id {",
		disabled:  "if owner != id && false {",
		tests:     []string{"TestAttackPresence"},
	}, {
		name: "a deleted thing takes its credentials along", file: "device/registry.go", pkg: "./device",
		statement: "if err := r.deleteBelongings(ctx, id, thing); err != nil {",
		disabled:  "if err := ctx.Err(); err != nil {",
		tests:     []string{"TestAttackReusedName"},
	},
}
