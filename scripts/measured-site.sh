# Sets up a site for a measurement: both simulators as separate processes, and settings for the program.
# bench.sh, bench-readers.sh and attack.sh source this file after they have set `binary`. At exit it
# stops the processes and removes their directory.
work=$(mktemp -d "${TMPDIR:-/tmp}/tieline-measured-XXXXXX")
chmod 755 "$work"
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

value() { sed -n "s/^$2=//p" "$1"; }
wait_for() { for _ in $(seq 3000); do grep -q "$2" "$1" 2>/dev/null && return; sleep 0.1; done; echo "a process of the measurement did not start: $(cat "$1")" >&2; exit 1; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start_simulators DIRECTORY [OPTION of `simulate syspro`]...
# Starts both simulators with their files in a new directory. Sets `syspro` and `servicenow` to their
# process ids.
start_simulators() {
  local at=$1
  shift
  mkdir -m 755 "$at"
  "$binary" simulate syspro "$@" > "$at/syspro" &
  syspro=$!
  pids+=("$syspro")
  start_servicenow "$at"
  wait_for "$at/syspro" '^password='
}

# start_servicenow DIRECTORY
# Starts the simulator of ServiceNow with its files in a directory. Sets `servicenow` to its process id.
start_servicenow() {
  local at=$1
  "$binary" simulate servicenow --no-staging > "$at/servicenow" &
  servicenow=$!
  pids+=("$servicenow")
  wait_for "$at/servicenow" '^client_secret='
}

# configure_site DIRECTORY HTTP SYSPRO SERVICENOW LEVEL
# Writes settings and credentials for the simulators: further lines of [http], [syspro] and
# [servicenow], and the log level. Later commands use them.
configure_site() {
  local at=$1
  cat > "$at/tieline.toml" <<TOML
[http]
$2
[syspro]
odata_url = "$(value "$at/syspro" odata_url)"
time_zone = "Africa/Johannesburg"
companies = ["EDU1"]
currency = "ZAR"
$3
[servicenow]
instance_url = "$(value "$at/servicenow" instance_url)"
$4
[state]
directory = "$at/state"
[log]
level = "$5"
TOML
  export TIELINE_CONFIG=$at/tieline.toml
  value "$at/syspro" password | "$binary" credential set syspro-odata --username "$(value "$at/syspro" username)" --password-stdin > "$at/out"
  value "$at/servicenow" client_secret | "$binary" credential set servicenow --username "$(value "$at/servicenow" client_id)" --password-stdin > "$at/out"
}

# keep_database DIRECTORY
# Starts the private Postgres of a configured site and keeps it running between commands, so that its
# start and stop are not measured. Writes the variables of a connection, such as PGHOST, to a file.
keep_database() {
  local at=$1
  "$binary" database -- sh -c 'env | grep -E "^(PG[A-Z]+|PATH)="; echo started=yes; exec sleep infinity' > "$at/database" &
  pids+=("$!")
  wait_for "$at/database" '^started='
}

# stop_site DIRECTORY
# Stops every process of the measurement and removes the site's directory.
stop_site() {
  kill "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
  pids=()
  rm -rf "$1"
}

# Common values of the benchmarks, so that their results are comparable.
bench_simulated=(--lines-per-invoice "${LINES:-1}" --max-query-length 60000 --max-filter-nodes 20000)
bench_syspro=$'page_size = 300\nquery_limit = 30000\nfilter_limit = 1000'
bench_servicenow=$'batch_size = 100\nbatch_limit = 200\nconcurrency = 2'
