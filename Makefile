# Targets for new users and CI. `make` without a target lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help acceptance setup setup-lints demo test check lint unit doc deny dependencies fmt attack bench bench-readers bench-tie-out crash-test soak growth drill plans hostile planted large-lists mutants fuzz tamper servicenow-app-check package package-check clean-state

# Options of a target: make demo ARGS="--once --documents 500", make unit ARGS=supervision
ARGS ?=

# Features of the demo and the tests: the simulators with their commands, and the fail points at which
# tests stop the program.
DEMO := --features tieline/demo
TESTS := --workspace --features tieline/demo,tieline/failpoints

# The directory of rustup, for shells that do not have it on the PATH yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r target text; do printf '  make %-13s %s\n' "$$target" "$$text"; done

setup: ## install what building and running need, if it is missing
	@scripts/setup.sh

setup-lints:
	@scripts/setup.sh --lints

demo: setup ## simulate both systems on loopback, run one full sync, start the console; options in ARGS
	@[[ -x target/demo/tieline ]] || echo "Building Tieline; the first time takes about 5 minutes on 2 cores, later only seconds ..."
	cargo build --profile demo --no-default-features $(DEMO) --locked
	target/demo/tieline demo $(ARGS)

test: setup-lints lint unit doc deny ## run everything that CI runs

check: setup-lints lint doc deny dependencies ## lints, documentation, licences and unused dependencies, without the other tests

lint:
	cargo fmt --all --check
	cargo clippy --all-targets $(TESTS) --locked -- -D warnings
	cargo clippy --lib --bins --locked -- -D warnings

# cargo-nextest is faster, so it is used if it is installed. It does not run the examples in the
# documentation; cargo does. The tests mostly wait for schedules, retries and the database: with two
# tests per core, a third of the processor time stays unused. So four run at the same time per core, but
# at most 16: they share one database server.
THREADS ?= $(shell n=$$(( $$(nproc) * 4 )); echo $$(( n < 16 ? n : 16 )))
unit: export TMPDIR = $(shell scripts/scratch.sh)
unit: ## run only the tests; a filter in ARGS
	@if cargo nextest --version >/dev/null 2>&1; then \
	  set -ex; cargo nextest run $(TESTS) --locked --test-threads $(THREADS) --no-tests=pass --no-fail-fast $(ARGS); cargo test --doc $(TESTS) --locked; \
	else \
	  set -ex; cargo test $(TESTS) --locked $(ARGS); \
	fi

doc: ## build the code documentation in target/doc
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps $(TESTS) --locked

crash-test: setup ## kill the program at every step of the delivery path; about an hour
	cargo build $(TESTS) --locked
	@set -o pipefail; TIELINE_CRASH=all cargo test $(TESTS) --locked --test it crash:: -- --nocapture --test-threads 2 2>&1 | tee target/crash-test.log
	@awk '/^crash: / { points += $$3; wrong += $$5 } END { printf "%d crash points, %d of them lost, doubled or changed something\n", points, wrong; exit points < 300 || wrong > 0 }' target/crash-test.log

SEEDS ?= 20
soak: setup ## random faults, SEEDS=20 runs; a failure prints its seed
	cargo build $(TESTS) --locked
	TIELINE_SOAK_SEEDS=$(SEEDS) cargo test $(TESTS) --locked --test it soak:: -- --nocapture

DRILLS ?= 20
drill: setup ## restore the ledger from backups at DRILLS=20 random moments and continue; a failure prints its seed
	cargo build $(TESTS) --locked
	TIELINE_DRILLS=$(DRILLS) cargo test $(TESTS) --locked --test it restored::drill:: -- --nocapture

plans: setup ## count the pages that frequent statements read with a million tracked records; some minutes, 4 GB of disk
	cargo build $(TESTS) --locked
	cargo test $(TESTS) --locked --test it plans:: -- --nocapture --ignored

MINUTES ?= 60
growth: setup ## run a live feed for MINUTES=60 and check what grows (memory, threads, files, tables)
	cargo build $(TESTS) --locked
	TIELINE_GROWTH_MINUTES=$(MINUTES) cargo test $(TESTS) --locked --test it growth:: -- --nocapture

hostile: setup ## hostile answers of both systems at full size against the release build; gigabytes, some minutes
	cargo build --release $(DEMO) --locked
	TIELINE_BINARY=$(CURDIR)/target/release/tieline TIELINE_HOSTILE=full cargo test $(TESTS) --locked --test it hostile:: -- --nocapture --test-threads 1

planted: setup ## 1,000 differences planted in 100,000 invoices, found by one tie-out of the release build; some minutes
	cargo build --release $(DEMO) --locked
	TIELINE_BINARY=$(CURDIR)/target/release/tieline TIELINE_PLANTED=full cargo test $(TESTS) --locked --test it planted:: -- --nocapture --test-threads 1

ROWS ?= 1100000
large-lists: setup ## lists of ROWS=1100000 rows as CSV and as workbooks, in memory that does not grow; some minutes, 10 GB of disk
	cargo build $(TESTS) --locked
	TIELINE_LARGE_LIST=$(ROWS) cargo test $(TESTS) --locked --test it files::a_large_list -- --nocapture

mutants: setup ## mutation test of the code that decides values; a sample (SAMPLE=150 SEED=...), or MUTANTS=all SHARD=1/8
	scripts/mutants.sh

TAMPERINGS ?= 1000
tamper: setup ## TAMPERINGS=1000 changes of the ledger by somebody with all rights, drawn from TIELINE_TAMPER_SEED, and an audit of 300,000 leaves
	cargo build $(TESTS) --locked
	@set -o pipefail; TIELINE_TAMPERINGS=$(TAMPERINGS) TIELINE_LARGE_AUDIT=300000 cargo test $(TESTS) --locked --test it tampering:: -- --nocapture --test-threads 1 2>&1 | tee target/tamper.log
	@grep -E "tamperings:|leaves: " target/tamper.log

fuzz: setup ## random inputs for all code that reads external data, FUZZ_MINUTES=60; a short run is part of the tests
	scripts/fuzz.sh

acceptance: ## run all long tests and benchmarks, some hours; shorter with MINUTES, FUZZ_MINUTES, DRILLS, SEEDS
	$(MAKE) attack
	$(MAKE) hostile
	$(MAKE) planted
	$(MAKE) large-lists
	$(MAKE) drill
	$(MAKE) tamper
	$(MAKE) soak
	$(MAKE) growth
	$(MAKE) fuzz
	$(MAKE) plans
	$(MAKE) bench
	$(MAKE) bench-tie-out
	$(MAKE) crash-test
	$(MAKE) servicenow-app-check

deny: ## check licences and sources of the dependencies, if cargo-deny is installed
	@if cargo deny --version >/dev/null 2>&1; then \
	  set -ex; cargo deny --offline check bans licenses sources; \
	else \
	  echo "cargo-deny is not installed: licences and sources are not checked"; \
	fi

dependencies: ## look for dependencies that no code names; one of the tests
	cargo test $(TESTS) --locked --test it dependencies::

fmt: ## format the source
	cargo fmt --all

bench: setup ## measure a first load, a run without changes and one after 100 changes; SIZES="10000 100000", RUNS=5
	[[ -n "$$TIELINE_BENCH_BINARY" ]] || cargo build --release $(DEMO) --locked
	scripts/bench.sh $(ARGS)

bench-readers: setup ## measure a first load with and without 200 readers of the API; number of invoices in ARGS (default 20000)
	cargo build --release $(DEMO) --locked
	scripts/bench-readers.sh $(ARGS)

bench-tie-out: setup ## measure tie-outs: the first, one without changes, one after 100 changes; number of invoices in ARGS (default 100000)
	cargo build --release $(DEMO) --locked
	scripts/bench-tie-out.sh $(ARGS)

attack: setup ## 200 readers while 500 connections misuse the service; options of attack.py in ARGS
	cargo build --release $(DEMO) --locked
	scripts/attack.sh $(ARGS)

servicenow-app-check: setup ## build and pack the generated ServiceNow applications with ServiceNow's SDK from npm (340 MB the first time)
	scripts/servicenow-app-check.sh

package: setup ## build a Debian package in target/package
	scripts/package.sh

package-check: ## install, run, upgrade and purge the package on this machine; as root, on a machine without Tieline
	scripts/package-check.sh

# The data of a running database must not be deleted, so the target stops with an error.
clean-state: ## delete the data of the demo (.tieline), not the build
	@for pid in $$(find .tieline -name postmaster.pid -exec head -n 1 {} \; 2>/dev/null); do \
	  if [[ -d /proc/$$pid ]]; then echo "the database in .tieline is still running (process $$pid): stop tieline first" >&2; exit 1; fi; \
	done
	rm -rf .tieline
