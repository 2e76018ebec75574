# Everything this repository needs is built here from its own files and Go
# modules; `make help` lists the targets. What a pipe's first program says counts.
SHELL       := bash
.SHELLFLAGS := -o pipefail -c
BIN      := bin
GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X skysail/cmd/internal/cli.Version=$(VERSION)
LINT     := $(BIN)/tools/golangci-lint
TOFU     := $(BIN)/tools/tofu
BLACKBOX := $(BIN)/tools/blackbox
HELM     := $(BIN)/tools/kube/helm
CONFORM  := $(BIN)/tools/kube/kubeconform

# The cluster of tests and laptops: three programs of one module, etcd and kwok
# of modules of their own, for their dependencies do not agree.
KUBE         := $(BIN)/tools/kube
KUBE_VERSION := v1.37.2
KUBE_BUILT   := $(KUBE)/kube-apiserver $(KUBE)/kube-controller-manager $(KUBE)/kube-scheduler
KUBE_TOOLS   := $(KUBE_BUILT) $(KUBE)/etcd $(KUBE)/kwok $(KUBE)/terraform-provider-helm
KUBE_LDFLAGS := -s -w $(foreach p,k8s.io/component-base/version k8s.io/client-go/pkg/version,-X $(p).gitVersion=$(KUBE_VERSION) -X $(p).gitMajor=1 -X $(p).gitMinor=37 -X $(p).gitTreeState=clean)

# One set of flags for building, testing and linting, so that a dependency is
# compiled once for all of them. Tests leave vet to `make lint`, which runs it:
# without it a test need not look through the sources of every dependency.
export CGO_ENABLED := 0
export GOFLAGS     := $(strip $(GOFLAGS) -trimpath)
TEST := $(GO) test -vet=off

.DEFAULT_GOAL := build
.PHONY: build bench-monitor examples demo test test-whole test-packages test-slow test-faults test-rest test-crash test-load test-kube test-logs test-fleet test-browser tools-debian test-providers race lint bench bench-probe bench-kube tools tools-kube clean help

build: examples ## build bin/skysail, bin/cargo-tangle and the example service
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/skysail ./cmd/cargo-tangle

examples:
	$(GO) run ./examples/hello/pack

demo: build ## the whole path on this machine: refused, cleaned, placed, watched, destroyed
	$(GO) run ./test/demo -skysail $(BIN)/skysail

SCHEMAS := $(or $(SKYSAIL_PROVIDER_SCHEMAS),../shared/provider-schemas)

# Suites that take minutes have targets of their own; .ci/run says which of them
# it runs.
SLOW   := TestBudget|TestDataDisk|TestDeadlineOfAProvider|TestDestroyOfTheBroken|TestDrift|TestEngineTrouble|TestFailover|TestHostKey.*|TestKilled.*|TestLoadSmall|TestNetworkGone|TestPreparedAhead|TestQuickStockout|TestRecover.*|TestReaction.*|TestReviewed.*|TestScopes|TestScriptsSlow|TestSecrets|TestSlowStockout|TestStateLock|TestTwo.*|TestUpdate.*
FAULTS := TestFaults|TestFaultCases|Test.*FaultTexts

test: build tools-debian ## every test that needs neither network nor credentials, but for the slow ones
	@if [ ! -d "$(SCHEMAS)" ]; then \
	  echo "not run: modules and plugin schemas are not held against the real providers' schemas: no folder $(SCHEMAS)" >&2; fi
	@if [ ! -x "$(HELM)" ] || [ ! -x "$(CONFORM)" ]; then \
	  echo "not run: the Kubernetes chart is not linted, rendered and held against the API's schemas (make tools builds helm and kubeconform)" >&2; fi
	@if [ ! -x "$(TOFU)" ]; then echo "not run: the conformance suite with OpenTofu (make tools builds it)" >&2; fi
	@echo "not run here: recovery, updates, reviews, failover, host keys and secrets in full (make test-slow), every fault on every cloud (make test-faults), 300 kills (make test-crash), 64 deployments at once (make test-load), Kubernetes (make test-kube), the status page in a browser (make test-browser), the real providers (make test-providers)" >&2
	@$(MAKE) --no-print-directory -j2 test-whole test-packages

# Side by side: each waits for simulated machines while the other computes.
test-whole:
	$(TEST) -timeout 40m -skip '^($(SLOW)|$(FAULTS)|TestLoad|TestKube.*)$$' ./test

test-packages:
	$(TEST) -timeout 20m -skip '^(TestKube.*|TestScriptsSlow|Test.*FaultTexts)$$' $$($(GO) list ./... | grep -vE '^skysail/test(/browser)?$$')

test-slow: build ## recovery, updates, reviews, failover, budgets, host keys, secrets, two machines, engines that misbehave
	$(TEST) -p 1 -timeout 60m -run '^($(SLOW))$$' ./cmd/internal/cli ./test

test-faults: build ## every fault of the sandbox and a text of every class on every cloud: class, scope, next step, nothing left
	$(TEST) -p 1 -timeout 20m -parallel 4 -run '^($(FAULTS))$$' ./sandbox/plugin ./test

# What .ci/run runs beside test-slow, one after the other: each alone leaves a
# processor idle.
test-rest: build
	$(MAKE) --no-print-directory -j1 test-faults test-kube test-logs

test-load: build ## 64 deployments at once while three in ten creates fail; needs 12 GB of memory
	$(TEST) -count=1 -timeout 40m -run '^TestLoad$$' -v ./test

LOG_LINES ?= 10000000
LOG_KILLS ?= 60

test-logs: ## ten million numbered log lines over every rotation, kills and cuts: none lost, none twice
	SKYSAIL_LOG_CHECKS=40 $(TEST) -count=1 -timeout 60m -v ./qos/tail | grep -v '^=== '
	SKYSAIL_LOG_LINES=$(LOG_LINES) SKYSAIL_LOG_KILLS=$(LOG_KILLS) $(TEST) -count=1 -timeout 90m -run '^TestExactlyOnce$$' -v ./qos/logtail | grep -v '^=== '

test-fleet: ## 24 hours, on a clock that does not wait, of 2,000 machines that come, go and fall silent: flat memory
	SKYSAIL_FLEET_HOURS=24 SKYSAIL_FLEET_MACHINES=2000 $(TEST) -count=1 -timeout 60m -run '^TestFlappingFleet$$' -v ./qos/monitor | grep -v '^=== '

CRASH_RUNS ?= 300

test-crash: build ## kill command, supervisor, Terraform and plugin everywhere, recover, and print what came of it
	SKYSAIL_CRASH_RUNS=$(CRASH_RUNS) $(TEST) -count=1 -timeout 90m -run '^(TestCrash|TestKubeCrash)$$' -v ./test | grep -v '^=== '

test-browser: ## the status page in Chromium: desktop and phone, light and dark, contrast, keyboard, without scripts
	@sh test/debian-browser.sh
	$(TEST) -count=1 -timeout 30m ./test/browser

tools-debian: ## install what tests of the boot need: cloud-init, shellcheck, systemd, nftables; kubectl
	@sh test/debian-tools.sh

test-kube: build tools-kube tools-debian $(HELM) ## the cluster and what deploys to it: real control plane, simulated nodes
	SKYSAIL_KUBE_REQUIRED=1 $(TEST) -count=1 -timeout 40m -parallel 4 -run '^TestKube' ./clouds/kubernetes ./sandbox ./sandbox/kube ./test

race: export CGO_ENABLED := 1
race: examples tools-debian ## the same tests under the race detector
	$(TEST) -race -timeout 30m -skip '^(TestKube.*|TestScriptsSlow)$$' $$($(GO) list ./... | grep -vE '^skysail/test(/browser)?$$')
	$(TEST) -race -timeout 60m -skip '^($(SLOW)|$(FAULTS)|TestLoad|TestCrash|TestKube.*)$$' ./test

test-providers: build ## the same bundles with the real providers of SKYSAIL_PROVIDER_MIRROR
	@if [ -z "$$SKYSAIL_PROVIDER_MIRROR" ]; then \
	  echo "test-providers ran nothing: set SKYSAIL_PROVIDER_MIRROR to an unpacked Terraform filesystem mirror" >&2; \
	  echo "that holds hashicorp/google, digitalocean/digitalocean and vultr/vultr (terraform providers mirror DIR makes one)." >&2; \
	  exit 2; fi
	$(TEST) -count=1 -timeout 20m -tags realproviders -run TestRealProviders -v ./test ./test/bundles

lint: $(LINT) ## golangci-lint with the dependency rules, and gofumpt
	$(LINT) run ./...

tools: $(LINT) $(TOFU) $(HELM) $(CONFORM) tools-kube ## build golangci-lint, OpenTofu, helm and kubeconform for tests, and the cluster

$(LINT): tools/go.mod tools/go.sum
	cd tools && $(GO) build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(TOFU): tools/tofu/go.mod tools/tofu/go.sum
	cd tools/tofu && $(GO) build -ldflags '-s -w -X github.com/opentofu/opentofu/version.dev=no' -o ../../$(TOFU) github.com/opentofu/opentofu/cmd/tofu

tools-kube: $(KUBE_TOOLS) ## build the cluster of tests and laptops: Kubernetes, etcd, kwok (seven minutes on two cores)

$(KUBE_BUILT) &: tools/kube/go.mod tools/kube/go.sum
	cd tools/kube && $(GO) build -ldflags '$(KUBE_LDFLAGS)' -o ../../$(KUBE)/ k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler

$(KUBE)/etcd: tools/etcd/go.mod tools/etcd/go.sum
	cd tools/etcd && $(GO) build -ldflags '-s -w' -o ../../$@ go.etcd.io/etcd/server/v3

$(KUBE)/kwok: tools/kwok/go.mod tools/kwok/go.sum
	cd tools/kwok && $(GO) build -ldflags '-s -w' -o ../../$@ sigs.k8s.io/kwok/cmd/kwok

$(KUBE)/terraform-provider-helm: $(wildcard tools/helm/*)
	cd tools/helm && $(GO) build -ldflags '-s -w' -o ../../$@ .

# helm takes the Kubernetes that charts are rendered for from its build.
$(HELM): tools/chart/go.mod tools/chart/go.sum
	cd tools/chart && $(GO) build -ldflags '-s -w $(foreach p,chartutil lint/rules,-X helm.sh/helm/v3/pkg/$(p).k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/$(p).k8sVersionMinor=37) -X helm.sh/helm/v3/internal/version.version=v3.22.0' -o ../../$(HELM) helm.sh/helm/v3/cmd/helm

$(CONFORM): tools/chart/go.mod tools/chart/go.sum
	cd tools/chart && $(GO) build -ldflags '-s -w' -o ../../$(CONFORM) github.com/yannh/kubeconform/cmd/kubeconform

$(BLACKBOX): tools/blackbox/main.go tools/blackbox/go.mod tools/blackbox/go.sum
	cd tools/blackbox && $(GO) build -o ../../$(BLACKBOX) .

bench-probe: $(BLACKBOX) ## CPU of a health check beside blackbox_exporter's
	$(GO) build -o $(BIN)/tools/bench-probe ./test/bench/probe
	$(BIN)/tools/bench-probe -blackbox $(BLACKBOX)

bench-kube: build ## what 500 releases with 5,000 pods cost; runs nothing where tools-kube was not built
	$(GO) build -o $(BIN)/tools/bench-kube ./test/bench/kube
	$(BIN)/tools/bench-kube -skysail $(BIN)/skysail

bench-monitor: ## 10,000 HTTP targets at 10 s: how late readings begin, and what one costs
	$(GO) run ./test/bench/monitor

bench: build bench-probe bench-monitor bench-kube ## benchmarks; see docs/benchmarks.md
	$(TEST) -run '^$$' -bench . -benchmem ./selector ./store ./qos/...
	$(GO) run ./test/bench -skysail $(BIN)/skysail

clean: ## remove what was built
	rm -rf $(BIN) examples/hello/dist

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
