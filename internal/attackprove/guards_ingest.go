package main

// ingestGuards are those between a message and a data store.
var ingestGuards = []guard{
	{
		name: "the platform has no channels", file: "analytics/definitions.go", pkg: "./analytics",
		statement: "	if err := checkTenant(id); err != nil {\n		return Definition{}, fmt.Errorf(\"analytics: put definition: %w\", err)",
		disabled:  "	if err := checkTenant(id); err != nil && false {\n		return Definition{}, fmt.Errorf(\"analytics: put definition: %w\", err)",
		tests:     []string{"TestAttackDefinitions"},
	}, {
		name: "messages go through the channels and pipelines of their tenant", file: "analytics/flow.go", pkg: "./analytics",
		statement: "slot := d.flows[id]",
		disabled:  "slot := d.flows[tenant.MustParseID(\"south\")]",
		tests:     []string{"TestAttackIngest"},
	}, {
		name: "the platform sends no messages", file: "analytics/put.go", pkg: "./analytics",
		statement: "if err := checkTenant(id); err != nil {",
		disabled:  "if err := checkTenant(id); err != nil && false {",
		tests:     []string{"TestAttackIngest"},
	}, {
		name: "the platform has no messages to be seen", file: "analytics/activity.go", pkg: "./analytics",
		statement: "	if err := checkTenant(id); err != nil {\n		return nil, fmt.Errorf(\"analytics: sample: %w\", err)",
		disabled:  "	if err := checkTenant(id); err != nil && false {\n		return nil, fmt.Errorf(\"analytics: sample: %w\", err)",
		tests:     []string{"TestAttackSample"},
	}, {
		name: "what is read again is of the tenant", file: "analytics/reprocess.go", pkg: "./analytics",
		statement: "for item, err := range tenant.All(ctx, r.repository, id, tenant.Query{Index: reprocessingsRunning}) {",
		disabled:  "if id.String() == \"north\" {\n		id = tenant.MustParseID(\"south\")\n	}\n	for item, err := range tenant.All(ctx, r.repository, id, tenant.Query{Index: reprocessingsRunning}) {",
		tests:     []string{"TestAttackReprocessing"},
	}, {
		name: "caches of things are of a tenant", file: "analytics/environment.go", pkg: "./analytics",
		statement: "env := e.recent[id]",
		disabled:  "env := e.recent[tenant.MustParseID(\"south\")]",
		tests:     []string{"TestAttackEnvironment"},
	}, {
		name: "a pipeline enriches with things of its tenant", file: "analytics/environment.go", pkg: "./analytics",
		statement: "item, err := b.things.Get(ctx, b.id, thing)",
		disabled:  "item, err := b.things.Get(ctx, tenant.MustParseID(\"south\"), thing)",
		tests:     []string{"TestAttackEnvironment"},
	}, {
		name: "a pipeline enriches with shadows of its tenant", file: "analytics/environment.go", pkg: "./analytics",
		statement: "return b.shadows.ThingShadow(ctx, b.id, thing)",
		disabled:  "return b.shadows.ThingShadow(ctx, tenant.MustParseID(\"south\"), thing)",
		tests:     []string{"TestAttackEnvironment"},
	}, {
		name: "a pipeline calls functions of its tenant", file: "analytics/environment.go", pkg: "./analytics",
		statement: "return b.functions.Invoke(ctx, b.id, name, event)",
		disabled:  "return b.functions.Invoke(ctx, tenant.MustParseID(\"south\"), name, event)",
		tests:     []string{"TestAttackEnvironment"},
	}, {
		name: "the data plane of channels needs to know whose request it is", file: "analytics/dataplane.go", pkg: "./analytics",
		statement: "		err = checkTenant(id)\n",
		disabled:  "		id = tenant.MustParseID(\"south\")\n",
		tests:     []string{"TestAttackAnalyticsDataPlane"},
	},
}
