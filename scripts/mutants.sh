#!/usr/bin/env bash
# Mutation test of the code that decides values: cargo-mutants makes small changes to it, and the unit
# and property tests must fail.
#
#   scripts/mutants.sh                         a random sample of 150 mutants; prints its seed
#   MUTANTS=all SHARD=1/8 scripts/mutants.sh   the first of eight parts of all mutants
#
#   SEED=20261128   seed of the sample (default: the date)
#   SAMPLE=150      number of mutants in the sample
#   GOAL=90         share of mutants that the tests must catch, in percent
#
# tests/mutants.txt lists mutants that have no visible effect, each with a reason; the script skips
# them. It prints the mutants that no test caught and exits with 1 if the tests caught less than GOAL
# percent.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/target/tools/cargo/bin:$PATH:$HOME/.cargo/bin"

seed=${SEED:-$(date +%Y%m%d)}
sample=${SAMPLE:-150}
goal=${GOAL:-90}
out=target/mutants
mkdir -p "$out"

if ! cargo mutants --version >/dev/null 2>&1; then
  echo "mutants: installing cargo-mutants into target/tools"
  cargo install --locked --quiet --root target/tools/cargo cargo-mutants
fi

# Definitions and mapping; values, money, keys and documents; evaluation of ServiceNow's answers.
scope=(--file 'src/definition/**/*.rs')
for name in value document name merge; do scope+=(--file "src/domain/$name.rs"); done
for name in money ratio; do scope+=(--file "values/src/$name.rs"); done
for name in outcome compare wire import_set table table/behind table/step query batch; do scope+=(--file "src/servicenow/$name.rs"); done

# The name of a mutant without its line and column, which change with every edit.
plain() { sed -E 's/:[0-9]+:[0-9]+: /: /'; }

sed -nE 's/^((values\/)?src\/[^#]*[^# ]) *(#.*)?$/\1/p' tests/mutants.txt >"$out/equivalent.txt"
cargo mutants --list --workspace "${scope[@]}" >"$out/listed.txt"
paste -d '\t' <(plain <"$out/listed.txt") "$out/listed.txt" |
  awk -F '\t' 'FILENAME == ARGV[1] { equivalent[$0]; next } !($1 in equivalent) { print $2 }' "$out/equivalent.txt" - >"$out/all.txt"
total=$(wc -l <"$out/all.txt")

if [[ ${MUTANTS-} == all ]]; then
  part=${SHARD:-1/1}
  awk -v k="${part%/*}" -v n="${part#*/}" 'NR % n == k % n' "$out/all.txt" >"$out/chosen.txt"
  echo "mutants: part $part of $total"
else
  awk -v seed="$seed" 'BEGIN { srand(seed) } { printf "%.9f\t%s\n", rand(), $0 }' "$out/all.txt" | sort -n | awk -F '\t' -v most="$sample" 'NR <= most { print $2 }' >"$out/chosen.txt"
  echo "mutants: a sample of $(wc -l <"$out/chosen.txt") of $total, SEED=$seed"
fi

# Enough cases per property to catch a change that affects one value in thirty.
export PROPTEST_CASES=${PROPTEST_CASES:-96}

# One pattern per mutant, from its file to the end of its name.
{
  echo 'examine_re = ['
  sed -e 's/[][\.*^$+?(){}|\\]/\\&/g' -e "s/.*/  '''^&\$''',/" "$out/chosen.txt"
  echo ']'
} >"$out/config.toml"

status=0
CARGO_TARGET_DIR="$PWD/$out/build" cargo mutants --workspace --config "$out/config.toml" "${scope[@]}" --output "$out" --no-shuffle \
  --minimum-test-timeout 60 --colors never --cargo-arg=--locked --cargo-arg=--lib \
  -- -- definition:: domain:: servicenow:: money:: ratio:: || status=$?
# 2: some mutants were not caught; 3: some reached the time limit, which counts as caught
((status == 0 || status == 2 || status == 3)) || { echo "mutants: cargo-mutants failed with $status" >&2; exit "$status"; }

count() { grep -c . "$out/mutants.out/$1.txt" || true; }
caught=$(($(count caught) + $(count timeout)))
missed=$(count missed)
tested=$((caught + missed))
((tested > 0)) || { echo "mutants: no mutant was tested" >&2; exit 1; }
echo "mutants: $tested tested, $caught caught, $missed not caught, $(count unviable) do not compile: $((100 * caught / tested)) % caught, the goal is $goal %"
((missed == 0)) || sed 's/^/  not caught: /' "$out/mutants.out/missed.txt"
((100 * caught >= goal * tested))
