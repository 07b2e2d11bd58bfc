#!/usr/bin/env bash
# First load, measured from outside: both stand-ins as processes of their own, the real binary as a child.
# Prints per size: target records, seconds, records per second, peak resident memory and CPU seconds of tieline, SQL statements per page.
#   scripts/bench.sh [INVOICES]...        (default: 10000 100000, one line each)
set -euo pipefail
cd "$(dirname "$0")/.."
sizes=("$@")
[[ ${#sizes[@]} -gt 0 ]] || sizes=(10000 100000)
binary=$PWD/target/release/tieline

work=$(mktemp -d "${TMPDIR:-/tmp}/tieline-bench-XXXXXX")
chmod 755 "$work"
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

value() { sed -n "s/^$2=//p" "$1"; }
wait_for() { for _ in $(seq 600); do grep -q "$2" "$1" 2>/dev/null && return; sleep 0.5; done; echo "the stand-in did not start: $(cat "$1")" >&2; exit 1; }
cpu() { awk '{ printf "%.1f", ($14 + $15) / '"$(getconf CLK_TCK)"' }' "/proc/$1/stat"; }

for size in "${sizes[@]}"; do
  at=$work/$size
  mkdir -m 755 "$at"
  "$binary" simulate syspro --documents "$size" --lines-per-invoice 1 --max-query-length 60000 --max-filter-nodes 20000 > "$at/syspro" &
  syspro=$!
  "$binary" simulate servicenow --no-staging > "$at/servicenow" &
  servicenow=$!
  pids+=("$syspro" "$servicenow")
  wait_for "$at/syspro" '^password='
  wait_for "$at/servicenow" '^client_secret='
  cat > "$at/tieline.toml" <<TOML
[syspro]
odata_url = "$(value "$at/syspro" odata_url)"
time_zone = "Africa/Johannesburg"
companies = ["EDU1"]
page_size = 500
query_limit = 30000
filter_limit = 1000
[servicenow]
instance_url = "$(value "$at/servicenow" instance_url)"
batch_size = 100
batch_limit = 200
concurrency = 2
[state]
directory = "$at/state"
[log]
level = "error"
TOML
  export TIELINE_CONFIG=$at/tieline.toml
  value "$at/syspro" password | "$binary" credential set syspro-odata --username "$(value "$at/syspro" username)" --password-stdin > "$at/out"
  value "$at/servicenow" client_secret | "$binary" credential set servicenow --username "$(value "$at/servicenow" client_id)" --password-stdin > "$at/out"
  before=$(date +%s.%N)
  cpu_syspro=$(cpu "$syspro") cpu_servicenow=$(cpu "$servicenow")
  "$binary" --output json sync > "$at/sync.json" 2> "$at/sync.err" &
  pid=$!
  peak=0 used=0 statements=""
  while kill -0 "$pid" 2>/dev/null; do
    now=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
    [[ -n "$now" ]] && peak=$now
    now=$(cpu "$pid" 2>/dev/null || true)
    [[ -n "$now" ]] && used=$now
    sleep 0.1
  done
  code=0
  wait "$pid" || code=$?
  after=$(date +%s.%N)
  python3 - "$at/sync.json" "$size" "$before" "$after" "$peak" "$used" "$(cpu "$syspro")" "$cpu_syspro" "$(cpu "$servicenow")" "$cpu_servicenow" "$code" <<'PY'
import json, sys
report, size, before, after, peak, used, s1, s0, n1, n0, code = sys.argv[1:]
data = json.load(open(report))
confirmed = sum(flow["confirmed"] for flow in data["flows"])
read = sum(flow["read"] for flow in data["flows"])
seconds = float(after) - float(before)
print(f"{int(size):>7} invoices: {read} documents, {confirmed} target records in {seconds:.1f} s = {confirmed / seconds:.0f} a second; "
      f"tieline peak {int(peak) / 1024:.0f} MiB, CPU {used} s; stand-ins CPU {float(s1) - float(s0):.1f} s + {float(n1) - float(n0):.1f} s; exit {code}")
print(f"        SQL statements {data.get('statements')}")
PY
  kill "$syspro" "$servicenow"
done
