#!/usr/bin/env bash
# Benchmark: a first load, a second run without changes, and a run after 100 changed invoices; and in
# the same run two limits of the machine, so that results of different machines can be compared.
#
# The simulators, the program and Postgres run as separate processes. scripts/bench.py measures and
# prints; docs/performance.md explains the output. The table goes to standard output, the JSON to a
# file in target/bench.
#
#   scripts/bench.sh [SIZE]...              SIZE: invoices of the simulated company, or sql:DOCUMENTS for
#                                           a ledger to which SQL adds DOCUMENTS delivered records of one
#                                           header each: there is no first load
#   SIZES="10000 100000"                    the same (default: 10000 100000)
#   RUNS=3                                  runs of each size (default: 5 up to 10,000, else 1)
#   TIELINE_BENCH_BINARY=target/debug/tieline  use another binary, to test the script
#   TIELINE__SYSPRO__PAGE_SIZE=500          overrides a setting
#   TIELINE_BENCH_ARGS="--entity invoice"   options for `tieline sync`
#   TIELINE_BENCH_SYNC="env MALLOC_ARENA_MAX=1"  command that starts the program; it must exec it,
#                                           because the script measures the memory of the process
set -euo pipefail
cd "$(dirname "$0")/.."
sizes=("$@")
[[ ${#sizes[@]} -gt 0 ]] || read -ra sizes <<< "${SIZES:-10000 100000}"
for size in "${sizes[@]}"; do
  [[ $size =~ ^(sql:)?[1-9][0-9]*$ ]] || { echo "'$size' is not a size: write a number of invoices, or sql: and a number of documents" >&2; exit 2; }
done
[[ ${RUNS:-1} =~ ^[1-9][0-9]*$ ]] || { echo "RUNS must be a number from 1, not '$RUNS'" >&2; exit 2; }
binary=$(realpath "${TIELINE_BENCH_BINARY:-target/release/tieline}")
export TIELINE_BENCH_BINARY=$binary
# each run has a ledger of its own
unset TIELINE__DATABASE__URL

. scripts/measured-site.sh

# Invoices of the load whose requests are recorded, and of the site to which SQL adds documents.
recorded=10000 base=1000
# Rounds of each limit.
rounds=5
for size in "${sizes[@]}"; do
  [[ $size == sql:* || $size -ge $recorded ]] || recorded=$size
done

bench() { python3 scripts/bench.py "$@" --work "$work"; }

# start_site DIRECTORY INVOICES
# Starts everything that a measurement needs.
start_site() {
  start_simulators "$1" --documents "$2" "${bench_simulated[@]}"
  configure_site "$1" "" "$bench_syspro" "$bench_servicenow" error
  keep_database "$1"
}

# step NAME SIZE RUN DIRECTORY
# Runs `tieline sync` once and adds what was measured to the results.
step() { bench step "$1" --size "$2" --run "$3" --site "$4" --syspro "$syspro" --servicenow "$servicenow"; }

# The two limits. The requests are those of an unmeasured load, which goes through a recording proxy.
limits() {
  local at=$work/recorded round
  start_simulators "$at" --documents "$recorded" "${bench_simulated[@]}"
  python3 scripts/bench.py record --to "$(value "$at/servicenow" instance_url)" --work "$work" > "$at/proxy" &
  pids+=("$!")
  wait_for "$at/proxy" '^instance_url='
  sed -i "s#^instance_url=.*#instance_url=$(value "$at/proxy" instance_url)#" "$at/servicenow"
  configure_site "$at" "" "$bench_syspro" "$bench_servicenow" error
  grep -E '^(page_size|query_limit|filter_limit|batch_size|batch_limit|concurrency) ' "$at/tieline.toml" | paste -sd, | sed 's/,/, /g' > "$work/settings"
  keep_database "$at"
  step recorded "$recorded" 1 "$at"
  bench copy --rounds "$rounds" --site "$at"
  concurrency=${TIELINE__SERVICENOW__CONCURRENCY:-$(sed -n 's/^concurrency = //p' "$at/tieline.toml")}
  stop_site "$at"
  for round in $(seq "$rounds"); do
    mkdir "$at"
    start_servicenow "$at"
    bench replay --run "$round" --site "$at" --servicenow "$servicenow" --concurrency "$concurrency"
    stop_site "$at"
  done
}

# load INVOICES RUN
load() {
  local at=$work/site
  start_site "$at" "$1"
  step first_load "$1" "$2" "$at"
  step second_run "$1" "$2" "$at"
  bench change --site "$at"
  step after_changes "$1" "$2" "$at"
  stop_site "$at"
}

# large_ledger SIZE RUN
# Sets `filled` to `no` if the disk is too small for the documents.
large_ledger() {
  local at=$work/site
  filled=yes
  start_site "$at" "$base"
  step base "$1" "$2" "$at"
  bench fill --site "$at" --size "$1" || filled=no
  if [[ $filled == yes ]]; then
    step second_run "$1" "$2" "$at"
    bench change --site "$at"
    step after_changes "$1" "$2" "$at"
  fi
  stop_site "$at"
}

bench machine
limits
refused=0
for size in "${sizes[@]}"; do
  runs=${RUNS:-$([[ $size != sql:* && $size -le 10000 ]] && echo 5 || echo 1)}
  for run in $(seq "$runs"); do
    if [[ $size == sql:* ]]; then
      large_ledger "$size" "$run"
      [[ $filled == yes ]] || { refused=1; break; }
    else
      bench room --size "$size" || { refused=1; break; }
      load "$size" "$run"
    fi
  done
done
bench report
exit "$refused"
