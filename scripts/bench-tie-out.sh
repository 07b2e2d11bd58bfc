#!/usr/bin/env bash
# Benchmark of `tieline tie-out`: the first one, one with nothing changed, and one after 100 changed
# invoices were delivered. For each: seconds, peak memory of the process, CPU, requests to both systems.
#
# The simulators, the program and Postgres run as separate processes. The first load is not measured.
#
#   scripts/bench-tie-out.sh [INVOICES]           (default 100000)
#   LINES=3                                       lines of an invoice (default 1)
#   TIELINE_BENCH_BINARY=target/debug/tieline     use another binary, to test the script
#   TIELINE_BENCH_KEEP=1                          keep the site and wait at the end, to look into it
set -euo pipefail
cd "$(dirname "$0")/.."
size=${1:-100000}
[[ $size =~ ^[1-9][0-9]*$ ]] || { echo "'$size' is not a number of invoices" >&2; exit 2; }
binary=$(realpath "${TIELINE_BENCH_BINARY:-target/release/tieline}")
export TIELINE_BENCH_BINARY=$binary
# the run has a ledger of its own
unset TIELINE__DATABASE__URL

. scripts/measured-site.sh

at=$work/site
start_simulators "$at" --documents "$size" "${bench_simulated[@]}"
configure_site "$at" "" "$bench_syspro" "$bench_servicenow" error
keep_database "$at"
bench() { python3 scripts/bench-tie-out.py "$1" --site "$at" --syspro "$syspro" --servicenow "$servicenow"; }
bench load
bench first
bench unchanged
bench change
bench changed
[[ -z ${TIELINE_BENCH_KEEP:-} ]] || { echo "$TIELINE_CONFIG: end with enter" >&2; read -r; }
