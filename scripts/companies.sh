#!/usr/bin/env bash
# What a site with many companies costs when it has nothing to do: a cycle that finds nothing, and the
# service at rest.
#
#   scripts/companies.sh [COMPANIES]           companies of the simulated SYSPRO (default: 150)
#   SECONDS_AT_REST=60                         how long the service at rest is measured
#   TIELINE_BENCH_BINARY=target/debug/tieline  use another binary, to test the script
#   TIELINE__SYSPRO__PAGE_SIZE=500             overrides a setting
set -euo pipefail
cd "$(dirname "$0")/.."
companies=${1:-150}
[[ $companies =~ ^[1-9][0-9]{0,2}$ ]] || { echo "'$companies' is not a number of companies from 1 to 999" >&2; exit 2; }
rest=${SECONDS_AT_REST:-60}
[[ $rest =~ ^[1-9][0-9]*$ ]] || { echo "SECONDS_AT_REST must be a number from 1, not '$rest'" >&2; exit 2; }
binary=$(realpath "${TIELINE_BENCH_BINARY:-target/release/tieline}")
unset TIELINE__DATABASE__URL

. scripts/measured-site.sh

# Cycles that find nothing; the median counts.
rounds=3
at=$work/site
port=$(free_port)
start_simulators "$at" --documents 60 --more-companies $((companies - 1))
names=EDU1
for ((n = 1; n < companies; n++)); do names+=$(printf ',C%03d' "$n"); done
export TIELINE__SYSPRO__COMPANIES=$names
configure_site "$at" "listen = \"127.0.0.1:$port\"" "" "" error
keep_database "$at"

echo "loading $companies companies ..." >&2
# 3: some records wait for others, on purpose
"$binary" sync > /dev/null || [[ $? == 3 ]]
python3 - "$binary" "$rounds" "$rest" "$port" "$companies" <<'PYTHON'
import os, re, statistics, subprocess, sys, time, urllib.request

binary, rounds, rest, port, companies = sys.argv[1], *map(int, sys.argv[2:])
ticks = os.sysconf("SC_CLK_TCK")


def postgres():
    """Seconds of processor of every Postgres process that this measurement started."""
    used = 0
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = open(f"/proc/{entry}/stat").read()
            environment = open(f"/proc/{entry}/environ", "rb").read()
        except OSError:
            continue
        if "(postgres)" in stat and os.environ["TIELINE_CONFIG"].encode().rsplit(b"/", 1)[0] in environment:
            used += sum(map(int, stat.rsplit(")", 1)[1].split()[11:15]))
    return used / ticks


def cycle():
    """Seconds, seconds of processor and MiB of one `tieline sync`."""
    began = time.monotonic()
    child = subprocess.Popen([binary, "sync"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 3):
        sys.exit(f"`tieline sync` ended with exit code {child.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def scrape():
    return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()


def total(text, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(rf"{name}[{{ ]", line))


def cpu(pid):
    return sum(map(int, open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13])) / ticks


cycles = [cycle() for _ in range(rounds)]
service = subprocess.Popen([binary, "run"], stdout=subprocess.DEVNULL)
try:
    until = time.monotonic() + 600
    while True:
        if service.poll() is not None or time.monotonic() > until:
            sys.exit("the service did not finish its first cycle")
        try:
            if total(scrape(), "tieline_runs_total") >= 6 * companies:
                break
        except OSError:
            pass
        time.sleep(0.5)
    time.sleep(5)
    before, began = (cpu(service.pid), postgres()), time.monotonic()
    time.sleep(rest)
    seconds = time.monotonic() - began
    own, database = ((now - then) / seconds * 100 for now, then in zip((cpu(service.pid), postgres()), before))
    status = dict(line.split(":", 1) for line in open(f"/proc/{service.pid}/status"))
    lines = sum(not line.startswith("#") for line in scrape().splitlines())
finally:
    service.terminate()
    service.wait()


def row(name, value):
    print(f"{name:52} {value}")


row("companies, flows", f"{companies}, {6 * companies}")
row("a cycle that finds nothing, seconds (median)", f"{statistics.median(c[0] for c in cycles):.1f}")
row("  processor of Tieline, seconds (median)", f"{statistics.median(c[1] for c in cycles):.1f}")
row("  peak memory, MiB (largest)", f"{max(c[2] for c in cycles):.0f}")
row(f"the service at rest for {rest} s: % of a core, Tieline", f"{own:.2f}")
row("  % of a core, Postgres", f"{database:.2f}")
row("  memory now and at most, MiB", " and ".join(f"{int(status[k].split()[0]) / 1024:.0f}" for k in ("VmRSS", "VmHWM")))
row("  threads", status["Threads"].strip())
row("  lines of /metrics", lines)
PYTHON
