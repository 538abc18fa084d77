package main

// objectsGuards are those of the files of tenants, and of links to them.
var objectsGuards = []guard{
	{
		name: "objects in memory are kept by tenant", file: "analytics/memanalytics/objects.go", pkg: "./analytics/memanalytics",
		statement: "	if f := o.tenants[id]; f != nil {",
		disabled:  "	for _, f := range o.tenants {",
		tests:     []string{"TestAttackObjects"},
	}, {
		name: "the files of objects are kept by tenant", file: "analytics/fileanalytics/objectlayout.go", pkg: "./analytics/fileanalytics",
		statement: "return filepath.Join(l.objectsDir(), tenantDirName(id))",
		disabled:  `return filepath.Join(l.objectsDir(), tenantDirName(tenant.MustParseID("acme")))`,
		tests:     []string{"TestAttackFolder"},
	}, {
		name: "a name of an object leads nowhere else", file: "analytics/objects.go", pkg: "./analytics/memanalytics",
		statement: `part == "" || part == "." || part == ".." ||`,
		disabled:  `part == "" ||`,
		tests:     []string{"TestAttackObjects"},
	}, {
		name: "the platform has no objects", file: "analytics/objects.go", pkg: "./analytics/memanalytics",
		statement: "func CheckObject(id tenant.ID, names ...string) error {\n	if err := checkTenant(id); err != nil {",
		disabled:  "func CheckObject(id tenant.ID, names ...string) error {\n	if err := id.Check(); err != nil {",
		tests:     []string{"TestAttackObjects"},
	}, {
		name: "a link is signed", file: "analytics/fileanalytics/links.go", pkg: "./analytics/fileanalytics",
		statement: `if !l.isSigned(id, name, expires, query.Get("signature")) {`,
		disabled:  `if !l.isSigned(id, name, expires, query.Get("signature")) && false {`,
		tests:     []string{"TestAttackForgedLink", "TestAttackListByLink"},
	}, {
		name: "a signature has one form", file: "analytics/fileanalytics/links.go", pkg: "./analytics/fileanalytics",
		statement: "base64.RawURLEncoding.Strict().DecodeString(signature)",
		disabled:  "base64.RawURLEncoding.DecodeString(signature)",
		tests:     []string{"TestAttackForgedLink"},
	}, {
		name: "a link is for the objects of one tenant", file: "analytics/fileanalytics/links.go", pkg: "./analytics/fileanalytics",
		statement: `+ id.String() + "\x00" + name + "\x00" + expires))`,
		disabled:  `+ "\x00" + name + "\x00" + expires))`,
		tests:     []string{"TestAttackLinkOfAnotherTenant"},
	}, {
		name: "a link is for one object", file: "analytics/fileanalytics/links.go", pkg: "./analytics/fileanalytics",
		statement: `+ "\x00" + name + "\x00" + expires))`,
		disabled:  `+ "\x00" + "\x00" + expires))`,
		tests:     []string{"TestAttackForgedLink"},
	}, {
		name: "a link says itself until when it is good", file: "analytics/fileanalytics/links.go", pkg: "./analytics/fileanalytics",
		statement: `+ name + "\x00" + expires))`,
		disabled:  `+ name + "\x00"))`,
		tests:     []string{"TestAttackExpiredLink"},
	}, {
		name: "a link expires", file: "analytics/fileanalytics/links.go", pkg: "./analytics/fileanalytics",
		statement: "|| l.options.Now().Unix() >= end {",
		disabled:  "|| end == 0 {",
		tests:     []string{"TestAttackExpiredLink"},
	},
}
