package main

// alertGuards are those of the actions of alerts and of the old data plane.
var alertGuards = []guard{
	{
		name: "a model reaches only resources of its tenant", file: "alerts/target.go", pkg: "./alerts",
		statement: `!ok || rest == "" {`,
		disabled:  `false && (!ok || rest == "") {`,
		tests:     []string{"TestAttackTargetsOfAnotherTenant"},
	}, {
		name: "a model's targets are replaced by resources of its tenant", file: "alerts/target.go", pkg: "./alerts",
		statement: "return prefix + ResourceName(id, name), nil",
		disabled:  "return prefix + name, nil",
		tests:     []string{"TestAttackTargetsOfAnotherTenant"},
	}, {
		name: "a subscription is one of the tenant's topic", file: "alerts/snsalerts/topics.go", pkg: "./alerts/snsalerts",
		statement: `!found || own == "" || strings.Contains(own, ":") {`,
		disabled:  `false && (!found || own == "") {`,
		tests:     []string{"TestAttackTopics"},
	}, {
		name: "a message is of the tenant in the topic that the rule has set", file: "internal/lambdaevent/reader.go", pkg: "./alerts/lambdaalerts",
		statement: "		do(name)\n",
		disabled:  "		do(bytes.ToLower(name))\n",
		tests:     []string{"TestAttackTopicFromADevice"},
	}, {
		name: "an event is of a service if nothing else is in it", file: "internal/lambdaevent/event.go", pkg: "./alerts/lambdaalerts",
		statement: "	case s.others > 0:\n		return 0\n",
		disabled:  "",
		tests:     []string{"TestAttackEventFromADevice"},
	}, {
		name: "the data plane needs to know whose request it is", file: "alerts/dataplane.go", pkg: "./alerts",
		statement: "		err = id.Check()\n",
		disabled:  "		id = tenant.MustParseID(\"south\")\n",
		tests:     []string{"TestAttackDataPlane"},
	}, {
		name: "a request is signed with the secret of its access key", file: "auth/signature.go", pkg: "./auth",
		statement: "if !hmac.Equal(s.value, sign(&s, at, canonicalRequest(r, &s, body), key.Secret)) || key.Secret == \"\" {",
		disabled:  "if sign(&s, at, canonicalRequest(r, &s, body), key.Secret); false {",
		tests:     []string{"TestAttackTamperedRequest", "TestAttackSignatureScope"},
	}, {
		name: "a signature is for this service", file: "auth/signature.go", pkg: "./auth",
		statement: "case s.service != v.service:",
		disabled:  "case false:",
		tests:     []string{"TestAttackSignatureScope"},
	}, {
		name: "a signature is of now", file: "auth/signature.go", pkg: "./auth",
		statement: "case v.options.Now().Sub(signed).Abs() > v.options.Skew:",
		disabled:  "case signed.IsZero():",
		tests:     []string{"TestAttackSignatureScope"},
	},
}
