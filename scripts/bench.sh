#!/usr/bin/env bash
# Benchmark of a first load. The simulators and the release build run as separate processes.
#
# For each size it prints target records, seconds, records per second, peak resident memory of tieline,
# CPU seconds of tieline, the simulators and Postgres, and SQL statements. The time runs from the start
# of the program to its end and includes starting and stopping Postgres.
#
#   scripts/bench.sh [INVOICES]...                   (default: 10000 100000)
#   TIELINE__SYSPRO__PAGE_SIZE=500                   overrides a setting
#   TIELINE_BENCH_ARGS="--entity invoice"            options for `tieline sync`
#   TIELINE_BENCH_SYNC="env MALLOC_ARENA_MAX=1"      command that starts the program; it must exec it,
#                                                    because the script measures its memory
set -euo pipefail
cd "$(dirname "$0")/.."
sizes=("$@")
[[ ${#sizes[@]} -gt 0 ]] || sizes=(10000 100000)
binary=$PWD/target/release/tieline

. scripts/measured-site.sh

# CPU seconds of a process; for the database including its current and finished child processes.
cpu() { awk '{ printf "%.1f", ($14 + $15) / '"$(getconf CLK_TCK)"' }' "/proc/$1/stat"; }
postgres_cpu() {
  awk '{ sub(/^.*\) /, ""); used += $12 + $13; if (FNR == 1 && FILENAME == ARGV[1]) used += $14 + $15 } END { printf "%.1f", used / '"$(getconf CLK_TCK)"' }' \
    "/proc/$1/stat" $(sed 's#[0-9][0-9]*#/proc/&/stat#g' "/proc/$1/task/$1/children") 2>/dev/null
}

settings_shown=
for size in "${sizes[@]}"; do
  at=$work/$size
  start_simulators "$at" --documents "$size" "${bench_simulated[@]}"
  configure_site "$at" "" "$bench_syspro" "$bench_servicenow" error
  if [[ -z "$settings_shown" ]]; then
    settings_shown=yes
    echo "settings: $(grep -E '^(page_size|query_limit|filter_limit|batch_size|batch_limit|concurrency) ' "$at/tieline.toml" | paste -sd, | sed 's/,/, /g') $(env | grep '^TIELINE__' | paste -sd' ' || true)"
  fi
  before=$(date +%s.%N)
  cpu_syspro=$(cpu "$syspro") cpu_servicenow=$(cpu "$servicenow")
  ${TIELINE_BENCH_SYNC:-} "$binary" --output json sync ${TIELINE_BENCH_ARGS:-} > "$at/sync.json" 2> "$at/sync.err" &
  pid=$!
  peak=0 used=0 database=0
  while kill -0 "$pid" 2>/dev/null; do
    now=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
    [[ -n "$now" ]] && peak=$now
    now=$(cpu "$pid" 2>/dev/null || true)
    [[ -n "$now" ]] && used=$now
    server=$(head -n 1 "$at/state/postgres/data/postmaster.pid" 2>/dev/null || true)
    now=$([[ -n "$server" ]] && postgres_cpu "$server" || true)
    [[ -n "$now" && "$now" != 0.0 ]] && database=$now
    sleep 0.2
  done
  code=0
  wait "$pid" || code=$?
  after=$(date +%s.%N)
  if [[ ! -s "$at/sync.json" ]]; then echo "the first load of $size invoices failed (exit $code): $(tail -n 5 "$at/sync.err")" >&2; exit 1; fi
  python3 - "$at/sync.json" "$size" "$before" "$after" "$peak" "$used" "$(cpu "$syspro")" "$cpu_syspro" "$(cpu "$servicenow")" "$cpu_servicenow" "$code" "$database" <<'PY'
import json, sys
report, size, before, after, peak, used, s1, s0, n1, n0, code, database = sys.argv[1:]
data = json.load(open(report))
confirmed = sum(flow["confirmed"] for flow in data["flows"])
read = sum(flow["read"] for flow in data["flows"])
seconds = float(after) - float(before)
print(f"{int(size):>7} invoices: {read} documents, {confirmed} target records in {seconds:.1f} s = {confirmed / seconds:.0f} a second; "
      f"tieline peak {int(peak) / 1024:.0f} MiB; exit {code}")
print(f"        CPU seconds: tieline {used}, Postgres {database}, simulators {float(s1) - float(s0):.1f} (SYSPRO) + {float(n1) - float(n0):.1f} (ServiceNow)")
if data.get("statements") is not None:
    print(f"        SQL statements: {data['statements']}, {data['statements'] / max(confirmed, 1) * 1000:.0f} per 1,000 target records")
PY
  kill "$syspro" "$servicenow"
done
