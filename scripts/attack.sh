#!/usr/bin/env bash
# 200 people read the service while 500 connections misuse it: frames of HTTP/2, bodies that do not come, answers that nobody reads, half requests,
# silence. The service and both simulators are processes of their own, with a small first load behind them. A line per kind of misuse; ends with 1
# when a reader gets an error, one answer in a hundred takes 250 ms or more, or the service takes 256 MiB or more.
#   scripts/attack.sh [--seconds 30] [--kinds slow,mute]      what attack.py takes
#   TIELINE_ATTACK_TLS=yes                                    over TLS
#   TIELINE_BENCH_BINARY=target/debug/tieline                 to try the script out
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(realpath "${TIELINE_BENCH_BINARY:-target/release/tieline}")

. scripts/measured-site.sh

at=$work/site
start_simulators "$at" --documents 2000
port=$(free_port)
scheme=http http="listen = \"127.0.0.1:$port\""
if [[ ${TIELINE_ATTACK_TLS:-} ]]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout "$at/key.pem" -out "$at/certificate.pem" 2> "$at/out"
  scheme=https http+=$'\n'"certificate = \"$at/certificate.pem\""$'\n'"certificate_key = \"$at/key.pem\""
fi
configure_site "$at" "$http" "" "" warn
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
python3 scripts/attack.py --scheme "$scheme" --port "$port" --pid "$pid" "$@"
