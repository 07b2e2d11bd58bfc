#!/usr/bin/env bash
# Attack test: 200 readers use the service while 500 connections misuse it with HTTP/2 frames, missing
# request bodies, unread answers, half requests and silence.
#
# The service and both simulators run as separate processes, after a small first load. The script
# prints one line per kind of misuse. It exits with 1 if a reader gets an error, if the 99th percentile
# of the answers is 250 ms or more, or if the service uses 256 MiB of memory or more.
#
#   scripts/attack.sh [--seconds 30] [--kinds slow,mute]      options of attack.py
#   TIELINE_ATTACK_TLS=yes                                    use TLS
#   TIELINE_BENCH_BINARY=target/debug/tieline                 use another binary, to test the script
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
