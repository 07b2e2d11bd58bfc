#!/usr/bin/env bash
# Prints the directory for the tests' temporary files: /dev/shm, where memory has room for them and programs may run from there, else the
# usual one. The tests create and drop hundreds of small databases. On a disk each costs a quarter of a second, in memory a tenth of that.
set -euo pipefail

usual=${TMPDIR:-/tmp}
memory=/dev/shm
kilobytes_free=$(df --output=avail "$memory" 2>/dev/null | tail -n 1 || echo 0)
kilobytes_available=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)

if (( kilobytes_free >= 4194304 && kilobytes_available >= 10485760 )) && probe=$(mktemp -p "$memory" tieline-probe-XXXXXX 2>/dev/null); then
  trap 'rm -f "$probe"' EXIT
  printf '#!/bin/sh\nexit 0\n' >"$probe"
  chmod +x "$probe"
  if "$probe" 2>/dev/null; then
    echo "$memory"
    exit
  fi
fi
echo "$usual"
