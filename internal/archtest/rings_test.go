package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// domains are the packages of ring 0.
var domains = []string{"tenant", "auth", "device", "shadow", "analytics", "alerts", "predict"}

// A row says what some packages may import. Patterns are import paths, those
// of this module relative to it (".", "./tenant"). '@' stands for one domain,
// the same throughout a pattern, and "/..." at the end for everything below as
// well. Two words are special: "std", the standard library, and "domain", the
// package's own domain with all that the domain may import from this module.
// Internal packages below a domain are open to all of the domain; those below a
// backend are part of it.
type row struct {
	packages []string
	// only lists the allowed imports. Every package of the module is governed
	// by exactly one row that has it; nil leaves imports free.
	only []string
	// never lists what must not be reached, also not through other packages.
	never []string
	why   string
	// breach is an import that the row must refuse: its own proof.
	breach [2]string
}

// testHelp are the packages that only tests may reach.
var testHelp = []string{"./@/@test", "./@/@mock", "./internal/bench", "./internal/crashtest", "./internal/emulator"}

// table is the architecture. docs/architecture.md explains it.
var table = []row{
	{
		packages: []string{"."},
		only:     []string{"std"},
		why:      "the root holds what every package speaks: it knows none of them",
		breach:   [2]string{".", "./tenant"},
	}, {
		packages: []string{"./tenant"},
		only:     []string{"std", "."},
		why:      "tenant is below all domains",
		breach:   [2]string{"./tenant", "./device"},
	}, {
		packages: []string{"./auth", "./device"},
		only:     []string{"std", ".", "./tenant"},
		why:      "identity and connectivity know tenants, and not each other",
		breach:   [2]string{"./auth", "./device"},
	}, {
		packages: []string{"./shadow", "./predict"},
		only:     []string{"std", ".", "./tenant", "./device"},
		why:      "the upper domains meet in programs, or through an interface that the consumer declares",
		breach:   [2]string{"./shadow", "./alerts"},
	}, {
		packages: []string{"./alerts"},
		only:     []string{"std", ".", "./tenant", "./device", "./alerts/detector"},
		why:      "alerts drives its own engine and no other domain",
		breach:   [2]string{"./alerts", "./analytics"},
	}, {
		packages: []string{"./analytics"},
		only:     []string{"std", ".", "./tenant", "./device", "./analytics/pipeline"},
		why:      "analytics drives its own engine and no other domain",
		breach:   [2]string{"./analytics", "./alerts/detector"},
	}, {
		packages: []string{"./alerts/detector", "./analytics/pipeline", "./internal/exprlang", "./internal/jsonscan"},
		only:     []string{"std", ".", "./internal/exprlang", "./internal/jsonscan", "github.com/cockroachdb/apd/v3"},
		never:    []string{"net", "net/http", "os/exec", "./tenant", "./device"},
		why:      "the engines are pure: bytes in, decisions out",
		breach:   [2]string{"./alerts/detector", "./tenant"},
	}, {
		packages: []string{"./internal/cfn"},
		only:     []string{"std", ".", "go.yaml.in/yaml/v3"},
		never:    []string{"net/http", "os/exec"},
		why:      "templates are text: their reader knows YAML and no domain",
		breach:   [2]string{"./internal/cfn", "./alerts/detector"},
	}, {
		packages: []string{"./internal/lambdaevent"},
		only:     []string{"std", "./tenant", "./device", "./internal/jsonscan"},
		never:    []string{"net/http", "os/exec"},
		why:      "events are text: their reader knows topics and no domain above",
		breach:   [2]string{"./internal/lambdaevent", "./analytics"},
	}, {
		packages: []string{"./@/cfn@"},
		only:     []string{"std", "domain", "./internal/cfn"},
		why:      "one technology: CloudFormation templates, which internal/cfn reads",
		breach:   [2]string{"./alerts/cfnalerts", "go.yaml.in/yaml/v3"},
	}, {
		packages: []string{"./@/mem@"},
		only:     []string{"std", "domain", "./internal/...", "golang.org/x/crypto/..."},
		why:      "what lives in memory needs no technology but password hashing",
		breach:   [2]string{"./tenant/memtenant", "go.etcd.io/bbolt"},
	}, {
		packages: []string{"./@/bolt@"},
		only:     []string{"std", "domain", "./internal/...", "go.etcd.io/bbolt/..."},
		why:      "one technology: bbolt",
		breach:   [2]string{"./tenant/bolttenant", "./tenant/memtenant"},
	}, {
		packages: []string{"./@/dynamo@"},
		only: []string{
			"std", "domain", "./internal/...",
			"github.com/aws/aws-sdk-go-v2/aws", "github.com/aws/aws-sdk-go-v2/service/dynamodb/...", "github.com/aws/smithy-go",
		},
		never:  []string{"github.com/aws/aws-dax-go-v2/...", "github.com/aws/aws-sdk-go-v2/config"},
		why:    "one technology: DynamoDB. DAX fits its interface, and who wants it imports it",
		breach: [2]string{"./tenant/dynamotenant", "github.com/aws/aws-dax-go-v2/dax"},
	},
	oneService("sns", "sns"), oneService("sqs", "sqs"), oneService("firehose", "firehose"), oneService("invoke", "lambda"),
	oneService("scheduler", "scheduler"), oneService("iot", "iotdataplane"), {
		packages: []string{"./@/mqtt@"},
		only:     []string{"std", "domain", "./internal/...", "github.com/mochi-mqtt/server/v2/..."},
		why:      "one technology: MQTT by mochi-mqtt",
		breach:   [2]string{"./device/mqttdevice", "go.etcd.io/bbolt"},
	}, {
		packages: []string{"./@/failover@"},
		only:     []string{"std", "domain"},
		why:      "what chooses between stores knows none of them",
		breach:   [2]string{"./tenant/failovertenant", "./tenant/memtenant"},
	}, {
		packages: []string{"./@/smtp@"},
		only:     []string{"std", "domain", "github.com/wneessen/go-mail/..."},
		why:      "one technology: SMTP by go-mail",
		breach:   [2]string{"./alerts/smtpalerts", "./alerts/memalerts"},
	}, {
		packages: []string{"./@/file@"},
		only:     []string{"std", "domain", "./internal/..."},
		why:      "one technology: files in a folder",
		breach:   [2]string{"./analytics/fileanalytics", "go.etcd.io/bbolt"},
	}, {
		packages: []string{"./@/lake@"},
		only:     []string{"std", "domain", "./internal/...", "github.com/parquet-go/parquet-go/...", "github.com/klauspost/compress/...", "golang.org/x/sync/errgroup"},
		why:      "one technology: JSON and Parquet files, wherever they are kept",
		breach:   [2]string{"./analytics/lakeanalytics", "./analytics/fileanalytics"},
	}, {
		packages: []string{"./@/worker@"},
		only:     []string{"std", "domain"},
		never:    []string{"github.com/duckdb/..."},
		why:      "one technology: processes that answer. The database is in these",
		breach:   [2]string{"./analytics/workeranalytics", "github.com/duckdb/duckdb-go/v2"},
	}, {
		packages: []string{"./@/duck@"},
		only:     []string{"std", "domain", "./@/worker@", "./internal/...", "github.com/duckdb/duckdb-go/v2/...", "golang.org/x/sys/..."},
		why:      "one technology: SQL by DuckDB, as a worker",
		breach:   [2]string{"./analytics/duckanalytics", "./analytics/lakeanalytics"},
	}, {
		packages: []string{"./@/s3@"},
		only: []string{
			"std", "domain", "./internal/...",
			"github.com/aws/aws-sdk-go-v2/aws/...", "github.com/aws/aws-sdk-go-v2/service/s3/...", "github.com/aws/smithy-go/...",
		},
		never:  []string{"github.com/aws/aws-sdk-go-v2/config"},
		why:    "one technology: Amazon S3, called through an interface",
		breach: [2]string{"./analytics/s3analytics", "github.com/aws/aws-sdk-go-v2/config"},
	}, {
		packages: []string{"./@/chart@"},
		only:     []string{"std", "domain", "github.com/go-analyze/charts/..."},
		why:      "one technology: pictures by go-analyze/charts",
		breach:   [2]string{"./analytics/chartanalytics", "./analytics/fileanalytics"},
	}, {
		packages: []string{"./@/lambda@"},
		only:     []string{"std", "domain", "./internal/...", "github.com/aws/aws-lambda-go/..."},
		never:    []string{"github.com/aws/aws-sdk-go-v2/..."},
		why:      "one technology: Lambda events. Glue calls no AWS service",
		breach:   [2]string{"./auth/lambdaauth", "github.com/aws/aws-sdk-go-v2/service/iot"},
	}, {
		packages: []string{"./@/@test"},
		only:     []string{"std", "domain"},
		never:    []string{"github.com/stretchr/testify/...", "go.uber.org/mock/..."},
		why:      "a suite is for every backend, also a stranger's: it brings no backend and no library",
		breach:   [2]string{"./tenant/tenanttest", "./tenant/memtenant"},
	}, {
		packages: []string{"./@/@mock"},
		only:     []string{"std", "domain", "go.uber.org/mock/gomock"},
		why:      "mocks are generated from the domain alone",
		breach:   [2]string{"./tenant/tenantmock", "./tenant/tenanttest"},
	}, {
		packages: []string{"./@/internal/..."},
		only:     []string{"std", "domain"},
		why:      "what the backends of a domain share knows no technology",
		breach:   [2]string{"./tenant/internal/request", "go.etcd.io/bbolt"},
	}, {
		packages: []string{"./internal/archtest", "./internal/attackprove", "./internal/bench", "./internal/crashtest"},
		only:     []string{"std"},
		why:      "the tools of the house know no domain",
		breach:   [2]string{"./internal/bench", "./tenant"},
	}, {
		packages: []string{"./internal/emulator"},
		only:     []string{"std", "github.com/aws/aws-sdk-go-v2/aws/..."},
		why:      "it starts servers for any backend, and knows how clients are configured",
		breach:   [2]string{"./internal/emulator", "./tenant"},
	}, {
		packages: []string{"./examples/..."},
		why:      "programs compose everything",
	}, {
		packages: []string{"./tenant"},
		never:    []string{"./auth", "./device", "./internal/...", "golang.org/...", "github.com/...", "go.etcd.io/...", "go.uber.org/..."},
		why:      "whoever imports only tenant links the standard library and nothing else outside the module",
		breach:   [2]string{"./tenant", "github.com/aws/smithy-go"},
	}, {
		packages: []string{"./..."},
		never: slices.Concat(testHelp, []string{
			"testing", "testing/...", "github.com/stretchr/testify/...", "go.uber.org/mock/...",
			"go.uber.org/goleak/...", "pgregory.net/rapid/...",
		}),
		why:    "test code never reaches a production binary",
		breach: [2]string{"./device/mqttdevice", "testing"},
	}, {
		packages: []string{"./examples/local", "./analytics/lambdaanalytics"},
		never:    []string{"github.com/duckdb/..."},
		why:      "DuckDB is in workers and in programs that answer SQL alone: it takes cgo and 70 MB",
		breach:   [2]string{"./examples/local", "github.com/duckdb/duckdb-go/v2"},
	}, {
		packages: []string{"./examples/lambda/..."},
		never:    []string{"github.com/mochi-mqtt/...", "./@/mqtt@"},
		why:      "a Lambda carries no broker: it can't be reached from outside",
		breach:   [2]string{"./examples/lambda/device-api", "./device/mqttdevice"},
	}, {
		packages: []string{"./..."},
		never: []string{
			"github.com/aws/aws-sdk-go/...", "github.com/golang/mock/...",
			"github.com/aws/aws-sdk-go-v2/service/iotanalytics", "github.com/aws/aws-sdk-go-v2/service/iotevents",
			"github.com/aws/aws-sdk-go-v2/service/ioteventsdata",
		},
		why:    "no client of a service that AWS closed, and no library that its owner gave up",
		breach: [2]string{"./alerts/memalerts", "github.com/aws/aws-sdk-go-v2/service/iotevents"},
	},
}

// oneService is the row of backends that call one AWS service.
func oneService(technology, service string) row {
	return row{
		packages: []string{"./@/" + technology + "@"},
		only:     []string{"std", "domain", "github.com/aws/aws-sdk-go-v2/aws/...", "github.com/aws/aws-sdk-go-v2/service/" + service + "/..."},
		why:      "one technology: a service of AWS, called through an interface",
		breach:   [2]string{"./alerts/" + technology + "alerts", "github.com/aws/aws-sdk-go-v2/service/ram"},
	}
}

// pkg is a package of the graph. Paths inside the module are relative to it.
type pkg struct {
	path     string
	standard bool
	imports  []string // direct, of what is not a test
	reaches  []string // direct and indirect
}

// check returns each breach of the rows by the packages of this module.
func check(rows []row, graph map[string]pkg) []string {
	var breaches []string
	for _, p := range graph {
		if !isOurs(p.path) {
			continue
		}
		governed := 0
		for _, r := range rows {
			if !r.governs(p.path) {
				continue
			}
			if r.isImportRow() {
				governed++
			}
			for _, bad := range r.refused(p, rows, graph) {
				breaches = append(breaches, fmt.Sprintf("%s must not import %s: %s", p.path, bad, r.why))
			}
		}
		if governed != 1 {
			breaches = append(breaches, fmt.Sprintf("%s: %d rows of the table say what it may import, want 1", p.path, governed))
		}
	}
	slices.Sort(breaches)
	return breaches
}

// isImportRow reports whether the row says all that its packages may import,
// and does not only add a ban to another row.
func (r row) isImportRow() bool { return r.only != nil || r.never == nil }

func (r row) governs(pkgPath string) bool {
	if owner := ownerOf(pkgPath); owner != "." && !matches("./@", owner) {
		pkgPath = owner // a part of a backend or program
	}
	if !matchesAny(r.packages, pkgPath) {
		return false
	}
	// What only tests may reach is itself free to reach such packages.
	return r.isImportRow() || !matchesAny(testHelp, pkgPath)
}

func (r row) refused(p pkg, rows []row, graph map[string]pkg) []string {
	var refused []string
	if r.only != nil {
		for _, to := range p.imports {
			if !allowed(r.only, p.path, to, rows, graph) {
				refused = append(refused, to)
			}
		}
	}
	for _, to := range p.reaches {
		if matchesAny(r.never, to) && to != p.path && !slices.Contains(refused, to) {
			refused = append(refused, to)
		}
	}
	return refused
}

func allowed(only []string, from, to string, rows []row, graph map[string]pkg) bool {
	if owner := ownerOf(to); isOurs(to) && owner != "." && owner != to {
		return true // the compiler keeps strangers out
	}
	for _, pattern := range only {
		switch pattern {
		case "std":
			if graph[to].standard {
				return true
			}
		case "domain":
			if isOurs(to) && (to == domainOf(from) || allowed(importsOf(domainOf(from), rows), domainOf(from), to, rows, graph)) {
				return true
			}
		default:
			if matches(pattern, to) {
				return true
			}
		}
	}
	return false
}

// importsOf returns what a package of the module may import.
func importsOf(pkgPath string, rows []row) []string {
	for _, r := range rows {
		if r.isImportRow() && r.governs(pkgPath) {
			return r.only
		}
	}
	return nil
}

func isOurs(pkgPath string) bool { return pkgPath == "." || strings.HasPrefix(pkgPath, "./") }

// domainOf returns "./tenant" for "./tenant/memtenant".
func domainOf(pkgPath string) string {
	elements := strings.Split(pkgPath, "/")
	return strings.Join(elements[:min(2, len(elements))], "/")
}

// ownerOf returns "./tenant" for "./tenant/internal/request", and any other
// path as it is.
func ownerOf(pkgPath string) string {
	owner, _, _ := strings.Cut(pkgPath, "/internal/")
	return owner
}

func matchesAny(patterns []string, pkgPath string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, pkgPath) })
}

func matches(pattern, pkgPath string) bool {
	if !strings.Contains(pattern, "@") {
		return matchesPath(pattern, pkgPath)
	}
	return slices.ContainsFunc(domains, func(domain string) bool {
		return matchesPath(strings.ReplaceAll(pattern, "@", domain), pkgPath)
	})
}

func matchesPath(pattern, pkgPath string) bool {
	above, below := strings.CutSuffix(pattern, "/...")
	return pkgPath == above || below && strings.HasPrefix(pkgPath, above+"/")
}
