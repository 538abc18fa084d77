package main

var tenantGuards = []guard{
	{
		name: "a tenant id holds no separator", file: "tenant/id.go", pkg: "./tenant",
		statement: `	for i := range len(text) {
		if c := text[i]; !isAlphanumeric(c) && c != '-' {
			return ID{}, fmt.Errorf("%w: byte %d is not one of a-z, 0-9, '-'", ErrID, i)
		}
	}
	if !isAlphanumeric(text[0]) || !isAlphanumeric(text[len(text)-1]) {`,
		disabled: "	if false {",
		tests:    []string{"TestAttackNamePlatform"},
	}, {
		name: "a cursor is bound to its tenant", file: "tenant/cursor.go", pkg: "./tenant",
		statement: "text = append(text, id.text...)",
		disabled:  "",
		tests:     []string{"TestAttackCursorOfAnother"},
	}, {
		name: "a cursor is bound to its query", file: "tenant/cursor.go", pkg: "./tenant",
		statement: "return append(text, scope...)",
		disabled:  "return text",
		tests:     []string{"TestAttackCursorOfAnother"},
	}, {
		name: "tenant and query of a cursor can't shift into each other", file: "tenant/cursor.go", pkg: "./tenant",
		statement: "text := binary.AppendUvarint(nil, uint64(len(id.text)))",
		disabled:  "text := binary.AppendUvarint(nil, 0)",
		tests:     []string{"TestAttackCursorOfAnother"},
	}, {
		name: "the platform is no tenant of the directory", file: "tenant/directory.go", pkg: "./tenant",
		statement: "if id == platform {",
		disabled:  "if false {",
		tests:     []string{"TestAttackDirectoryOfPlatformAndNobody"},
	}, {
		name: "a suspended tenant is not admitted", file: "tenant/directory.go", pkg: "./device/mqttdevice",
		statement: "return ErrSuspended, true",
		disabled:  "return nil, true",
		tests:     []string{"TestAttackSuspendedTenant", "TestAttackSuspendedElsewhere"},
	}, {
		name: "a suspension takes effect at once", file: "tenant/recent.go", pkg: "./device/mqttdevice",
		statement: "	delete(r.entries, id)\n",
		disabled:  "",
		tests:     []string{"TestAttackSuspendedElsewhere"},
	}, {
		name: "what is known about tenants is kept by tenant", file: "tenant/recent.go", pkg: "./tenant",
		statement: "	entry, ok := r.entries[id]\n",
		disabled:  "	entry, ok := r.entries[ID{}]\n	for _, entry = range r.entries {\n		ok = true\n	}\n",
		tests:     []string{"TestAttackPlanOfAnotherTenant"},
	}, {
		name: "homes are believed by tenant", file: "tenant/failovertenant/home.go", pkg: "./tenant/failovertenant",
		statement: "if known := b.known[id]; known != nil && now.Before(known.until) {",
		disabled:  "for _, known := range b.known {",
		tests:     []string{"TestAttackMoveOfAnotherTenant"},
	}, {
		name: "a write on condition needs that version", file: "tenant/condition.go", pkg: "./tenant/memtenant",
		statement: "case c.kind == KindVersion && current != c.version:",
		disabled:  "case false:",
		tests:     []string{"TestAttackRepository"},
	}, {
		name: "items in memory are kept by tenant", file: "tenant/memtenant/repository.go", pkg: "./tenant/memtenant",
		statement: "return tableName{id: id, entity: r.schema.Entity}",
		disabled:  "return tableName{entity: r.schema.Entity}",
		tests:     []string{"TestAttackRepository"},
	}, {
		name: "batches and transactions in memory are kept by tenant", file: "tenant/memtenant/transaction.go", pkg: "./tenant/memtenant",
		statement: "return tableName{id: id, entity: step.Entity}",
		disabled:  "return tableName{entity: step.Entity}",
		tests:     []string{"TestAttackRepository"},
	}, {
		name: "a batch names a tenant", file: "tenant/internal/request/step.go", pkg: "./tenant/memtenant",
		statement: "func checkBatch(id tenant.ID, entries int) error {\n\tif err := id.Check(); err != nil {",
		disabled:  "func checkBatch(id tenant.ID, entries int) error {\n\tif err := id.Check(); err != nil && false {",
		tests:     []string{"TestAttackRepository"},
	}, {
		name: "a transaction names a tenant", file: "tenant/internal/request/step.go", pkg: "./tenant/bolttenant",
		statement: "ops []tenant.Op) ([]Step, error) {\n\tif err := id.Check(); err != nil {",
		disabled:  "ops []tenant.Op) ([]Step, error) {\n\tif err := id.Check(); err != nil && false {",
		tests:     []string{"TestAttackRepository"},
	}, {
		name: "batches and transactions in the file are kept by tenant", file: "tenant/bolttenant/transact.go", pkg: "./tenant/bolttenant",
		statement: "append(appendItemPrefix(make([]byte, 0, keySize), id, step.Entity), step.Record.Key...)",
		disabled:  "append(appendItemPrefix(make([]byte, 0, keySize), tenant.Platform(), step.Entity), step.Record.Key...)",
		tests:     []string{"TestAttackRepository"},
	}, {
		name: "batches read from the file what is the tenant's", file: "tenant/bolttenant/batch.go", pkg: "./tenant/bolttenant",
		statement: "appendItemPrefix(make([]byte, 0, keySize), id, r.schema.Entity)",
		disabled:  `appendItemPrefix(make([]byte, 0, keySize), tenant.MustParseID("acme"), r.schema.Entity)`,
		tests:     []string{"TestAttackRepository"},
	}, {
		name: "keys in the file begin with the tenant", file: "tenant/bolttenant/layout.go", pkg: "./tenant/bolttenant",
		statement: "dst = append(dst, id.String()...)",
		disabled:  "dst = append(dst, 't')",
		tests:     []string{"TestAttackRepository"},
	}, {
		name: "a scan of the file stays within its prefix", file: "tenant/bolttenant/query.go", pkg: "./tenant/bolttenant",
		statement: "s.to[len(s.to)-1]++ // what follows all keys with the prefix",
		disabled:  "s.to = []byte{0xff}",
		tests:     []string{"TestAttackRepository"},
	}, {
		name: "partitions begin with the tenant", file: "tenant/dynamotenant/layout.go", pkg: "./tenant/dynamotenant",
		statement: "partition := partitionPrefix + partitionSeparator + id.String() + partitionSeparator + entity",
		disabled:  `partition := partitionPrefix + partitionSeparator + "acme" + partitionSeparator + entity`,
		tests:     []string{"TestAttackRepository", "TestAttackAlikeIDs"},
	}, {
		name: "the tenant ends with a separator", file: "tenant/dynamotenant/layout.go", pkg: "./tenant/dynamotenant",
		statement: "partition := partitionPrefix + partitionSeparator + id.String() + partitionSeparator + entity",
		disabled:  `partition := partitionPrefix + partitionSeparator + id.String() + "-" + entity`,
		tests:     []string{"TestAttackLeadingKeys"},
	}, {
		name: "an item is of the partition that was read", file: "tenant/dynamotenant/layout.go", pkg: "./tenant/dynamotenant",
		statement: "if textIn(item, partitionName) != partition {",
		disabled:  "if false {",
		tests:     []string{"TestAttackForeignItem"},
	}, {
		name: "errors don't repeat what DynamoDB says", file: "tenant/dynamotenant/errors.go", pkg: "./tenant/dynamotenant",
		statement: "		return api.ErrorCode()\n",
		disabled:  "		return api.Error()\n",
		tests:     []string{"TestAttackErrorTexts"},
	},
}
