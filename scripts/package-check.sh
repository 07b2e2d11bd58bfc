#!/usr/bin/env bash
# Tests the package of target/package on this machine: installs it, runs it against the simulators of a
# development build, upgrades, removes and purges it. Run it as root in a container or on a machine
# without Tieline.
set -euo pipefail
cd "$(dirname "$0")/.."
((EUID == 0)) || { echo "package-check: installing a package needs root" >&2; exit 1; }
if [[ -e /etc/tieline || -e /var/lib/tieline ]]; then
  echo "package-check: /etc/tieline or /var/lib/tieline exists; this check would change a real installation" >&2
  exit 1
fi
package=$(ls target/package/tieline_*.deb)
dev=$PWD/target/debug/tieline
[[ -x $dev ]] || cargo build --locked
work=$(mktemp -d)
chmod 755 "$work"
ended=()
finish() {
  for pid in "${ended[@]}"; do kill "$pid" 2>/dev/null || true; done
  dpkg -P tieline >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT
say() { echo "package-check: $*"; }
fail() { say "FAILED: $*" >&2; cat "$work"/*.log >&2 2>/dev/null; exit 1; }
as_tieline() { runuser -u tieline -- env TIELINE__HTTP__LISTEN="127.0.0.1:$port" "$@"; }
wait_for() { for _ in $(seq 300); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.2; done; return 1; }

dpkg -i "$package" > "$work/dpkg.log"
[[ $(stat -c '%U %a' /var/lib/tieline) == "tieline 700" ]] || fail "other accounts can use the state directory"
[[ $(stat -c '%G %a' /etc/tieline/tieline.toml) == "tieline 640" ]] || fail "other accounts can read the configuration"
! tieline --help | grep -q simulate || fail "the package contains the simulators"
man -l /usr/share/man/man1/tieline.1.gz >/dev/null 2>&1 || gzip -t /usr/share/man/man1/tieline.1.gz
if command -v systemd-analyze >/dev/null; then systemd-analyze verify /lib/systemd/system/tieline.service; fi
say "installed $(tieline --version)"

"$dev" simulate syspro --documents 40 > "$work/syspro.log" & ended+=($!)
"$dev" simulate servicenow > "$work/servicenow.log" & ended+=($!)
wait_for grep -q '^password=' "$work/syspro.log" || fail "the SYSPRO simulator did not start"
wait_for grep -q '^client_secret=' "$work/servicenow.log" || fail "the ServiceNow simulator did not start"
of() { sed -n "s/^$2=//p" "$work/$1.log" | head -n 1; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null || echo 18650)
sed -i -e "s|^odata_url = .*|odata_url = \"$(of syspro odata_url)\"|" -e "s|^instance_url = .*|instance_url = \"$(of servicenow instance_url)\"|" /etc/tieline/tieline.toml
as_tieline tieline check > "$work/check.log" 2>&1 || fail "tieline check"
of syspro password | TIELINE__HTTP__LISTEN="127.0.0.1:$port" tieline credential set syspro-odata --username "$(of syspro username)" --password-stdin || fail "credential"
of servicenow client_secret | as_tieline tieline credential set servicenow --username "$(of servicenow client_id)" --password-stdin || fail "credential"
# Root set the first credential. Its files must belong to the account of the service.
[[ -z $(find /var/lib/tieline ! -user tieline) ]] || fail "files of root in the state directory: $(find /var/lib/tieline ! -user tieline)"
[[ -e /var/lib/tieline/postgres/data/PG_VERSION ]] || fail "the private database is not in /var/lib/tieline/postgres"
as_tieline tieline doctor > "$work/doctor.log" 2>&1 || fail "tieline doctor"
say "set up; doctor reports no error"

start() {
  # the command of the unit's ExecStart, under the account of the service
  runuser -u tieline -- env TIELINE__HTTP__LISTEN="127.0.0.1:$port" /usr/bin/tieline run > "$work/run.log" 2>&1 &
  service=$!
  ended+=("$service")
  wait_for bash -c "exec 3<>/dev/tcp/127.0.0.1/$port && printf 'GET /health/ready HTTP/1.0\r\n\r\n' >&3 && grep -q '200 OK' <&3" || fail "not ready"
}
stop() {
  pkill -TERM -u tieline -x tieline
  wait "$service" || fail "the service ended with code $?"
}
start
say "the service is ready on its private database"
stop
as_tieline tieline sync > "$work/sync.log" 2>&1 || [[ $? == 3 ]] || fail "tieline sync"
confirmed=$(as_tieline tieline --output json status | grep -o '"documents": *[0-9]*' | head -n 1)
say "synced: $confirmed of the first flow"

echo '# kept through upgrades' >> /etc/tieline/tieline.toml
dpkg -i "$package" > "$work/upgrade.log" 2>&1 || fail "the upgrade failed"
grep -q '# kept through upgrades' /etc/tieline/tieline.toml || fail "the upgrade lost the configuration"
start
stop
[[ $(as_tieline tieline --output json status | grep -o '"documents": *[0-9]*' | head -n 1) == "$confirmed" ]] || fail "the upgrade lost the ledger"
say "upgraded: configuration and ledger are the same"

dpkg -r tieline > "$work/remove.log" 2>&1
[[ -e /etc/tieline/tieline.toml && -e /var/lib/tieline ]] || fail "removing the package deleted the configuration or the ledger"
dpkg -P tieline > "$work/purge.log" 2>&1
[[ ! -e /etc/tieline && ! -e /var/lib/tieline ]] || fail "files left after the purge: $(ls -d /etc/tieline /var/lib/tieline 2>/dev/null)"
! getent passwd tieline >/dev/null || fail "the account still exists after the purge"
[[ -z $(find / -xdev -name '*tieline*' -newer "$work/dpkg.log" \( -path '/usr/*' -o -path '/lib/*' -o -path '/etc/*' \) 2>/dev/null) ]] || fail "files of the package still exist after the purge"
say "removed and purged; no files left"
