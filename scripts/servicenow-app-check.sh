#!/usr/bin/env bash
# Builds and packs the application of each profile with ServiceNow's SDK, runs the command again in the
# built directory, and compares the XML of `apo` with the one in tests/servicenow-app/xml, which the tests
# load into the simulator.
#
#   scripts/servicenow-app-check.sh
#   UPDATE_SERVICENOW_APP=1           write the XML in tests/servicenow-app/xml again
#   TIELINE_BINARY=target/debug/tieline   use this binary instead of building one
#
# The first run installs the SDK (340 MB) and, if the machine's Node.js is older than 20.18, Node.js from
# npm into target/servicenow-sdk. Later runs need no network.
set -euo pipefail
cd "$(dirname "$0")/.."
sdk=$PWD/target/servicenow-sdk
built=$PWD/target/servicenow-app
kept=tests/servicenow-app/xml
scope=x_acme_tieline

command -v npm >/dev/null || { echo "npm is missing: install Node.js 20.18 or newer with npm" >&2; exit 1; }
if [[ -z ${TIELINE_BINARY:-} ]]; then
  cargo build --locked --bin tieline
  TIELINE_BINARY=target/debug/tieline
fi
binary=$(realpath "$TIELINE_BINARY")
rm -rf "$built"
for profile in apo s2p; do
  "$binary" servicenow-app --profile "$profile" --scope "$scope" --output "$built/$profile"
done

# The versions are those that the generated project names.
mkdir -p "$sdk"
wanted=$(node -e 'const p = require(process.argv[1]); process.stdout.write(JSON.stringify(p.devDependencies))' "$built/apo/package.json")
if [[ ! -x $sdk/node_modules/.bin/now-sdk || $(cat "$sdk/installed" 2>/dev/null) != "$wanted" ]]; then
  rm -rf "$sdk/node_modules" "$sdk/installed"
  printf '{ "private": true, "devDependencies": %s }\n' "$wanted" >"$sdk/package.json"
  npm install --prefix "$sdk" --no-audit --no-fund --loglevel error
  printf '%s' "$wanted" >"$sdk/installed"
fi
is_new_enough() { node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 18) ? 0 : 1)'; }
if ! is_new_enough; then
  [[ -x $sdk/node/node_modules/.bin/node ]] || npm install --prefix "$sdk/node" --no-audit --no-fund --loglevel error node@20
  export PATH=$sdk/node/node_modules/.bin:$PATH
  is_new_enough || { echo "Node.js $(node --version) is older than 20.18" >&2; exit 1; }
fi

for profile in apo s2p; do
  project=$built/$profile
  ln -s "$sdk/node_modules" "$project/node_modules"
  cp "$project/src/fluent/generated/keys.ts" "$built/keys-$profile.ts"
  (cd "$project" && node_modules/.bin/now-sdk build && node_modules/.bin/now-sdk pack)
  # keys.ts as it was generated names every record: the SDK may sort its entries, and adds none
  diff <(sort "$built/keys-$profile.ts") <(sort "$project/src/fluent/generated/keys.ts")
  ls "$project"/target/*.zip
  # a second run leaves everything as the SDK wrote it, and the version as it is
  sums() { (cd "$project" && find src package.json now.config.json -type f -print0 | sort -z | xargs -0 sha256sum); }
  before=$(sums)
  "$binary" servicenow-app --profile "$profile" --scope "$scope" --output "$project"
  diff <(echo "$before") <(sums) || { echo "a second run changed what the SDK wrote" >&2; exit 1; }
done

# Left out: what the SDK stamps with the time of the build, and columns, which dictionary/ has too. The SDK
# invents the sys_id of a table or role of another scope at each build, beside its name.
new=$built/xml
mkdir -p "$new"
cp -r "$built/apo/dist/app/." "$new"
rm -f "$new"/update/sys_module_* "$new"/update/sys_dictionary_* "$new/package_inventory.csv"
find "$new" -name '*.xml' -exec sed -i -E 's#(<(super_class|contains) name="[^"]*">)[0-9a-f]{32}<#\100000000000000000000000000000000<#' {} +
find "$new" -name '*.xml' -exec sed -i -e '$a\' {} +
if [[ -n ${UPDATE_SERVICENOW_APP:-} ]]; then
  rm -rf "$kept"
  cp -r "$new" "$kept"
  echo "$kept is written again"
fi
diff -r "$kept" "$new" || { echo "$kept is not what the SDK builds: run this once with UPDATE_SERVICENOW_APP=1" >&2; exit 1; }
echo "The SDK built and packed both profiles; the XML of apo is the one of the tests."
