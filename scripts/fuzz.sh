#!/usr/bin/env bash
# Random inputs for everything that reads what others send: each target for so long (FUZZ_MINUTES altogether, an hour unless given).
# A failure prints its target, the seed and the file with the input, and the others go on. FUZZ_TARGET=enet limits it to targets with this in their name.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${FUZZ_MINUTES:-60}
jobs=${FUZZ_JOBS:-$(nproc)}
filter=${FUZZ_TARGET:-fuzz}

packages=(--workspace --features tieline/demo,tieline/failpoints)
cargo test --lib "${packages[@]}" --locked --no-run
# each package has its own
mapfile -t programs < <(cargo test --lib "${packages[@]}" --locked --no-run 2>&1 | sed -n 's/.*(\(.*\))$/\1/p')
targets=()
for program in "${programs[@]}"; do
  mapfile -t -O "${#targets[@]}" targets < <("$program" --list --format terse | sed -n "s|: test$||p" | grep fuzz | grep -- "$filter" | sort | sed "s|^|$program |")
done
[[ ${#targets[@]} -gt 0 ]] || { echo "no target has $filter in its name" >&2; exit 2; }
# as many at once as there are cores: each has its share of the time
rounds=$(( (${#targets[@]} + jobs - 1) / jobs ))
export TIELINE_FUZZ_SECONDS=$(( minutes * 60 / rounds > 0 ? minutes * 60 / rounds : 1 ))
echo "${#targets[@]} targets, ${TIELINE_FUZZ_SECONDS} s each, $jobs at once"

mkdir -p target/fuzz
log=target/fuzz/log.txt
: > "$log"
# a process each: one that ends all of it ends itself alone. Its last input is in target/fuzz/TARGET/running then.
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -L 1 bash -c '
  out=$("$1" --exact "$2" --nocapture 2>&1); code=$?
  if [[ $code -eq 0 ]]; then grep "^fuzz: " <<< "$out"; else printf "FAILED %s (code %s)\n%s\n" "$2" "$code" "$(tail -n 40 <<< "$out")"; fi
' _ | tee "$log"
failed=$(grep -c "^FAILED " "$log" || true)
echo "$failed of ${#targets[@]} targets failed; failing inputs are in target/fuzz/TARGET"
[[ $failed -eq 0 ]]
