package main

// dataGuards are those of shadows, telemetry and alerts.
var dataGuards = []guard{
	{
		name: "the platform has no data sets", file: "analytics/datasets.go", pkg: "./analytics",
		statement: "	if err := checkTenant(id); err != nil {\n		return DatasetDefinition{}, err\n	}\n",
		disabled:  "",
		tests:     []string{"TestAttackDatasetPlatform"},
	}, {
		name: "versions of contents differ by tenant", file: "analytics/datasets.go", pkg: "./analytics",
		statement: "sha256.Sum256([]byte(id.String() + ",
		disabled:  "sha256.Sum256([]byte(",
		tests:     []string{"TestAttackContents"},
	}, {
		name: "the key of a delivery stays in the tenant's part", file: "analytics/deliverbuckets.go", pkg: "./analytics",
		statement: "if err := CheckObjectName(name); err != nil {",
		disabled:  "if err := CheckObjectName(name); err != nil && false {",
		tests:     []string{"TestAttackDeliveryKey"},
	}, {
		name: "a container reads the data sets that its definition names", file: "analytics/container.go", pkg: "./analytics",
		statement: `return nil, fmt.Errorf("%w: it is not among the variables", ErrNoContent)`,
		disabled:  "version = LatestSucceeded",
		tests:     []string{"TestAttackContainer"},
	}, {
		name: "a container writes files of its content", file: "analytics/container.go", pkg: "./analytics",
		statement: "if !containerFile.MatchString(name) {",
		disabled:  "if false {",
		tests:     []string{"TestAttackContainer"},
	}, {
		name: "the reason of a failure holds nothing of the engine's inside", file: "analytics/produce.go", pkg: "./analytics",
		statement: `return "the SQL engine or the storage is unavailable", false`,
		disabled:  "return err.Error(), false",
		tests:     []string{"TestAttackReasons"},
	}, {
		name: "the shadow service serves topics of the device's tenant", file: "shadow/memshadow/receive.go", pkg: "./shadow/memshadow",
		statement: "if err := message.Check(id); err != nil {",
		disabled:  "if err := message.Check(id); err != nil && false {",
		tests:     []string{"TestAttackTopics"},
	}, {
		name: "messages in memory are kept by tenant", file: "analytics/memanalytics/memanalytics.go", pkg: "./analytics/memanalytics",
		statement: "if kept := s.tenants[id]; kept != nil {",
		disabled:  "for _, kept := range s.tenants {",
		tests:     []string{"TestAttackStore"},
	}, {
		name: "segments are kept by tenant", file: "analytics/fileanalytics/layout.go", pkg: "./analytics/fileanalytics",
		statement: "func tenantDirName(id tenant.ID) string { return tenantPrefix + id.String() }",
		disabled:  `func tenantDirName(tenant.ID) string { return tenantPrefix + "acme" }`,
		tests:     []string{"TestAttackSegments"},
	}, {
		name: "the platform has no telemetry", file: "analytics/message.go", pkg: "./analytics/memanalytics",
		statement: "	_, err := tenant.ParseID(id.String())\n	return err\n",
		disabled:  "	return nil\n",
		tests:     []string{"TestAttackStore"},
	}, {
		name: "a log is of the tenant in whose folder it lies", file: "analytics/lakeanalytics/codec.go", pkg: "./analytics/lakeanalytics",
		statement: "if r.text() != of.tenant.String() ||",
		disabled:  "if r.text() == \"\" ||",
		tests:     []string{"TestAttackForeignLog"},
	}, {
		name: "what is known of tables is known by tenant", file: "analytics/lakeanalytics/cache.go", pkg: "./analytics/lakeanalytics",
		statement: "key := owner{id, ",
		disabled:  "key := owner{tenant.MustParseID(\"acme\"), ",
		tests:     []string{"TestAttackLake"},
	}, {
		name: "a table's name leads nowhere else", file: "analytics/lakeanalytics/check.go", pkg: "./analytics/lakeanalytics",
		statement: "if !isName(table.Name) {",
		disabled:  "if !isName(table.Name) && false {",
		tests:     []string{"TestAttackNames"},
	}, {
		name: "a batch shows nothing of the run before, which may be another tenant's", file: "analytics/pipeline/batch.go", pkg: "./analytics/pipeline",
		statement: "b.documents, b.results, b.failures = b.documents[:0], b.results[:0], b.failures[:0]",
		disabled:  "b.failures = b.failures[:0]",
		tests:     []string{"TestAttackUsedBatch"},
	}, {
		name: "a payload that is no JSON has no name that a message before it had", file: "analytics/pipeline/shape.go", pkg: "./analytics/pipeline",
		statement: "if len(n.token) > 0 && string(data[i:end])",
		disabled:  "if string(data[i:end])",
		tests:     []string{"TestAttackAfterEscapedNames"},
	}, {
		name: "an aggregate is of a tenant, whatever the store", file: "analytics/aggregate.go", pkg: "./analytics",
		statement: "if err := checkTenant(id); err != nil {",
		disabled:  "if err := checkTenant(id); err != nil && false {",
		tests:     []string{"TestAttackQueries"},
	}, {
		name: "columns are those of the tenant's own data store", file: "analytics/lakeanalytics/columnscan.go", pkg: "./analytics/lakeanalytics",
		statement: "snapshot, err := l.Snapshot(ctx, id, ",
		disabled:  "snapshot, err := l.Snapshot(ctx, tenant.MustParseID(\"acme\"), ",
		tests:     []string{"TestAttackColumnsOfAnotherTenant"},
	}, {
		name: "a query of columns is of a tenant, whatever the scanner", file: "analytics/columnquery.go", pkg: "./analytics",
		statement: "if err := checkTenant(id); err != nil {",
		disabled:  "if err := checkTenant(id); err != nil && false {",
		tests:     []string{"TestAttackColumnQueries"},
	}, {
		name: "hidden members are no columns", file: "analytics/lakeanalytics/linescan.go", pkg: "./analytics/lakeanalytics",
		statement: "strings.HasPrefix(name, \"__\") {",
		disabled:  "strings.HasPrefix(name, \"__\") && false {",
		tests:     []string{"TestAttackHiddenColumns"},
	}, {
		name: "a state of windows is kept by tenant", file: "analytics/window.go", pkg: "./analytics",
		statement: "		w.tenants[id] = state\n	}\n	state.past",
		disabled:  "		w.tenants[id] = state\n	}\n	for _, state = range w.tenants {\n		state.past = max(state.past, nanoseconds(to))\n	}\n	state = w.tenants[id]\n	state.past",
		tests:     []string{"TestAttackWindows"},
	}, {
		name: "a state of a roll-up is of the tenant that it is kept for", file: "analytics/windowstate.go", pkg: "./analytics",
		statement: "if r.text() != id.String() || r.text() != w.kind() {\n		return nil, fmt.Errorf(\"%w: of other windows\", ErrState)\n	}\n	state := r.tenant(w.options.Percentiles)\n	if r.bad || state.count > MaxWindows || len(state.things) > MaxWindows || !bytes.Equal(w.encode(id, state), data) {",
		disabled:  "if r.text() == \"\" || r.text() != w.kind() {\n		return nil, ErrState\n	}\n	state := r.tenant(w.options.Percentiles)\n	if r.bad || bytes.Equal(data, nil) {",
		tests:     []string{"TestAttackRollups"},
	}, {
		name: "the platform has no roll-ups", file: "analytics/rollups.go", pkg: "./analytics",
		statement: "	if err := checkTenant(id); err != nil {\n		return RolledUp{},",
		disabled:  "	if err := checkTenant(id); err != nil && false {\n		return RolledUp{},",
		tests:     []string{"TestAttackRollups"},
	}, {
		name: "a picture of telemetry is of the tenant's own device", file: "examples/internal/api/charts.go", pkg: "./examples/local",
		statement: "for alert, err := range a.Alerts.All(ctx, id, alerts.Filter{Limit: tenant.MaxLimit}) {",
		disabled:  "for alert, err := range a.Alerts.All(ctx, tenant.MustParseID(\"north\"), alerts.Filter{Limit: tenant.MaxLimit}) {",
		tests:     []string{"TestAttackAggregates"},
	}, {
		name: "a segment is of the tenant in whose folder it lies", file: "analytics/fileanalytics/segment.go", pkg: "./analytics/fileanalytics",
		statement: `return run{}, corruptAt(offset, "run of another tenant")`,
		disabled:  "",
		tests:     []string{"TestAttackForeignSegment"},
	}, {
		name: "keys of a bucket begin with the tenant", file: "analytics/s3analytics/layout.go", pkg: "./analytics/s3analytics",
		statement: "return prefix + tenantsFolder + id.String() + separator",
		disabled:  `return prefix + tenantsFolder + "acme" + separator`,
		tests:     []string{"TestAttackObjects"},
	}, {
		name: "the tenant in a key ends with a separator", file: "analytics/s3analytics/layout.go", pkg: "./analytics/s3analytics",
		statement: "return prefix + tenantsFolder + id.String() + separator",
		disabled:  `return prefix + tenantsFolder + id.String() + "-"`,
		tests:     []string{"TestAttackKeys"},
	}, {
		name: "a list of a bucket shows keys of the tenant", file: "analytics/s3analytics/list.go", pkg: "./analytics/s3analytics",
		statement: "if !strings.HasPrefix(key, *input.Prefix) {",
		disabled:  "if false && strings.HasPrefix(key, *input.Prefix) {",
		tests:     []string{"TestAttackForeignKey"},
	}, {
		name: "a name in a bucket leads nowhere else", file: "analytics/s3analytics/put.go", pkg: "./analytics/s3analytics",
		statement: "if err := analytics.CheckObject(id, name); err != nil {",
		disabled:  "if err := analytics.CheckObject(id, name); err != nil && false {",
		tests:     []string{"TestAttackObjects"},
	}, {
		name: "an object in a bucket is encrypted by its tenant's key", file: "analytics/s3analytics/s3analytics.go", pkg: "./analytics/s3analytics",
		statement: "arn := o.options.Key(id)",
		disabled:  `arn := o.options.Key(tenant.MustParseID("acme"))`,
		tests:     []string{"TestAttackKMSKey"},
	}, {
		name: "a bucket is that of its owner", file: "analytics/s3analytics/s3analytics.go", pkg: "./analytics/s3analytics",
		statement: "o.owner = aws.String(options.ExpectedBucketOwner)",
		disabled:  "_ = aws.String(options.ExpectedBucketOwner)",
		tests:     []string{"TestAttackBucketOwner"},
	}, {
		name: "a link leads to an object of the tenant", file: "analytics/s3analytics/link.go", pkg: "./analytics/s3analytics",
		statement: "Key: aws.String(o.key(id, name))",
		disabled:  "Key: aws.String(o.options.Prefix + tenantsFolder + name)",
		tests:     []string{"TestAttackLink"},
	}, {
		name: "errors don't repeat what S3 says", file: "analytics/s3analytics/errors.go", pkg: "./analytics/s3analytics",
		statement: "		return code\n	}\n	if lost",
		disabled:  "		return err.Error()\n	}\n	if lost",
		tests:     []string{"TestAttackErrorTexts"},
	}, {
		name: "an alert goes to topics of its tenant", file: "alerts/notifier.go", pkg: "./alerts",
		statement: "if topic.Tenant != id {",
		disabled:  "if false {",
		tests:     []string{"TestAttackTopicOfAnotherTenant"},
	}, {
		name: "a model does not decide from whom an e-mail comes", file: "alerts/smtpalerts/smtpalerts.go", pkg: "./alerts/smtpalerts",
		statement: "func(context.Context, tenant.ID, string) (string, error) { return from, nil },",
		disabled:  "func(_ context.Context, _ tenant.ID, asked string) (string, error) { return cmp.Or(asked, from), nil },",
		tests:     []string{"TestAttackSender"},
	}, {
		name: "an e-mail goes to one address", file: "alerts/smtpalerts/letter.go", pkg: "./alerts/smtpalerts",
		statement: "if err := checkAddress(l.to); err != nil {",
		disabled:  "if err := checkAddress(l.to); err != nil && false {",
		tests:     []string{"TestAttackAddress"},
	}, {
		name: "an e-mail's id is of its tenant", file: "alerts/smtpalerts/letter.go", pkg: "./alerts/smtpalerts",
		statement: `[]byte(id.String() + "\x1f" + strconv.Itoa(number)`,
		disabled:  `[]byte(strconv.Itoa(number)`,
		tests:     []string{"TestAttackOtherTenant"},
	}, {
		name: "a header of an e-mail is one line", file: "alerts/smtpalerts/text.go", pkg: "./alerts/smtpalerts",
		statement: `strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), isBreak), " ")`,
		disabled:  "strings.Clone(text)",
		tests:     []string{"TestAttackLines"},
	}, {
		name: "the payload of a model is no alert", file: "examples/lambda/notify/decode.go", pkg: "./examples/lambda/notify",
		statement: "event.Tenant == id && event.Alert.ID == alertID {",
		disabled:  "event.Alert.ID != \"\" {",
		tests:     []string{"TestAttackPayload"},
	}, {
		name: "an access key is of one tenant", file: "examples/local/dataplane.go", pkg: "./examples/local",
		statement: "auth.Principal{Tenant: key.Tenant, Subject: keyID}",
		disabled:  "auth.Principal{Tenant: north, Subject: keyID}",
		tests:     []string{"TestAttackAccessKeys"},
	}, {
		name: "a webhook is signed with the tenant's secret", file: "alerts/memalerts/signature.go", pkg: "./alerts/memalerts",
		statement: "if !signedByAny(header.Get(HeaderSignature), id, timestamp, body, secrets) {",
		disabled:  "if false {",
		tests:     []string{"TestAttackForgedWebhook"},
	}, {
		name: "a webhook is not played again", file: "alerts/memalerts/signature.go", pkg: "./alerts/memalerts",
		statement: "if age := now.Unix() - seconds; age > int64(ReplayWindow/time.Second) || -age > int64(ReplayWindow/time.Second) {",
		disabled:  "if seconds == 0 {",
		tests:     []string{"TestAttackForgedWebhook"},
	}, {
		name: "the id of a webhook is that of its alert", file: "alerts/memalerts/signature.go", pkg: "./alerts/memalerts",
		statement: "if event.Alert.ID != id {",
		disabled:  "if false {",
		tests:     []string{"TestAttackForgedWebhook"},
	}, {
		name: "a statement is of a tenant", file: "analytics/workeranalytics/engine.go", pkg: "./analytics/duckanalytics",
		statement: `if _, err := tenant.ParseID(id.String()); err != nil {`,
		disabled:  `if _, err := tenant.ParseID(id.String()); err != nil && false {`,
		tests:     []string{"TestAttackTenant"},
	}, {
		name: "a statement reads the data stores of its tenant", file: "analytics/workeranalytics/engine.go", pkg: "./analytics/duckanalytics",
		statement: `r.engine.lake.Snapshot(ctx, r.id,`,
		disabled:  `r.engine.lake.Snapshot(ctx, tenant.MustParseID("acme-b"),`,
		tests:     []string{"TestAttackTenant"},
	}, {
		name: "a statement reads files of its tenant", file: "analytics/workeranalytics/engine.go", pkg: "./analytics/duckanalytics",
		statement: `r.engine.objects.Open(ctx, r.id, name)`,
		disabled:  `r.engine.objects.Open(ctx, tenant.MustParseID("acme-b"), name)`,
		tests:     []string{"TestAttackTenant"},
	}, {
		name: "tenants take turns", file: "analytics/workeranalytics/turns.go", pkg: "./analytics/workeranalytics",
		statement: `if len(l.calls) > 0 {
		t.remove(l)`,
		disabled: `if len(l.calls) > 0 && false {
		t.remove(l)`,
		tests: []string{"TestAttackFairness"},
	}, {
		name: "a tenant leaves a process to others", file: "analytics/workeranalytics/turns.go", pkg: "./analytics/workeranalytics",
		statement: `if l.taken < t.perTenant && (`,
		disabled:  `if l.taken < t.places && (`,
		tests:     []string{"TestAttackFairness"},
	}, {
		name: "the time of a statement begins with its turn", file: "analytics/workeranalytics/engine.go", pkg: "./analytics/workeranalytics",
		statement: `worker, err := e.pool.take(ctx, id)
	if err != nil {
		return nil, err
	}`,
		disabled: `begun, done := context.WithTimeoutCause(ctx, e.options.Timeout, errTimeout)
	defer done()
	worker, err := e.pool.take(begun, id)
	if err != nil {
		return nil, ended(begun, err)
	}`,
		tests: []string{"TestAttackTimeout"},
	}, {
		name: "a table is named by the data store alone", file: "analytics/workeranalytics/engine.go", pkg: "./analytics/duckanalytics",
		statement: `case name.Schema == "", o.Database`,
		disabled:  `case name.Schema != "none", o.Database`,
		tests:     []string{"TestAttackTables"},
	}, {
		name: "a statement calls no table function", file: "analytics/duckanalytics/gate.go", pkg: "./analytics/duckanalytics",
		statement: `textOf(function, "function_name") != "unnest" ||`,
		disabled:  `textOf(function, "function_name") == "" ||`,
		tests:     []string{"TestAttackGate"},
	}, {
		name: "a statement calls known functions", file: "analytics/duckanalytics/gate.go", pkg: "./analytics/duckanalytics",
		statement: `if !g.functions(name) {`,
		disabled:  `if !g.functions(name) && false {`,
		tests:     []string{"TestAttackGate"},
	}, {
		name: "a statement holds what is known", file: "analytics/duckanalytics/gate.go", pkg: "./analytics/duckanalytics",
		statement: `if !slices.Contains(expressionClasses, class) {`,
		disabled:  `if !slices.Contains(expressionClasses, class) && false {`,
		tests:     []string{"TestAttackGate"},
	}, {
		name: "a time expression is an expression", file: "analytics/duckanalytics/query.go", pkg: "./analytics/duckanalytics",
		statement: `if !plain {`,
		disabled:  `if !plain && false {`,
		tests:     []string{"TestAttackTimeExpression"},
	}, {
		name: "a database opens the files of its statement", file: "analytics/duckanalytics/query.go", pkg: "./analytics/duckanalytics",
		statement: `"SET enable_external_access=false",`,
		disabled:  `"SET enable_external_access=true",`,
		tests:     []string{"TestAttackLockedDatabase"},
	}, {
		name: "a database is locked before its statement", file: "analytics/duckanalytics/query.go", pkg: "./analytics/duckanalytics",
		statement: `q.db.exec(ctx, "SET lock_configuration=true")`,
		disabled:  `q.db.exec(ctx, "SET lock_configuration=false")`,
		tests:     []string{"TestAttackLockedDatabase"},
	}, {
		name: "a value of a partition is no path", file: "analytics/workeranalytics/source.go", pkg: "./analytics/duckanalytics",
		statement: `fmt.Fprintf(&out, "%%%02X", c)`,
		disabled:  `out.WriteByte(c)`,
		tests:     []string{"TestAttackPartition"},
	},
}
