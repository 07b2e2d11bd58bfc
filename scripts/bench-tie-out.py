#!/usr/bin/env python3
"""Measures `tieline tie-out`. scripts/bench-tie-out.sh starts the processes and calls one command of this script after another."""

import argparse
import json

import bench


def measured(name, site, syspro, servicenow):
    """Makes one tie-out and prints a line about it."""
    before, cpu_before = site.counters(), (site.postgres_cpu(), bench.cpu(syspro), bench.cpu(servicenow))
    report, used = bench.run(site, ["tie-out", "--why", "benchmark"])
    cpu_after = (site.postgres_cpu(), bench.cpu(syspro), bench.cpu(servicenow))
    site.wait_for_backends()
    after = site.counters()
    postgres, syspro, servicenow = (now - then for now, then in zip(cpu_after, cpu_before))
    rows = sum(bucket["servicenow"]["count"] for bucket in report["buckets"])
    listed = sum(1 for block in report["blocks"] if block["listed_at"] is None and block["left_out"] is None)
    print(
        f"{name}: {report['result']}, {rows:,} rows of ServiceNow; {used['seconds']:.1f} s; peak memory {used['peak'] / bench.MIB:.0f} MiB; "
        f"CPU: tieline {used['tieline']:.1f} s, Postgres {postgres:.1f} s, SYSPRO's simulator {syspro:.1f} s, ServiceNow's {servicenow:.1f} s; "
        f"requests: SYSPRO {after['syspro_requests'] - before['syspro_requests']}, "
        f"ServiceNow {after['servicenow_requests'] - before['servicenow_requests']}; {listed} of {len(report['blocks'])} tables listed",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["load", "first", "unchanged", "change", "changed"])
    parser.add_argument("--site", required=True)
    parser.add_argument("--syspro", type=int, required=True)
    parser.add_argument("--servicenow", type=int, required=True)
    args = parser.parse_args()
    site = bench.Site(args.site)
    if args.step in ("load", "change"):
        if args.step == "change":
            bench.command_change(args)
        bench.sync(site)
    else:
        measured(args.step, site, args.syspro, args.servicenow)


if __name__ == "__main__":
    main()
