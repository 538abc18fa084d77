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
		name: "a message is of the tenant in the topic that the rule has set", file: "alerts/lambdaalerts/decode.go", pkg: "./alerts/lambdaalerts",
		statement: `	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return topic, err
	}
	var text string
	if err := json.Unmarshal(members["topic"], &text); err != nil {
		return topic, fmt.Errorf("topic: %w", err)
	}
	return device.ParseTopic(text)`,
		disabled: `	var members struct{ Topic string }
	if err := json.Unmarshal(data, &members); err != nil {
		return topic, err
	}
	return device.ParseTopic(members.Topic)`,
		tests: []string{"TestAttackTopicFromADevice"},
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
