#!/usr/bin/env bash
# Benchmark of a first load while 200 readers use the API: number of errors, and how much slower the
# load is.
#
# The simulators and the service (`tieline run`) run as separate processes. Each reader uses one
# persistent connection over loopback. Loads with and without readers alternate, and every second pair
# starts with the readers. The time runs from the start of the service until every flow has been read
# completely and delivered. Records are the rows written to the ServiceNow simulator. Every answer
# other than 200 and every broken connection is an error.
#
#   scripts/bench-readers.sh [INVOICES]           (default 20000)
#   READERS=200                                   number of readers
#   THINK=1                                       average seconds between two requests of a reader
#   PAIRS=3                                       pairs of loads
#   LIMIT=900                                     maximum seconds of one load
#   TIELINE_BENCH_BINARY=target/debug/tieline     use another binary, to test the script
set -euo pipefail
cd "$(dirname "$0")/.."
size=${1:-20000}
readers=${READERS:-200} think=${THINK:-1} pairs=${PAIRS:-3} limit=${LIMIT:-900}
[[ $readers -ge 1 ]] || { echo "READERS must be at least 1: the script always adds loads without readers" >&2; exit 2; }
binary=$(realpath "${TIELINE_BENCH_BINARY:-target/release/tieline}")

. scripts/measured-site.sh

# One load with $1 readers. Adds one line of JSON to $work/results.
load() {
  local with=$1 at=$work/$2 pid port started
  start_simulators "$at" --documents "$size" "${bench_simulated[@]}"
  port=$(free_port)
  configure_site "$at" "listen = \"127.0.0.1:$port\"" "$bench_syspro" "$bench_servicenow" error
  TIELINE_BENCH_KEY=$("$binary" api-key add bench --role auditor 2> "$at/out")
  export TIELINE_BENCH_KEY
  started=$(date +%s.%N)
  "$binary" run > "$at/run.out" 2> "$at/run.err" &
  pid=$!
  pids+=("$pid")
  if ! python3 scripts/bench-readers.py --port "$port" --readers "$with" --think "$think" --flows 6 --started "$started" --seconds "$limit" > "$at/result"; then
    tail -n 5 "$at/run.err" >&2
    exit 1
  fi
  python3 - "$at/result" "$with" "$(value "$at/servicenow" instance_url)" >> "$work/results" <<'PY'
import json, sys, urllib.request
result = json.load(open(sys.argv[1]))
result["readers"] = int(sys.argv[2])
result["records"] = json.load(urllib.request.urlopen(sys.argv[3] + "_sim/stats"))["writes"]
print(json.dumps(result))
PY
  kill -TERM "$pid"
  wait "$pid" || true
  kill "$syspro" "$servicenow"
  wait "$syspro" "$servicenow" 2>/dev/null || true
  pids=()
  tail -n 1 "$work/results" | python3 -c '
import json, sys
run = json.load(sys.stdin)
rate = run["records"] / run["seconds"]
text = "%3d readers: %.1f s, %d records, %.0f per second" % (run["readers"], run["seconds"], run["records"], rate)
if run["readers"]:
    text += "; %d requests, %d errors; p50 %s ms, p95 %s ms, p99 %s ms" % (run["requests"], run["errors"], *run["ms"].values())
    text += "\n             p95 by kind of request: " + ", ".join("%s %s" % pair for pair in run["p95_of"].items())
print(text, *("             " + example for example in run["examples"]), sep="\n")'
  rm -rf "$at"
}

echo "$size invoices, $readers readers with $think s between two requests of each, $pairs pairs; $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
for pair in $(seq "$pairs"); do
  order=(0 "$readers")
  (( pair % 2 )) || order=("$readers" 0)
  load "${order[0]}" "$pair-first"
  load "${order[1]}" "$pair-second"
done
python3 - "$work/results" <<'PY'
import json, statistics, sys
runs = [json.loads(line) for line in open(sys.argv[1])]
without, with_ = ([run["seconds"] for run in runs if bool(run["readers"]) == so] for so in (False, True))
errors = sum(run["errors"] for run in runs)
ratio = statistics.median(with_) / statistics.median(without)
met = ratio <= 1.1 and errors == 0
print(f"median without readers {statistics.median(without):.1f} s, with {statistics.median(with_):.1f} s: ratio {ratio:.2f}; "
      f"{errors} errors; goal (no errors, at most 10 % slower): {'met' if met else 'MISSED'}")
sys.exit(not met)
PY
