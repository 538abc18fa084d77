package main

// lambdaGuards are those of analytics in Lambda.
var lambdaGuards = []guard{
	{
		name: "what a device wrote into a message is no event of analytics", file: "internal/lambdaevent/event.go", pkg: "./analytics/lambdaanalytics",
		statement: "	case s.others > 0:\n		return 0\n",
		disabled:  "",
		tests:     []string{"TestAttackTopicOfAnotherTenant"},
	}, {
		name: "an event is of a service only as a whole", file: "internal/lambdaevent/event.go", pkg: "./internal/lambdaevent",
		statement: "	case s.others > 0:\n		return 0\n",
		disabled:  "",
		tests:     []string{"TestAttackEventInAMessage"},
	}, {
		name: "a topic is set once", file: "internal/lambdaevent/message.go", pkg: "./internal/lambdaevent",
		statement: "if values[n] != nil && r.err == nil {",
		disabled:  "if false {",
		tests:     []string{"TestAttackTopic"},
	}, {
		name: "the parts of an event are of one tenant", file: "analytics/lambdaanalytics/batch.go", pkg: "./analytics/lambdaanalytics",
		statement: "to := target{id, message.Channel}",
		disabled:  "to := target{channel: message.Channel}",
		tests:     []string{"TestAttackPartition"},
	}, {
		name: "a record is delivered to the partition of its tenant", file: "analytics/lambdaanalytics/transformer.go", pkg: "./analytics/lambdaanalytics",
		statement: `"tenant": id.String(), `,
		disabled:  `"tenant": "north", `,
		tests:     []string{"TestAttackPartition"},
	}, {
		name: "the id of a message is that of its thing", file: "analytics/ingester.go", pkg: "./analytics/lambdaanalytics",
		statement: `row.ID = row.Thing.String() + "/" + message.ID`,
		disabled:  "row.ID = message.ID",
		tests:     []string{"TestAttackMessageID"},
	}, {
		name: "a query is about the tenant that was verified", file: "analytics/lambdaanalytics/query.go", pkg: "./analytics/lambdaanalytics",
		statement: "	id, err := q.identify(ctx)\n",
		disabled:  "	var asked struct{ Tenant tenant.ID }\n	err := json.Unmarshal(payload, &asked)\n	id := asked.Tenant\n",
		tests:     []string{"TestAttackQueryOfAnotherTenant"},
	}, {
		name: "a query behind an API is about the tenant of the token", file: "examples/lambda/query/handler.go", pkg: "./examples/lambda/query",
		statement: "return principal.Tenant, err",
		disabled:  "if principal.Tenant, err = tenant.ParseID(\"south\"); err != nil {\n			return tenant.ID{}, err\n		}\n		return principal.Tenant, nil",
		tests:     []string{"TestAttackTenantInTheBody"},
	}, {
		name: "a pipeline in Lambda invokes functions of its tenant", file: "analytics/invokeanalytics/invokeanalytics.go", pkg: "./analytics/invokeanalytics",
		statement: `return id.String() + "_" + name, nil`,
		disabled:  "return name, nil",
		tests:     []string{"TestAttackFunctionOfAnotherTenant"},
	}, {
		name: "a pipeline reads shadows of its tenant", file: "examples/lambda/pipeline/compose.go", pkg: "./examples/lambda/pipeline",
		statement: "aws.String(device.ThingName(id, thing))",
		disabled:  `aws.String(device.ThingName(tenant.MustParseID("north"), thing))`,
		tests:     []string{"TestAttackShadowOfAnotherTenant"},
	},
}
