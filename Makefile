# Everything a contributor needs. Only Go and make must be there; the rest sets
# itself up.

GO      ?= go
BIN     := bin/distkit-proxy
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := $(if $(VERSION),-X main.version=$(VERSION))
COMPOSE := $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
NEED_DOCKER = @docker info >/dev/null 2>&1 || { \
	echo 'make $@ needs a running Docker engine, and "docker info" finds none' >&2; exit 1; }

SETUP  ?= standalone
SEED   ?= 0
FAULTS ?=

.DEFAULT_GOAL := help
.PHONY: help build run test test-clients lint fuzz torture soak bench bench-quick setup redis-up redis-down clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/distkit-proxy
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/distkit-proxy

run: build ## build and run the proxy with its embedded Redis (ARGS='--flag value' are passed on)
	@exec ./$(BIN) $(ARGS)

test: setup ## all tests with the race detector; they start Redis servers of their own
	$(GO) test -race -count=1 -timeout 15m $(TESTFLAGS) ./...

test-clients: setup ## run client libraries of many languages against the proxy (ONLY=name,name)
	@.ci/setup-clients
	$(GO) run ./integration/clients -only '$(ONLY)' $(CLIENTSFLAGS)

fuzz: ## fuzz the parsers, each for FUZZTIME (30s)
	@for package in ./proxy ./proxy/keyspec ./engine ./engine/journal; do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(or $(FUZZTIME),30s) -fuzzminimizetime 1s $$package || exit 1; done; done

lint: ## gofmt, go vet and staticcheck
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

bench: setup ## measure the proxy beside Redis, twemproxy and HAProxy, in some 25 minutes (ONLY=a,d ROUNDS=n; docs/performance.md)
	$(GO) run ./integration/bench -only '$(ONLY)' -rounds $(or $(ROUNDS),5) $(BENCHFLAGS)

bench-quick: setup ## the ratios that say most, in under three minutes
	$(GO) run ./integration/bench -quick -only '$(ONLY)' $(BENCHFLAGS)

torture: setup ## search for lost or doubled counts under faults (DURATION=30m SETUP=standalone|sentinel SEED=n FAULTS='cut,refused'; docs/guarantees.md)
	$(GO) run ./integration/torture -duration $(or $(DURATION),30m) -setup $(SETUP) -seed $(SEED) -faults '$(FAULTS)' $(TORTUREFLAGS)

soak: setup ## drive the proxy with everything (DURATION=1h) and fail if anything has grown or was lost
	$(GO) run ./integration/soak -duration $(or $(DURATION),1h)

setup: ## install what the tests need, where it is missing: redis-server, redis-benchmark, a C compiler
	@.ci/setup

redis-up: ## start a Redis in Docker on 127.0.0.1:16379 (REDIS_PORT=n for another port)
	$(NEED_DOCKER)
	$(COMPOSE) up -d redis
	@printf 'waiting for Redis '; for i in $$(seq 60); do \
		$(COMPOSE) exec -T redis redis-cli ping >/dev/null 2>&1 && { echo 'is up'; exit 0; }; \
		printf .; sleep 1; done; echo 'does not answer'; exit 1

redis-down: ## stop it
	$(NEED_DOCKER)
	$(COMPOSE) --profile proxy down

clean: ## remove what the build left
	rm -rf bin .cache
