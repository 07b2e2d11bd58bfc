# What a new user and CI run. `make` alone lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help acceptance setup setup-lints demo test check lint unit doc deny fmt attack bench bench-readers crash-test soak growth drill hostile mutants fuzz package package-check clean-state

# Passed on: make demo ARGS="--once --documents 500", make unit ARGS=supervision
ARGS ?=

# What the tests and the demo need beside the service: the simulators and their commands, and the points at which tests end the program.
DEMO := --features tieline/demo
TESTS := --workspace --features tieline/demo,tieline/failpoints

# rustup's folder, for shells that do not have it yet
export PATH := $(PATH):$(HOME)/.cargo/bin

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r target text; do printf '  make %-13s %s\n' "$$target" "$$text"; done

setup: ## install what building and running need, where it is missing
	@scripts/setup.sh

setup-lints:
	@scripts/setup.sh --lints

demo: setup ## both systems simulated on loopback, one full sync, the console; options in ARGS
	@[[ -x target/demo/tieline ]] || echo "Building Tieline; the first time takes about 5 minutes on 2 cores, later only seconds ..."
	cargo build --profile demo --no-default-features $(DEMO) --locked
	target/demo/tieline demo $(ARGS)

test: setup-lints lint unit doc deny ## everything CI runs

check: setup-lints lint doc deny ## the part of it that runs nothing

lint:
	cargo fmt --all --check
	cargo clippy --all-targets $(TESTS) --locked -- -D warnings
	cargo clippy --lib --bins --locked -- -D warnings

# cargo-nextest is faster where it is installed; it leaves the examples in the docs to cargo. The tests wait for schedules, retries and the
# database more than they compute: twice as many at once as there are cores
THREADS ?= $(shell echo $$(( $$(nproc) * 2 )))
unit: ## the tests alone; a filter in ARGS
	@if cargo nextest --version >/dev/null 2>&1; then \
	  set -ex; cargo nextest run $(TESTS) --locked --test-threads $(THREADS) --no-tests=pass --no-fail-fast $(ARGS); cargo test --doc $(TESTS) --locked; \
	else \
	  set -ex; cargo test $(TESTS) --locked $(ARGS); \
	fi

doc: ## the documentation, in target/doc
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps $(TESTS) --locked

crash-test: setup ## kill the program at every boundary of the delivery path: about an hour
	cargo build $(TESTS) --locked
	@set -o pipefail; TIELINE_CRASH=all cargo test $(TESTS) --locked --test it crash:: -- --nocapture --test-threads 2 2>&1 | tee target/crash-test.log
	@awk '/^crash: / { points += $$3; wrong += $$5 } END { printf "%d crash points, %d of them lost, doubled or changed something\n", points, wrong; exit points < 300 || wrong > 0 }' target/crash-test.log

SEEDS ?= 20
soak: setup ## random trouble, so many runs (SEEDS=20); a failure prints its seed
	cargo build $(TESTS) --locked
	TIELINE_SOAK_SEEDS=$(SEEDS) cargo test $(TESTS) --locked --test it soak:: -- --nocapture

DRILLS ?= 20
drill: setup ## restore the ledger from backups of so many random moments (DRILLS=20) and go on; a failure prints its seed
	cargo build $(TESTS) --locked
	TIELINE_DRILLS=$(DRILLS) cargo test $(TESTS) --locked --test it restored::drill:: -- --nocapture

MINUTES ?= 60
growth: setup ## a live feed for so many minutes (MINUTES=60): does anything grow that should not?
	cargo build $(TESTS) --locked
	TIELINE_GROWTH_MINUTES=$(MINUTES) cargo test $(TESTS) --locked --test it growth:: -- --nocapture

hostile: setup ## hostile answers of both systems at full size against the release build: gigabytes, some minutes
	cargo build --release $(DEMO) --locked
	TIELINE_BINARY=$(CURDIR)/target/release/tieline TIELINE_HOSTILE=full cargo test $(TESTS) --locked --test it hostile:: -- --nocapture --test-threads 1

mutants: setup ## change the code that decides values in small ways: do the unit tests notice? A sample (SAMPLE=150 SEED=...), or MUTANTS=all SHARD=1/8
	scripts/mutants.sh

fuzz: setup ## random inputs for everything that reads what others send, an hour (FUZZ_MINUTES=60); a short run is part of the tests
	scripts/fuzz.sh

acceptance: ## all that takes longer than the tests, one after another: some hours; each prints its figures. Shorter with MINUTES, FUZZ_MINUTES, DRILLS, SEEDS
	$(MAKE) attack
	$(MAKE) hostile
	$(MAKE) drill
	$(MAKE) soak
	$(MAKE) growth
	$(MAKE) fuzz
	$(MAKE) bench
	$(MAKE) crash-test

deny: ## licences and sources of the dependencies, where cargo-deny is installed
	@if cargo deny --version >/dev/null 2>&1; then \
	  set -ex; cargo deny --offline check bans licenses sources; \
	else \
	  echo "cargo-deny is not installed: licences and sources are not checked"; \
	fi

fmt: ## format the source
	cargo fmt --all

bench: setup ## measure a first load; numbers of invoices in ARGS (default 10000 100000)
	cargo build --release $(DEMO) --locked
	scripts/bench.sh $(ARGS)

bench-readers: setup ## a first load with and without 200 people who read the API; the number of invoices in ARGS (default 20000)
	cargo build --release $(DEMO) --locked
	scripts/bench-readers.sh $(ARGS)

attack: setup ## 200 readers beside 500 connections that misuse the service, in several ways; what attack.py takes in ARGS
	cargo build --release $(DEMO) --locked
	scripts/attack.sh $(ARGS)

package: setup ## a Debian package in target/package
	scripts/package.sh

package-check: ## install, run, upgrade and purge that package on this machine; as root, where there is no Tieline
	scripts/package-check.sh

# A database under a running server must not go: first stop what runs.
clean-state: ## forget the demo's data (.tieline), not the build
	@for pid in $$(find .tieline -name postmaster.pid -exec head -n 1 {} \; 2>/dev/null); do \
	  if [[ -d /proc/$$pid ]]; then echo "the database of .tieline still runs (process $$pid): stop tieline first" >&2; exit 1; fi; \
	done
	rm -rf .tieline
