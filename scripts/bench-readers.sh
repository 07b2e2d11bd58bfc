#!/usr/bin/env bash
# 200 people read the API while a first load runs: does anybody get an error, and how much slower is the load?
# Both simulators and the service (`tieline run`) are processes of their own; the readers come over loopback, each on one connection that is
# kept. Loads with and without readers take turns, and begin alternately. Seconds run from the start of the service until every flow has been
# read to its end and has nothing on its way; records are the rows written into the ServiceNow simulator. Any answer but 200 and any broken
# connection is an error.
#   scripts/bench-readers.sh [INVOICES]           (default 20000)
#   READERS=200 THINK=1 PAIRS=3 LIMIT=900         readers, seconds between two requests of each (on average), pairs of loads, the longest load
#   TIELINE_BENCH_BINARY=target/debug/tieline     to try the script out
set -euo pipefail
cd "$(dirname "$0")/.."
size=${1:-20000}
readers=${READERS:-200} think=${THINK:-1} pairs=${PAIRS:-3} limit=${LIMIT:-900}
[[ $readers -ge 1 ]] || { echo "READERS must be at least 1: loads without readers are made by themselves" >&2; exit 2; }
binary=$(realpath "${TIELINE_BENCH_BINARY:-target/release/tieline}")

. scripts/measured-site.sh

# One load with so many readers; its figures go to $work/results, one JSON object a line.
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
text = "%3d readers: %.1f s, %d records, %.0f a second" % (run["readers"], run["seconds"], run["records"], rate)
if run["readers"]:
    text += "; %d requests, %d errors; p50 %s ms, p95 %s ms, p99 %s ms" % (run["requests"], run["errors"], *run["ms"].values())
    text += "\n             p95 by what is read: " + ", ".join("%s %s" % pair for pair in run["p95_of"].items())
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
      f"{errors} errors; goal (no error, at most a tenth slower): {'met' if met else 'MISSED'}")
sys.exit(not met)
PY
