#!/usr/bin/env bash
# Fuzz test: random inputs for all code that reads external data.
#
# All targets together run for FUZZ_MINUTES (default 60). A failed target prints its name, the seed and
# the file with the input; the other targets continue. FUZZ_TARGET=enet runs only the targets with
# `enet` in their name. FUZZ_JOBS is the number of targets that run at the same time (default: the
# number of cores).
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${FUZZ_MINUTES:-60}
jobs=${FUZZ_JOBS:-$(nproc)}
filter=${FUZZ_TARGET:-fuzz}

packages=(--workspace --features tieline/demo,tieline/failpoints)
cargo test --lib "${packages[@]}" --locked --no-run
# Each package has its own test program.
mapfile -t programs < <(cargo test --lib "${packages[@]}" --locked --no-run 2>&1 | sed -n 's/.*(\(.*\))$/\1/p')
targets=()
for program in "${programs[@]}"; do
  mapfile -t -O "${#targets[@]}" targets < <("$program" --list --format terse | sed -n "s|: test$||p" | grep fuzz | grep -- "$filter" | sort | sed "s|^|$program |")
done
[[ ${#targets[@]} -gt 0 ]] || { echo "no target has $filter in its name" >&2; exit 2; }
# The targets run in rounds of $jobs. Each gets an equal share of the time.
rounds=$(( (${#targets[@]} + jobs - 1) / jobs ))
export TIELINE_FUZZ_SECONDS=$(( minutes * 60 / rounds > 0 ? minutes * 60 / rounds : 1 ))
echo "${#targets[@]} targets, ${TIELINE_FUZZ_SECONDS} s each, $jobs at once"

mkdir -p target/fuzz
log=target/fuzz/log.txt
: > "$log"
# Each target is a process, so that a crash stops only this target. Its last input is then in
# target/fuzz/TARGET/running.
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -L 1 bash -c '
  out=$("$1" --exact "$2" --nocapture 2>&1); code=$?
  if [[ $code -eq 0 ]]; then grep "^fuzz: " <<< "$out"; else printf "FAILED %s (code %s)\n%s\n" "$2" "$code" "$(tail -n 40 <<< "$out")"; fi
' _ | tee "$log"
failed=$(grep -c "^FAILED " "$log" || true)
echo "$failed of ${#targets[@]} targets failed; failing inputs are in target/fuzz/TARGET"
[[ $failed -eq 0 ]]
