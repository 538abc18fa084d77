# The inner loop: make test. Before you push: make ci.

GO        ?= go
FUZZTIME  ?= 10s
BENCH     ?= .
BENCHTIME ?= 1s
SOAK      ?= 1
COVER_MIN ?= 90

tool = $(GO) tool -modfile=tools/go.mod

# Rings 0 and 1: what users link.
library = $$($(GO) list ./... | grep -Ev '/(examples|internal)(/|$$)|/[a-z]+(test|mock)$$' | paste -sd, -)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: ## Run all tests
	$(GO) test ./...

.PHONY: race
race: ## Run all tests with the race detector (needs a C compiler)
	$(GO) test -race -timeout 30m ./...

.PHONY: fmt
fmt: ## Format the code as the linter wants it
	$(tool) golangci-lint fmt ./...

.PHONY: lint
lint: ## Run golangci-lint, built from tools/go.mod (the first build takes minutes)
	$(tool) golangci-lint run ./...

.PHONY: arch
arch: ## Check the rules of the house (internal/archtest)
	$(GO) test ./internal/archtest

.PHONY: gen
gen: ## Generate the mocks again
	$(GO) generate ./...

.PHONY: gen-check
gen-check: ## Fail if a generated file is not what make gen writes
	@.ci/gen-check

.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME (10s)
	@.ci/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## Run the benchmarks that match BENCH (all), each for BENCHTIME (1s)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) ./...

.PHONY: soak
soak: ## Run the soak tests at SOAK times their full length (1)
	@.ci/soak $(SOAK)

.PHONY: attack
attack: ## Try to cross tenants at every entry point
	@.ci/attack

.PHONY: attack-prove
attack-prove: ## Disable each guard in turn: a named attack must then succeed
	$(GO) run ./internal/attackprove

.PHONY: cover
cover: ## Measure what tests cover of the packages that users link; fail under COVER_MIN (90) percent
	@.ci/cover $(library) $(COVER_MIN)

.PHONY: emulators
emulators: ## Install the real clients and servers that some tests use
	@.ci/install strace curl mosquitto-clients exim4-daemon-light
	@.ci/emulators
	@echo 'now: IOTENANT_EMULATORS=1 make test'

.PHONY: sqlworker
sqlworker: ## Build bin/iotenant-sqlworker, which answers SQL for examples/local (needs a C compiler)
	CGO_ENABLED=1 $(GO) build -trimpath -ldflags='-s -w' -o bin/iotenant-sqlworker ./examples/sqlworker

.PHONY: cgo0
cgo0: ## Build and vet without cgo, and the Lambdas for arm64
	CGO_ENABLED=0 $(GO) build ./...
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) test ./analytics/duckanalytics ./analytics/workeranalytics ./examples/backtest ./examples/lambda/...
	@.ci/lambdas

.PHONY: ci
ci: ## Run everything that CI runs
	@.ci/run
