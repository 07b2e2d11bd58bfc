#!/usr/bin/env bash
# Mutation testing of the code that decides values: cargo-mutants changes it in small ways, and the unit and property tests must notice.
#
#   scripts/mutants.sh                    a sample of 150 mutants, drawn by a seed that is printed
#   MUTANTS=all SHARD=1/8 scripts/mutants.sh   one of eight parts of all mutants
#
#   SEED=20261128     draws the same sample again
#   SAMPLE=150        size of the sample
#   GOAL=90           share that must be caught, in percent
#
# Mutants that no test catches and that are listed with a reason in tests/mutants.toml are left out: they change nothing that
# anybody could see. The exit code is 1 when less than GOAL percent of the others are caught; the survivors are printed.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/target/tools/cargo/bin:$PATH:$HOME/.cargo/bin"

seed=${SEED:-$(date +%Y%m%d)}
sample=${SAMPLE:-150}
goal=${GOAL:-90}
out=target/mutants
mkdir -p "$out"

# What decides values: definitions and mapping, values, money, keys and documents, and the verdicts about ServiceNow's answers.
scope=()
while read -r file; do scope+=(--file "$file"); done <tests/mutants.files
exclude=$(sed -n 's/^mutant = "\(.*\)"$/\1/p' tests/mutants.toml)

cargo mutants --list "${scope[@]}" | grep -vxF -f <(printf '%s\n' "${exclude:-no mutant is left out}") >"$out/all.txt"
total=$(wc -l <"$out/all.txt")

options=()
if [[ ${MUTANTS-} == all ]]; then
  # a part of the list: every n-th mutant
  part=${SHARD:-1/1}
  awk -v k="${part%/*}" -v n="${part#*/}" 'NR % n == k % n' "$out/all.txt" >"$out/chosen.txt"
  echo "mutants: part $part of $total"
else
  awk -v seed="$seed" 'BEGIN { srand(seed) } { printf "%.12f\t%s\n", rand(), $0 }' "$out/all.txt" | sort -n | head -n "$sample" | cut -f2- >"$out/chosen.txt"
  echo "mutants: a sample of $(wc -l <"$out/chosen.txt") of $total, drawn with SEED=$seed"
fi

# one pattern per mutant, matched from its file to the end of its name
{
  echo 'test_tool = "cargo"'
  echo 'examine_re = ['
  sed -e 's/[][\\.*^$+?(){}|]/\\&/g' -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/  "^&$",/' "$out/chosen.txt"
  echo ']'
} >"$out/config.toml"

status=0
CARGO_TARGET_DIR="$PWD/target/mutants/build" cargo mutants --config "$out/config.toml" "${scope[@]}" --output "$out" --no-shuffle \
  --minimum-test-timeout 60 --colors never --caught=false --unviable=false -- --locked --lib || status=$?
# 2: some were not caught; 3: some ran into the time limit, which a test noticed too
((status == 0 || status == 2 || status == 3)) || { echo "mutants: cargo-mutants failed with $status" >&2; exit "$status"; }

count() { if [[ -s $out/mutants.out/$1.txt ]]; then wc -l <"$out/mutants.out/$1.txt"; else echo 0; fi; }
caught=$(($(count caught) + $(count timeout)))
missed=$(count missed)
tested=$((caught + missed))
((tested > 0)) || { echo "mutants: none was tested" >&2; exit 1; }
echo "mutants: $tested tested, $caught caught, $missed not caught, $(count unviable) do not compile: $((100 * caught / tested)) % caught, the goal is $goal %"
if ((missed > 0)); then
  echo "mutants: not caught:"
  sed 's/^/  /' "$out/mutants.out/missed.txt"
fi
((100 * caught >= goal * tested))
