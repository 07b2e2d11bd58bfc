#!/usr/bin/env bash
# 200 people read the service while 500 connections misuse it: frames of HTTP/2, bodies that do not come, answers that nobody reads, half requests,
# silence. The service and both simulators are processes of their own, with a small first load behind them. A line per kind of misuse; ends with 1
# when a reader gets an error, one answer in a hundred takes 250 ms or more, or the service takes 256 MiB or more.
#   scripts/attack.sh [--seconds 30] [--kinds slow,mute]      what attack.py takes
#   TIELINE_BENCH_BINARY=target/debug/tieline                 to try the script out
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(realpath "${TIELINE_BENCH_BINARY:-target/release/tieline}")

work=$(mktemp -d "${TMPDIR:-/tmp}/tieline-attack-XXXXXX")
chmod 755 "$work"
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

value() { sed -n "s/^$2=//p" "$1"; }
wait_for() { for _ in $(seq 600); do grep -q "$2" "$1" 2>/dev/null && return; sleep 0.1; done; echo "the simulator did not start: $(cat "$1")" >&2; exit 1; }

at=$work
"$binary" simulate syspro --documents 2000 > "$at/syspro" &
pids+=($!)
"$binary" simulate servicenow --no-staging > "$at/servicenow" &
pids+=($!)
wait_for "$at/syspro" '^password='
wait_for "$at/servicenow" '^client_secret='
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$at/tieline.toml" <<TOML
[http]
listen = "127.0.0.1:$port"
[syspro]
odata_url = "$(value "$at/syspro" odata_url)"
time_zone = "Africa/Johannesburg"
companies = ["EDU1"]
currency = "ZAR"
[servicenow]
instance_url = "$(value "$at/servicenow" instance_url)"
[state]
directory = "$at/state"
[log]
level = "warn"
TOML
export TIELINE_CONFIG=$at/tieline.toml
value "$at/syspro" password | "$binary" credential set syspro-odata --username "$(value "$at/syspro" username)" --password-stdin > "$at/out"
value "$at/servicenow" client_secret | "$binary" credential set servicenow --username "$(value "$at/servicenow" client_id)" --password-stdin > "$at/out"
"$binary" sync > "$at/sync.out" 2>&1 || { tail -n 5 "$at/sync.out" >&2; exit 1; }
TIELINE_ATTACK_KEY=$("$binary" api-key add attack --role auditor 2> "$at/out")
export TIELINE_ATTACK_KEY
"$binary" run > "$at/run.out" 2> "$at/run.err" &
pid=$!
pids+=("$pid")
for _ in $(seq 300); do
  if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
  sleep 0.1
done
python3 scripts/attack.py --port "$port" --pid "$pid" "$@"
